// Which rows a mutation changes: one change becomes one event.

package agent

import (
	"bytes"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// change is one changed row, or what changed of a partition as a whole.
type change struct {
	table      *schema.Table
	key        []byte   // partition key as Cassandra serializes it
	clustering [][]byte // nil for a static row or a whole partition
	operation  event.Operation
	writeTime  int64 // µs since 1970; mutation.NoTimestamp when there is none
}

// changes is the visitor that collects the changes of one mutation.
type changes struct {
	mutation.Nothing
	list []change

	update struct { // the one that is being visited
		rows   []change
		static bool
		newest int64 // write time of what the row that is being visited holds; NoTimestamp when nothing
	}

	userTable bool  // the mutation touches a table that is not Cassandra's own
	ddlTime   int64 // write time of a schema change, µs since 1970; NoTimestamp when it is none

	schemaVersion     string // that the node noted in system.local; "" when it did not
	schemaVersionTime int64

	skipped [skipReasons]int // changes that became no event, by reason
}

// skipReason is why a change becomes no event.
type skipReason uint8

const (
	rangeTombstone skipReason = iota
	counterTable
	skipReasons
)

func (r skipReason) String() string {
	return [skipReasons]string{"bound of a range delete", "update of a counter table"}[r]
}

func (c *changes) reset() {
	rows := c.update.rows[:0]
	*c = changes{list: c.list[:0], ddlTime: mutation.NoTimestamp}
	c.update.rows = rows
}

func (c *changes) Table(t *schema.Table) bool {
	switch {
	case t.Keyspace == "system_schema":
		return true
	case t.Keyspace == "system":
		return t.Name == "local"
	case !t.CDC:
		c.userTable = true
		return false
	case t.Counter:
		c.userTable = true
		c.skipped[counterTable]++
		return false
	}
	c.userTable = true
	return true
}

func (c *changes) Update(*mutation.Update) {
	c.update.rows, c.update.static = c.update.rows[:0], false
}

func (c *changes) Row(_ *mutation.Update, r *mutation.Row) { c.update.newest = r.Timestamp }

func (c *changes) Cell(u *mutation.Update, _ *mutation.Row, cell *mutation.Cell) {
	if own(u.Table) {
		c.noteSchemaVersion(cell)
	}
	if !cell.Deleted {
		c.update.newest = max(c.update.newest, cell.Timestamp)
	}
}

func (c *changes) EndRow(u *mutation.Update, r *mutation.Row) {
	if own(u.Table) {
		return
	}
	if r.Static {
		c.update.static = true
		return
	}
	ch := change{table: u.Table, clustering: clone(r.Clustering), writeTime: mutation.NoTimestamp}
	switch {
	case !r.Deletion.Live() && c.update.newest > r.Deletion.Timestamp:
		// A batch with timestamps of its own deletes the row and writes to it again.
		ch.operation, ch.writeTime = event.Update, r.Deletion.Timestamp
	case !r.Deletion.Live():
		ch.operation, ch.writeTime = event.Delete, r.Deletion.Timestamp
	case r.Timestamp != mutation.NoTimestamp:
		ch.operation = event.Insert
	default:
		ch.operation = event.Update
	}
	c.update.rows = append(c.update.rows, ch)
}

func (c *changes) Marker(u *mutation.Update, m *mutation.Marker) {
	if !own(u.Table) {
		c.skipped[rangeTombstone]++
	}
}

func (c *changes) EndUpdate(u *mutation.Update) {
	if own(u.Table) {
		if u.Table.Keyspace == "system_schema" {
			c.ddlTime = max(c.ddlTime, u.MaxTimestamp)
		}
		return
	}
	key := bytes.Clone(u.Key)
	// What concerns the partition as a whole comes before its rows: a batch may
	// delete a partition and write to it again. Without clustering columns the
	// partition is the row.
	whole := change{table: u.Table, key: key, writeTime: u.MaxTimestamp}
	switch {
	case !u.Deletion.Live():
		whole.operation = event.Delete
	case c.update.static:
		whole.operation = event.Update
	}
	if whole.operation != "" && (len(u.Table.Clustering) > 0 || len(c.update.rows) == 0) {
		c.list = append(c.list, whole)
	}
	for _, r := range c.update.rows {
		r.key = key
		if r.writeTime == mutation.NoTimestamp {
			r.writeTime = u.MaxTimestamp
		}
		c.list = append(c.list, r)
	}
}

// own says whether a table is one of Cassandra's own that tell of schema changes.
func own(t *schema.Table) bool { return t.Keyspace == "system" || t.Keyspace == "system_schema" }

// noteSchemaVersion takes the schema version out of a cell of system.local.
func (c *changes) noteSchemaVersion(cell *mutation.Cell) {
	if cell.Column.Name == "schema_version" && len(cell.Value) == len(schema.ID{}) {
		c.schemaVersion, c.schemaVersionTime = schema.ID(cell.Value).String(), cell.Timestamp
	}
}

// clone copies the values with one allocation for their bytes; nil stays nil.
func clone(values [][]byte) [][]byte {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	all, out := make([]byte, 0, size), make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			start := len(all)
			all = append(all, v...)
			out[i] = slices.Clip(all[start:])
		}
	}
	return out
}
