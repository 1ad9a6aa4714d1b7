// An entry as lines of text for a person, one for each change.

package inspect

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// textLines is shown the parts of an entry and writes a line for each change:
//
//	position  write time  table  what happened  primary key  columns
//
// The first columns are as wide as what they held so far, so that lines stand below each
// other whatever comes.
type textLines struct {
	wanted func(*schema.Table) bool
	entry  entry

	buf           []byte
	position      string
	positionWidth int
	tableWidth    int
	partition     []byte   // the partition key of the update, as text
	key           [][]byte // scratch
	open          []byte   // where the range tombstone begins that is open, as text
	cells         []byte   // of the row, as text
	newest        int64    // write time in the row
}

// Widths that a column begins with, and beyond which one long name does not widen it.
const (
	minPositionWidth = len("1700000000000:33554432")
	minTableWidth    = 16
	maxTableWidth    = 40
	maxValue         = 120 // bytes of a value that are printed
)

func (l *textLines) begin(e entry) {
	l.entry, l.buf = e, l.buf[:0]
	l.position = e.at.String()
	l.positionWidth = max(l.positionWidth, minPositionWidth, len(l.position))
}

func (l *textLines) append(dst []byte) []byte { return append(dst, l.buf...) }

func (l *textLines) fail(dst []byte, err error) []byte {
	l.buf = l.buf[:0]
	l.start("", mutation.NoTimestamp, "not decoded")
	l.buf = fmt.Appendf(l.buf, "  %d bytes: %v\n", len(l.entry.body), err)
	return append(dst, l.buf...)
}

// start begins a line.
func (l *textLines) start(table string, timestamp int64, what string) {
	l.tableWidth = max(l.tableWidth, minTableWidth, min(len(table), maxTableWidth))
	b := appendPadded(l.buf, l.position, l.positionWidth)
	b = appendPadded(append(b, "  "...), writeTime(timestamp), len("2006-01-02T15:04:05.000000Z"))
	b = appendPadded(append(b, "  "...), table, l.tableWidth)
	l.buf = appendPadded(append(b, "  "...), what, len("delete partition"))
}

// Table implements mutation.Visitor.
func (l *textLines) Table(t *schema.Table) bool { return l.wanted(t) }

// Update implements mutation.Visitor.
func (l *textLines) Update(u *mutation.Update) {
	l.partition = l.partition[:0]
	l.key, _ = event.SplitPartitionKey(u.Table, u.Key, l.key[:0])
	for i, v := range l.key {
		l.partition = appendValue(l.partition, &u.Table.PartitionKey[i], v)
	}
	if !u.Deletion.Live() {
		l.start(u.Table.String(), u.Deletion.Timestamp, "delete partition")
		l.end(u.Table, nil)
	}
}

// end ends a line with the primary key and nothing behind it.
func (l *textLines) end(t *schema.Table, clustering [][]byte) {
	l.appendKey(t, clustering)
	l.buf = append(l.buf, '\n')
}

func (l *textLines) appendKey(t *schema.Table, clustering [][]byte) {
	l.buf = append(append(l.buf, ' '), l.partition...)
	l.buf = appendClusteringText(l.buf, t, clustering)
}

// Row implements mutation.Visitor.
func (l *textLines) Row(u *mutation.Update, r *mutation.Row) {
	if !r.Deletion.Live() {
		l.start(u.Table.String(), r.Deletion.Timestamp, "delete")
		l.end(u.Table, r.Clustering)
	}
	l.cells, l.newest = l.cells[:0], r.Timestamp
}

// ComplexDeletion implements mutation.Visitor.
func (l *textLines) ComplexDeletion(_ *mutation.Update, _ *mutation.Row, c *schema.Column, d mutation.Deletion) {
	l.cells = append(appendName(append(l.cells, ' '), c.Name), "={}"...)
	l.newest = max(l.newest, d.Timestamp)
}

// Cell implements mutation.Visitor.
func (l *textLines) Cell(_ *mutation.Update, r *mutation.Row, c *mutation.Cell) {
	l.cells = appendCellText(append(l.cells, ' '), c, r.TTL)
	l.newest = max(l.newest, c.Timestamp)
}

// EndRow implements mutation.Visitor.
func (l *textLines) EndRow(u *mutation.Update, r *mutation.Row) {
	what := "update"
	switch {
	case r.Timestamp != mutation.NoTimestamp:
		what = "insert"
	case len(l.cells) == 0:
		return // a deletion and nothing else
	case r.Static:
		what = "update static"
	}
	l.start(u.Table.String(), l.newest, what)
	l.appendKey(u.Table, r.Clustering)
	if len(l.cells) > 0 {
		l.buf = append(append(l.buf, ' '), l.cells...) // one space more, so that the key stands apart
	}
	if r.TTL != 0 {
		l.buf = fmt.Appendf(l.buf, "  ttl %d", r.TTL)
	}
	l.buf = append(l.buf, '\n')
}

// Marker implements mutation.Visitor: a range of rows that is deleted is a line, printed
// where it ends.
func (l *textLines) Marker(u *mutation.Update, m *mutation.Marker) {
	switch m.Kind {
	case mutation.InclEnd, mutation.InclEndExclStart:
		l.endRange(u.Table, m, " to", " to the end")
	case mutation.ExclEnd, mutation.ExclEndInclStart:
		l.endRange(u.Table, m, " to before", " to the end")
	}
	l.open = l.open[:0]
	switch m.Kind {
	case mutation.InclStart, mutation.ExclEndInclStart:
		l.open = appendBound(l.open, u.Table, m.Clustering, "  from", "  from the start")
	case mutation.ExclStart, mutation.InclEndExclStart:
		l.open = appendBound(l.open, u.Table, m.Clustering, "  from behind", "  from the start")
	}
}

func (l *textLines) endRange(t *schema.Table, m *mutation.Marker, to, openEnd string) {
	l.start(t.String(), m.Deletion.Timestamp, "delete range")
	l.appendKey(t, nil)
	l.buf = append(l.buf, l.open...)
	l.buf = append(appendBound(l.buf, t, m.Clustering, to, openEnd), '\n')
}

func appendBound(b []byte, t *schema.Table, clustering [][]byte, bound, openBound string) []byte {
	if len(clustering) == 0 {
		return append(b, openBound...)
	}
	return appendClusteringText(append(b, bound...), t, clustering)
}

// EndUpdate implements mutation.Visitor.
func (l *textLines) EndUpdate(*mutation.Update) {}

func appendClusteringText(b []byte, t *schema.Table, clustering [][]byte) []byte {
	for i, v := range clustering {
		b = appendValue(b, &t.Clustering[i], v)
	}
	return b
}

func appendValue(b []byte, c *schema.Column, v []byte) []byte {
	b = append(appendName(append(b, ' '), c.Name), '=')
	return appendCut(b, appendReadable(nil, c.Type, v))
}

func appendCellText(b []byte, c *mutation.Cell, rowTTL uint32) []byte {
	b = appendName(b, c.Column.Name)
	t := c.Column.Type
	valueType := t
	if t.MultiCell() {
		pathType, elementType := complexTypes(t, c.Path)
		valueType = elementType
		if field := fieldIndex(c.Path); t.Kind == cql.UDT && field < len(t.Fields) {
			b = appendName(append(b, '.'), t.Fields[field].Name)
		} else {
			b = append(appendCut(append(b, '['), appendReadable(nil, pathType, c.Path)), ']')
		}
	}
	switch {
	case c.Deleted:
		return append(b, "=null"...)
	case t.Kind == cql.Counter:
		b = appendCounter(append(b, '='), c.Value)
	case valueType != nil:
		b = appendCut(append(b, '='), appendReadable(nil, valueType, c.Value))
	}
	switch c.TTL {
	case rowTTL:
	case 0:
		b = append(b, " (no ttl)"...)
	default:
		b = fmt.Appendf(b, " (ttl %d)", c.TTL)
	}
	return b
}

// appendCut appends a value, its beginning when it is long.
func appendCut(b, value []byte) []byte {
	if len(value) <= maxValue {
		return append(b, value...)
	}
	n := maxValue
	for !utf8.RuneStart(value[n]) {
		n--
	}
	return fmt.Appendf(append(b, value[:n]...), "… (%d bytes)", len(value))
}

// appendName appends a column's name, quoted when it could be taken for something else.
func appendName(b []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_', c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		default:
			return appendQuoted(b, name)
		}
	}
	return append(b, name...)
}

func appendPadded(b []byte, s string, width int) []byte {
	b = append(b, s...)
	for n := len(s); n < width; n++ {
		b = append(b, ' ')
	}
	return b
}

// writeTime prints a write time, as the number it is where it is no time of our days:
// whoever writes may choose it.
func writeTime(timestamp int64) string {
	switch t := time.UnixMicro(timestamp).UTC(); {
	case timestamp == mutation.NoTimestamp:
		return "-"
	case t.Year() < 1971 || t.Year() > 9999:
		return strconv.FormatInt(timestamp, 10)
	default:
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
}
