// The decoder against segments of real nodes: every update, row, cell and tombstone
// as Cassandra's own reader dumps them.

package mutation_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// eachEntry runs f for every entry of the corpus, with the schema it was written with.
func eachEntry(t testing.TB, f func(s *schema.Snapshot, e corpustest.Entry)) {
	t.Helper()
	for _, scenario := range corpustest.Scenarios(t) {
		s := corpustest.Schema(t, scenario)
		for _, segment := range corpustest.Segments(t, scenario) {
			for _, e := range corpustest.Entries(t, segment) {
				f(s, e)
			}
		}
	}
}

// Cassandra's reader keeps the updates of a mutation in a hash map.
var anyTableOrder = cmpopts.SortSlices(func(a, b corpustest.Update) bool { return a.ID < b.ID })

func TestMutationsAreThoseOfCassandrasReader(t *testing.T) {
	eachEntry(t, func(s *schema.Snapshot, e corpustest.Entry) {
		var got corpustest.Recorder
		err := mutation.NewDecoder(s).Decode(e.Version, e.Body, &got)
		if e.Line.Unhandled {
			var unknown *mutation.UnknownTableError
			if !errors.As(err, &unknown) {
				t.Errorf("%s: %v, Cassandra does not know the table", e.Position, err)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", e.Position, err)
			return
		}
		if diff := cmp.Diff(e.Line.Updates, got.Updates, cmpopts.EquateEmpty(), anyTableOrder); diff != "" {
			t.Errorf("%s (-Cassandra +ours):\n%s", e.Position, diff)
		}
	})
}

// skipper wants to see nothing.
type skipper struct {
	mutation.Nothing
	updates int
}

func (s *skipper) Table(*schema.Table) bool { s.updates++; return false }
func (s *skipper) Update(*mutation.Update)  { panic("an update that is not to be shown") }

func TestUpdatesThatAreNotShownAreStillCounted(t *testing.T) {
	eachEntry(t, func(s *schema.Snapshot, e corpustest.Entry) {
		d := mutation.NewDecoder(s)
		var all corpustest.Recorder
		if d.Decode(e.Version, e.Body, &all) != nil {
			return
		}
		var none skipper
		if err := d.Decode(e.Version, e.Body, &none); err != nil || none.updates != len(all.Updates) {
			t.Errorf("%s: %d of %d updates, %v", e.Position, none.updates, len(all.Updates), err)
		}
	})
}

type quiet = mutation.Nothing

func TestDecodingAllocatesNothing(t *testing.T) {
	for _, scenario := range corpustest.Scenarios(t) {
		d := mutation.NewDecoder(corpustest.Schema(t, scenario))
		var decodable []corpustest.Entry
		for _, segment := range corpustest.Segments(t, scenario) {
			for _, e := range corpustest.Entries(t, segment) {
				if d.Decode(e.Version, e.Body, quiet{}) == nil {
					decodable = append(decodable, e)
				}
			}
		}
		n := testing.AllocsPerRun(1, func() {
			for _, e := range decodable {
				_ = d.Decode(e.Version, e.Body, quiet{})
			}
		})
		if n > 0 {
			t.Errorf("%s: %.0f allocations for %d entries", scenario, n, len(decodable))
		}
	}
}

// Every prefix of an entry ends in an error that names a byte, never in a panic and
// never in success.
func TestTruncatedEntriesAreErrors(t *testing.T) {
	eachEntry(t, func(s *schema.Snapshot, e corpustest.Entry) {
		d := mutation.NewDecoder(s)
		if len(e.Body) > 300 || d.Decode(e.Version, e.Body, quiet{}) != nil {
			return
		}
		for n := range e.Body {
			if err := d.Decode(e.Version, e.Body[:n:n], quiet{}); err == nil {
				t.Fatalf("%s: the first %d of %d bytes decode", e.Position, n, len(e.Body))
			}
		}
	})
}

func TestUnknownColumnIsNamed(t *testing.T) {
	const scenario = "5.0.6/types"
	full, rows := corpustest.Schema(t, scenario), corpustest.Rows(t, scenario)
	own := func(c json.RawMessage) bool { return strings.Contains(string(c), `"keyspace_name": "ck`) }
	before := len(rows.Columns)
	rows.Columns = slices.DeleteFunc(rows.Columns, func(c json.RawMessage) bool {
		return own(c) && strings.Contains(string(c), `"kind": "regular"`)
	})
	if len(rows.Columns) == before {
		t.Fatal("the corpus has no regular columns")
	}
	fewer, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	d := mutation.NewDecoder(fewer)
	for _, e := range corpustest.Entries(t, corpustest.Segments(t, scenario)[0]) {
		var unknown *mutation.UnknownColumnError
		if err := d.Decode(e.Version, e.Body, quiet{}); errors.As(err, &unknown) {
			found = true
			if full.Lookup(unknown.Table.Keyspace, unknown.Table.Name).Stored([]byte(unknown.Column)) == nil {
				t.Errorf("%s: %v, and there never was one", e.Position, unknown)
			}
		}
	}
	if !found {
		t.Error("no entry named a column that the schema lacks")
	}
}

// No node of the corpus writes a shadowable deletion any more: those of materialized views
// in 3.0, here byte by byte.
func TestShadowableDeletion(t *testing.T) {
	const id = "8bb39710-e590-11f1-9931-01c8f4f22df6"
	s, err := schema.NewSnapshot(schema.Rows{
		Tables:  []json.RawMessage{[]byte(`{"keyspace_name":"ks","table_name":"t","id":"` + id + `"}`)},
		Columns: []json.RawMessage{[]byte(`{"keyspace_name":"ks","table_name":"t","column_name":"k","kind":"partition_key","position":0,"type":"int"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for extension, want := range map[byte]bool{0x00: false, 0x02: true} {
		entry, _ := hex.DecodeString("01" + strings.ReplaceAll(id, "-", "") + "0400000001" + "10" + // one update, its table and key, a row estimate
			"05" + "07" + "00" + "00" + "01") // times, no columns, the estimate
		entry = append(entry, 0x80|0x20|0x10, extension, 0, 0, 0x01) // a row that is deleted, and the end
		var got corpustest.Recorder
		if err := mutation.NewDecoder(s).Decode(commitlog.Version30, entry, &got); err != nil {
			t.Fatal(err)
		}
		row := corpustest.Item{Kind: "row", Del: &corpustest.Deletion{TS: 1442880000000005, LDT: 1442880007}, Shadowable: want}
		if diff := cmp.Diff([]corpustest.Item{row}, got.Updates[0].Items); diff != "" {
			t.Errorf("extension %#x (-want +got):\n%s", extension, diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	n := 0
	eachEntry(f, func(_ *schema.Snapshot, e corpustest.Entry) {
		if n++; n%7 == 0 && len(e.Body) < 4096 {
			f.Add(e.Version, e.Body)
		}
	})
	d := mutation.NewDecoder(corpustest.Schema(f, "5.0.6/types"))
	f.Fuzz(func(_ *testing.T, version int, entry []byte) {
		_ = d.Decode(version, entry, quiet{})
	})
}
