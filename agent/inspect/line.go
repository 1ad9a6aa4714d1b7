// An entry as a line of JSON: the same objects, with the same keys in the same order, as
// Cassandra's own reader was dumped to make the corpus.

package inspect

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strconv"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// jsonLine is shown the parts of an entry and writes them down. It keeps its buffers
// between entries.
type jsonLine struct {
	wanted func(*schema.Table) bool // which tables' updates are written
	entry  entry

	cdc     bool
	buf     []byte   // the updates, in the order of the entry
	updates []update // where each of them is in buf
	items   int      // of the update being written; -1 before its static row
	key     [][]byte // scratch

	// The row being written: its cells come behind all of its complex deletions.
	row       int    // where it begins in buf
	deletions int    // complex deletions written
	cells     []byte //
}

// update is a written update: Cassandra keeps them in a map, the line has them ordered by
// table id.
type update struct {
	table      schema.ID
	start, end int
}

func (l *jsonLine) begin(e entry) {
	l.entry, l.cdc = e, false
	l.buf, l.updates = l.buf[:0], l.updates[:0]
}

func (l *jsonLine) append(dst []byte) []byte {
	if len(l.updates) == 0 {
		return dst
	}
	dst = l.entry.appendHead(dst)
	dst = append(dst, `,"cdc":`...)
	dst = strconv.AppendBool(dst, l.cdc)
	dst = append(dst, `,"updates":[`...)
	slices.SortStableFunc(l.updates, func(a, b update) int { return bytes.Compare(a.table[:], b.table[:]) })
	for i, u := range l.updates {
		dst = separate(dst, i)
		dst = append(dst, l.buf[u.start:u.end]...)
	}
	return append(dst, "]}\n"...)
}

func (l *jsonLine) fail(dst []byte, err error) []byte {
	dst = l.entry.appendHead(dst)
	dst = append(dst, `,"unhandled":true,"head":"`...)
	dst = hex.AppendEncode(dst, l.entry.body[:min(len(l.entry.body), 40)])
	dst = append(dst, '"')
	if !isUnknownTable(err) {
		dst = append(dst, `,"error":`...)
		dst = appendQuoted(dst, err.Error())
	}
	return append(dst, "}\n"...)
}

func (e entry) appendHead(dst []byte) []byte {
	dst = appendInt(append(dst, `{"end":`...), e.at.Offset)
	return appendInt(append(dst, `,"size":`...), int64(len(e.body)))
}

// Table implements mutation.Visitor.
func (l *jsonLine) Table(t *schema.Table) bool {
	l.cdc = l.cdc || t.CDC
	return l.wanted(t)
}

// Update implements mutation.Visitor.
func (l *jsonLine) Update(u *mutation.Update) {
	t := u.Table
	l.updates = append(l.updates, update{table: t.ID, start: len(l.buf)})
	l.items = -1
	b := appendQuoted(append(l.buf, `{"ks":`...), t.Keyspace)
	b = appendQuoted(append(b, `,"table":`...), t.Name)
	b = append(append(append(b, `,"id":"`...), t.ID.String()...), `","cdc":`...)
	b = strconv.AppendBool(b, t.CDC)
	b = appendHex(append(b, `,"key":`...), u.Key)
	b = append(b, `,"pk":[`...)
	// A key that does not fit its table is all in "key"; there is nothing readable in it.
	l.key, _ = event.SplitPartitionKey(t, u.Key, l.key[:0])
	for i, v := range l.key {
		b = appendReadable(separate(b, i), t.PartitionKey[i].Type, v)
	}
	b = l.appendDeletion(append(b, `],"pdel":`...), u.Deletion)
	l.buf = append(b, `,"static":`...)
}

// openItems begins the rows and markers, unless it is done: there is no static row, then.
func (l *jsonLine) openItems() {
	if l.items < 0 {
		l.buf = append(l.buf, `null,"items":[`...)
		l.items = 0
	}
}

// Row implements mutation.Visitor.
func (l *jsonLine) Row(u *mutation.Update, r *mutation.Row) {
	if !r.Static {
		l.openItems()
	}
	l.row, l.deletions, l.cells = len(l.buf), 0, l.cells[:0]
	b := l.buf
	if !r.Static {
		b = separate(b, l.items)
		l.items++
	}
	b = append(b, `{"kind":"row",`...)
	if !r.Static {
		b = append(appendClustering(b, u.Table, r.Clustering), ',')
	}
	if r.Timestamp != mutation.NoTimestamp {
		b = appendInt(append(b, `"ts":`...), r.Timestamp)
		if r.TTL != 0 {
			b = l.appendExpiry(b, r.TTL, r.LocalDeletionTime)
		}
		b = append(b, ',')
	}
	if !r.Deletion.Live() {
		b = l.appendDeletion(append(b, `"del":`...), r.Deletion)
		b = append(b, `,"shadowable":`...)
		b = append(strconv.AppendBool(b, r.Shadowable), ',')
	}
	l.buf = append(b, `"cdel":[`...)
}

// ComplexDeletion implements mutation.Visitor.
func (l *jsonLine) ComplexDeletion(_ *mutation.Update, _ *mutation.Row, c *schema.Column, d mutation.Deletion) {
	b := appendQuoted(append(separate(l.buf, l.deletions), `{"c":`...), c.Name)
	l.buf = append(l.appendTimes(append(b, ','), d), '}')
	l.deletions++
}

// Cell implements mutation.Visitor.
func (l *jsonLine) Cell(_ *mutation.Update, _ *mutation.Row, c *mutation.Cell) {
	l.cells = l.appendCell(separate(l.cells, len(l.cells)), c)
}

// EndRow implements mutation.Visitor.
func (l *jsonLine) EndRow(_ *mutation.Update, r *mutation.Row) {
	if r.Timestamp == mutation.NoTimestamp && r.Deletion.Live() && l.deletions == 0 && len(l.cells) == 0 {
		// Nothing is left of it without dropped columns: Cassandra has no such row.
		l.buf = l.buf[:l.row]
		if !r.Static {
			l.items--
		}
		return
	}
	l.buf = append(append(append(l.buf, `],"cells":[`...), l.cells...), "]}"...)
	if r.Static {
		l.buf = append(l.buf, `,"items":[`...)
		l.items = 0
	}
}

// Marker implements mutation.Visitor.
func (l *jsonLine) Marker(u *mutation.Update, m *mutation.Marker) {
	l.openItems()
	b := appendQuoted(append(separate(l.buf, l.items), `{"kind":`...), m.Kind.String())
	l.items++
	b = appendClustering(append(b, ','), u.Table, m.Clustering)
	if m.Kind.Boundary() {
		b = l.appendDeletion(append(b, `,"end":`...), m.Deletion)
		b = l.appendDeletion(append(b, `,"start":`...), m.Start)
	} else {
		b = l.appendDeletion(append(b, `,"del":`...), m.Deletion)
	}
	l.buf = append(b, '}')
}

// EndUpdate implements mutation.Visitor.
func (l *jsonLine) EndUpdate(*mutation.Update) {
	l.openItems()
	l.buf = append(l.buf, "]}"...)
	l.updates[len(l.updates)-1].end = len(l.buf)
}

func (l *jsonLine) appendCell(b []byte, c *mutation.Cell) []byte {
	valueType := c.Column.Type
	b = appendQuoted(append(b, `{"c":`...), c.Column.Name)
	if c.Column.Type.MultiCell() {
		pathType, elementType := complexTypes(c.Column.Type, c.Path)
		valueType = elementType
		b = appendHex(append(b, `,"path":`...), c.Path)
		b = appendReadable(append(b, `,"pathj":`...), pathType, c.Path)
	}
	b = appendInt(append(b, `,"ts":`...), c.Timestamp)
	switch {
	case c.TTL != 0:
		b = l.appendExpiry(b, c.TTL, c.LocalDeletionTime)
	case c.Deleted:
		b = l.appendLocalDeletionTime(append(b, `,"ldt":`...), c.LocalDeletionTime)
	}
	if c.Deleted {
		return append(b, `,"del":true}`...)
	}
	b = appendHex(append(b, `,"v":`...), c.Value)
	switch {
	case c.Column.Type.Kind == cql.Counter:
		b = appendCounter(append(b, `,"counter":`...), c.Value)
	case len(c.Value) > 0:
		b = appendReadable(append(b, `,"j":`...), valueType, c.Value)
	}
	return append(b, '}')
}

func appendClustering(b []byte, t *schema.Table, values [][]byte) []byte {
	b = append(b, `"ck":[`...)
	for i, v := range values {
		b = appendHex(separate(b, i), v)
	}
	b = append(b, `],"ckj":[`...)
	for i, v := range values {
		b = appendReadable(separate(b, i), t.Clustering[i].Type, v)
	}
	return append(b, ']')
}

func (l *jsonLine) appendDeletion(b []byte, d mutation.Deletion) []byte {
	if d.Live() {
		return append(b, "null"...)
	}
	return append(l.appendTimes(append(b, '{'), d), '}')
}

func (l *jsonLine) appendTimes(b []byte, d mutation.Deletion) []byte {
	b = appendInt(append(b, `"ts":`...), d.Timestamp)
	return l.appendLocalDeletionTime(append(b, `,"ldt":`...), d.LocalDeletionTime)
}

func (l *jsonLine) appendExpiry(b []byte, ttl, localDeletionTime uint32) []byte {
	b = appendInt(append(b, `,"ttl":`...), int64(int32(ttl)))
	return l.appendLocalDeletionTime(append(b, `,"ldt":`...), localDeletionTime)
}

// appendLocalDeletionTime appends a time as Cassandra holds it: a signed int up to log
// version 7, from 8 on an unsigned one whose highest value stands for no time at all
// (Cell.NO_DELETION_TIME).
func (l *jsonLine) appendLocalDeletionTime(b []byte, t uint32) []byte {
	switch {
	case l.entry.version <= commitlog.Version40:
		return appendInt(b, int64(int32(t)))
	case t == math.MaxUint32:
		return appendInt(b, math.MaxInt64)
	}
	return appendInt(b, int64(t))
}

// separate appends a comma in front of all but the first.
func separate(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// appendHex appends bytes in hex, in quotes; nil is null.
func appendHex(b, value []byte) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	return append(hex.AppendEncode(append(b, '"'), value), '"')
}

// appendQuoted appends a text as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
