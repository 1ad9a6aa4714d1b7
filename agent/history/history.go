// Package history is the schema as the commit log leads on.
//
// In come the rows of system_schema that a node or a file gives, and the changes that
// the log's own mutations make in system_schema, in the order of the log; out comes,
// for a table's id, the table as it was when the entry was written that is read. What
// the log has led to can be kept in a file, so that a restart goes on from there. The
// package asks no node and reads no segment.
//
// Each schema change is one mutation, and on its node it precedes the first write that
// needs it (up to 5.0; 6.0 may log a write a moment earlier). So whoever reads a log
// from the start decodes with the exact schema, knowing only what it was at the start:
//
//	var changes history.Changes              // a visitor of the mutation
//	err := decoder.Decode(version, entry, &changes)
//	…
//	if !changes.Empty() {
//		err = h.Apply(&changes)
//	}
package history

import (
	"errors"
	"slices"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// History is the schema at one place of the log. It implements mutation.Schemas. It is
// not safe for concurrent use.
type History struct {
	catalog *schema.Catalog
	current *schema.Snapshot        // of catalog: the schema at head
	head    commitlog.Position      // of the change that was applied last
	place   commitlog.Position      // of the entry that is read
	past    map[schema.ID][]version // what was replaced or dropped, oldest first
	saved   uint64                  // revision of catalog that the file has
}

// version is a table as it was up to a change.
type version struct {
	table *schema.Table
	until commitlog.Position
}

// New begins with a schema as a node or a file gives it: what holds at the start of the
// log that is to be followed. How system_schema itself is laid out need not be in it.
// The error lists tables that cannot be built; the history holds the others.
func New(base schema.Rows) (*History, error) {
	rows := schema.SystemSchema()
	rows.Append(base)
	catalog, err := schema.NewCatalog(rows)
	return newHistory(catalog), err
}

func newHistory(catalog *schema.Catalog) *History {
	return &History{catalog: catalog, current: catalog.Snapshot(), past: map[schema.ID][]version{}}
}

// Seek says where the entry ends that is read next. It matters only where a log is read
// again that the history has followed already: there, tables are what they were then.
func (h *History) Seek(at commitlog.Position) { h.place = at }

// Table is the table with that id as it was at the place that is read, or nil. A table
// that was dropped stays known: entries that were written before the DROP may be logged
// behind it. So does a table of which a change made something that cannot be read.
func (h *History) Table(id schema.ID) *schema.Table {
	if h.place.Before(h.head) {
		for _, v := range h.past[id] {
			if !v.until.Before(h.place) {
				return v.table
			}
		}
	}
	if t := h.current.Table(id); t != nil {
		return t
	}
	if all := h.past[id]; len(all) > 0 {
		return all[len(all)-1].table
	}
	return nil
}

// Tables lists the tables that the log has led to, ordered by name.
func (h *History) Tables() []*schema.Table { return h.current.Tables() }

// Apply makes the changes of the entry that was read last. Changes that the history
// has already make no difference. The error names what this version cannot read: a
// table that is left as it was, and of which entries may be unreadable from here on.
func (h *History) Apply(c *Changes) error {
	replaced, err := h.catalog.Apply(c.list)
	h.current = h.catalog.Snapshot()
	if h.head.Before(h.place) {
		h.head = h.place
	}
	for _, t := range replaced {
		h.past[t.ID] = append(h.past[t.ID], version{t, h.head})
	}
	return errors.Join(c.err(), err)
}

// Merge adds what a node's schema of now has and the history lacks: tables, columns,
// and cdc where it is on by now. What the node has no more stays. The error lists
// tables that cannot be built.
func (h *History) Merge(now schema.Rows) error {
	err := h.catalog.Merge(now, func(id schema.ID) bool { return len(h.past[id]) > 0 })
	h.current = h.catalog.Snapshot()
	return err
}

// deletionsKept is how much older than the log a deletion must be before it is forgotten.
// Cassandra itself forgets those of its schema after a week.
const deletionsKept = 30 * 24 * time.Hour

// Forget drops what only entries of segments before that one can need: tables that were
// dropped or changed before. (The id of a segment is a time in ms.)
func (h *History) Forget(oldest int64) {
	for id, all := range h.past {
		all = slices.DeleteFunc(all, func(v version) bool { return v.until.Segment < oldest })
		if h.past[id] = all; len(all) == 0 {
			delete(h.past, id)
		}
	}
	h.catalog.Forget(time.UnixMilli(oldest).Add(-deletionsKept).UnixMicro())
}
