// Files that claim more than they hold, and files that change under the reader.

package commitlog_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/segmenttest"
)

// However much a file claims, what is allocated for it stays within a few times the largest
// section that is allowed, and near nothing where a look at the claim is enough.
func TestClaimsAllocateNothing(t *testing.T) {
	const maxSection = 4 << 20
	claim := func(n uint32, data ...byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), data...) }
	frame := func(size uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, size)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		return append(b, make([]byte, 1000)...)
	}
	zeros := make([]byte, 64<<20)
	var deflated bytes.Buffer
	w := zlib.NewWriter(&deflated)
	if _, err := w.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(32<<20))
	if err != nil {
		t.Fatal(err)
	}
	var streamed bytes.Buffer // does not say how much it holds
	encoder.Reset(&streamed)
	if _, err := encoder.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	lz4Zeros := append(append([]byte{0x1f, 0, 1, 0}, bytes.Repeat([]byte{255}, len(zeros)/255)...), 0, 0x50, 0, 0, 0, 0, 0)

	for name, c := range map[string]struct {
		kind  segmenttest.Kind
		data  []byte // behind the marker
		limit uint64
	}{
		"a section of 2 GB":           {segmenttest.LZ4, claim(1<<31-1, make([]byte, 100)...), 1 << 20},
		"a section of -1 bytes":       {segmenttest.Zstd, claim(1<<32-1, make([]byte, 100)...), 1 << 20},
		"LZ4 of 2 GB":                 {segmenttest.LZ4, claim(100, append([]byte{255, 255, 255, 127}, make([]byte, 100)...)...), 1 << 20},
		"LZ4 of 64 MB of zeros":       {segmenttest.LZ4, claim(100, append(binary.LittleEndian.AppendUint32(nil, uint32(len(zeros))), lz4Zeros...)...), 1 << 20},
		"LZ4 of more than it says":    {segmenttest.LZ4, claim(100, append(binary.LittleEndian.AppendUint32(nil, 100), lz4Zeros...)...), 1 << 20},
		"Snappy of 4 GB":              {segmenttest.Snappy, claim(100, 255, 255, 255, 255, 15, 0), 1 << 20},
		"Snappy of 64 MB of zeros":    {segmenttest.Snappy, claim(100, snappy.Encode(nil, zeros)...), 10 << 20},
		"Deflate of 64 MB of zeros":   {segmenttest.Deflate, claim(100, deflated.Bytes()...), 6 * maxSection},
		"Zstd of 64 MB of zeros":      {segmenttest.Zstd, claim(100, encoder.EncodeAll(zeros, nil)...), 5 * maxSection},
		"Zstd of who knows how much":  {segmenttest.Zstd, claim(100, streamed.Bytes()...), 5 * maxSection},
		"an encrypted block of 4 GB":  {segmenttest.Encrypted, claim(100, append(bytes.Repeat([]byte{255}, 8), make([]byte, 100)...)...), 1 << 20},
		"an entry of 2 GB":            {segmenttest.Mapped, frame(1<<31 - 1), 1 << 20},
		"an entry beyond the section": {segmenttest.Mapped, frame(1001), 1 << 20},
		"an entry of -1 bytes":        {segmenttest.Mapped, frame(1<<32 - 1), 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			s := segmenttest.New(segmenttest.Options{Kind: c.kind})
			o := options(s, 0, true)
			o.MaxSection = maxSection
			f := &segmenttest.File{Data: segmenttest.RawSection(s.Options, c.data)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := commitlog.NewReader(f, o)
			if err != nil {
				t.Fatal(err)
			}
			r.SetComplete()
			if r.Next() {
				t.Errorf("an entry of %d bytes", len(r.Entry()))
			}
			runtime.ReadMemStats(&after)
			var d *commitlog.DamageError
			if !errors.As(r.Err(), &d) {
				t.Errorf("error %v, want damage", r.Err())
			}
			// The compressed bytes are read as a whole.
			if got := after.TotalAlloc - before.TotalAlloc - uint64(len(c.data)); got > c.limit && got < 1<<62 {
				t.Errorf("%d bytes allocated, at most %d are right", got, c.limit)
			}
		})
	}
}

// A file that is as large as it claims, with a section above the limit.
func TestLargeSectionsAreRefused(t *testing.T) {
	body := bytes.Repeat([]byte("large "), 1<<18)
	for _, kind := range segmenttest.Kinds {
		s := segmenttest.New(segmenttest.Options{Kind: kind}, [][]byte{body})
		o := options(s, 0, false)
		for limit, allowed := range map[int]bool{1 << 20: false, 2 << 20: true} {
			o.MaxSection = limit
			r, err := commitlog.NewReader(&segmenttest.File{Data: s.Data}, o)
			if err != nil {
				t.Fatal(err)
			}
			r.SetComplete()
			if r.Next() != allowed || (r.Err() == nil) != allowed {
				t.Errorf("%s: an entry of %d bytes where %d are allowed: error %v", kind, len(body), limit, r.Err())
			}
		}
	}
}

// What happens to the file's name is of no concern to a reader that has it open; what happens to the
// file itself shows as damage at the most.
func TestFileChangesWhileItIsRead(t *testing.T) {
	for _, kind := range segmenttest.Kinds {
		f := newFaulty(kind)
		for name, c := range map[string]struct {
			change func(path string) error
			whole  bool
		}{
			"deleted": {os.Remove, true},
			"replaced": {func(path string) error {
				if err := os.WriteFile(path+".new", []byte("another file"), 0o600); err != nil {
					return err
				}
				return os.Rename(path+".new", path)
			}, true},
			"renamed":   {func(path string) error { return os.Rename(path, path+".moved") }, true},
			"truncated": {func(path string) error { return os.Truncate(path, int64(f.Sections[1].Marker+20)) }, false},
			"emptied":   {func(path string) error { return os.Truncate(path, 0) }, false},
		} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "CommitLog-7-1700000000000.log")
				if err := os.WriteFile(path, f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
				r, err := commitlog.Open(path, options(f.Segment, 0, true))
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				var got []string
				next := func() bool {
					found := r.Next()
					if found {
						got = append(got, f.name(r.Position().Offset, r.Entry()))
					}
					return found
				}
				next()
				if err := c.change(path); err != nil {
					t.Fatal(err)
				}
				for range 2 { // as long as the file is live, then when it is complete
					for range 20 {
						var d *commitlog.DamageError
						if !next() && r.Err() != nil && !errors.As(r.Err(), &d) {
							t.Fatal(r.Err())
						}
					}
					r.SetComplete()
				}
				const all = "1.1 1.2 1.3 2.1 2.2 2.3 3.1 3.2 3.3"
				if text := strings.Join(got, " "); !strings.HasPrefix(all, text) || c.whole && text != all {
					t.Errorf("entries %s, error %v", text, r.Err())
				}
			})
		}
	}
}

// What looks like an entry inside the value of another one is none, also where the size of
// that other one is damaged: somebody may keep commit logs in a table.
func TestAnEntryInsideAValueIsNone(t *testing.T) {
	inner := segmenttest.Frame([]byte("an entry that nobody wrote"))
	outer := slices.Concat([]byte("a value: "), inner, inner, []byte(" and more of it"))
	for _, kind := range segmenttest.Kinds {
		s := segmenttest.New(segmenttest.Options{Kind: kind}, [][]byte{[]byte("the first entry"), outer, []byte("the third entry")})
		f := &segmenttest.File{Data: slices.Clone(s.Data)}
		if kind == segmenttest.Mapped || kind == segmenttest.Direct || kind == segmenttest.Noop {
			at := bytes.Index(f.Data, outer) - 8 // its size
			f.Data[at+3] ^= 1
		}
		r, err := commitlog.NewReader(f, options(s, 0, false))
		if err != nil {
			t.Fatal(err)
		}
		r.SetComplete()
		got, _ := drain(t, r, s)
		for _, e := range got {
			if bytes.Equal(e.body, inner[8:len(inner)-4]) {
				t.Errorf("%s: an entry that nobody wrote", kind)
			}
		}
		if n := len(got); n < 2 || string(got[n-1].body) != "the third entry" {
			t.Errorf("%s: %d entries, the last is not the third", kind, n)
		}
	}
}
