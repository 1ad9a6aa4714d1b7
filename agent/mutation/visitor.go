// What a visitor is shown of a mutation.

package mutation

import (
	"math"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// NoTimestamp marks a time that is not there (LivenessInfo.NO_TIMESTAMP).
const NoTimestamp = math.MinInt64

// Visitor is shown the parts of a mutation in the order of the log. All byte slices
// and pointers are valid only during the call. A type that needs a few of the methods
// embeds [Nothing].
type Visitor interface {
	// Table says whether the update of a table that comes next is to be shown.
	Table(t *schema.Table) (show bool)
	// Update begins the update of one table.
	Update(u *Update)
	// Row begins a row, or the static row of the partition. What was written to columns
	// that were dropped since is not shown, so that nothing may be left of a row.
	Row(u *Update, r *Row)
	// ComplexDeletion shows that a collection or user-defined type of the row is deleted,
	// before the cells of that column.
	ComplexDeletion(u *Update, r *Row, column *schema.Column, d Deletion)
	// Cell shows a cell of the row.
	Cell(u *Update, r *Row, c *Cell)
	// EndRow ends the row.
	EndRow(u *Update, r *Row)
	// Marker shows a bound of a range tombstone.
	Marker(u *Update, m *Marker)
	// EndUpdate ends the update; u.MaxTimestamp is complete now.
	EndUpdate(u *Update)
}

// Nothing is a visitor that wants to see every table and looks at nothing.
type Nothing struct{}

// Table implements Visitor.
func (Nothing) Table(*schema.Table) bool { return true }

// Update implements Visitor.
func (Nothing) Update(*Update) {}

// Row implements Visitor.
func (Nothing) Row(*Update, *Row) {}

// ComplexDeletion implements Visitor.
func (Nothing) ComplexDeletion(*Update, *Row, *schema.Column, Deletion) {}

// Cell implements Visitor.
func (Nothing) Cell(*Update, *Row, *Cell) {}

// EndRow implements Visitor.
func (Nothing) EndRow(*Update, *Row) {}

// Marker implements Visitor.
func (Nothing) Marker(*Update, *Marker) {}

// EndUpdate implements Visitor.
func (Nothing) EndUpdate(*Update) {}

// Schemas finds a table by its id.
type Schemas interface {
	Table(id schema.ID) *schema.Table
}

// Deletion is a tombstone: everything written at Timestamp or before is gone.
type Deletion struct {
	Timestamp         int64  // µs since 1970; NoTimestamp when nothing is deleted
	LocalDeletionTime uint32 // s since 1970, the clock of the coordinator
}

// Live says that nothing is deleted.
func (d Deletion) Live() bool { return d.Timestamp == NoTimestamp }

// Update is the change of one partition of one table.
type Update struct {
	Table    *schema.Table
	Key      []byte   // partition key as Cassandra serializes it
	Deletion Deletion // of the whole partition

	// MaxTimestamp is the newest write time in the update, µs since 1970, row
	// deletions not counted (PartitionUpdate.maxTimestamp), NoTimestamp when there
	// is none.
	MaxTimestamp int64
}

// Row is one row of an update.
type Row struct {
	Static     bool
	Clustering [][]byte // raw values; nil is null, empty is an empty value; nothing for a static row

	Timestamp         int64 // of the primary key ("INSERT"), µs since 1970; NoTimestamp in an "UPDATE"
	TTL               uint32
	LocalDeletionTime uint32 // when TTL is set: when the row expires, s since 1970

	Deletion   Deletion // row tombstone
	Shadowable bool     // it is undone by a newer Timestamp (materialized views of 3.0)
}

// Cell is one value, or the tombstone of one.
type Cell struct {
	Column            *schema.Column
	Path              []byte // element of a collection or field of a user-defined type; nil for a simple column
	Timestamp         int64
	TTL               uint32
	LocalDeletionTime uint32
	Deleted           bool
	Value             []byte // nil when Deleted
}

// BoundKind is which side of a range a marker bounds (ClusteringPrefix.Kind).
type BoundKind uint8

// The kinds that markers have.
const (
	ExclEnd BoundKind = iota
	InclStart
	ExclEndInclStart
	_ // static clustering
	_ // clustering
	InclEndExclStart
	InclEnd
	ExclStart
)

var boundKinds = [...]string{
	ExclEnd: "EXCL_END_BOUND", InclStart: "INCL_START_BOUND", ExclEndInclStart: "EXCL_END_INCL_START_BOUNDARY",
	InclEndExclStart: "INCL_END_EXCL_START_BOUNDARY", InclEnd: "INCL_END_BOUND", ExclStart: "EXCL_START_BOUND",
}

// String is the kind as Cassandra names it.
func (k BoundKind) String() string {
	if int(k) >= len(boundKinds) {
		return "" // no marker has it
	}
	return boundKinds[k]
}

// Boundary says whether one range ends and another starts at the marker.
func (k BoundKind) Boundary() bool { return k == ExclEndInclStart || k == InclEndExclStart }

// Marker is a bound of a range tombstone, or the boundary between two.
type Marker struct {
	Kind       BoundKind
	Clustering [][]byte // a prefix; empty is an open end
	Deletion   Deletion // of a bound; at a boundary, of the range that ends
	Start      Deletion // at a boundary, of the range that starts
}
