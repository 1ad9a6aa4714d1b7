// A mutation as our decoder shows it, in the form of the dump.

package corpustest

import (
	"encoding/hex"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
)

// Recorder is a visitor that writes down what it is shown as a [Line] says it.
type Recorder struct{ Updates []Update }

// Update begins an update.
func (r *Recorder) Update(u *mutation.Update) bool {
	r.Updates = append(r.Updates, Update{
		Keyspace: u.Table.Keyspace, Table: u.Table.Name, ID: u.Table.ID.String(), CDC: u.Table.CDC,
		Key: hex.EncodeToString(u.Key), Deletion: deletion(u.Deletion),
	})
	return true
}

// Row writes a row down.
func (r *Recorder) Row(_ *mutation.Update, row *mutation.Row) {
	i := Item{Kind: "row", Del: deletion(row.Deletion)}
	for _, v := range row.Clustering {
		i.CK = append(i.CK, value(v))
	}
	if row.Timestamp != mutation.NoTimestamp {
		ts := row.Timestamp
		i.TS, i.TTL, i.LDT = &ts, row.TTL, row.LocalDeletionTime
	}
	for _, c := range row.ComplexDeletions {
		i.CDel = append(i.CDel, ComplexDeletion{C: c.Column.Name, TS: c.Deletion.Timestamp, LDT: c.Deletion.LocalDeletionTime})
	}
	for _, c := range row.Cells {
		i.Cells = append(i.Cells, Cell{
			C: c.Column.Name, Path: hex.EncodeToString(c.Path), TS: c.Timestamp, TTL: c.TTL, LDT: c.LocalDeletionTime,
			Del: c.Deleted, V: hex.EncodeToString(c.Value),
		})
	}
	u := &r.Updates[len(r.Updates)-1]
	if row.Static {
		i.CK = nil
		u.Static = &i
		return
	}
	u.Items = append(u.Items, i)
}

var kinds = map[mutation.BoundKind]string{
	mutation.ExclEnd: "EXCL_END_BOUND", mutation.InclStart: "INCL_START_BOUND", mutation.ExclEndInclStart: "EXCL_END_INCL_START_BOUNDARY",
	mutation.InclEndExclStart: "INCL_END_EXCL_START_BOUNDARY", mutation.InclEnd: "INCL_END_BOUND", mutation.ExclStart: "EXCL_START_BOUND",
}

// Marker writes a bound down.
func (r *Recorder) Marker(_ *mutation.Update, m *mutation.Marker) {
	i := Item{Kind: kinds[m.Kind]}
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

// EndUpdate ends an update.
func (r *Recorder) EndUpdate(*mutation.Update) {}

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
