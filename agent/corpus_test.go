// What the tests of this package take from the corpus.

package agent

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// corpusEntry is an entry of a real node.
type corpusEntry struct{ corpustest.Entry }

// has says whether the entry updates the table.
func (e corpusEntry) has(keyspace, table string) bool {
	return slices.ContainsFunc(e.Line.Updates, func(u corpustest.Update) bool { return u.Keyspace == keyspace && u.Table == table })
}

// corpusEntries are the entries of a scenario, which no test may change.
func corpusEntries(t testing.TB, scenario string) (all []corpusEntry) {
	t.Helper()
	for _, segment := range corpustest.Segments(t, scenario) {
		for _, e := range corpustest.Entries(t, segment) {
			all = append(all, corpusEntry{e})
		}
	}
	return all
}

// entryOf is the first entry of a scenario that updates that table alone.
func entryOf(t testing.TB, scenario, keyspace, table string) corpusEntry {
	t.Helper()
	for _, e := range corpusEntries(t, scenario) {
		if len(e.Line.Updates) == 1 && e.has(keyspace, table) {
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
