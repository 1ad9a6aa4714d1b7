// A table of faults (testdata/faults): what is wrong with a file, and what a reader makes of
// it. -rewrite writes down what it makes of it now.

package commitlog_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/segmenttest"
)

// faulty is a segment of three sections with three entries each, 1.1 to 3.3, and what is
// done to it.
type faulty struct {
	*segmenttest.Segment
	file *segmenttest.File
}

func newFaulty(kind segmenttest.Kind) *faulty {
	var sections [][][]byte
	for s := 1; s <= 3; s++ {
		var bodies [][]byte
		for e := 1; e <= 3; e++ {
			bodies = append(bodies, []byte(strings.Repeat(fmt.Sprintf("entry %d.%d ", s, e), 3)))
		}
		sections = append(sections, bodies)
	}
	s := segmenttest.New(segmenttest.Options{Kind: kind}, sections...)
	return &faulty{s, &segmenttest.File{Data: bytes.Clone(s.Data)}}
}

// name of an entry that came out.
func (f *faulty) name(end int64, body []byte) string {
	for i, sec := range f.Sections {
		for j, e := range sec.Entries {
			if int64(e.End) == end && bytes.Equal(e.Body, body) {
				return fmt.Sprintf("%d.%d", i+1, j+1)
			}
		}
	}
	return fmt.Sprintf("(an entry of %d bytes that ends at %d, which was never written)", len(body), end)
}

// at is the file offset of a place: a number, "descriptor", "2.marker", "2.data" (what is
// behind that marker), "2.end", "2.1" (a frame in a plain segment) or "end", with "+5" or "-5".
func (f *faulty) at(t *testing.T, place string) int {
	if n, err := strconv.Atoi(place); err == nil {
		return n
	}
	name, shift := place, 0
	if i := strings.IndexAny(place, "+-"); i >= 0 {
		n, err := strconv.Atoi(place[i:])
		if err != nil {
			t.Fatalf("no place %q: %v", place, err)
		}
		name, shift = place[:i], n
	}
	number, part, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(number)
	switch {
	case name == "descriptor":
		return shift
	case name == "end":
		return len(f.file.Data) + shift
	case err != nil:
		t.Fatalf("no place %q", place)
	}
	sec := f.Sections[n-1]
	switch part {
	case "marker":
		return sec.Marker + shift
	case "data":
		return sec.Marker + 8 + shift
	case "end":
		return sec.End + shift
	}
	e, err := strconv.Atoi(part)
	if err != nil || !f.Options.Kind.Plain() {
		t.Fatalf("no place %q in a segment of the kind %s", place, f.Options.Kind)
	}
	return sec.Entries[e-1].Start + shift
}

var errIO = errors.New("input/output error")

// do does what a line says to the file.
func (f *faulty) do(t *testing.T, line string) {
	words := strings.Fields(line)
	arg := func(i int) int { return f.at(t, words[i]) }
	put := func(at int, data ...byte) { copy(f.file.Data[at:], data) }
	int32s := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	switch words[0] {
	case "flip": // PLACE: another byte there
		f.file.Data[arg(1)] ^= 0x10
	case "zero": // FROM TO: zeros
		clear(f.file.Data[arg(1):arg(2)])
	case "put": // PLACE HEX: these bytes
		b, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatal(err)
		}
		put(arg(1), b...)
	case "cut": // PLACE: the file ends there
		f.file.Data = f.file.Data[:arg(1)]
	case "marker": // PLACE END: a marker there whose checksum holds
		put(arg(1), segmenttest.Marker(f.Options.ID, arg(1), arg(2))...)
	case "size": // PLACE N: a size with its checksum there
		n, crc := int32s(arg(2)), crc32.NewIEEE()
		crc.Write(n)
		put(arg(1), crc.Sum(n)...)
	case "int": // PLACE N: a number there
		put(arg(1), int32s(arg(2))...)
	case "error": // PLACE once|always: reads of that place fail, but for that of the descriptor
		at, left := int64(arg(1)), map[string]int{"once": 1, "always": 1 << 30}[words[2]]
		f.file.Fault = func(off int64, n int) error {
			if off <= at && at < off+int64(n) && left > 0 && (off > 0 || at == 0) {
				left--
				return errIO
			}
			return nil
		}
	case "short": // PLACE: the first such read ends in front of it
		at, done := int64(arg(1)), false
		f.file.Fault = func(off int64, n int) error {
			if off <= at && at < off+int64(n) && off > 0 && !done {
				done = true
				return &segmenttest.Short{N: int(at - off), Err: io.EOF}
			}
			return nil
		}
	default:
		t.Fatalf("no fault %q", line)
	}
}

// read tells what comes out, a line for each event. A reader that is told that the file is
// complete at once, or after a first look when live. After an error another reader goes on
// behind the last entry.
func (f *faulty) read(o commitlog.Options, live bool) string {
	var out strings.Builder
	var names []string
	say := func(format string, args ...any) {
		if len(names) > 0 {
			fmt.Fprintln(&out, strings.Join(names, " "))
		}
		names = nil
		fmt.Fprintf(&out, format+"\n", args...)
	}
	for attempt := 1; ; attempt++ {
		f.file.Closed = false
		r, err := commitlog.NewReader(f.file, o)
		if err != nil {
			say("error (not ready %v): %v", commitlog.NotReady(err), err)
			return out.String()
		}
		complete := !live
		if complete {
			r.SetComplete()
		}
		for {
			for r.Next() {
				names = append(names, f.name(r.Position().Offset, r.Entry()))
				o.Start = r.Position().Offset
			}
			var d *commitlog.DamageError
			if errors.As(r.Err(), &d) {
				say("damage: %v", d)
			} else if r.Err() == nil && !complete {
				say("waiting")
				complete = true
				r.SetComplete()
			} else {
				break
			}
		}
		r.Close()
		if r.Err() == nil {
			say("end")
			return out.String()
		}
		say("error: %v", r.Err())
		if attempt == 2 {
			return out.String()
		}
	}
}

func TestFaults(t *testing.T) {
	datadriven.Walk(t, "testdata/faults", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			f := newFaulty(segmenttest.Kind(d.Cmd))
			o := commitlog.Options{MaxSection: 1 << 20}
			key, start := "right", ""
			d.MaybeScanArgs(t, "key", &key)
			if d.MaybeScanArgs(t, "start", &start); start != "" {
				o.Start = int64(f.at(t, start))
			}
			o.ReadAhead = d.HasArg("ahead")
			switch key {
			case "right":
				o.Keys = keys{segmenttest.KeyAlias: f.Options.Key}
			case "wrong":
				o.Keys = keys{segmenttest.KeyAlias: []byte("not the same key")}
			case "missing":
				o.Keys = keys{}
			case "bad":
				o.Keys = keys{segmenttest.KeyAlias: []byte("five!")}
			}
			for line := range strings.Lines(d.Input) {
				f.do(t, line)
			}
			return f.read(o, d.HasArg("live"))
		})
	})
}
