// A mutation as our decoder shows it, in the form of the dump.

package corpustest

import (
	"encoding/hex"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Recorder is a visitor that writes down what it is shown as a [Line] says it.
type Recorder struct {
	mutation.Nothing
	Updates []Update

	item Item // the row that is being shown
}

// Update begins an update.
func (r *Recorder) Update(u *mutation.Update) {
	r.Updates = append(r.Updates, Update{
		Keyspace: u.Table.Keyspace, Table: u.Table.Name, ID: u.Table.ID.String(), CDC: u.Table.CDC,
		Key: hex.EncodeToString(u.Key), Deletion: deletion(u.Deletion),
	})
}

// Row begins a row.
func (r *Recorder) Row(_ *mutation.Update, row *mutation.Row) {
	r.item = Item{Kind: "row", Del: deletion(row.Deletion), Shadowable: row.Shadowable}
	for _, v := range row.Clustering {
		r.item.CK = append(r.item.CK, value(v))
	}
	if row.Timestamp != mutation.NoTimestamp {
		ts := row.Timestamp
		r.item.TS, r.item.TTL, r.item.LDT = &ts, row.TTL, row.LocalDeletionTime
	}
}

// ComplexDeletion writes the deletion of a collection down.
func (r *Recorder) ComplexDeletion(_ *mutation.Update, _ *mutation.Row, c *schema.Column, d mutation.Deletion) {
	r.item.CDel = append(r.item.CDel, ComplexDeletion{C: c.Name, TS: d.Timestamp, LDT: d.LocalDeletionTime})
}

// Cell writes a cell down.
func (r *Recorder) Cell(_ *mutation.Update, _ *mutation.Row, c *mutation.Cell) {
	r.item.Cells = append(r.item.Cells, Cell{
		C: c.Column.Name, Path: hex.EncodeToString(c.Path), TS: c.Timestamp, TTL: c.TTL, LDT: c.LocalDeletionTime,
		Del: c.Deleted, V: hex.EncodeToString(c.Value),
	})
}

// EndRow ends a row. Of one that wrote to dropped columns alone nothing is left:
// Cassandra has no such row.
func (r *Recorder) EndRow(_ *mutation.Update, row *mutation.Row) {
	i, u := r.item, &r.Updates[len(r.Updates)-1]
	switch {
	case i.TS == nil && i.Del == nil && i.CDel == nil && i.Cells == nil:
	case row.Static:
		u.Static = &i
	default:
		u.Items = append(u.Items, i)
	}
}

// Marker writes a bound down.
func (r *Recorder) Marker(_ *mutation.Update, m *mutation.Marker) {
	i := Item{Kind: m.Kind.String()}
	for _, v := range m.Clustering {
		i.CK = append(i.CK, value(v))
	}
	if m.Start.Live() {
		i.Del = deletion(m.Deletion)
	} else {
		i.EndDel, i.Start = deletion(m.Deletion), deletion(m.Start)
	}
	u := &r.Updates[len(r.Updates)-1]
	u.Items = append(u.Items, i)
}

func deletion(d mutation.Deletion) *Deletion {
	if d.Live() {
		return nil
	}
	return &Deletion{TS: d.Timestamp, LDT: d.LocalDeletionTime}
}

func value(v []byte) *string {
	if v == nil {
		return nil
	}
	s := hex.EncodeToString(v)
	return &s
}
