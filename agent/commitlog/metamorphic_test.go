// The same entries, however Cassandra is configured to write them, however far it has come
// and wherever reading begins.

package commitlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/segmenttest"
)

// drawSections makes up entries and where sections end.
func drawSections(t *rapid.T, rng *rand.Rand) (sections [][][]byte) {
	body := rapid.Custom(func(t *rapid.T) []byte {
		// A frame has 10 bytes at least. Some are larger than a read of the file and than
		// an encrypted block.
		size := rapid.SampledFrom([]int{10, 11, 40, 200, 3000, 3000, 70_000, 140_000}).Draw(t, "size")
		b := make([]byte, size)
		if rapid.Bool().Draw(t, "random") {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		} else {
			copy(b, bytes.Repeat([]byte("compressible "), size/13+1))
			b[size-1] = byte(rng.Uint32())
		}
		return b
	})
	return rapid.SliceOfN(rapid.SliceOfN(body, 0, 6), 0, 6).Draw(t, "sections")
}

// read is an entry that came out.
type read struct {
	end  int64 // behind the descriptor, so that segments with different ones compare
	body []byte
}

func (r read) String() string { return fmt.Sprintf("%d: %d bytes", r.end, len(r.body)) }

// wanted are the entries of a segment that end behind an offset.
func wanted(s *segmenttest.Segment, start int64) (all []read) {
	for _, e := range s.Entries() {
		if int64(e.End) > start {
			all = append(all, read{int64(e.End - s.Descriptor), e.Body})
		}
	}
	return all
}

func same(a, b []read) bool {
	for i := range min(len(a), len(b)) {
		if a[i].end != b[i].end || !bytes.Equal(a[i].body, b[i].body) {
			return false
		}
	}
	return len(a) == len(b)
}

// drain reads what there is, behind damage as well. Any other error fails the test.
func drain(t rapid.TB, r *commitlog.Reader, s *segmenttest.Segment) (got []read, damage []*commitlog.DamageError) {
	for {
		for r.Next() {
			got = append(got, read{r.Position().Offset - int64(s.Descriptor), bytes.Clone(r.Entry())})
		}
		var d *commitlog.DamageError
		if r.Err() == nil {
			return got, damage
		}
		if !errors.As(r.Err(), &d) {
			t.Fatal(r.Err())
		}
		if damage = append(damage, d); len(damage) > 100 {
			t.Fatalf("there is no end of damage: %v", d)
		}
	}
}

func options(s *segmenttest.Segment, start int64, ahead bool) commitlog.Options {
	return commitlog.Options{Start: start, ReadAhead: ahead, Keys: keys{segmenttest.KeyAlias: s.Options.Key}}
}

type keys map[string][]byte

func (k keys) Key(alias string) ([]byte, error) {
	if key, ok := k[alias]; ok {
		return key, nil
	}
	return nil, errors.New("no such key")
}

// variants runs a test for each way of writing the same entries.
func variants(t *testing.T, run func(t *rapid.T, s *segmenttest.Segment, rng *rand.Rand, start int64, ahead bool)) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		sections := drawSections(t, rng)
		version := rapid.IntRange(commitlog.Version30, commitlog.Version60).Draw(t, "version")
		open := rapid.Bool().Draw(t, "open")
		ahead := rapid.Bool().Draw(t, "ahead")
		// Where reading begins: at the start, behind an entry, anywhere.
		from := rapid.IntRange(0, 40).Draw(t, "from")
		shift := rapid.SampledFrom([]int{0, 0, -1, 1, 7}).Draw(t, "shift")
		for _, kind := range segmenttest.Kinds {
			s := segmenttest.New(segmenttest.Options{Kind: kind, Version: version, Open: open}, sections...)
			start := 0
			if all := s.Entries(); from > 0 && from <= len(all) {
				start = all[from-1].End + shift
			}
			run(t, s, rng, int64(start), ahead)
		}
	})
}

func TestEveryKindGivesTheSameEntries(t *testing.T) {
	variants(t, func(t *rapid.T, s *segmenttest.Segment, _ *rand.Rand, start int64, ahead bool) {
		for _, complete := range []bool{false, true} {
			r, err := commitlog.NewReader(&segmenttest.File{Data: s.Data}, options(s, start, ahead))
			if err != nil {
				t.Fatal(err)
			}
			if complete {
				r.SetComplete()
			}
			got, damage := drain(t, r, s)
			if want := wanted(s, start); !same(got, want) || damage != nil {
				t.Fatalf("%s, complete %v, from %d on: damage %v, entries %v, want %v", s.Options.Kind, complete, start, damage, got, want)
			}
		}
	})
}

// The longest writes that are seen as a whole: by a reader, and after the end of the process.
const (
	word        = 4
	sectionHead = 12 // marker and length of an encrypted section
)

// block is the unit of direct I/O.
const block = 4096

// pieces cuts the writes of a segment into what a reader may see of them: the start of a
// longer write before its rest, frames in a mapped file in no order when they are shuffled.
// Direct I/O is seen block by block.
func pieces(s *segmenttest.Segment, rng *rand.Rand, atom int, shuffle bool) (all []segmenttest.Write) {
	frames := 0 // how many of the last pieces may be shuffled
	for _, w := range s.Writes {
		if !w.Frame {
			frames = 0
		}
		for len(w.Data) > 0 {
			n := len(w.Data)
			if n > atom && rng.IntN(3) > 0 {
				n = 1 + rng.IntN(n)
			}
			if s.Options.Kind == segmenttest.Direct {
				n = min((n+block-1)/block*block, len(w.Data))
			}
			all = append(all, segmenttest.Write{At: w.At, Data: w.Data[:n]})
			w.At, w.Data = w.At+n, w.Data[n:]
			if frames++; w.Frame && shuffle {
				at, other := len(all)-1, len(all)-1-rng.IntN(frames)
				all[at], all[other] = all[other], all[at]
			}
		}
	}
	return all
}

// A file that fills yields each entry once and in order, and no damage, also to readers
// that take turns.
func TestEveryKindGrowing(t *testing.T) {
	variants(t, func(t *rapid.T, s *segmenttest.Segment, rng *rand.Rand, start int64, ahead bool) {
		var got []read
		var r *commitlog.Reader
		f := &segmenttest.File{}
		at := start
		look := func() {
			if r == nil || rng.IntN(8) == 0 {
				var err error
				if r, err = commitlog.NewReader(f, options(s, at, ahead)); err != nil {
					if !commitlog.NotReady(err) || !f.Closed {
						t.Fatalf("%s: %v", s.Options.Kind, err)
					}
					f.Closed = false
					return
				}
			}
			more, damage := drain(t, r, s)
			if damage != nil {
				t.Fatalf("%s, ahead %v, file of %d bytes: %v", s.Options.Kind, ahead, len(f.Data), damage)
			}
			if got = append(got, more...); len(more) > 0 {
				at = r.Position().Offset
			}
		}
		for _, p := range pieces(s, rng, word, true) {
			f.Apply(p)
			if rng.IntN(2) == 0 {
				look()
			}
		}
		look()
		if r != nil {
			r.SetComplete()
		}
		look()
		if want := wanted(s, start); !same(got, want) {
			t.Fatalf("%s, ahead %v, from %d on: entries %v, want %v", s.Options.Kind, ahead, start, got, want)
		}
	})
}

// What Cassandra had written when it was killed comes out: in a plain segment each entry
// that is whole, in another each section that is.
func TestEveryKindAfterACrash(t *testing.T) {
	variants(t, func(t *rapid.T, s *segmenttest.Segment, rng *rand.Rand, start int64, ahead bool) {
		all := pieces(s, rng, sectionHead, false)
		f := &segmenttest.File{}
		for _, p := range all[:rng.IntN(len(all)+1)] {
			f.Apply(p)
		}
		whole := func(from, to int) bool { return to <= len(f.Data) && bytes.Equal(f.Data[from:to], s.Data[from:to]) }
		var want []read
		for _, sec := range s.Sections {
			// A marker that is half written, or that points behind the file, is a marker.
			marked := len(f.Data) > sec.Marker && len(bytes.Trim(f.Data[sec.Marker:min(sec.Marker+8, len(f.Data))], "\x00")) > 0
			for _, e := range sec.Entries {
				there := whole(sec.Marker, sec.End)
				if s.Options.Kind.Plain() {
					there = (marked || ahead) && whole(e.Start, e.End)
				}
				if there && int64(e.End) > start {
					want = append(want, read{int64(e.End - s.Descriptor), e.Body})
				}
			}
		}
		r, err := commitlog.NewReader(f, options(s, start, ahead))
		if err != nil {
			if !commitlog.NotReady(err) || want != nil {
				t.Fatal(err)
			}
			return
		}
		r.SetComplete()
		got, damage := drain(t, r, s)
		if !same(got, want) {
			t.Fatalf("%s, ahead %v, from %d on, file of %d bytes: damage %v, entries %v, want %v", s.Options.Kind, ahead, start, len(f.Data), damage, got, want)
		}
	})
}

// Several threads write into a mapped file at once, so that a crash can leave holes between
// whole entries. What does not come out of it is reported.
func TestNoHoleHidesAnEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		s := segmenttest.New(segmenttest.Options{Kind: segmenttest.Mapped}, drawSections(t, rng)...)
		all := pieces(s, rng, word, true)
		f := &segmenttest.File{}
		for _, p := range all[:rng.IntN(len(all)+1)] {
			f.Apply(p)
		}
		r, err := commitlog.NewReader(f, options(s, 0, true))
		if err != nil {
			return // not even a descriptor
		}
		r.SetComplete()
		got, damage := drain(t, r, s)
		for _, e := range s.Entries() {
			if len(got) > 0 && got[0].end == int64(e.End-s.Descriptor) && bytes.Equal(got[0].body, e.Body) {
				got = got[1:]
				continue
			}
			reported := false
			for _, d := range damage {
				reported = reported || d.From <= int64(e.Start) && int64(e.End) <= d.To
			}
			if bytes.Equal(f.Data[e.Start:e.End], s.Data[e.Start:e.End]) && !reported {
				t.Fatalf("the entry from %d to %d is whole, and neither read nor reported: %v", e.Start, e.End, damage)
			}
		}
		if len(got) > 0 {
			t.Fatalf("entries that were never written: %v", got)
		}
	})
}
