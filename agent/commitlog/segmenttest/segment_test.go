// The writer against what real nodes wrote.

package segmenttest_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/segmenttest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
)

// From the entries of a real segment, and where its sections end, comes that segment.
func TestPlainSegmentsAreThoseOfCassandra(t *testing.T) {
	compared := 0
	for _, scenario := range corpustest.Scenarios(t) {
		for _, file := range corpustest.Segments(t, scenario) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var sections [][][]byte
			r, err := commitlog.Open(file, commitlog.Options{
				Keys: corpustest.Keys(t), Section: func(commitlog.Section) { sections = append(sections, nil) },
			})
			if err != nil {
				t.Fatal(err)
			}
			for r.Next() {
				last := &sections[len(sections)-1]
				*last = append(*last, bytes.Clone(r.Entry()))
			}
			d := r.Descriptor()
			r.Close()
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			if d.Encrypted() || d.Compression != "" || len(sections) == 0 {
				continue
			}
			s := segmenttest.New(segmenttest.Options{Kind: segmenttest.Mapped, Version: d.Version, ID: d.ID, Open: true}, sections...)
			end := s.Sections[len(sections)-1].End // behind it is what a crash left
			if !bytes.Equal(s.Data[:end], data[:end]) {
				t.Errorf("%s/%s differs", scenario, filepath.Base(file))
			}
			compared++
		}
	}
	if compared < 5 {
		t.Errorf("only %d segments compared", compared)
	}
}

// The descriptors of real segments of the same kind.
func TestDescriptors(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		o    segmenttest.Options
		want string
	}{
		{segmenttest.Options{Kind: segmenttest.LZ4, Version: 7, ID: 1795254765638}, "00000007000001a1fd85c84600417b22636f6d7072657373696f6e436c617373223a224c5a34436f6d70726573736f72222c22636f6d7072657373696f6e506172616d6574657273223a6e756c6c7d6e3889c5"},
		{segmenttest.Options{Kind: segmenttest.Zstd, Version: 8, ID: 1795255213479}, "00000008000001a1fd8c9da700427b22636f6d7072657373696f6e436c617373223a225a737464436f6d70726573736f72222c22636f6d7072657373696f6e506172616d6574657273223a6e756c6c7db6547f53"},
		{segmenttest.Options{Kind: segmenttest.Encrypted, Version: 7, ID: 1795255005833, IV: unhex("599fe2907a2a52965321ac8a16fd63d4")}, "00000007000001a1fd897289006b7b22656e63436970686572223a224145535c2f4342435c2f504b43533550616464696e67222c22656e634956223a223539396665323930376132613532393635333231616338613136666436336434222c22656e634b6579416c696173223a2274657374696e673a31227d2b011272"},
	} {
		s := segmenttest.New(c.o)
		if got := hex.EncodeToString(s.Data[:s.Descriptor]); got != c.want {
			t.Errorf("%s:\n%s\nCassandra wrote\n%s", c.o.Kind, got, c.want)
		}
	}
}

// The writes, one after another, give the file.
func TestWritesMakeTheFile(t *testing.T) {
	for _, kind := range segmenttest.Kinds {
		s := segmenttest.New(segmenttest.Options{Kind: kind},
			[][]byte{bytes.Repeat([]byte("one"), 100), bytes.Repeat([]byte("two"), 900)},
			[][]byte{bytes.Repeat([]byte("three"), 40000)})
		var f segmenttest.File
		for _, w := range s.Writes {
			f.Apply(w)
		}
		if !bytes.Equal(f.Data, s.Data) {
			t.Errorf("%s: the writes make a file of %d bytes, another than the one of %d", kind, len(f.Data), len(s.Data))
		}
	}
}
