// What the tests of the room share: the corpus, a run of each command, and damaged
// segments.

package inspect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const corpus = "../../testdata/corpus/"

// scenario is a folder of the corpus.
type scenario struct {
	name     string // release/scenario
	schema   []string
	segments []string
}

func scenarios(t testing.TB) (all []scenario) {
	t.Helper()
	found, err := filepath.Glob(corpus + "*/*/system_schema.json")
	if err != nil || len(found) < 10 {
		t.Fatalf("corpus: %v, %v", found, err)
	}
	for _, f := range found {
		dir := filepath.Dir(f)
		s := scenario{name: strings.TrimPrefix(filepath.ToSlash(dir), corpus), schema: []string{f}}
		for _, more := range []string{"system_keyspaces.json", "left_out.json"} {
			if more = filepath.Join(dir, "..", more); exists(more) {
				s.schema = append(s.schema, more)
			}
		}
		if s.segments, err = filepath.Glob(dir + "/CommitLog-*.log"); err != nil || len(s.segments) == 0 {
			t.Fatalf("%s: no segments: %v", dir, err)
		}
		all = append(all, s)
	}
	return all
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// the gives a scenario by its name.
func the(t testing.TB, name string) scenario {
	t.Helper()
	all := scenarios(t)
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("the corpus has no %s", name)
	}
	return all[i]
}

func (s scenario) rows(t testing.TB) schema.Rows {
	t.Helper()
	rows, err := inspect.ReadSchema(s.schema)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// expected are the lines that Cassandra's own reader gave for the entries of a segment.
func expected(t testing.TB, segment string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(strings.TrimSuffix(segment, ".log") + ".expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return split(string(data))
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// ran is what a run printed.
type ran struct {
	lines  []string
	report []string // what went to standard error
	err    error
}

// keys are those of the corpus; opening a keystore takes its time.
var keys = sync.OnceValues(func() (*keystore.Store, error) { return keystore.Open(corpus+"keystore.jceks", "cassandra", "") })

func files(t testing.TB, r *ran, paths ...string) inspect.Files {
	t.Helper()
	keys, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Files{Paths: paths, Keys: keys, Report: func(line string) { r.report = append(r.report, line) }}
}

// dump dumps segments as JSON, change lets a test set more.
func dump(t testing.TB, rows schema.Rows, change func(*inspect.Dump), segments ...string) (r ran) {
	t.Helper()
	d := inspect.Dump{Files: files(t, &r, segments...), Schema: rows, JSON: true}
	if change != nil {
		change(&d)
	}
	var out bytes.Buffer
	r.err = d.Run(&out)
	r.lines = split(out.String())
	return r
}

func verify(t testing.TB, segments ...string) (r ran) {
	t.Helper()
	return verifyFiles(files(t, &r, segments...))
}

func verifyFiles(f inspect.Files) (r ran) {
	v := inspect.Verify{Files: f}
	var out bytes.Buffer
	r.err = v.Run(&out)
	r.lines = split(out.String())
	return r
}

func stat(t testing.TB, rows *schema.Rows, segments ...string) (found []inspect.Segment, r ran) {
	t.Helper()
	s := inspect.Stat{Files: files(t, &r, segments...), Schema: rows, JSON: true}
	var out bytes.Buffer
	r.err = s.Run(&out)
	r.lines = split(out.String())
	for _, line := range r.lines {
		var s inspect.Segment
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	return found, r
}

// section of a segment as Cassandra's own reader finds it.
type section struct {
	Start int64 `json:"file_start"` // behind the marker
	End   int64 `json:"file_end"`
}

func sections(t testing.TB, segment string) []section {
	t.Helper()
	var all struct{ Sections []section }
	data, err := os.ReadFile(strings.TrimSuffix(segment, ".log") + ".sections.json")
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all.Sections
}

// entry is where an expected line says that an entry is, in a plain segment.
type entry struct{ End, Size int64 }

func (e entry) start() int64 { return e.End - e.Size - 12 }

func entryOf(t testing.TB, line string) (e entry) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// damagedCopy writes a segment anew after change had its bytes.
func damagedCopy(t testing.TB, segment string, change func([]byte) []byte) (path string) {
	t.Helper()
	data, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), filepath.Base(segment))
	if err := os.WriteFile(path, change(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// cut and flip are ways to damage a segment.
func cut(at int64) func([]byte) []byte { return func(b []byte) []byte { return b[:at] } }

func flip(at int64) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 0xff; return b }
}

func zero(from, to int64) func([]byte) []byte {
	return func(b []byte) []byte { clear(b[from:to]); return b }
}

// isSubsequence says whether all of some lines are among others, in the same order; if not
// it gives the first that is not.
func isSubsequence(some, all []string) (stray string, ok bool) {
	for _, line := range some {
		i := slices.Index(all, line)
		if i < 0 {
			return line, false
		}
		all = all[i+1:]
	}
	return "", true
}

func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-40)
	return fmt.Sprintf("got  …%.200s\nwant …%.200s", a[from:], b[from:])
}
