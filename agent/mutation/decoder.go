// The decoder of one entry.

package mutation

import (
	"bytes"
	"fmt"
	"math"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// UnknownTableError is an update of a table that the schema does not have: created
// after the schema was read, or dropped.
type UnknownTableError struct{ ID schema.ID }

func (e *UnknownTableError) Error() string { return fmt.Sprintf("unknown table %s", e.ID) }

// UnknownColumnError is an update that names a column which its table does not have
// in the schema: added after the schema was read.
type UnknownColumnError struct {
	Table  *schema.Table
	Column string
}

func (e *UnknownColumnError) Error() string {
	return fmt.Sprintf("table %s has no column %s", e.Table, cql.Quote(e.Column))
}

// Write is a single write of Cassandra's serializer into an entry: where in the body
// it stands and how many bytes it has.
type Write struct{ Offset, Length int }

// largeWrite is the size above which a write is listed in Decoder.LargeWrites.
const largeWrite = 128

// Decoder decodes entries. It keeps scratch space between entries and is not safe
// for concurrent use.
type Decoder struct {
	schemas Schemas
	version int
	buffer

	writes []Write

	update  Update
	min     header
	statics []*schema.Column
	regular []*schema.Column
	subset  []*schema.Column

	staticList, regularList columnList

	row     Row
	current Cell
	marker  Marker
}

type header struct {
	timestamp         int64
	localDeletionTime uint32
	ttl               uint32
}

// Epochs of the delta coding (EncodingStats): 2015-09-22T00:00:00Z.
const (
	timestampEpoch    = 1442880000000000 // µs
	deletionTimeEpoch = 1442880000       // s
)

const (
	updateEmpty             = 0x01
	updateReversed          = 0x02
	updatePartitionDeletion = 0x04
	updateStaticRow         = 0x08
	updateRowEstimate       = 0x10
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

// NewDecoder returns a decoder that looks tables up in schemas.
func NewDecoder(schemas Schemas) *Decoder { return &Decoder{schemas: schemas} }

// Decode shows the mutation in an entry of a segment of that log version to v. An
// error is an *[UnknownTableError], an *[UnknownColumnError], or says at which byte
// the entry is damaged; v may have seen part of the mutation then.
func (d *Decoder) Decode(version int, entry []byte, v Visitor) error {
	d.version = version
	d.buffer = buffer{data: entry}
	d.writes = d.writes[:0]
	if !commitlog.Supported(version) {
		return fmt.Errorf("mutations of log version %d cannot be decoded", version)
	}
	if version >= commitlog.Version60 {
		d.u8() // flags: whether Accord may be at work on the same data
	}
	n := d.count("updates")
	if n == 0 {
		d.fail("a mutation without updates")
	}
	shown := false
	for i := 0; i < n && d.err == nil; i++ {
		skippable := i == n-1 && !shown
		if d.partitionUpdate(v, skippable) {
			shown = true
		} else if skippable && d.err == nil {
			return nil
		}
	}
	if d.err == nil && d.pos < len(d.data) {
		d.fail("%d bytes behind the mutation", len(d.data)-d.pos)
	}
	return d.err
}

// LargeWrites lists the writes of more than 128 bytes with which Cassandra wrote the
// entry decoded last. They decide how large its buffer grew, which the digest of the
// events topic depends on.
func (d *Decoder) LargeWrites() []Write { return d.writes }

// partitionUpdate reads one update and reports whether v was shown it. When it was not
// and the update is skippable, nothing behind the table's id is read.
func (d *Decoder) partitionUpdate(v Visitor, skippable bool) (show bool) {
	var id schema.ID
	copy(id[:], d.bytes(16))
	if d.version >= commitlog.Version60 {
		d.uvint() // the epoch of the table's schema
	}
	if d.err != nil {
		return false
	}
	t := d.schemas.Table(id)
	if t == nil {
		d.stop(&UnknownTableError{id})
		return false
	}
	if show = v.Table(t); !show && skippable {
		return false
	} else if !show {
		v = Nothing{}
	}
	u := &d.update
	*u = Update{Table: t, Key: d.value(), Deletion: Deletion{Timestamp: NoTimestamp}, MaxTimestamp: NoTimestamp}
	flags := d.u8()
	if flags&updateReversed != 0 {
		d.fail("an update in reversed order, which commit logs do not hold")
	}
	if flags&updateEmpty == 0 {
		d.min = header{
			timestamp:         int64(d.uvint() + timestampEpoch),
			localDeletionTime: uint32(d.uvint() + deletionTimeEpoch),
			ttl:               uint32(d.uvint()),
		}
		d.statics = nil
		if flags&updateStaticRow != 0 {
			d.statics = d.columns(t, &d.staticList)
		}
		d.regular = d.columns(t, &d.regularList)
		if flags&updatePartitionDeletion != 0 {
			u.Deletion = d.deletion()
			u.MaxTimestamp = max(u.MaxTimestamp, u.Deletion.Timestamp)
		}
	}
	if d.err != nil {
		return false
	}
	v.Update(u)
	if flags&updateEmpty == 0 {
		if flags&updateStaticRow != 0 {
			d.staticRow(v)
		}
		if flags&updateRowEstimate != 0 {
			d.uvint()
		}
		for d.err == nil && d.unfiltered(v) {
		}
	}
	if d.err == nil {
		v.EndUpdate(u)
	}
	return show
}

// columnList is the list of columns in the header of an update, with the bytes that say
// it. Entries of one table mostly have the same list, and its names need not be looked up again.
type columnList struct {
	table   *schema.Table
	header  []byte
	columns []*schema.Column
}

func (d *Decoder) columns(t *schema.Table, list *columnList) []*schema.Column {
	if t == list.table && bytes.HasPrefix(d.data[d.pos:], list.header) {
		d.pos += len(list.header)
		return list.columns
	}
	list.table, list.columns = nil, list.columns[:0]
	start, large := d.pos, len(d.writes)
	for n := d.count("columns"); n > 0 && d.err == nil; n-- {
		name := d.value()
		if d.err != nil {
			break
		}
		c := t.Stored(name)
		if c == nil {
			d.stop(&UnknownColumnError{t, string(name)})
			break
		}
		list.columns = append(list.columns, c)
	}
	if d.err == nil && len(d.writes) == large { // a large name has to be noted each time
		list.table, list.header = t, append(list.header[:0], d.data[start:d.pos]...)
	}
	return list.columns
}

// value reads length and bytes, and notes the write when it is large.
func (d *Decoder) value() []byte { return d.noted(d.vbytes()) }

func (d *Decoder) noted(v []byte) []byte {
	if len(v) > largeWrite {
		d.writes = append(d.writes, Write{d.pos - len(v), len(v)})
	}
	return v
}

func (d *Decoder) timestamp() int64 { return int64(d.uvint()) + d.min.timestamp }

func (d *Decoder) localDeletionTime() uint32 { return uint32(d.uvint()) + d.min.localDeletionTime }

func (d *Decoder) ttl() uint32 { return uint32(d.uvint()) + d.min.ttl }

func (d *Decoder) deletion() Deletion {
	return Deletion{Timestamp: d.timestamp(), LocalDeletionTime: d.localDeletionTime()}
}

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
