// Tables from the rows of system_schema: those of real nodes, and what is left when
// some of the rows are broken.

package schema_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

const corpus = "../testdata/corpus/"

func readRows(t testing.TB, path string) schema.Rows {
	t.Helper()
	var rows schema.Rows
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func snapshot(t testing.TB, rows schema.Rows) *schema.Snapshot {
	t.Helper()
	s, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shape is a table in one line: partition key | clustering | regular | static.
func shape(t *schema.Table) string {
	list := func(columns []schema.Column) string {
		var all []string
		for _, c := range columns {
			text := c.Name + " " + c.Type.String()
			if c.Descending {
				text += " desc"
			}
			all = append(all, text)
		}
		return strings.Join(all, ", ")
	}
	return list(t.PartitionKey) + " | " + list(t.Clustering) + " | " + list(t.Regular) + " | " + list(t.Static)
}

// Every table and view of real nodes is there, by name and by id, with all of its
// columns.
func TestSnapshotOfRealNodes(t *testing.T) {
	files, _ := filepath.Glob(corpus + "*/*/system_schema.json")
	more, _ := filepath.Glob(corpus + "*/system_keyspaces.json")
	if len(files) < 5 || len(more) < 3 {
		t.Fatalf("corpus: %v, %v", files, more)
	}
	for _, f := range append(files, more...) {
		t.Run(strings.TrimPrefix(f, corpus), func(t *testing.T) {
			rows := readRows(t, f)
			s := snapshot(t, rows)
			if got, want := len(s.Tables()), len(rows.Tables)+len(rows.Views); got != want {
				t.Errorf("%d tables, the node has %d", got, want)
			}
			if !slices.IsSortedFunc(s.Tables(), func(a, b *schema.Table) int { return strings.Compare(a.String(), b.String()) }) {
				t.Error("the tables are not in order")
			}
			for _, raw := range append(slices.Clone(rows.Tables), rows.Views...) {
				var r struct {
					Keyspace string `json:"keyspace_name"`
					Table    string `json:"table_name"`
					View     string `json:"view_name"`
					ID       string
					CDC      *bool
				}
				if err := json.Unmarshal(raw, &r); err != nil {
					t.Fatal(err)
				}
				table := s.Lookup(r.Keyspace, r.Table+r.View)
				if table == nil || table.ID.String() != r.ID || s.Table(table.ID) != table {
					t.Fatalf("%s.%s%s: %+v", r.Keyspace, r.Table, r.View, table)
				}
				if table.CDC != (r.CDC != nil && *r.CDC) || table.View != (r.View != "") {
					t.Errorf("%s: cdc %v, view %v", table, table.CDC, table.View)
				}
			}
			for _, raw := range rows.Columns {
				var r struct {
					Keyspace string `json:"keyspace_name"`
					Table    string `json:"table_name"`
					Column   string `json:"column_name"`
					Kind     string
					Position int
					Type     string
				}
				if err := json.Unmarshal(raw, &r); err != nil {
					t.Fatal(err)
				}
				table := s.Lookup(r.Keyspace, r.Table)
				var c *schema.Column
				switch stored := table.Stored([]byte(r.Column)); r.Kind {
				case "partition_key":
					c = &table.PartitionKey[r.Position]
				case "clustering":
					c = &table.Clustering[r.Position]
				default:
					if c = stored; c == nil || c.Dropped || (c.Kind == schema.Static) != (r.Kind == "static") {
						t.Fatalf("%s: stored column %s is %+v", table, r.Column, c)
					}
				}
				if c.Name != r.Column || c.Type.String() != r.Type {
					t.Errorf("%s: column %s %s became %s %s", table, r.Column, r.Type, c.Name, c.Type)
				}
			}
		})
	}
}

func TestTablesOfARealNode(t *testing.T) {
	s := snapshot(t, readRows(t, corpus+"5.0.6/types/system_schema.json"))
	for name, want := range map[string]string{
		"t_clust":    "a text, b int | c1 text, c2 timeuuid desc, c3 int | v text, w int, x list<int> | s1 text, s2 set<int>, s3 map<text, int>",
		"t_rt":       "k int | c1 int desc, c2 text, c3 int desc | v int | ",
		"T_Quoted":   "K k text | Ck text | Val.1 text, val2 int, 日本 text | ",
		"t_pk1":      "a uuid |  |  | ",
		"t_pk_types": "a decimal, b blob, c text, d boolean, e inet, f bigint |  | v int | ",
		"t_vec":      "k int |  | lv list<vector<float, 2>>, vf vector<float, 3>, vi vector<int, 2>, vs vector<smallint, 3>, vt vector<text, 2>, vv vector<vector<float, 2>, 2> | ",
	} {
		if got := shape(s.Lookup("ck", name)); got != want {
			t.Errorf("%s is\n%s, want\n%s", name, got, want)
		}
	}
	quoted := s.Lookup("ck", "T_Quoted")
	if quoted.String() != "ck.T_Quoted" || quoted.CQL() != `ck."T_Quoted"` {
		t.Errorf("%s, %s", quoted, quoted.CQL())
	}
	if counter := s.Lookup("ck", "t_counter"); !counter.Counter || s.Lookup("ck", "t_all").Counter {
		t.Error("which table is a counter's")
	}
	// A type inside a type, each with the fields that a value has.
	person := s.Lookup("ck", "t_coll").Stored([]byte("fu")).Type
	if person.Kind != cql.UDT || person.Keyspace != "ck" || !person.Frozen || len(person.Fields) != 3 || person.Fields[1].Name != "home" {
		t.Fatalf("%+v", person)
	}
	home := person.Fields[1].Type
	if home.Name != "addr" || !home.Frozen || len(home.Fields) != 3 || home.Fields[2].Type.String() != "frozen<set<text>>" {
		t.Errorf("%+v", home)
	}
	// The same type, not frozen, is another column's.
	if addr := s.Lookup("ck", "t_coll").Stored([]byte("u")).Type; addr.Frozen || addr.Name != "addr" || !addr.MultiCell() {
		t.Errorf("%+v", addr)
	}
	mv := s.Lookup("ck_mv", "mv")
	if !mv.View || mv.CDC || shape(mv) != "v int | k int, c int |  | " {
		t.Errorf("%+v: %s", mv, shape(mv))
	}
	if got := fmt.Sprint(columnNames(s.Lookup("ck", "t_clust").PrimaryKey())); got != "[a b c1 c2 c3]" {
		t.Errorf("primary key %s", got)
	}
}

func columnNames(columns []schema.Column) (names []string) {
	for _, c := range columns {
		names = append(names, c.Name)
	}
	return names
}

const id = `"id":"8c3f0e30-e590-11f1-9931-01c8f4f22df6"`

func rows(texts ...string) (all []json.RawMessage) {
	for _, s := range texts {
		all = append(all, json.RawMessage(s))
	}
	return all
}

// Mutations from before a DROP name the column still: its type must be known, and it
// is in none of the table's lists. Added again, it is the new one.
func TestDroppedColumns(t *testing.T) {
	s := snapshot(t, schema.Rows{
		Tables: rows(`{"keyspace_name":"ks","table_name":"t",` + id + `}`),
		Columns: rows(`{"keyspace_name":"ks","table_name":"t","column_name":"k","kind":"partition_key","position":0,"type":"int"}`,
			`{"keyspace_name":"ks","table_name":"t","column_name":"again","kind":"regular","position":-1,"type":"bigint"}`),
		DroppedColumns: rows(`{"keyspace_name":"ks","table_name":"t","column_name":"gone","kind":"regular","type":"list<frozen<tuple<int, text>>>","dropped_time":"2026-01-01 00:00:00.000Z"}`,
			`{"keyspace_name":"ks","table_name":"t","column_name":"gone_static","kind":"static","type":"int"}`,
			`{"keyspace_name":"ks","table_name":"t","column_name":"again","kind":"regular","type":"int","dropped_time":"2026-01-02 03:04:05.678Z"}`,
			`{"keyspace_name":"ks","table_name":"other","column_name":"k2","kind":"regular","type":"int"}`),
	})
	table := s.Lookup("ks", "t")
	if got := shape(table); got != "k int |  | again bigint | " {
		t.Errorf("table %s", got)
	}
	gone, static, again := table.Stored([]byte("gone")), table.Stored([]byte("gone_static")), table.Stored([]byte("again"))
	if gone == nil || !gone.Dropped || gone.Type.String() != "list<frozen<tuple<int, text>>>" || gone.Kind != schema.Regular {
		t.Errorf("gone: %+v", gone)
	}
	if static == nil || !static.Dropped || static.Kind != schema.Static {
		t.Errorf("gone_static: %+v", static)
	}
	if again == nil || again.Dropped || again.Type.Kind != cql.BigInt {
		t.Errorf("again: %+v", again)
	}
	// What was written before the last DROP is gone, whatever the column is now.
	if gone.DroppedAt != 1767225600000000 || static.DroppedAt != 0 || again.DroppedAt != 1767323045678000 {
		t.Errorf("dropped at %d, %d, %d", gone.DroppedAt, static.DroppedAt, again.DroppedAt)
	}
	if c := table.Stored([]byte("k2")); c != nil {
		t.Errorf("a column of another table: %+v", c)
	}
	if c := table.Stored([]byte("k")); c != nil {
		t.Errorf("a mutation lists no key column: %+v", c)
	}
}

// A real table whose columns were dropped.
func TestDroppedColumnOfARealNode(t *testing.T) {
	r := readRows(t, corpus+"4.0.19/system_keyspaces.json")
	if len(r.DroppedColumns) == 0 {
		t.Fatal("the corpus has no dropped column")
	}
	var c struct {
		Keyspace string `json:"keyspace_name"`
		Table    string `json:"table_name"`
		Column   string `json:"column_name"`
		Type     string
	}
	if err := json.Unmarshal(r.DroppedColumns[0], &c); err != nil {
		t.Fatal(err)
	}
	got := snapshot(t, r).Lookup(c.Keyspace, c.Table).Stored([]byte(c.Column))
	if got == nil || !got.Dropped || got.Type.String() != c.Type || got.DroppedAt != math.MaxInt64/1000*1000 {
		t.Errorf("%s.%s: column %s %s is %+v", c.Keyspace, c.Table, c.Column, c.Type, got)
	}
}

// One broken row takes its own table away and no other, and the error names it.
func TestBrokenRowsAreNamedAndTheRestIsThere(t *testing.T) {
	column := func(table, column, typ string) string {
		return `{"keyspace_name":"ck","table_name":"` + table + `","column_name":"` + column + `","kind":"regular","position":-1,"type":"` + typ + `"}`
	}
	for _, c := range []struct {
		name    string
		add     schema.Rows
		want    []string
		without string // table of ck
	}{
		{
			"a type that is not known", schema.Rows{Columns: rows(column("t_all", "New col", "hologram"))},
			[]string{"table ck.t_all", `column "New col"`, "hologram"}, "t_all",
		},
		{
			"a type that is no text of a type", schema.Rows{Columns: rows(column("t_all", "c_new", "map<int"))},
			[]string{"table ck.t_all", "column c_new", "map<int", "at character 7"}, "t_all",
		},
		{
			"a dropped column of a type that is not known", schema.Rows{DroppedColumns: rows(column("t_all", "c_old", "hologram"))},
			[]string{"table ck.t_all", "dropped column c_old", "hologram"}, "t_all",
		},
		{
			"a dropped column of no time", schema.Rows{DroppedColumns: rows(`{"keyspace_name":"ck","table_name":"t_all","column_name":"c_old","kind":"regular","type":"int","dropped_time":"yesterday"}`)},
			[]string{"table ck.t_all", "dropped column c_old", "yesterday"}, "",
		},
		{
			"a table without columns: read in the middle of CREATE", schema.Rows{Tables: rows(`{"keyspace_name":"ck","table_name":"new",` + id + `}`)},
			[]string{"table ck.new", "partition key"}, "new",
		},
		{
			"an id that is none", schema.Rows{Tables: rows(`{"keyspace_name":"ck","table_name":"new","id":"8c3f0e30"}`)},
			[]string{"table ck.new", `"8c3f0e30"`, "UUID"}, "new",
		},
		{
			"a row that is no JSON", schema.Rows{Tables: rows(`{"keyspace_name":"ck","table_name":"new"`)},
			[]string{"system_schema", `"table_name":"new"`}, "new",
		},
		{
			"a row of another shape", schema.Rows{Views: rows(`{"keyspace_name":"ck","view_name":"new","id":17}`)},
			[]string{"system_schema", `"view_name":"new"`}, "new",
		},
		{
			"a type that contains itself", schema.Rows{
				Types:   rows(`{"keyspace_name":"ck","type_name":"loop","field_names":["a"],"field_types":["frozen<list<frozen<loop>>>"]}`),
				Columns: rows(column("t_all", "c_new", "frozen<loop>")),
			},
			[]string{"table ck.t_all", "column c_new", "loop"}, "t_all",
		},
		{
			"a type with more names than types", schema.Rows{
				Types:   rows(`{"keyspace_name":"ck","type_name":"odd","field_names":["a","b"],"field_types":["int"]}`),
				Columns: rows(column("t_all", "c_new", "frozen<odd>")),
			},
			[]string{"table ck.t_all", "column c_new", "odd"}, "t_all",
		},
		{
			"a type of another keyspace", schema.Rows{
				Types:   rows(`{"keyspace_name":"ck_mv","type_name":"elsewhere","field_names":["a"],"field_types":["int"]}`),
				Columns: rows(column("t_all", "c_new", "frozen<elsewhere>")),
			},
			[]string{"table ck.t_all", "column c_new", "elsewhere"}, "t_all",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := readRows(t, corpus+"5.0.6/types/system_schema.json")
			want := snapshot(t, all)
			all.Append(c.add)
			got, err := schema.NewSnapshot(all)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
			for _, table := range want.Tables() {
				here := got.Lookup(table.Keyspace, table.Name)
				switch {
				case table.String() == "ck."+c.without:
				case here == nil:
					t.Errorf("%s is not there", table)
				case shape(here) != shape(table):
					t.Errorf("%s is %s, was %s", table, shape(here), shape(table))
				}
			}
			if table := got.Lookup("ck", c.without); table != nil {
				t.Errorf("%s is there: %s", table, shape(table))
			}
		})
	}
}

// All faults at once: a person repairs them in one go.
func TestAllBrokenTablesAreNamed(t *testing.T) {
	_, err := schema.NewSnapshot(schema.Rows{
		Tables: rows(`{"keyspace_name":"ks","table_name":"one",`+id+`}`, `{"keyspace_name":"ks","table_name":"two","id":"x"}`, `[]`),
	})
	if err == nil || !strings.Contains(err.Error(), "ks.one") || !strings.Contains(err.Error(), "ks.two") || !strings.Contains(err.Error(), "[]") {
		t.Errorf("%v", err)
	}
}

func TestParseID(t *testing.T) {
	const text = "8c3f0e30-e590-11f1-9931-01c8f4f22df6"
	got, err := schema.ParseID(text)
	if err != nil || got.String() != text || got[0] != 0x8c || got[15] != 0xf6 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "8c3f0e30e59011f1993101c8f4f22df6", text + "0", text[:35], "8c3f0e30-e590-11f1-9931-01c8f4f22dfg", "8c3f0e30_e590_11f1_9931_01c8f4f22df6", "8c3f0e3-0e590-11f1-9931-01c8f4f22df6"} {
		if _, err := schema.ParseID(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
