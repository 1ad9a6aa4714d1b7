// The catalog: tables that change as schema changes come in.

package schema

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Catalog holds the rows of system_schema with their write times, takes changes of
// them, and makes the tables that follow from them. Its tables and snapshots are
// immutable: a change gives new ones of what changed and shares all others.
//
// Changes may come in any order and more than once, as nodes push their whole schema
// to each other: the last write wins, as it does in Cassandra. What a snapshot says is
// older than any change. A Catalog is not safe for concurrent use.
type Catalog struct {
	rows     rowStore
	tables   map[string]map[string]*Table // by keyspace and name
	aside    map[ID]*Table                // known by their id only: another table has the name
	faults   map[string]map[string]string // by keyspace: what cannot be built, and why
	snapshot *Snapshot
	revision uint64
}

// NewCatalog begins with the rows of a snapshot. Tables that cannot be built are left
// out and reported in the error; the catalog holds all others.
func NewCatalog(rows Rows) (*Catalog, error) {
	c := newCatalog()
	c.revision++
	errs := c.rows.load(rows)
	_, fault := c.rebuild(slices.Sorted(maps.Keys(c.rows)), true)
	return c, errors.Join(append(errs, fault)...)
}

func newCatalog() *Catalog {
	return &Catalog{
		rows: rowStore{}, tables: map[string]map[string]*Table{}, aside: map[ID]*Table{}, faults: map[string]map[string]string{},
		snapshot: &Snapshot{byID: map[ID]*Table{}, byName: map[string]*Table{}},
	}
}

// Snapshot is all tables as they are now.
func (c *Catalog) Snapshot() *Snapshot { return c.snapshot }

// Revision grows with everything that is new to the catalog.
func (c *Catalog) Revision() uint64 { return c.revision }

// Apply makes the changes of one mutation. It returns the tables that are no more, each
// in the version that it had: dropped, or replaced by a new version. The error names
// what can no longer be built, once; the snapshot leaves it out.
func (c *Catalog) Apply(changes []Change) (replaced []*Table, err error) {
	changed := map[string]bool{}
	for i := range changes {
		c.noteNewID(&changes[i], changed)
	}
	for i := range changes {
		if c.rows.apply(&changes[i]) {
			changed[changes[i].Keyspace] = true
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	c.revision++
	return c.rebuild(slices.Sorted(maps.Keys(changed)), false)
}

// noteNewID makes room when a name passes to another table: rows that are still there
// were the former table's, whose DROP did not come by.
func (c *Catalog) noteNewID(ch *Change, changed map[string]bool) {
	if ch.Range != nil || ch.Table != SystemTables && ch.Table != SystemViews {
		return
	}
	r := c.rows.find(ch.Keyspace, ch.Table, ch.Row)
	if r == nil || len(r.value("id")) != len(ID{}) {
		return
	}
	for _, cell := range ch.Cells {
		have := r.Cells["id"]
		write := timed{cell.Value, cell.Time}
		if cell.Column != "id" || len(cell.Value) != len(ID{}) || bytes.Equal(cell.Value, have.Value) || !write.supersedes(have) {
			continue
		}
		k := c.rows.keyspace(ch.Keyspace)
		for _, t := range []SystemTable{SystemColumns, SystemDroppedColumns} {
			for key := range k.rows[t] {
				if key.Name == ch.Row.Name {
					delete(k.rows[t], key)
				}
			}
		}
		if t := c.aside[ID(cell.Value)]; t != nil {
			// A row is not there until it is written: what follows says more.
			said := rowStore{}
			said.load(t.Rows())
			for _, in := range []SystemTable{SystemColumns, SystemDroppedColumns} {
				for key, r := range said.keyspace(t.Keyspace).rows[in] {
					k.copyRow(in, key, r)
				}
			}
		}
		changed[ch.Keyspace] = true
	}
}

// Merge adds what a later snapshot has and the catalog lacks: tables, the types that
// they need, and, of tables that the catalog has, columns and the switch to cdc. It
// takes nothing away, as the snapshot tells of a later moment than the catalog does.
// Known tells of tables, by their id, that were there once and must not come back.
func (c *Catalog) Merge(rows Rows, known func(ID) bool) error {
	later, err := NewCatalog(rows)
	changed := map[string]bool{}
	for name, from := range later.rows {
		to := c.rows.keyspace(name)
		for key, r := range from.rows[SystemTypes] {
			if c.rows.find(name, SystemTypes, key) == nil {
				to.copyRow(SystemTypes, key, r)
				changed[name] = true
			}
		}
		for _, t := range later.tables[name] {
			if c.merge(to, from, t, known) {
				changed[name] = true
			}
		}
	}
	if len(changed) == 0 {
		return err
	}
	c.revision++
	_, fault := c.rebuild(slices.Sorted(maps.Keys(changed)), true)
	return errors.Join(err, fault)
}

// merge adds one table of a later snapshot.
func (c *Catalog) merge(to, from *keyspaceRows, t *Table, known func(ID) bool) (changed bool) {
	system := SystemTables
	if t.View {
		system = SystemViews
	}
	key := RowKey{Name: t.Name}
	have := c.rows.find(t.Keyspace, system, key)
	switch {
	case have != nil && bytes.Equal(have.value("id"), t.ID[:]):
		return mergeColumns(to, from, t, have)
	case known(t.ID) || c.snapshot.byID[t.ID] != nil:
		return false
	case have != nil:
		c.aside[t.ID] = t
		return true
	}
	to.copyRow(system, key, from.rows[system][key])
	for _, in := range []SystemTable{SystemColumns, SystemDroppedColumns} {
		for key, r := range from.rows[in] {
			if key.Name == t.Name {
				to.copyRow(in, key, r)
			}
		}
	}
	return true
}

// mergeColumns adds columns to a table that both have. Columns of the key never come
// or go; where their names differ one of them was renamed.
func mergeColumns(to, from *keyspaceRows, t *Table, have *row) (changed bool) {
	for _, in := range []SystemTable{SystemColumns, SystemDroppedColumns} {
		for key, r := range from.rows[in] {
			if key.Name != t.Name || t.stored[key.Column] == nil {
				continue
			}
			if old := to.rows[in][key]; old == nil {
				to.copyRow(in, key, r)
				changed = true
			}
		}
	}
	if on, _ := have.boolean("cdc"); t.CDC && !on {
		// Of the same time as what it replaces: any later change counts more.
		have.Cells["cdc"] = timed{booleanValue(true), max(have.Cells["cdc"].Time, undated)}
		changed = true
	}
	return changed
}

// Forget drops what the catalog remembers of deletions from before that time: older
// writes that come again later would then bring back what they deleted.
func (c *Catalog) Forget(before int64) { c.rows.forget(before) }

// rebuild makes the tables of keyspaces anew. A table that is what it was stays the
// same pointer. The error names faults that were not there before.
func (c *Catalog) rebuild(keyspaces []string, snapshot bool) (replaced []*Table, err error) {
	var errs []error
	next := &Snapshot{byID: maps.Clone(c.snapshot.byID), byName: maps.Clone(c.snapshot.byName)}
	for _, keyspace := range keyspaces {
		was := c.tables[keyspace]
		tables, faults := c.rows.keyspace(keyspace).build(keyspace)
		for name, t := range was {
			switch same := tables[name]; {
			case same != nil && reflect.DeepEqual(same, t):
				tables[name] = t
			default:
				replaced = append(replaced, t)
			}
			delete(next.byName, t.String())
			if next.byID[t.ID] == t {
				delete(next.byID, t.ID)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(tables)) {
			t := tables[name]
			next.byID[t.ID], next.byName[t.String()] = t, t
		}
		c.tables[keyspace] = tables
		errs = append(errs, c.noteFaults(keyspace, faults, snapshot)...)
	}
	for id, t := range c.aside {
		switch now := next.byID[id]; {
		case now == nil:
			next.byID[id] = t
		case now != t:
			delete(c.aside, id) // it has its name now
		}
	}
	c.snapshot = next
	return replaced, errors.Join(errs...)
}

// noteFaults returns those faults of a keyspace that are new.
func (c *Catalog) noteFaults(keyspace string, faults map[string]error, snapshot bool) (errs []error) {
	now := map[string]string{}
	for _, of := range slices.Sorted(maps.Keys(faults)) {
		err := faults[of]
		now[of] = err.Error()
		if c.faults[keyspace][of] == now[of] {
			continue
		}
		// A node writes the rows of its own two keyspaces anew at every start, table by
		// table.
		if rewritten := keyspace == "system" || keyspace == "system_schema"; rewritten && !snapshot && errors.Is(err, errIncomplete) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %w", of, err))
	}
	c.faults[keyspace] = now
	return errs
}
