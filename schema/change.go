// What a schema change is made of: writes to the rows of system_schema, each with its
// time, as a mutation of the commit log holds them.

package schema

import (
	"crypto/md5"
	"math"
	"slices"
)

// SystemTable is a table of system_schema whose rows describe tables.
type SystemTable uint8

// The tables that a [Catalog] keeps the rows of.
const (
	SystemTables SystemTable = iota
	SystemColumns
	SystemDroppedColumns
	SystemTypes
	SystemViews
	systemTables // how many there are
)

// kept says of each table how many clustering columns it has and which other columns
// matter here.
var kept = [systemTables]struct {
	name       string
	id         ID
	clustering int
	columns    []string
}{
	SystemTables:         {"tables", SystemTableID("system_schema", "tables"), 1, []string{"id", "cdc", "flags"}},
	SystemColumns:        {"columns", SystemTableID("system_schema", "columns"), 2, []string{"kind", "position", "clustering_order", "type"}},
	SystemDroppedColumns: {"dropped_columns", SystemTableID("system_schema", "dropped_columns"), 2, []string{"kind", "type", "dropped_time"}},
	SystemTypes:          {"types", SystemTableID("system_schema", "types"), 1, []string{"field_names", "field_types"}},
	SystemViews:          {"views", SystemTableID("system_schema", "views"), 1, []string{"id", "cdc"}},
}

// SystemTableByID is the table with that id; ok is false for every other table.
func SystemTableByID(id ID) (t SystemTable, ok bool) {
	for t := range kept {
		if kept[t].id == id {
			return SystemTable(t), true
		}
	}
	return 0, false
}

// String is the name of the table.
func (t SystemTable) String() string { return kept[t].name }

// Clustering is the number of clustering columns: 1, or 2 where a row is a column's.
func (t SystemTable) Clustering() int { return kept[t].clustering }

// Keeps says whether a column of the table says something that decoding depends on.
func (t SystemTable) Keeps(column string) bool { return slices.Contains(kept[t].columns, column) }

// SystemTableID is the id of a table of Cassandra's own: a name-based UUID, the same
// in all releases (TableId.forSystemTable).
func SystemTableID(keyspace, table string) ID {
	id := ID(md5.Sum([]byte(keyspace + table)))
	id[6] = id[6]&0x0f | 0x30 // version 3
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 4122
	return id
}

// Times of writes are µs since 1970, as the log has them.
const (
	// Never is the time of a write or a deletion that was not.
	Never = math.MinInt64
	// undated is the time of what a snapshot says: older than any change.
	undated = math.MinInt64 + 1
)

// RowKey is a row's clustering: a table (type, view), and where there are two
// clustering columns a column.
type RowKey struct{ Name, Column string }

// Change is what a mutation does to one row of a table of system_schema, or, when Range
// is set, to all rows of a keyspace in a range of clusterings.
type Change struct {
	Table    SystemTable
	Keyspace string
	Row      RowKey
	Range    *Range

	Deleted int64  // what was written to the row or range then or before is gone; Never
	Written int64  // the write time of the row itself; Never where only cells are written
	Cells   []Cell // of one row
}

// Cell is one value that is written to a row.
type Cell struct {
	Column string
	Value  []byte // as CQL serializes it; nil deletes
	Time   int64
}

// Range is a range of clusterings.
type Range struct{ From, To Bound }

// Bound is an end of a range: a prefix of a clustering. An empty prefix is open.
type Bound struct {
	Prefix    []string
	Inclusive bool // rows that begin with the prefix are inside
}

func (r *Range) open() bool { return len(r.From.Prefix) == 0 && len(r.To.Prefix) == 0 }

func (r *Range) covers(k RowKey) bool {
	from, to := r.From.compare(k), r.To.compare(k)
	return (len(r.From.Prefix) == 0 || from > 0 || from == 0 && r.From.Inclusive) &&
		(len(r.To.Prefix) == 0 || to < 0 || to == 0 && r.To.Inclusive)
}

// compare says where a row lies: before the prefix, behind it, or 0 among those that
// begin with it.
func (b Bound) compare(k RowKey) int {
	names := []string{k.Name, k.Column}
	return slices.Compare(names[:min(len(b.Prefix), len(names))], b.Prefix)
}
