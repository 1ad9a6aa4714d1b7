// Which rows a mutation changes: one change becomes one event.

package agent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
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
	writeTime  int64        // µs since 1970; mutation.NoTimestamp when there is none
	deleted    *event.Range // of event.DeleteRange
}

// changes is the visitor that collects the changes of one mutation.
type changes struct {
	mutation.Nothing
	withRanges bool // range deletes are changes

	list []change
	err  error // a fault in an update: the mutation is none

	update struct { // the one that is being visited
		rows   []change
		ranges ranges
		static bool
		newest int64 // write time of what the row that is being visited holds; NoTimestamp when nothing
	}

	schema history.Changes // of system_schema

	filter config.TableFilter // which tables are published

	skipped [skipReasons]int // changes that became no event, by reason
}

// skipReason is why a change becomes no event.
type skipReason uint8

const (
	rangeTombstone skipReason = iota
	excludedTable
	viewTable
	skipReasons
)

func (r skipReason) String() string {
	return [skipReasons]string{
		"bound of a range delete (the setting rangeDeletes makes events of them)",
		"table left out by the settings",
		"update of a materialized view, which follows its table",
	}[r]
}

func (c *changes) reset() {
	c.list, c.err = c.list[:0], nil
	c.schema.Reset()
	c.skipped = [skipReasons]int{}
}

func (c *changes) Table(t *schema.Table) bool {
	switch {
	case ofSchema(t):
		return c.schema.Table(t)
	case !t.CDC:
		return false
	case !c.filter.Passes(t):
		c.skipped[excludedTable]++
		return false
	case t.View:
		c.skipped[viewTable]++
		return false
	}
	return true
}

func (c *changes) Update(u *mutation.Update) {
	c.update.rows, c.update.static = c.update.rows[:0], false
	c.update.ranges.reset()
	if ofSchema(u.Table) {
		c.schema.Update(u)
	}
}

func (c *changes) Row(u *mutation.Update, r *mutation.Row) {
	c.update.newest = r.Timestamp
	if ofSchema(u.Table) {
		c.schema.Row(u, r)
	}
}

func (c *changes) Cell(u *mutation.Update, r *mutation.Row, cell *mutation.Cell) {
	switch {
	case ofSchema(u.Table):
		c.schema.Cell(u, r, cell)
	case !cell.Deleted:
		c.update.newest = max(c.update.newest, cell.Timestamp)
	}
}

func (c *changes) EndRow(u *mutation.Update, r *mutation.Row) {
	if ofSchema(u.Table) {
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
	switch {
	case ofSchema(u.Table):
		c.schema.Marker(u, m)
	case c.withRanges:
		c.update.ranges.marker(m)
	default:
		c.skipped[rangeTombstone]++
	}
}

func (c *changes) EndUpdate(u *mutation.Update) {
	if ofSchema(u.Table) {
		c.schema.EndUpdate(u)
		return
	}
	key := bytes.Clone(u.Key)
	// What concerns the partition as a whole or a range of it comes before its rows: a
	// batch may delete them and write to them again. Without clustering columns the
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
	if err := c.update.ranges.done(); err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("range tombstones of table %s, key %x: %w", u.Table, u.Key, err))
	}
	for _, r := range c.update.ranges.list {
		c.list = append(c.list, change{table: u.Table, key: key, operation: event.DeleteRange, writeTime: r.at, deleted: &r.Range})
	}
	for _, r := range c.update.rows {
		r.key = key
		if r.writeTime == mutation.NoTimestamp {
			r.writeTime = u.MaxTimestamp
		}
		c.list = append(c.list, r)
	}
}

// ofSchema says whether a table is one of those that hold the schema.
func ofSchema(t *schema.Table) bool { return t.Keyspace == "system_schema" }

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
