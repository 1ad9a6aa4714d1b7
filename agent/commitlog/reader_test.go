// The reader against segments of real nodes: their entries, positions and sections
// as Cassandra's own reader gives them, whole, in pieces and damaged.

package commitlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
)

// aSegment is a plain segment full of entries.
func aSegment(t testing.TB) string { return corpustest.Segments(t, "5.0.6/types")[0] }

// segments lists the segments of the corpus.
func segments(t testing.TB) (all []string) {
	t.Helper()
	for _, scenario := range corpustest.Scenarios(t) {
		all = append(all, corpustest.Segments(t, scenario)...)
	}
	return all
}

type entry struct {
	End  int64
	Size int
}

func readAll(t *testing.T, f commitlog.File, o commitlog.Options) (entries []entry, damage []string) {
	t.Helper()
	r, err := commitlog.NewReader(f, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.SetComplete()
	for {
		for r.Next() {
			entries = append(entries, entry{r.Position().Offset, len(r.Entry())})
		}
		var d *commitlog.DamageError
		if !errors.As(r.Err(), &d) {
			if r.Err() != nil {
				t.Fatal(r.Err())
			}
			return entries, damage
		}
		damage = append(damage, d.Error())
	}
}

func expected(t *testing.T, segment string) (entries []entry) {
	t.Helper()
	for _, l := range corpustest.Lines(t, segment) {
		entries = append(entries, entry{l.End, l.Size})
	}
	return entries
}

func TestEntriesAreThoseOfCassandrasReader(t *testing.T) {
	for _, segment := range segments(t) {
		t.Run(filepath.Base(filepath.Dir(segment))+"/"+filepath.Base(segment), func(t *testing.T) {
			want := expected(t, segment)
			var sections []commitlog.Section
			tell := func(s commitlog.Section) { sections = append(sections, s) }
			got, damage := readAll(t, memory(segment, t), commitlog.Options{Section: tell, Keys: corpustest.Keys(t)})
			if diff := cmp.Diff(want, got); diff != "" || damage != nil {
				t.Errorf("damage %v, entries (-Cassandra +ours):\n%s", damage, diff)
			}
			if diff := cmp.Diff(corpustest.Sections(t, segment), sections); diff != "" {
				t.Errorf("sections (-Cassandra +ours):\n%s", diff)
			}
		})
	}
}

// Reading ahead gives the same entries. What a crash left behind the last marker comes on
// top, in plain segments: Cassandra does not replay it, but it is whole.
func TestReadAheadGoesOnBehindTheLastMarker(t *testing.T) {
	behind := 0
	for _, segment := range segments(t) {
		want := expected(t, segment)
		r, err := commitlog.NewReader(memory(segment, t), commitlog.Options{ReadAhead: true, Keys: corpustest.Keys(t)})
		if err != nil {
			t.Fatal(err)
		}
		r.SetComplete()
		var got []entry
		for r.Next() {
			if r.Synced() != (len(got) < len(want)) {
				t.Errorf("%s: entry %d of %d in marked sections: synced is %v", segment, len(got), len(want), r.Synced())
			}
			got = append(got, entry{r.Position().Offset, len(r.Entry())})
		}
		if diff := cmp.Diff(want, got[:min(len(want), len(got))], cmpopts.EquateEmpty()); diff != "" || r.Err() != nil {
			t.Errorf("%s: %v, entries (-Cassandra +ours):\n%s", segment, r.Err(), diff)
		}
		if more := len(got) - len(want); more > 0 && !strings.HasSuffix(filepath.Dir(segment), "/crash") {
			t.Errorf("%s: %d entries more than Cassandra reads", segment, more)
		} else {
			behind += more
		}
	}
	if behind == 0 {
		t.Error("no crash of the corpus left anything behind the last marker")
	}
}

// However many entries a segment has: what is allocated is for the file and the largest of them.
func TestReadingAllocatesNothingForAnEntry(t *testing.T) {
	for _, scenario := range []string{"5.0.6/types", "5.0.6/lz4", "5.0.6/zstd-v8", "4.0.19/encrypted"} {
		f := memory(corpustest.Segments(t, scenario)[0], t)
		keys, entries, sections := corpustest.Keys(t), 0, 0
		allocated := testing.AllocsPerRun(3, func() {
			entries, sections = 0, 0
			r, err := commitlog.NewReader(f, commitlog.Options{Keys: keys, Section: func(commitlog.Section) { sections++ }})
			if err != nil {
				t.Fatal(err)
			}
			for r.Next() {
				entries++
			}
		})
		// The test's file allocates for each read, so one or two a section; a descriptor and its
		// key take some dozens.
		if most := float64(100 + 2*sections); entries < 500 || allocated > most {
			t.Errorf("%s: %.0f allocations for %d entries in %d sections, at most %.0f are allowed", scenario, allocated, entries, sections, most)
		}
	}
}

func TestStartResumesBehindTheCheckpoint(t *testing.T) {
	segment := aSegment(t)
	want := expected(t, segment)
	for _, i := range []int{0, 1, len(want) / 2, len(want) - 1} {
		for _, ahead := range []bool{false, true} {
			got, _ := readAll(t, memory(segment, t), commitlog.Options{Start: want[i].End, ReadAhead: ahead})
			if diff := cmp.Diff(want[i+1:], got); diff != "" && i+1 < len(want) {
				t.Errorf("start behind entry %d (ReadAhead %v):\n%s", i, ahead, diff)
			}
		}
	}
}

// A file that fills piece by piece, as a memory-mapped writer leaves it (the bytes of
// a section first, its marker when it is closed), yields each entry once, in order.
func TestLiveReadingSeesEachEntryOnce(t *testing.T) {
	segment := aSegment(t)
	want := expected(t, segment)
	whole := memory(segment, t).data
	for _, step := range []int{1 << 16, 4093, 977} {
		live := &memoryFile{data: make([]byte, len(whole))}
		copy(live.data, whole[:descriptorSize])
		r, err := commitlog.NewReader(live, commitlog.Options{ReadAhead: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []entry
		open := sections(whole)
		for at := descriptorSize; at < len(whole)+step; at += step {
			upTo := min(at, len(whole))
			for _, s := range open {
				// What is written of this section so far, without its marker.
				if s.start+8 < upTo {
					copy(live.data[s.start+8:min(s.end, upTo)], whole[s.start+8:])
				}
			}
			for len(open) > 0 && open[0].end <= upTo {
				copy(live.data[open[0].start:][:8], whole[open[0].start:])
				open = open[1:]
			}
			for r.Next() {
				got = append(got, entry{r.Position().Offset, len(r.Entry())})
			}
			if r.Err() != nil {
				t.Fatalf("step %d at %d: %v", step, at, r.Err())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("step %d:\n%s", step, diff)
		}
	}
}

// Entries appear before their section's marker does.
func TestReadAheadDoesNotWaitForTheMarker(t *testing.T) {
	segment := aSegment(t)
	f := memory(segment, t)
	first := binary.BigEndian.Uint32(f.data[descriptorSize:])
	for i := descriptorSize; i < descriptorSize+8; i++ {
		f.data[i] = 0 // Cassandra has not synced yet
	}
	for i := int(first); i < len(f.data); i++ {
		f.data[i] = 0
	}
	waiting, _ := readAll(t, f, commitlog.Options{})
	ahead, _ := readAll(t, f, commitlog.Options{ReadAhead: true})
	var want []entry
	for _, e := range expected(t, segment) {
		if e.End <= int64(first) {
			want = append(want, e)
		}
	}
	if len(waiting) != 0 {
		t.Errorf("without ReadAhead: %d entries of a section that is not closed", len(waiting))
	}
	if diff := cmp.Diff(want, ahead); diff != "" {
		t.Errorf("with ReadAhead:\n%s", diff)
	}
}

func TestDamageIsReportedAndReadingGoesOn(t *testing.T) {
	segment := aSegment(t)
	want := expected(t, segment)
	third := want[2].End - int64(want[2].Size) - 4 // first byte of its body
	var section int
	for _, s := range sections(memory(segment, t).data) {
		if int64(s.start) < third && third < int64(s.end) {
			section = s.end
		}
	}
	for name, c := range map[string]struct {
		damage func(data []byte)
		reason string
		lost   func(e entry) bool
	}{
		"a flipped bit in a body": {
			func(d []byte) { d[third] ^= 1 },
			"the checksum of an entry",
			func(e entry) bool { return e == want[2] },
		},
		"a flipped bit in a size": {
			func(d []byte) { d[third-8] ^= 0x40 },
			"an entry's size",
			func(e entry) bool { return e.End >= want[2].End && e.End <= int64(section) },
		},
		"a damaged marker": {
			func(d []byte) { d[24] ^= 1 },
			"the sync marker at 20 is damaged",
			func(e entry) bool { return false },
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := memory(segment, t)
			c.damage(f.data)
			got, damage := readAll(t, f, commitlog.Options{})
			var left []entry
			for _, e := range want {
				if !c.lost(e) {
					left = append(left, e)
				}
			}
			if diff := cmp.Diff(left, got); diff != "" {
				t.Errorf("entries:\n%s", diff)
			}
			if len(damage) != 1 || !strings.Contains(damage[0], c.reason) {
				t.Errorf("damage %q, want one that says %q", damage, c.reason)
			}
		})
	}
}

// A crash leaves an entry half written in the section that has no marker yet, and whole
// ones behind it. While Cassandra lives, it is just not written yet.
func TestTornEntryInTheLastSection(t *testing.T) {
	segment := aSegment(t)
	want := expected(t, segment)
	f := memory(segment, t)
	all := sections(f.data)
	var last section
	for _, s := range all {
		inside := 0
		for _, e := range want {
			if e.End > int64(s.start) && e.End <= int64(s.end) {
				inside++
			}
		}
		if inside >= 3 {
			last = s
		}
	}
	var left []entry
	torn := -1
	for _, e := range want {
		switch {
		case e.End > int64(last.end):
		case e.End > int64(last.start) && torn < 0:
			torn = int(e.End) - 6 // in its body
		default:
			left = append(left, e)
		}
	}
	clear(f.data[last.start : last.start+8])
	clear(f.data[last.end:])
	f.data[torn] ^= 1

	got, damage := readAll(t, f, commitlog.Options{ReadAhead: true})
	if diff := cmp.Diff(left, got); diff != "" || len(damage) != 1 {
		t.Errorf("damage %q, entries:\n%s", damage, diff)
	}
	live, err := commitlog.NewReader(f, commitlog.Options{ReadAhead: true, Start: int64(last.start)})
	if err != nil {
		t.Fatal(err)
	}
	if live.Next() || live.Err() != nil {
		t.Fatalf("an entry that is not whole: %v, %v", live.Position(), live.Err())
	}
	f.data[torn] ^= 1
	if !live.Next() {
		t.Errorf("the entry is whole now: %v", live.Err())
	}
}

func TestFilesThatAreNoReadableSegments(t *testing.T) {
	good := memory(aSegment(t), t).data
	header := func(change func([]byte)) []byte {
		d := bytes.Clone(good[:64])
		change(d)
		return d
	}
	for name, c := range map[string]struct {
		data     []byte
		notReady bool
		want     string
	}{
		"empty":          {nil, true, "no descriptor yet"},
		"zeros":          {make([]byte, 4096), true, "no descriptor yet"},
		"cut":            {good[:15], true, "no descriptor yet"},
		"checksum":       {header(func(d []byte) { d[16] ^= 1 }), false, "descriptor checksum"},
		"not a log":      {[]byte(strings.Repeat("no segment ", 9000)), false, "descriptor checksum"},
		"one version on": {segmentHeader(10, "{}"), false, "log version 10 cannot be read"},
		"foreign class":  {segmentHeader(7, `{"compressionClass":"com.example.Zipper"}`), false, "com.example.Zipper cannot be read"},
		"no key":         {segmentHeader(7, `{"encCipher":"AES/CBC/PKCS5Padding","encKeyAlias":"a:1"}`), false, "encrypted with the key \"a:1\""},
		"foreign cipher": {segmentHeader(7, `{"encCipher":"AES/GCM/NoPadding","encKeyAlias":"a:1"}`), false, "AES/GCM/NoPadding cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &memoryFile{data: c.data}
			_, err := commitlog.NewReader(f, commitlog.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || commitlog.NotReady(err) != c.notReady {
				t.Errorf("error %v, not ready %v; want %q, %v", err, commitlog.NotReady(err), c.want, c.notReady)
			}
			if !f.closed {
				t.Error("the file stays open")
			}
		})
	}
}

func TestReadErrorsAreFinal(t *testing.T) {
	f := memory(aSegment(t), t)
	broken := errors.New("input/output error")
	f.fail = func(off int64) error {
		if off > 4096 {
			return broken
		}
		return nil
	}
	r, err := commitlog.NewReader(f, commitlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
	}
	if !errors.Is(r.Err(), broken) || r.Next() {
		t.Errorf("error %v", r.Err())
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range segments(f) {
		data := memory(s, f).data
		f.Add(data[:min(len(data), 8<<10)], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, complete bool) {
		r, err := commitlog.NewReader(&memoryFile{data: data}, commitlog.Options{ReadAhead: true})
		if err != nil {
			return
		}
		if complete {
			r.SetComplete()
		}
		for i := 0; ; i++ {
			if i > len(data)+8 {
				t.Fatal("the reader does not come to an end")
			}
			var d *commitlog.DamageError
			if !r.Next() && !errors.As(r.Err(), &d) {
				return
			}
		}
	})
}

func TestPositionPrintsAndParses(t *testing.T) {
	p := commitlog.Position{Segment: 1700000000000, Offset: 4096}
	got, err := commitlog.ParsePosition(p.String())
	if p.String() != "1700000000000:4096" || got != p || err != nil {
		t.Errorf("%v, %v, %v", p, got, err)
	}
	for _, s := range []string{"", "1", "1:", ":1", "a:b", "1:2:3"} {
		if _, err := commitlog.ParsePosition(s); err == nil {
			t.Errorf("%q parsed", s)
		}
	}
}

// descriptorSize is the size of the descriptor of a plain segment: its parameters are "{}".
const descriptorSize = 20

type section struct{ start, end int }

// sections follows the markers of a plain segment.
func sections(data []byte) (all []section) {
	for at := descriptorSize; at+8 <= len(data); {
		next := int(binary.BigEndian.Uint32(data[at:]))
		if next == 0 {
			break
		}
		all = append(all, section{at, next})
		at = next
	}
	return all
}

// segmentHeader is the start of a segment with these parameters.
func segmentHeader(version uint32, params string) []byte {
	const id = 1795254431753
	b := binary.BigEndian.AppendUint32(nil, version)
	b = binary.BigEndian.AppendUint64(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(params)))
	b = append(b, params...)
	return binary.BigEndian.AppendUint32(b, descriptorCRC(version, id, params))
}

func memory(segment string, t testing.TB) *memoryFile {
	t.Helper()
	data, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	return &memoryFile{data: data, name: filepath.Base(segment)}
}

// memoryFile is a segment in memory that a test can change and break.
type memoryFile struct {
	data   []byte
	name   string
	closed bool
	fail   func(off int64) error
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fail != nil {
		if err := f.fail(off); err != nil {
			return 0, err
		}
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}
func (f *memoryFile) Close() error               { f.closed = true; return nil }
func (f *memoryFile) Stat() (os.FileInfo, error) { return f, nil }
func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Size() int64                { return int64(len(f.data)) }
func (f *memoryFile) Mode() os.FileMode          { return 0o444 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }

// The index of a segment is rewritten in place: what is read in the midst of that.
func TestIndex(t *testing.T) {
	segment := filepath.Join(t.TempDir(), "CommitLog-7-1.log")
	if index, ok := commitlog.ReadIndex(segment); ok {
		t.Errorf("an index that is not there: %+v", index)
	}
	for content, want := range map[string]commitlog.Index{
		"464488":              {Offset: 464488},
		"464488\nCOMPLETED":   {Offset: 464488, Completed: true},
		"464488\nCOMPLETED\n": {Offset: 464488, Completed: true},
		"464488\nCOMPLET":     {Offset: 464488},
		"464488\n":            {Offset: 464488},
		"":                    {Offset: -1},
		"COMPLETED":           {Offset: -1},
		"\x00\x00\x00":        {Offset: -1},
	} {
		if err := os.WriteFile(commitlog.IndexName(segment), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if index, ok := commitlog.ReadIndex(segment); !ok || index != want {
			t.Errorf("%q: %+v, %v, want %+v", content, index, ok, want)
		}
	}
}
