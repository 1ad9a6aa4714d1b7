// Package corpustest gives tests the corpus: commit log segments of real nodes, what
// Cassandra's own reader reads in them, and the schema they were written with.
package corpustest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// What a line of expected.jsonl says of an entry. The fields that are for human eyes
// are left out.
type (
	// Line is an entry as Cassandra reads it.
	Line struct {
		End       int64    `json:"end"`  // offset behind the entry
		Size      int      `json:"size"` // of its body
		Updates   []Update `json:"updates"`
		Unhandled bool     `json:"unhandled"` // of a table that Cassandra did not know
	}
	// Update is the change of one partition of one table.
	Update struct {
		Keyspace string    `json:"ks"`
		Table    string    `json:"table"`
		ID       string    `json:"id"`
		CDC      bool      `json:"cdc"`
		Key      string    `json:"key"` // hex
		Deletion *Deletion `json:"pdel"`
		Static   *Item     `json:"static"`
		Items    []Item    `json:"items"`
	}
	// Item is a row, or a marker of a range tombstone.
	Item struct {
		Kind   string            `json:"kind"` // row, or the kind of the marker
		CK     []*string         `json:"ck"`   // hex
		TS     *int64            `json:"ts"`
		TTL    uint32            `json:"ttl"`
		LDT    uint32            `json:"ldt"`
		Del    *Deletion         `json:"del"`
		EndDel *Deletion         `json:"end"`
		Start  *Deletion         `json:"start"`
		CDel   []ComplexDeletion `json:"cdel"`

		Shadowable bool   `json:"shadowable"`
		Cells      []Cell `json:"cells"`
	}
	// Deletion is a tombstone.
	Deletion struct {
		TS  int64  `json:"ts"`
		LDT uint32 `json:"ldt"`
	}
	// ComplexDeletion is the tombstone of a whole collection.
	ComplexDeletion struct {
		C   string `json:"c"` // column
		TS  int64  `json:"ts"`
		LDT uint32 `json:"ldt"`
	}
	// Cell is a value, or the tombstone of one.
	Cell struct {
		C    string `json:"c"`    // column
		Path string `json:"path"` // hex
		TS   int64  `json:"ts"`
		TTL  uint32 `json:"ttl"`
		LDT  uint32 `json:"ldt"`
		Del  bool   `json:"del"`
		V    string `json:"v"` // hex
	}
)

// Entry is an entry of a segment with its line.
type Entry struct {
	Version  int
	Position commitlog.Position
	Body     []byte
	Line     Line
}

// dir is the corpus, found from the folder of whatever package runs its tests.
func dir(t testing.TB) string {
	t.Helper()
	for up := "."; len(up) < 64; up = filepath.Join(up, "..") {
		if _, err := os.Stat(filepath.Join(up, "go.mod")); err == nil {
			return filepath.Join(up, "testdata", "corpus")
		}
	}
	t.Fatal("the tests do not run inside the project")
	return ""
}

// Scenarios lists the corpus, each scenario as release/name.
func Scenarios(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir(t), "*", "*", "system_schema.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no corpus at %s: %v", dir(t), err)
	}
	var all []string
	for _, f := range found {
		f = filepath.Dir(f)
		all = append(all, filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f))
	}
	return all
}

// Segments lists the segment files of a scenario; the first is full of entries.
func Segments(t testing.TB, scenario string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir(t), filepath.FromSlash(scenario), "CommitLog-*.log"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no segments of %s: %v", scenario, err)
	}
	return found
}

// Rows is what a scenario's node had in system_schema, Cassandra's own keyspaces
// included.
func Rows(t testing.TB, scenario string) (rows schema.Rows) {
	t.Helper()
	release, _, _ := strings.Cut(scenario, "/")
	rows = schema.SystemSchema() // with what dumps of 6.0 leave out
	for _, file := range []string{release + "/system_keyspaces.json", scenario + "/system_schema.json"} {
		var more schema.Rows
		data, err := os.ReadFile(filepath.Join(dir(t), filepath.FromSlash(file)))
		if err == nil {
			err = json.Unmarshal(data, &more)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows.Append(more)
	}
	return rows
}

// Schema is Rows as tables.
func Schema(t testing.TB, scenario string) *schema.Snapshot {
	t.Helper()
	s, err := schema.NewSnapshot(Rows(t, scenario))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Lines are the lines of a segment, in the order of its entries.
func Lines(t testing.TB, segment string) (lines []Line) {
	t.Helper()
	data, err := os.ReadFile(strings.TrimSuffix(segment, ".log") + ".expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var l Line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// Keys are the keys of the nodes that encrypted their log.
func Keys(t testing.TB) commitlog.Keys {
	t.Helper()
	store, err := keystore.Open(filepath.Join(dir(t), "keystore.jceks"), "cassandra", "")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Sections are the sections of a segment as Cassandra's reader finds them.
func Sections(t testing.TB, segment string) (all []commitlog.Section) {
	t.Helper()
	data, err := os.ReadFile(strings.TrimSuffix(segment, ".log") + ".sections.json")
	var dump struct {
		Sections []struct {
			FileStart  int64 `json:"file_start"`
			FileEnd    int64 `json:"file_end"`
			LogicalEnd int64 `json:"logical_end"`
		} `json:"sections"`
	}
	if err == nil {
		err = json.Unmarshal(data, &dump)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range dump.Sections {
		all = append(all, commitlog.Section(s))
	}
	return all
}

var (
	read   = map[string][]Entry{}
	readMu sync.Mutex
)

// Entries are the entries of a segment, which no test may change.
func Entries(t testing.TB, segment string) []Entry {
	t.Helper()
	readMu.Lock()
	defer readMu.Unlock()
	if all, ok := read[segment]; ok {
		return all
	}
	lines := Lines(t, segment)
	r, err := commitlog.Open(segment, commitlog.Options{Keys: Keys(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.SetComplete()
	var all []Entry
	for r.Next() {
		e := Entry{Version: r.Descriptor().Version, Position: r.Position(), Body: bytes.Clone(r.Entry())}
		if len(all) >= len(lines) || lines[len(all)].End != e.Position.Offset {
			t.Fatalf("%s: Cassandra reads no entry at %s", segment, e.Position)
		}
		e.Line = lines[len(all)]
		all = append(all, e)
	}
	if r.Err() != nil || len(all) != len(lines) {
		t.Fatalf("%s: %d entries, Cassandra reads %d: %v", segment, len(all), len(lines), r.Err())
	}
	read[segment] = all
	return all
}
