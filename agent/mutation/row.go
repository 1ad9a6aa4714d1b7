// The rows, cells and range tombstone markers of an update.

package mutation

import (
	"math"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

const (
	rowEndOfPartition  = 0x01
	rowMarker          = 0x02
	rowTimestamp       = 0x04
	rowTTL             = 0x08
	rowDeletion        = 0x10
	rowAllColumns      = 0x20
	rowComplexDeletion = 0x40
	rowExtension       = 0x80

	extensionStatic     = 0x01
	extensionShadowable = 0x02
)

const (
	cellDeleted         = 0x01
	cellExpiring        = 0x02
	cellEmptyValue      = 0x04
	cellUseRowTimestamp = 0x08
	cellUseRowTTL       = 0x10
)

func (d *Decoder) staticRow(v Visitor) {
	flags := d.u8()
	if flags&rowExtension == 0 || d.u8()&extensionStatic == 0 {
		d.fail("a static row expected")
		return
	}
	d.row.Static, d.row.Clustering, d.row.Shadowable = true, d.row.Clustering[:0], false
	d.rowBody(v, flags, d.statics)
}

// unfiltered reads a row or a marker; it returns false at the end of the partition.
func (d *Decoder) unfiltered(v Visitor) bool {
	flags := d.u8()
	switch {
	case d.err != nil || flags&rowEndOfPartition != 0:
		return false
	case flags&rowMarker != 0:
		d.rangeMarker()
		if d.err == nil {
			v.Marker(&d.update, &d.marker)
		}
		return true
	}
	d.row.Static, d.row.Shadowable = false, false
	if flags&rowExtension != 0 {
		extension := d.u8()
		if extension&extensionStatic != 0 {
			d.fail("a static row among the rows")
		}
		d.row.Shadowable = extension&extensionShadowable != 0
	}
	d.row.Clustering = d.clustering(len(d.update.Table.Clustering), d.row.Clustering[:0])
	d.rowBody(v, flags, d.regular)
	return true
}

// rowBody reads what follows a row's clustering, and shows the row.
func (d *Decoder) rowBody(v Visitor, flags byte, columns []*schema.Column) {
	u, r := &d.update, &d.row
	r.Timestamp, r.TTL, r.LocalDeletionTime = NoTimestamp, 0, 0
	r.Deletion = Deletion{Timestamp: NoTimestamp}
	if flags&rowTimestamp != 0 {
		r.Timestamp = d.timestamp()
		if flags&rowTTL != 0 {
			r.TTL = d.ttl()
			r.LocalDeletionTime = d.localDeletionTime()
		}
		d.newest(r.Timestamp)
	}
	if flags&rowDeletion != 0 {
		r.Deletion = d.deletion()
	}
	if flags&rowAllColumns == 0 {
		columns = d.columnSubset(columns)
	}
	if d.err != nil {
		return
	}
	v.Row(u, r)
	for _, c := range columns {
		if !c.Type.MultiCell() {
			d.cell(v, c)
			continue
		}
		if flags&rowComplexDeletion != 0 {
			if del := d.deletion(); !del.Live() && !void(c, del.Timestamp) && d.err == nil {
				d.newest(del.Timestamp)
				v.ComplexDeletion(u, r, c, del)
			}
		}
		for n := d.count("cells"); n > 0 && d.err == nil; n-- {
			d.cell(v, c)
		}
	}
	if d.err == nil {
		v.EndRow(u, r)
	}
}

func (d *Decoder) newest(timestamp int64) {
	d.update.MaxTimestamp = max(d.update.MaxTimestamp, timestamp)
}

func (d *Decoder) cell(v Visitor, column *schema.Column) {
	if d.err != nil {
		return
	}
	r, c := &d.row, &d.current
	flags := d.u8()
	*c = Cell{Column: column, Deleted: flags&cellDeleted != 0}
	if c.Timestamp = r.Timestamp; flags&cellUseRowTimestamp == 0 {
		c.Timestamp = d.timestamp()
	}
	switch {
	case flags&cellUseRowTTL != 0:
		c.LocalDeletionTime = r.LocalDeletionTime
	case flags&(cellDeleted|cellExpiring) != 0:
		c.LocalDeletionTime = d.localDeletionTime()
	}
	switch {
	case flags&cellUseRowTTL != 0:
		c.TTL = r.TTL
	case flags&cellExpiring != 0:
		c.TTL = d.ttl()
	}
	if column.Type.MultiCell() {
		c.Path = d.value()
	}
	switch {
	case flags&cellEmptyValue == 0:
		c.Value = d.cellValue(column)
	case !c.Deleted:
		c.Value = d.data[:0]
	}
	if d.err == nil && !void(column, c.Timestamp) {
		d.newest(c.Timestamp)
		v.Cell(&d.update, r, c)
	}
}

// void says whether a column was dropped after that write to it, which then counts no
// more (DeserializationHelper.isDropped).
func void(c *schema.Column, timestamp int64) bool {
	return c.DroppedAt != 0 && timestamp <= c.DroppedAt
}

func (d *Decoder) cellValue(c *schema.Column) []byte {
	if !c.Type.MultiCell() {
		return d.typed(c.Type)
	}
	return d.value()
}

// typed reads a value whose length is in front unless its type fixes it.
func (d *Decoder) typed(t *cql.Type) []byte {
	if n := t.FixedLength(); n >= 0 {
		return d.noted(d.bytes(uint64(n)))
	}
	return d.value()
}

// clustering reads n clustering values: for each 32 of them a header with two bits a
// value (empty, null), then the values that are neither.
func (d *Decoder) clustering(n int, into [][]byte) [][]byte {
	columns := d.update.Table.Clustering
	if n > len(columns) {
		d.fail("%d clustering values, table %s has %d clustering columns", n, d.update.Table, len(columns))
		return into
	}
	var header uint64
	for i := range n {
		if i%32 == 0 {
			header = d.uvint()
		}
		empty, null := header&1 != 0, header&2 != 0
		header >>= 2
		switch {
		case d.err != nil:
			return into
		case null:
			into = append(into, nil)
		case empty:
			into = append(into, d.data[:0])
		default:
			into = append(into, d.typed(columns[i].Type))
		}
	}
	return into
}

func (d *Decoder) rangeMarker() {
	m := &d.marker
	m.Kind = BoundKind(d.u8())
	if m.Kind > ExclStart || m.Kind == 3 || m.Kind == 4 {
		d.fail("a range tombstone marker of kind %d", m.Kind)
		return
	}
	m.Clustering = d.clustering(int(d.u16()), m.Clustering[:0])
	m.Deletion, m.Start = d.deletion(), Deletion{Timestamp: NoTimestamp}
	d.newest(m.Deletion.Timestamp)
	if m.Kind.Boundary() {
		m.Start = d.deletion()
		d.newest(m.Start.Timestamp)
	}
}

// columnSubset reads which of the columns a row has: below 64 columns a bitmap of the
// missing ones, from 64 on indexes of those present or missing, whichever are fewer.
func (d *Decoder) columnSubset(all []*schema.Column) []*schema.Column {
	code := d.uvint()
	if code == 0 {
		return all
	}
	d.subset = d.subset[:0]
	if len(all) < 64 {
		if code >= 1<<uint(len(all)) {
			d.fail("a column subset %#x of %d columns", code, len(all))
		}
		for i, c := range all {
			if code&(1<<uint(i)) == 0 {
				d.subset = append(d.subset, c)
			}
		}
		return d.subset
	}
	if code > uint64(len(all)) || code > math.MaxInt32 {
		d.fail("%d of %d columns missing", code, len(all))
		return nil
	}
	missing := int(code)
	if present := len(all) - missing; present < len(all)/2 {
		for range present {
			i := d.uvint()
			if i >= uint64(len(all)) {
				d.fail("column %d of %d", i, len(all))
				return nil
			}
			d.subset = append(d.subset, all[i])
		}
		return d.subset
	}
	next := 0
	for range missing {
		i := d.uvint()
		if i >= uint64(len(all)) || int(i) < next {
			d.fail("missing column %d of %d", i, len(all))
			return nil
		}
		d.subset = append(d.subset, all[next:i]...)
		next = int(i) + 1
	}
	d.subset = append(d.subset, all[next:]...)
	return d.subset
}
