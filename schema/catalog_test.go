// The catalog: changes in any order, which tables they make anew, and what becomes of
// those that cannot be read.

package schema_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

var (
	idOne = schema.ID{1}
	idTwo = schema.ID{2}
)

func text(s string) []byte   { return []byte(s) }
func integer(n int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func boolean(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

func texts(list ...string) []byte {
	v := integer(int32(len(list)))
	for _, s := range list {
		v = append(append(v, integer(int32(len(s)))...), s...)
	}
	return v
}

// write is an INSERT of a row of keyspace ks.
func write(at int64, t schema.SystemTable, row schema.RowKey, cells map[string][]byte) schema.Change {
	c := schema.Change{Table: t, Keyspace: "ks", Row: row, Deleted: schema.Never, Written: at}
	for _, name := range slices.Sorted(maps.Keys(cells)) {
		c.Cells = append(c.Cells, schema.Cell{Column: name, Value: cells[name], Time: at})
	}
	return c
}

func table(at int64, id schema.ID, cdc bool) schema.Change {
	return write(at, schema.SystemTables, schema.RowKey{Name: "t"}, map[string][]byte{"id": id[:], "cdc": boolean(cdc)})
}

func column(at int64, name, kind string, position int32, typ string) schema.Change {
	return write(at, schema.SystemColumns, schema.RowKey{Name: "t", Column: name}, map[string][]byte{
		"kind": text(kind), "position": integer(position), "clustering_order": text("none"), "type": text(typ),
	})
}

func drop(at int64, t schema.SystemTable, row schema.RowKey) schema.Change {
	return schema.Change{Table: t, Keyspace: "ks", Row: row, Deleted: at, Written: schema.Never}
}

func dropColumn(at int64, name string) schema.Change {
	return drop(at, schema.SystemColumns, schema.RowKey{Name: "t", Column: name})
}

func udt(at int64, name string, fields ...string) schema.Change {
	var names, types []string
	for i := 0; i < len(fields); i += 2 {
		names, types = append(names, fields[i]), append(types, fields[i+1])
	}
	return write(at, schema.SystemTypes, schema.RowKey{Name: name}, map[string][]byte{"field_names": texts(names...), "field_types": texts(types...)})
}

func deleteRange(at int64, t schema.SystemTable, r schema.Range) schema.Change {
	return schema.Change{Table: t, Keyspace: "ks", Range: &r, Deleted: at, Written: schema.Never}
}

// create is CREATE TABLE ks.t (k int, c text, v int, PRIMARY KEY (k, c)).
func create(at int64, id schema.ID) []schema.Change {
	return []schema.Change{
		column(at, "k", "partition_key", 0, "int"), column(at, "c", "clustering", 0, "text"), column(at, "v", "regular", -1, "int"), table(at, id, true),
	}
}

func catalog(t testing.TB, rows schema.Rows) *schema.Catalog {
	t.Helper()
	c, err := schema.NewCatalog(rows)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// describe is table ks.t in one line, "" when there is none.
func describe(c *schema.Catalog) string {
	t := c.Snapshot().Lookup("ks", "t")
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%d cdc=%v: %s", t.ID[0], t.CDC, shape(t))
}

// What the log says comes in the order of the log, but a node that was away gets old
// rows again: whatever the order, the last write wins.
func TestTheLastWriteWinsInAnyOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes [][]schema.Change
		want    string
	}{
		{"created", [][]schema.Change{create(10, idOne)}, "1 cdc=true: k int | c text | v int | "},
		{"altered", [][]schema.Change{create(10, idOne), {table(20, idOne, false), column(20, "w", "static", -1, "set<int>")}}, "1 cdc=false: k int | c text | v int | w set<int>"},
		{"a column dropped", [][]schema.Change{create(10, idOne), {dropColumn(20, "v")}}, "1 cdc=true: k int | c text |  | "},
		{"a column renamed", [][]schema.Change{create(10, idOne), {dropColumn(20, "c"), column(20, "cc", "clustering", 0, "text")}}, "1 cdc=true: k int | cc text | v int | "},
		{"dropped", [][]schema.Change{create(10, idOne), dropAll(20)}, ""},
		{"dropped and created again", [][]schema.Change{create(10, idOne), dropAll(20), create(30, idTwo)}, "2 cdc=true: k int | c text | v int | "},
		{"the keyspace dropped", [][]schema.Change{create(10, idOne), {
			deleteRange(20, schema.SystemTables, schema.Range{}), deleteRange(20, schema.SystemColumns, schema.Range{}),
		}}, ""},
		{"a range of columns dropped", [][]schema.Change{create(10, idOne), {column(10, "w", "regular", -1, "int"), deleteRange(20, schema.SystemColumns, schema.Range{
			From: schema.Bound{Prefix: []string{"t", "v"}}, To: schema.Bound{Prefix: []string{"t"}, Inclusive: true},
		})}}, "1 cdc=true: k int | c text | v int | "},
		{"all columns of a name dropped, and some written later", [][]schema.Change{create(10, idOne), {deleteRange(20, schema.SystemColumns, schema.Range{
			From: schema.Bound{Prefix: []string{"t"}, Inclusive: true}, To: schema.Bound{Prefix: []string{"t"}, Inclusive: true},
		})}, {column(30, "k2", "partition_key", 0, "uuid")}}, "1 cdc=true: k2 uuid |  |  | "},
		{"a row tombstone older than the row that comes with it", [][]schema.Change{{
			column(10, "k", "partition_key", 0, "int"), drop(9, schema.SystemTables, schema.RowKey{Name: "t"}), table(10, idOne, true),
		}}, "1 cdc=true: k int |  |  | "},
		{"a cell deleted", [][]schema.Change{create(10, idOne), {{
			Table: schema.SystemTables, Keyspace: "ks", Row: schema.RowKey{Name: "t"}, Deleted: schema.Never, Written: schema.Never,
			Cells: []schema.Cell{{Column: "cdc", Time: 20}},
		}}}, "1 cdc=false: k int | c text | v int | "},
		{"two writes at once: the larger value, and a deletion before any", [][]schema.Change{create(10, idOne), {table(10, idOne, false)}, {dropColumn(10, "v")}}, "1 cdc=true: k int | c text |  | "},
		{"a type altered", [][]schema.Change{create(10, idOne), {udt(20, "u", "a", "int")}, {column(30, "x", "regular", -1, "frozen<u>")}, {udt(40, "u", "a", "int", "b", "text")}}, "1 cdc=true: k int | c text | v int, x frozen<u> | "},
	} {
		t.Run(c.name, func(t *testing.T) {
			permute(c.changes, func(order [][]schema.Change) {
				got := catalog(t, schema.Rows{})
				for range 2 {
					for _, list := range order {
						_, _ = got.Apply(list) // incomplete in between, by intent
					}
				}
				if describe(got) != c.want {
					t.Errorf("got %s, want %s", describe(got), c.want)
				}
				revision, snapshot := got.Revision(), got.Snapshot()
				for _, list := range order {
					if _, err := got.Apply(list); err != nil {
						t.Error(err)
					}
				}
				if got.Revision() != revision || got.Snapshot() != snapshot {
					t.Error("what was known made a difference")
				}
			})
		})
	}
}

func dropAll(at int64) []schema.Change {
	return []schema.Change{
		dropColumn(at, "k"), dropColumn(at, "c"), dropColumn(at, "v"), drop(at, schema.SystemTables, schema.RowKey{Name: "t"}),
	}
}

// permute runs f with every order of the list.
func permute[T any](list []T, f func([]T)) {
	var step func(done, left []T)
	step = func(done, left []T) {
		if len(left) == 0 {
			f(done)
		}
		for i := range left {
			rest := slices.Delete(slices.Clone(left), i, i+1)
			step(append(slices.Clip(done), left[i]), rest)
		}
	}
	step(nil, list)
}

// snapshotOf are rows of ks.t as a node would tell them.
func snapshotOf(t testing.TB, changes ...[]schema.Change) schema.Rows {
	t.Helper()
	c := catalog(t, schema.Rows{})
	for _, list := range changes {
		if _, err := c.Apply(list); err != nil {
			t.Fatal(err)
		}
	}
	return c.Snapshot().Lookup("ks", "t").Rows()
}

// A snapshot has no times: it is older than any change, however old that is.
func TestASnapshotIsOlderThanAnyChange(t *testing.T) {
	renamed := snapshotOf(t, create(100, idOne), []schema.Change{dropColumn(200, "c"), column(200, "cc", "clustering", 0, "text"), column(200, "w", "regular", -1, "int")})
	for _, c := range []struct {
		name    string
		base    schema.Rows
		changes []schema.Change
		want    string
	}{
		{"cdc turned off", renamed, []schema.Change{table(-5, idOne, false)}, "1 cdc=false: k int | cc text | v int, w int | "},
		{"a column dropped", renamed, []schema.Change{dropColumn(-5, "w")}, "1 cdc=true: k int | cc text | v int | "},
		{"the CREATE from before the RENAME", renamed, create(100, idOne), "1 cdc=true: k int | c text | v int, w int | "},
		{"the RENAME behind it", renamed, append(create(100, idOne), dropColumn(200, "c"), column(200, "cc", "clustering", 0, "text")), "1 cdc=true: k int | cc text | v int, w int | "},
		{"another table of that name: none of the columns are its own", renamed, []schema.Change{
			column(100, "k", "partition_key", 0, "uuid"), table(100, idTwo, true),
		}, "2 cdc=true: k uuid |  |  | "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := catalog(t, c.base)
			if _, err := got.Apply(c.changes); err != nil {
				t.Fatal(err)
			}
			if describe(got) != c.want {
				t.Errorf("got %s, want %s", describe(got), c.want)
			}
		})
	}
}

// Whoever holds a table sees by the pointer whether it changed; what was replaced is
// handed out in its former version.
func TestOnlyWhatChangedIsMadeAnew(t *testing.T) {
	c := catalog(t, readRows(t, corpus+"5.0.6/types/system_schema.json"))
	before := c.Snapshot()
	other, all := before.Lookup("ck_mv", "mv"), before.Lookup("ck", "t_all")
	change := []schema.Change{{
		Table: schema.SystemTypes, Keyspace: "ck", Row: schema.RowKey{Name: "addr"}, Deleted: schema.Never, Written: 10,
		Cells: []schema.Cell{
			{Column: "field_names", Value: texts("street", "no", "tags", "zip"), Time: 10},
			{Column: "field_types", Value: texts("text", "int", "frozen<set<text>>", "text"), Time: 10},
		},
	}}
	replaced, err := c.Apply(change)
	if err != nil {
		t.Fatal(err)
	}
	after := c.Snapshot()
	if after.Lookup("ck_mv", "mv") != other || after.Lookup("ck", "t_all") != all || after.Table(all.ID) != all {
		t.Error("a table that did not change is another one")
	}
	using := after.Lookup("ck", "t_coll")
	if using == before.Lookup("ck", "t_coll") || len(using.Stored([]byte("u")).Type.Fields) != 4 {
		t.Errorf("the table that uses the type is %+v", using)
	}
	if !slices.Contains(replaced, before.Lookup("ck", "t_coll")) || slices.Contains(replaced, all) {
		t.Errorf("replaced %v", replaced)
	}
	if before.Lookup("ck", "t_coll").Stored([]byte("u")).Type.Fields[2].Name != "tags" || before == after {
		t.Error("the snapshot from before changed")
	}
	replaced, err = c.Apply([]schema.Change{drop(10, schema.SystemTables, schema.RowKey{Name: "none"})})
	if len(replaced) > 0 || err != nil || c.Snapshot().Lookup("ck", "t_coll") != using {
		t.Errorf("replaced %v, %v", replaced, err)
	}
}

// What cannot be read takes its table away, is told once, and heals.
func TestTablesThatCannotBeBuiltAreNamedOnce(t *testing.T) {
	key := []schema.Change{column(10, "k", "partition_key", 0, "int"), table(10, idOne, true)}
	cells := func(row schema.Change, column string, value []byte) schema.Change {
		row.Cells = append(slices.Clone(row.Cells), schema.Cell{Column: column, Value: value, Time: 20})
		return row
	}
	dropped := write(10, schema.SystemDroppedColumns, schema.RowKey{Name: "t", Column: "Gone"}, map[string][]byte{"kind": text("regular"), "type": text("int"), "dropped_time": {1, 2}})
	for _, c := range []struct {
		name   string
		broken schema.Change
		want   []string
	}{
		{"an id of 15 bytes", cells(table(10, idOne, true), "id", idOne[:15]), []string{"table ks.t", "id of 15 bytes"}},
		{"a boolean of 2 bytes", cells(table(10, idOne, true), "cdc", []byte{0, 1}), []string{"table ks.t", "cdc of 2 bytes"}},
		{"flags that claim more than there is", cells(table(10, idOne, true), "flags", []byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'x'}), []string{"table ks.t", "flags"}},
		{"a position of 3 bytes", cells(column(10, "k", "partition_key", 0, "int"), "position", []byte{0, 0, 0}), []string{"table ks.t", "column k", "position of 3 bytes"}},
		{"a kind that is not known", column(20, "New", "hologram", -1, "int"), []string{"table ks.t", `column "New"`, "hologram"}},
		{"a type that is not known", column(20, "new", "regular", -1, "hologram"), []string{"table ks.t", "column new", "hologram"}},
		{"a type that is no text", column(20, "new", "regular", -1, "\xff"), []string{"table ks.t", "column new", "UTF-8"}},
		{"a gap in the key", column(20, "c", "clustering", 1, "int"), []string{"table ks.t", "number 0"}},
		{"two columns in one place", column(10, "k2", "partition_key", 0, "int"), []string{"table ks.t", "k2", "both number 0"}},
		{"no partition key", dropColumn(20, "k"), []string{"table ks.t", "no partition key"}},
		{"a time of 2 bytes", dropped, []string{"table ks.t", `dropped column "Gone"`, "dropped_time of 2 bytes"}},
		{"a type of more names than types", cells(udt(10, "u", "a", "int"), "field_names", texts("a", "b")), []string{"type ks.u", "2 names and 1 types"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := catalog(t, schema.Rows{Tables: rows(`{"keyspace_name":"other","table_name":"o",` + id + `}`),
				Columns: rows(`{"keyspace_name":"other","table_name":"o","column_name":"k","kind":"partition_key","position":0,"type":"int"}`)})
			if _, err := got.Apply(key); err != nil {
				t.Fatal(err)
			}
			_, err := got.Apply([]schema.Change{c.broken})
			for _, w := range c.want {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
			if isTable := c.broken.Table != schema.SystemTypes; isTable != (describe(got) == "") {
				t.Errorf("the table is %q", describe(got))
			}
			if got.Snapshot().Lookup("other", "o") == nil {
				t.Error("another table went with it")
			}
			if _, err := got.Apply([]schema.Change{column(30, "later", "regular", -1, "int")}); err != nil {
				t.Errorf("told again: %v", err)
			}
			_, err = got.Apply([]schema.Change{
				table(40, idOne, true), write(40, schema.SystemTables, schema.RowKey{Name: "t"}, map[string][]byte{"flags": texts("compound")}), column(40, "k", "partition_key", 0, "int"),
				dropColumn(40, "New"), dropColumn(40, "new"), dropColumn(40, "c"), dropColumn(40, "k2"),
				drop(40, schema.SystemDroppedColumns, schema.RowKey{Name: "t", Column: "Gone"}), udt(40, "u", "a", "int"),
			})
			if want := "1 cdc=true: k int |  | later int | "; err != nil || describe(got) != want {
				t.Errorf("mended it is %q, %v", describe(got), err)
			}
		})
	}
}

// What a later look at the node adds: what the catalog lacks, and nothing else.
func TestMergeAddsWhatIsLacking(t *testing.T) {
	none := func(schema.ID) bool { return false }
	altered := snapshotOf(t, create(100, idOne), []schema.Change{
		dropColumn(200, "c"), column(200, "cc", "clustering", 0, "text"), column(200, "w", "regular", -1, "frozen<u>"), udt(200, "u", "a", "int"), table(200, idOne, true),
	})
	again := snapshotOf(t, create(100, idTwo))
	for _, c := range []struct {
		name    string
		changes [][]schema.Change
		later   schema.Rows
		known   func(schema.ID) bool
		want    string
		byID    schema.ID
	}{
		{"a table and its type", nil, altered, none, "1 cdc=true: k int | cc text | v int, w frozen<u> | ", idOne},
		{"a column and its type; a key column that was renamed since is not", [][]schema.Change{create(10, idOne)}, altered, none, "1 cdc=true: k int | c text | v int, w frozen<u> | ", idOne},
		{"not a column that was dropped", [][]schema.Change{create(10, idOne), {dropColumn(20, "v")}}, altered, none, "1 cdc=true: k int | c text | w frozen<u> | ", idOne},
		{"cdc, when it is on by now", [][]schema.Change{create(10, idOne), {table(20, idOne, false)}}, altered, none, "1 cdc=true: k int | c text | v int, w frozen<u> | ", idOne},
		{"a table of a name that was dropped", [][]schema.Change{create(10, idOne), dropAll(20)}, again, none, "2 cdc=true: k int | c text | v int | ", idTwo},
		{"not the table that was dropped", [][]schema.Change{create(10, idOne), dropAll(20)}, altered, func(id schema.ID) bool { return id == idOne }, "", schema.ID{}},
		{"by its id only while another has the name", [][]schema.Change{create(10, idOne)}, again, none, "1 cdc=true: k int | c text | v int | ", idTwo},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := catalog(t, schema.Rows{})
			for _, list := range c.changes {
				if _, err := got.Apply(list); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := got.Merge(c.later, c.known); err != nil {
					t.Fatal(err)
				}
				if describe(got) != c.want {
					t.Errorf("got %s, want %s", describe(got), c.want)
				}
				if table := got.Snapshot().Table(c.byID); (table == nil) != (c.byID == schema.ID{}) {
					t.Errorf("by its id: %v", table)
				}
			}
			got = saved(t, got)
			if table := got.Snapshot().Table(c.byID); describe(got) != c.want || (table == nil) != (c.byID == schema.ID{}) {
				t.Errorf("saved: %s, by its id: %v", describe(got), table)
			}
		})
	}
}

// A table that is known by its id only takes the name when its own ALTER comes by, with
// all of its columns: the DROP of the other was missed.
func TestATableAsideTakesItsName(t *testing.T) {
	c := catalog(t, schema.Rows{})
	if _, err := c.Apply(create(10, idOne)); err != nil {
		t.Fatal(err)
	}
	now := snapshotOf(t, []schema.Change{column(20, "key", "partition_key", 0, "uuid"), column(20, "val", "regular", -1, "int"), table(20, idTwo, false)})
	if err := c.Merge(now, func(schema.ID) bool { return false }); err != nil {
		t.Fatal(err)
	}
	replaced, err := c.Apply([]schema.Change{column(30, "w", "regular", -1, "int"), table(30, idTwo, true)})
	if want := "2 cdc=true: key uuid |  | val int, w int | "; describe(c) != want || err != nil {
		t.Errorf("got %s, want %s, %v", describe(c), want, err)
	}
	if len(replaced) != 1 || replaced[0].ID != idOne || c.Snapshot().Table(idOne) != nil || c.Snapshot().Table(idTwo) != c.Snapshot().Lookup("ks", "t") {
		t.Errorf("replaced %v", replaced)
	}
}

func saved(t testing.TB, c *schema.Catalog) *schema.Catalog {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back := &schema.Catalog{}
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	return back
}

// Times are saved too: after a restart an old write is still old.
func TestASavedCatalogRemembersTimes(t *testing.T) {
	c := catalog(t, schema.Rows{})
	for _, list := range [][]schema.Change{create(10, idOne), {dropColumn(20, "v"), table(20, idOne, false)}, {deleteRange(15, schema.SystemTypes, schema.Range{})}} {
		if _, err := c.Apply(list); err != nil {
			t.Fatal(err)
		}
	}
	back := saved(t, c)
	want := describe(c)
	for _, list := range [][]schema.Change{create(10, idOne), {udt(12, "u", "a", "int"), column(30, "w", "regular", -1, "frozen<u>")}} {
		for _, in := range []*schema.Catalog{c, back} {
			_, _ = in.Apply(list) // the type is gone: no column can be of it
		}
	}
	if want != "1 cdc=false: k int | c text |  | " || describe(back) != describe(c) || describe(back) != "" {
		t.Errorf("saved %s; afterwards %q and %q", want, describe(back), describe(c))
	}
	back.Forget(16)
	if _, err := back.Apply([]schema.Change{udt(12, "u", "a", "int"), column(10, "v", "regular", -1, "int")}); err != nil {
		t.Error(err)
	}
	if got := describe(back); got != "1 cdc=false: k int | c text | w frozen<u> | " {
		t.Errorf("of the deletions only those from before 16 are forgotten: %s", got)
	}
}

// A table can be told in rows, whatever is in it.
func TestTablesOfRealNodesAsRows(t *testing.T) {
	files, _ := filepath.Glob(corpus + "*/*/system_schema.json")
	more, _ := filepath.Glob(corpus + "*/system_keyspaces.json")
	for _, f := range append(files, more...) {
		for _, table := range snapshot(t, readRows(t, f)).Tables() {
			again := snapshot(t, table.Rows()).Table(table.ID)
			if diff := cmp.Diff(table, again, cmp.AllowUnexported(schema.Table{})); diff != "" {
				t.Errorf("%s: %s (-table +again):\n%s", f, table, diff)
			}
		}
	}
}

// The tables of system_schema are built in with every column that any release has, each
// with the type that it has there.
func TestBuiltInDefinitionsAreThoseOfAllReleases(t *testing.T) {
	builtIn := snapshot(t, schema.SystemSchema())
	files, _ := filepath.Glob(corpus + "*/system_keyspaces.json")
	if len(files) < 5 {
		t.Fatalf("corpus: %v", files)
	}
	seen := map[string]bool{}
	for _, f := range files {
		for _, real := range snapshot(t, readRows(t, f)).Tables() {
			if real.Keyspace != "system_schema" {
				continue
			}
			ours := builtIn.Lookup(real.Keyspace, real.Name)
			if ours == nil || ours.ID != real.ID {
				t.Errorf("%s: %s is not built in, or has another id: %v", f, real, ours)
				continue
			}
			if diff := cmp.Diff(real.PrimaryKey(), ours.PrimaryKey()); diff != "" {
				t.Errorf("%s: key of %s (-node +ours):\n%s", f, real, diff)
			}
			for _, c := range real.Regular {
				seen[real.Name+"."+c.Name] = true
				if diff := cmp.Diff(&c, ours.Stored([]byte(c.Name))); diff != "" {
					t.Errorf("%s: column %s of %s (-node +ours):\n%s", f, c.Name, real, diff)
				}
			}
		}
	}
	for _, table := range builtIn.Tables() {
		for _, c := range table.Regular {
			if !seen[table.Name+"."+c.Name] {
				t.Errorf("%s has no column %s in any release", table, c.Name)
			}
		}
	}
}
