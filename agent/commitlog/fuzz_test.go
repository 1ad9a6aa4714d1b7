// Fuzz targets: a descriptor, what is behind a marker for each way of writing a section, and
// the bytes of frames. Whole files are fuzzed by FuzzReader.

package commitlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/segmenttest"
)

const fuzzedSection = 1 << 16

// found is an entry or a damage in a fuzzed file.
type found struct {
	at     int64 // behind the descriptor
	body   string
	damage bool
}

// readFuzzed reads a whole file of any bytes.
func readFuzzed(t *testing.T, s *segmenttest.Segment, data []byte, live bool) (all []found) {
	t.Helper()
	o := options(s, 0, live)
	o.MaxSection = fuzzedSection
	r, err := commitlog.NewReader(&segmenttest.File{Data: data}, o)
	if err != nil {
		return nil
	}
	if !live {
		r.SetComplete()
	}
	last := int64(0)
	for steps := 0; ; steps++ {
		if steps > fuzzedSection+len(data) {
			t.Fatal("the reader does not come to an end")
		}
		var d *commitlog.DamageError
		switch {
		case r.Next():
			body := r.Entry()
			if len(body) < 10 || len(body) > fuzzedSection || r.Position().Offset <= last {
				t.Fatalf("an entry of %d bytes that ends at %d, behind one that ends at %d", len(body), r.Position().Offset, last)
			}
			last = r.Position().Offset
			all = append(all, found{at: last - int64(s.Descriptor), body: string(body)})
		case errors.As(r.Err(), &d):
			if d.From > d.To || d.To > int64(len(data)) && !live {
				t.Fatalf("damage outside the file of %d bytes: %v", len(data), d)
			}
			all = append(all, found{at: d.Position.Offset - int64(s.Descriptor), damage: true})
		case r.Err() != nil:
			t.Fatal(r.Err())
		default:
			return all
		}
	}
}

func FuzzDescriptor(f *testing.F) {
	for _, kind := range segmenttest.Kinds {
		s := segmenttest.New(segmenttest.Options{Kind: kind})
		f.Add(s.Data[:s.Descriptor], false)
		f.Add(s.Data[:s.Descriptor-4], true)
	}
	for _, file := range segments(f) {
		f.Add(memory(file, f).data[:200], false)
	}
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if n := len(data); seal && n >= 14 && n < 1<<16 {
			// With a checksum that holds, so that what is behind it is reached.
			data = slices.Clone(data)
			binary.BigEndian.PutUint16(data[12:], uint16(n-14))
			sum := descriptorCRC(binary.BigEndian.Uint32(data), binary.BigEndian.Uint64(data[4:]), string(data[14:]))
			data = binary.BigEndian.AppendUint32(data, sum)
		}
		r, err := commitlog.NewReader(&segmenttest.File{Data: data}, commitlog.Options{Keys: keys{segmenttest.KeyAlias: make([]byte, 16)}})
		if err != nil {
			return
		}
		if d := r.Descriptor(); !commitlog.Supported(d.Version) || d.Encrypted() && d.KeyAlias != segmenttest.KeyAlias {
			t.Errorf("opened: %+v", d)
		}
	})
}

func FuzzSection(f *testing.F) {
	for i, kind := range segmenttest.Kinds {
		s := newFaulty(kind)
		for _, sec := range s.Sections {
			f.Add(byte(i), s.Data[sec.Marker+8:sec.End])
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		s := segmenttest.New(segmenttest.Options{Kind: segmenttest.Kinds[int(kind)%len(segmenttest.Kinds)]})
		file := segmenttest.RawSection(s.Options, data)
		readFuzzed(t, s, file, true)
		readFuzzed(t, s, file, false)
	})
}

// FuzzFrames reads the same bytes in segments of all kinds, which agree, but for those that
// are a marker at their place: such a one ends a plain section.
func FuzzFrames(f *testing.F) {
	s := newFaulty(segmenttest.Mapped)
	f.Add(s.Data[s.Sections[0].Marker+8 : s.Sections[0].End])
	f.Add(slices.Concat(s.Data[s.Sections[0].Marker+8:s.Sections[0].End], s.Data[s.Sections[2].Marker+8:s.Sections[2].End]))
	f.Add(append(segmenttest.Frame(make([]byte, 9)), segmenttest.Frame(make([]byte, 3000))...))
	for _, file := range segments(f) {
		if data := memory(file, f).data; bytes.HasPrefix(data[14:], []byte("{}")) {
			f.Add(data[28:4096])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzedSection {
			return
		}
		plain := segmenttest.New(segmenttest.Options{Kind: segmenttest.Mapped})
		for i := range max(len(data)-7, 0) {
			if bytes.Equal(data[i+4:i+8], segmenttest.Marker(plain.Options.ID, plain.Descriptor+8+i, 0)[4:]) {
				return
			}
		}
		want := readFuzzed(t, plain, segmenttest.Raw(plain.Options, data), false)
		for _, w := range want {
			if start := int(w.at) - 8 - len(w.body) - 12; !w.damage && !bytes.Equal(data[start:][:len(w.body)+12], frame([]byte(w.body))) {
				t.Fatalf("an entry of %d bytes that ends at %d is none", len(w.body), w.at)
			}
		}
		for _, kind := range []segmenttest.Kind{segmenttest.Noop, segmenttest.Snappy, segmenttest.Encrypted} {
			s := segmenttest.New(segmenttest.Options{Kind: kind})
			if got := readFuzzed(t, s, segmenttest.Raw(s.Options, data), false); !slices.Equal(got, want) {
				t.Fatalf("%s: %v, plain: %v", kind, got, want)
			}
		}
	})
}

// frame is what the format says of one, written down here.
func frame(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	sum := crc32.ChecksumIEEE(b)
	b = append(binary.BigEndian.AppendUint32(b, sum), body...)
	return binary.BigEndian.AppendUint32(b, crc32.Update(sum, crc32.IEEETable, body))
}
