// The rows of system_schema with their write times: the last write wins, in whatever
// order they come.

package schema

import (
	"bytes"
	"cmp"
	"slices"
)

// rowStore holds rows by keyspace.
type rowStore map[string]*keyspaceRows

// keyspaceRows are the rows of one keyspace, and what was deleted of them.
type keyspaceRows struct {
	rows   [systemTables]map[RowKey]*row
	ranges [systemTables][]rangeDeletion
}

type rangeDeletion struct {
	Range Range
	Time  int64
}

// row is one row, or what is left of it: the time of its deletion, so that an older
// write that comes later does not bring it back.
type row struct {
	Deleted int64
	Written int64
	Cells   map[string]timed
}

type timed struct {
	Value []byte // nil: deleted
	Time  int64
}

func newRow() *row { return &row{Deleted: Never, Written: Never, Cells: map[string]timed{}} }

func (s rowStore) keyspace(name string) *keyspaceRows {
	k := s[name]
	if k == nil {
		k = &keyspaceRows{}
		for t := range k.rows {
			k.rows[t] = map[RowKey]*row{}
		}
		s[name] = k
	}
	return k
}

// find is the row when it is there and alive.
func (s rowStore) find(keyspace string, t SystemTable, key RowKey) *row {
	if k := s[keyspace]; k != nil {
		if r := k.rows[t][key]; r != nil && r.alive() {
			return r
		}
	}
	return nil
}

func (r *row) alive() bool {
	if r.Written > Never {
		return true
	}
	for _, c := range r.Cells {
		if c.Value != nil {
			return true
		}
	}
	return false
}

// value is the value of a column, nil when there is none.
func (r *row) value(column string) []byte { return r.Cells[column].Value }

// newest is the time of the row's last write.
func (r *row) newest() int64 {
	newest := r.Written
	for _, c := range r.Cells {
		newest = max(newest, c.Time)
	}
	return newest
}

// apply makes a change, and reports whether it made a difference.
func (s rowStore) apply(ch *Change) bool {
	k := s.keyspace(ch.Keyspace)
	if ch.Range != nil {
		return k.deleteRange(ch.Table, ch.Range, ch.Deleted)
	}
	rows := k.rows[ch.Table]
	r := rows[ch.Row]
	if r == nil {
		r = newRow()
	}
	changed := r.delete(ch.Deleted)
	if ch.Deleted > r.Deleted {
		r.Deleted, changed = ch.Deleted, true
	}
	gone := max(r.Deleted, k.rangeDeleted(ch.Table, ch.Row))
	if ch.Written > gone && ch.Written > r.Written {
		r.Written, changed = ch.Written, true
	}
	for _, c := range ch.Cells {
		write := timed{c.Value, c.Time}
		if have, ok := r.Cells[c.Column]; c.Time > gone && (!ok || write.supersedes(have)) {
			r.Cells[c.Column], changed = write, true
		}
	}
	if r.Deleted > Never || r.Written > Never || len(r.Cells) > 0 {
		rows[ch.Row] = r
	}
	return changed
}

// supersedes is how Cassandra settles two writes to one cell (Cells.reconcile).
func (w timed) supersedes(have timed) bool {
	switch {
	case w.Time != have.Time:
		return w.Time > have.Time
	case w.Value == nil || have.Value == nil:
		return w.Value == nil && have.Value != nil
	}
	return bytes.Compare(w.Value, have.Value) > 0
}

// delete takes away what was written at that time or before.
func (r *row) delete(at int64) (changed bool) {
	if r.Written > Never && r.Written <= at {
		r.Written, changed = Never, true
	}
	for name, c := range r.Cells {
		if c.Time <= at {
			delete(r.Cells, name)
			changed = true
		}
	}
	return changed
}

func (k *keyspaceRows) deleteRange(t SystemTable, rng *Range, at int64) (changed bool) {
	for key, r := range k.rows[t] {
		if !rng.covers(key) {
			continue
		}
		changed = r.delete(at) || changed
		if r.Written == Never && len(r.Cells) == 0 && r.Deleted <= at {
			delete(k.rows[t], key)
		}
	}
	for _, d := range k.ranges[t] {
		if d.Time >= at && (d.Range.open() || d.Range.equal(rng)) {
			return changed
		}
	}
	k.ranges[t] = slices.DeleteFunc(k.ranges[t], func(d rangeDeletion) bool {
		return d.Time <= at && (rng.open() || rng.equal(&d.Range))
	})
	k.ranges[t] = append(k.ranges[t], rangeDeletion{*rng, at})
	if len(k.ranges[t]) > maxRanges {
		oldest := slices.MinFunc(k.ranges[t], func(a, b rangeDeletion) int { return cmp.Compare(a.Time, b.Time) })
		k.ranges[t] = slices.DeleteFunc(k.ranges[t], func(d rangeDeletion) bool { return d.Time == oldest.Time })
	}
	return true
}

// maxRanges bounds the deletions of ranges that are remembered in one table of a
// keyspace. Cassandra deletes rows one by one, or all of a keyspace.
const maxRanges = 1000

func (r *Range) equal(o *Range) bool {
	return r.From.Inclusive == o.From.Inclusive && slices.Equal(r.From.Prefix, o.From.Prefix) &&
		r.To.Inclusive == o.To.Inclusive && slices.Equal(r.To.Prefix, o.To.Prefix)
}

func (k *keyspaceRows) rangeDeleted(t SystemTable, key RowKey) int64 {
	at := int64(Never)
	for i := range k.ranges[t] {
		if d := &k.ranges[t][i]; d.Time > at && d.Range.covers(key) {
			at = d.Time
		}
	}
	return at
}

// put places a row of a snapshot where none is alive. It is undated, but where a
// deletion lies it is what was written after that.
func (k *keyspaceRows) put(t SystemTable, key RowKey, cells map[string][]byte) {
	at, r := int64(undated), k.rows[t][key]
	deleted := int64(Never)
	if r != nil {
		deleted = r.Deleted
	}
	if gone := max(deleted, k.rangeDeleted(t, key)); gone > Never {
		at = max(gone, gone+1) // the latest time there is has none after it
	}
	r = &row{Deleted: deleted, Written: at, Cells: map[string]timed{}}
	for name, v := range cells {
		r.Cells[name] = timed{v, at}
	}
	k.rows[t][key] = r
}

// copyRow places a row of another store, the store of a snapshot.
func (k *keyspaceRows) copyRow(t SystemTable, key RowKey, from *row) {
	cells := map[string][]byte{}
	for name, c := range from.Cells {
		cells[name] = c.Value
	}
	k.put(t, key, cells)
}

// forget drops deletions from before that time.
func (s rowStore) forget(before int64) {
	for name, k := range s {
		empty := true
		for t := range k.rows {
			for key, r := range k.rows[t] {
				if r.Deleted < before {
					r.Deleted = Never
				}
				for name, c := range r.Cells {
					if c.Value == nil && c.Time < before {
						delete(r.Cells, name)
					}
				}
				if r.Deleted == Never && r.Written == Never && len(r.Cells) == 0 {
					delete(k.rows[t], key)
				}
			}
			k.ranges[t] = slices.DeleteFunc(k.ranges[t], func(d rangeDeletion) bool { return d.Time < before })
			empty = empty && len(k.rows[t]) == 0 && len(k.ranges[t]) == 0
		}
		if empty {
			delete(s, name)
		}
	}
}
