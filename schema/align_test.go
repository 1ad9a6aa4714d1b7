// How many of a log's changes a snapshot has, where the corpus does not go: keyspaces
// that come and go, and snapshots that tell of some keyspaces only.

package schema_test

import (
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// in moves changes to another keyspace.
func in(keyspace string, changes ...schema.Change) []schema.Change {
	for i := range changes {
		changes[i].Keyspace = keyspace
	}
	return changes
}

func TestAlign(t *testing.T) {
	addW, addX := column(20, "w", "regular", -1, "int"), column(30, "x", "regular", -1, "int")
	created := snapshotOf(t, create(10, idOne))
	withW := snapshotOf(t, create(10, idOne), []schema.Change{addW})
	withBoth := snapshotOf(t, create(10, idOne), []schema.Change{addW}, []schema.Change{addX})
	comment := table(25, idOne, true) // a change of something that is not told here
	dropOther := in("other", deleteRange(40, schema.SystemTables, schema.Range{}), deleteRange(40, schema.SystemColumns, schema.Range{}))
	for _, c := range []struct {
		name    string
		base    schema.Rows
		changes [][]schema.Change
		want    int
	}{
		{"nothing", created, nil, 0},
		{"before the first", created, [][]schema.Change{{addW}, {addX}}, 0},
		{"between the two", withW, [][]schema.Change{{addW}, {addX}}, 1},
		{"behind the last", withBoth, [][]schema.Change{{addW}, {addX}}, 2},
		{"the CREATE is in it", withW, [][]schema.Change{create(10, idOne), {addW}, {addX}}, 2},
		{"a change that cannot be told from none counts", withW, [][]schema.Change{{addW}, {comment}, {addX}}, 2},
		{"another type", withW, [][]schema.Change{{column(20, "w", "regular", -1, "text")}}, 0},
		{"another position", created, [][]schema.Change{{column(20, "c", "clustering", 1, "text")}}, 0},
		{"another id", created, [][]schema.Change{create(10, idTwo)}, 0},
		{"cdc is off in it", created, [][]schema.Change{{table(20, idOne, false)}, {addW}}, 0},
		{"cdc was off and is on again", created, [][]schema.Change{{table(20, idOne, false)}, {table(30, idOne, true)}, {addW}}, 2},
		{"a column that was dropped is in it", withW, [][]schema.Change{{addW}, {dropColumn(30, "w")}}, 1},
		{"a column that was dropped is not in it", created, [][]schema.Change{{addW}, {dropColumn(30, "w")}}, 2},
		{"a table that was dropped is in it", created, [][]schema.Change{create(10, idOne), dropAll(20)}, 1},
		{"a keyspace that it has is dropped and comes again", created, [][]schema.Change{
			create(10, idOne), {deleteRange(20, schema.SystemTables, schema.Range{}), deleteRange(20, schema.SystemColumns, schema.Range{})}, create(30, idTwo),
		}, 1},

		{"a keyspace that it lacks is created later", created, [][]schema.Change{create(10, idOne), in("other", create(30, idTwo)...)}, 1},
		{"a keyspace that it lacks is created later, and columns", created, [][]schema.Change{create(10, idOne), in("other", create(30, idTwo)...), {addW}}, 1},
		{"a keyspace that it lacks is dropped again", created, [][]schema.Change{create(10, idOne), in("other", create(30, idTwo)...), dropOther}, 3},
		{"a keyspace that was left out", withW, [][]schema.Change{create(10, idOne), in("other", create(15, idTwo)...), {addW}, {addX}}, 3},
		{"Cassandra's own keyspaces say nothing", withW, [][]schema.Change{in("system", create(5, idTwo)...), {addW}, in("system_auth", create(25, idTwo)...), {addX}}, 3},
		{"of an empty schema", schema.Rows{}, [][]schema.Change{create(10, idOne), {addW}}, 0},
		{"of what cannot be read", schema.Rows{Tables: rows("[]", "{")}, [][]schema.Change{create(10, idOne)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n := schema.Align(c.base, c.changes); n != c.want {
				t.Errorf("%d, want %d", n, c.want)
			}
		})
	}
}
