// What a visitor is shown of a mutation.

package mutation

import (
	"math"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// NoTimestamp marks a time that is not there (LivenessInfo.NO_TIMESTAMP).
const NoTimestamp = math.MinInt64

// Visitor is shown the parts of a mutation in the order of the log. All byte slices
// and pointers are valid only during the call.
type Visitor interface {
	// Update begins the update of one table. When it returns false, the rest of this
	// update is not shown.
	Update(u *Update) (visit bool)
	// Row shows a row, or the static row of the partition.
	Row(u *Update, r *Row)
	// Marker shows a bound of a range tombstone.
	Marker(u *Update, m *Marker)
	// EndUpdate ends the update; u.MaxTimestamp is complete now.
	EndUpdate(u *Update)
}

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

// Row is one row of an update, without what was written to a column before that was
// dropped.
type Row struct {
	Static     bool
	Clustering [][]byte // raw values; nil is null, empty is an empty value; nothing for a static row

	Timestamp         int64 // of the primary key ("INSERT"), µs since 1970; NoTimestamp in an "UPDATE"
	TTL               uint32
	LocalDeletionTime uint32 // when TTL is set: when the row expires, s since 1970

	Deletion Deletion // row tombstone

	Cells            []Cell
	ComplexDeletions []ComplexDeletion
}

// empty says that nothing is left of the row: it wrote only to columns that were dropped
// since. Cassandra passes over such a row.
func (r *Row) empty() bool {
	return r.Timestamp == NoTimestamp && r.Deletion.Live() && len(r.Cells) == 0 && len(r.ComplexDeletions) == 0
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

// ComplexDeletion deletes what a collection or user-defined type held before.
type ComplexDeletion struct {
	Column   *schema.Column
	Deletion Deletion
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

func (k BoundKind) boundary() bool { return k == ExclEndInclStart || k == InclEndExclStart }

// Marker is a bound of a range tombstone, or the boundary between two.
type Marker struct {
	Kind       BoundKind
	Clustering [][]byte // a prefix; empty is an open end
	Deletion   Deletion // of a bound; at a boundary, of the range that ends
	Start      Deletion // at a boundary, of the range that starts
}
