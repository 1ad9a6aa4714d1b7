// The decoder of one entry.

package mutation

import (
	"bytes"
	"fmt"

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
