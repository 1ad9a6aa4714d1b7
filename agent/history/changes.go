// What a mutation changes in system_schema.

package history

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Changes collects the schema changes of one mutation. It is a [mutation.Visitor] that
// visits no table but those that describe tables. The zero value is ready for use.
type Changes struct {
	mutation.Nothing
	list   []schema.Change
	faults []error

	update struct { // the one that is being visited
		table    schema.SystemTable
		keyspace string
		open     *schema.Bound // of a range tombstone that has begun
		wrong    bool          // nothing of it can be used, which was reported
		row      bool          // the row that is being shown is in the list
	}
}

// Reset forgets what was collected. Changes that are kept, for [Align] or to be applied
// later, must not be reset.
func (c *Changes) Reset() {
	if !c.Empty() {
		*c = Changes{}
	}
}

// Empty says that the mutation changes no table's schema.
func (c *Changes) Empty() bool { return len(c.list) == 0 && len(c.faults) == 0 }

// Table says whether a table is one that describes tables.
func (c *Changes) Table(t *schema.Table) bool {
	_, ok := schema.SystemTableByID(t.ID)
	return ok
}

// Update begins the update of one table.
func (c *Changes) Update(u *mutation.Update) {
	c.update.table, _ = schema.SystemTableByID(u.Table.ID)
	c.update.keyspace, c.update.open = string(u.Key), nil
	if c.update.wrong = !utf8.Valid(u.Key); c.update.wrong {
		c.fault("the keyspace name %.40q is not UTF-8", u.Key)
		return
	}
	if !u.Deletion.Live() {
		c.deleteRange(schema.Bound{}, schema.Bound{}, u.Deletion)
	}
}

// Row takes what is said of a row as a whole.
func (c *Changes) Row(_ *mutation.Update, r *mutation.Row) {
	names, ok := c.names(r.Clustering)
	ok = ok && !r.Static && len(names) == c.update.table.Clustering()
	if c.update.row = ok && !c.update.wrong; c.update.wrong {
		return
	} else if !ok {
		c.fault("a row with the clustering %.80q", r.Clustering)
		return
	}
	ch := schema.Change{
		Table: c.update.table, Keyspace: c.update.keyspace, Row: schema.RowKey{Name: names[0]},
		Deleted: r.Deletion.Timestamp, Written: r.Timestamp,
	}
	if len(names) > 1 {
		ch.Row.Column = names[1]
	}
	c.list = append(c.list, ch)
}

// Cell takes a write to a column of the row that was shown last.
func (c *Changes) Cell(_ *mutation.Update, _ *mutation.Row, cell *mutation.Cell) {
	switch {
	case !c.update.row || !c.update.table.Keeps(cell.Column.Name):
	case cell.Path != nil:
		c.fault("column %s has cells with paths", cell.Column.Name)
	default:
		ch := &c.list[len(c.list)-1]
		ch.Cells = append(ch.Cells, schema.Cell{Column: cell.Column.Name, Value: bytes.Clone(cell.Value), Time: cell.Timestamp})
	}
}

// Marker takes a bound of a range of rows that are deleted.
func (c *Changes) Marker(_ *mutation.Update, m *mutation.Marker) {
	if c.update.wrong {
		return
	}
	names, ok := c.names(m.Clustering)
	starts := m.Kind == mutation.InclStart || m.Kind == mutation.ExclStart
	if !ok || len(names) > c.update.table.Clustering() || starts != (c.update.open == nil) {
		c.fault("a bound of a range tombstone, of kind %d at %.80q", m.Kind, m.Clustering)
		return
	}
	if !starts {
		to := schema.Bound{Prefix: names, Inclusive: m.Kind == mutation.InclEnd || m.Kind == mutation.InclEndExclStart}
		c.deleteRange(*c.update.open, to, m.Deletion)
	}
	c.update.open = nil
	if m.Kind != mutation.ExclEnd && m.Kind != mutation.InclEnd {
		c.update.open = &schema.Bound{Prefix: names, Inclusive: m.Kind == mutation.InclStart || m.Kind == mutation.ExclEndInclStart}
	}
}

// EndUpdate ends the update.
func (c *Changes) EndUpdate(*mutation.Update) {
	if c.update.open != nil {
		c.fault("a range tombstone that does not end")
	}
}

func (c *Changes) deleteRange(from, to schema.Bound, d mutation.Deletion) {
	c.list = append(c.list, schema.Change{
		Table: c.update.table, Keyspace: c.update.keyspace, Range: &schema.Range{From: from, To: to},
		Deleted: d.Timestamp, Written: schema.Never,
	})
}

// names are the values of a clustering, which are names all.
func (c *Changes) names(clustering [][]byte) (names []string, ok bool) {
	for _, v := range clustering {
		if v == nil || !utf8.Valid(v) {
			return nil, false
		}
		names = append(names, string(v))
	}
	return names, true
}

func (c *Changes) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("change of system_schema.%s, keyspace %q: %s", c.update.table, c.update.keyspace, fmt.Sprintf(format, args...)))
}

func (c *Changes) err() error { return errors.Join(slices.Clone(c.faults)...) }

// Align says how many of the changes, each of one entry and in the order of the log,
// are already in a schema that was read at an unknown moment (see [schema.Align]): only
// those behind them are to be applied when they are met.
func Align(base schema.Rows, changes []*Changes) (n int) {
	lists := make([][]schema.Change, len(changes))
	for i, c := range changes {
		lists[i] = c.list
	}
	return schema.Align(base, lists)
}
