// The corpus as the tests of this package use it: entries of real nodes, each with
// what Cassandra's own reader says of it, and the schema they were written with.

package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const corpus = "../testdata/corpus/"

// The fields of an expected.jsonl line that matter here.
type (
	dumpLine struct {
		End     int64        `json:"end"`
		Updates []dumpUpdate `json:"updates"`
	}
	dumpUpdate struct {
		Keyspace string     `json:"ks"`
		Table    string     `json:"table"`
		CDC      bool       `json:"cdc"`
		Key      string     `json:"key"`
		Deletion *dumpTime  `json:"pdel"`
		Static   *dumpItem  `json:"static"`
		Items    []dumpItem `json:"items"`
	}
	dumpItem struct {
		Kind   string     `json:"kind"` // row, or the kind of a marker
		CK     []*string  `json:"ck"`
		TS     *int64     `json:"ts"`
		Del    *dumpTime  `json:"del"`
		EndDel *dumpTime  `json:"end"`
		Start  *dumpTime  `json:"start"`
		CDel   []dumpTime `json:"cdel"`
		Cells  []struct {
			C  string `json:"c"`
			TS int64  `json:"ts"`
			V  string `json:"v"`
		} `json:"cells"`
	}
	dumpTime struct {
		TS int64 `json:"ts"`
	}
)

type corpusEntry struct {
	version int
	at      commitlog.Position
	body    []byte
	dump    dumpLine
}

// has says whether the entry updates the table.
func (e corpusEntry) has(keyspace, table string) bool {
	for _, u := range e.dump.Updates {
		if u.Keyspace == keyspace && u.Table == table {
			return true
		}
	}
	return false
}

// scenarios lists the folders of the corpus.
func scenarios(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(corpus + "*/*/system_schema.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("no corpus at %s: %v", corpus, err)
	}
	var dirs []string
	for _, f := range found {
		dirs = append(dirs, strings.TrimPrefix(filepath.Dir(f), corpus))
	}
	return dirs
}

// corpusRows is what the node of a scenario had in system_schema.
func corpusRows(t testing.TB, scenario string) schema.Rows {
	t.Helper()
	var rows schema.Rows
	for _, f := range []string{filepath.Dir(scenario) + "/system_keyspaces.json", scenario + "/system_schema.json"} {
		var more schema.Rows
		data, err := os.ReadFile(corpus + f)
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

// corpusEntries are the entries of a scenario, which no test may change.
func corpusEntries(t testing.TB, scenario string) []corpusEntry {
	t.Helper()
	if read[scenario] == nil {
		read[scenario] = readCorpus(t, scenario)
	}
	return read[scenario]
}

var read = map[string][]corpusEntry{} // by scenario; the tests run one after another

func readCorpus(t testing.TB, scenario string) (all []corpusEntry) {
	t.Helper()
	segments, err := filepath.Glob(corpus + scenario + "/CommitLog-*.log")
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments in %s: %v", scenario, err)
	}
	for _, segment := range segments {
		lines, err := os.ReadFile(strings.TrimSuffix(segment, ".log") + ".expected.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		dump := bufio.NewScanner(bytes.NewReader(lines))
		dump.Buffer(nil, 16<<20)
		r, err := commitlog.Open(segment, commitlog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r.SetComplete()
		for r.Next() {
			e := corpusEntry{version: r.Descriptor().Version, at: r.Position(), body: bytes.Clone(r.Entry())}
			if !dump.Scan() {
				t.Fatalf("%s: no line for the entry at %s", segment, e.at)
			}
			if err := json.Unmarshal(dump.Bytes(), &e.dump); err != nil || e.dump.End != e.at.Offset {
				t.Fatalf("%s: the line of the entry at %s is %d, %v", segment, e.at, e.dump.End, err)
			}
			all = append(all, e)
		}
		r.Close()
	}
	return all
}

// entryOf is the first entry of a scenario that updates that table alone.
func entryOf(t testing.TB, scenario, keyspace, table string) corpusEntry {
	t.Helper()
	for _, e := range corpusEntries(t, scenario) {
		if len(e.dump.Updates) == 1 && e.has(keyspace, table) {
			return e
		}
	}
	t.Fatalf("%s has no entry of %s.%s", scenario, keyspace, table)
	return corpusEntry{}
}

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// dumpTables reads what changes depend on from the rows of system_schema.
func dumpTables(t *testing.T, rows schema.Rows) map[string]dumpTable {
	t.Helper()
	tables := map[string]dumpTable{}
	for _, raw := range rows.Tables {
		var r struct {
			Keyspace string   `json:"keyspace_name"`
			Table    string   `json:"table_name"`
			Flags    []string `json:"flags"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		tables[r.Keyspace+"."+r.Table] = dumpTable{counter: slices.Contains(r.Flags, "counter")}
	}
	for _, raw := range rows.Columns {
		var r struct {
			Keyspace string `json:"keyspace_name"`
			Table    string `json:"table_name"`
			Kind     string `json:"kind"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == "clustering" {
			d := tables[r.Keyspace+"."+r.Table]
			d.clustered = true
			tables[r.Keyspace+"."+r.Table] = d
		}
	}
	return tables
}
