// Payloads back to raw CQL values, read with other libraries than our encoders'.

package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Fields are the fields of a payload by name, as another library reads them.
type Fields struct {
	byName map[string]any
	unions bool // of hamba/avro, which may give what is in a union as a map of the branch
}

// FromAvro reads an Avro record without a schema header. text is the record's schema
// as it was registered.
func FromAvro(text string, payload []byte) (Fields, error) {
	// hamba/avro shall not interpret logical types. Java prints references to a record
	// without a namespace by the bare name, which others look up in the enclosing
	// namespace: so let it be there.
	text = strings.ReplaceAll(logicalType.ReplaceAllString(text, ""), `,"namespace":""`, "")
	s, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return Fields{}, err
	}
	f := Fields{unions: true}
	r := avro.NewReader(nil, 0).Reset(payload)
	r.ReadVal(s, &f.byName)
	return f, r.Error
}

var logicalType = regexp.MustCompile(`,"logicalType":"[^"]*"`)

// FromJSON reads a JSON object.
func FromJSON(payload []byte) (Fields, error) {
	var f Fields
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	err := d.Decode(&f.byName)
	return f, err
}

// Equal says whether two payloads say the same, in whatever order of fields and of
// maps' entries.
func (f Fields) Equal(other Fields) bool {
	return fmt.Sprint(f.byName) == fmt.Sprint(other.byName) // which sorts maps
}

// Raw makes raw CQL values of columns, nil where there is no field or null. unordered
// says that a map among them has several entries, whose order is lost.
func (f Fields) Raw(columns []schema.Column) (values [][]byte, unordered bool, err error) {
	r := rawValues{unions: f.unions}
	values = make([][]byte, len(columns))
	for i, c := range columns {
		values[i] = r.optional(c.Type, f.byName[c.Name])
		if r.err != nil {
			return nil, false, fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, r.err)
		}
	}
	return values, r.unordered, nil
}

// rawValues makes raw values; the first fault ends it.
type rawValues struct {
	unions    bool
	unordered bool
	err       error
}

func (r *rawValues) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// optional makes the raw value of what may be null, which in Avro is a union.
func (r *rawValues) optional(t *cql.Type, v any) []byte {
	if v == nil {
		return nil
	}
	if m, ok := v.(map[string]any); ok && r.unions && len(m) == 1 {
		for name, inner := range m {
			if strings.Contains(name, ".") || branches[name] {
				v = inner
			}
		}
	}
	return r.raw(t, v)
}

var branches = map[string]bool{"int": true, "long": true, "string": true, "bytes": true, "boolean": true,
	"float": true, "double": true, "array": true, "map": true}

func (r *rawValues) raw(t *cql.Type, v any) []byte {
	be := binary.BigEndian
	switch t.Kind {
	case cql.ASCII, cql.Text:
		return append([]byte{}, r.text(v)...)
	case cql.Blob, cql.VarInt:
		return append([]byte{}, r.bytes(v)...)
	case cql.Boolean:
		if b, ok := v.(bool); ok && b {
			return []byte{1}
		}
		return []byte{0}
	case cql.TinyInt:
		return []byte{byte(r.number(v))}
	case cql.SmallInt:
		return be.AppendUint16(nil, uint16(r.number(v)))
	case cql.Int:
		return be.AppendUint32(nil, uint32(r.number(v)))
	case cql.BigInt, cql.Timestamp:
		return be.AppendUint64(nil, uint64(r.number(v)))
	case cql.Date:
		return be.AppendUint32(nil, uint32(r.number(v)+1<<31))
	case cql.Time:
		return be.AppendUint64(nil, uint64(r.number(v)*1000))
	case cql.Float:
		return be.AppendUint32(nil, math.Float32bits(float32(r.float(v, 32))))
	case cql.Double:
		return be.AppendUint64(nil, math.Float64bits(r.float(v, 64)))
	case cql.Inet:
		a, err := netip.ParseAddr(strings.TrimPrefix(r.text(v), "/")) // as Java prints it in collections
		if err != nil {
			r.fail(err)
		}
		return a.AsSlice()
	case cql.UUID, cql.TimeUUID:
		b, err := hex.DecodeString(strings.ReplaceAll(r.text(v), "-", ""))
		if err != nil {
			r.fail(err)
		}
		return b
	case cql.Decimal:
		m := r.object(v)
		return append(be.AppendUint32(nil, uint32(r.number(m["scale"]))), r.bytes(m["bigint"])...)
	case cql.Duration:
		m := r.object(v)
		b := appendVInt(nil, r.number(m["months"]))
		return appendVInt(appendVInt(b, r.number(m["days"])), r.number(m["nanoseconds"]))
	case cql.List, cql.Set:
		list := r.list(v)
		b := be.AppendUint32(nil, uint32(len(list)))
		for _, e := range list {
			b = appendPart(b, r.raw(t.Elem, e))
		}
		return b
	case cql.Vector:
		var b []byte
		for _, e := range r.list(v) {
			one := r.raw(t.Elem, e)
			if t.Elem.FixedLength() < 0 {
				b = appendUnsignedVInt(b, uint64(len(one)))
			}
			b = append(b, one...)
		}
		return b
	case cql.Map:
		m := r.object(v)
		r.unordered = r.unordered || len(m) > 1
		b := be.AppendUint32(nil, uint32(len(m)))
		for key, e := range m {
			b = appendPart(b, r.key(t.Key, key))
			b = appendPart(b, r.raw(t.Elem, e))
		}
		return b
	case cql.Tuple, cql.UDT:
		m := r.object(v)
		b := []byte{}
		for i, f := range t.Fields {
			name := f.Name
			if t.Kind == cql.Tuple {
				name = "index_" + strconv.Itoa(i)
			}
			b = appendPart(b, r.optional(f.Type, m[name]))
		}
		return b
	}
	r.fail(fmt.Errorf("type %s", t))
	return nil
}

// key makes the raw value of a map key, which is text in both formats.
func (r *rawValues) key(t *cql.Type, text string) []byte {
	be := binary.BigEndian
	switch t.Kind {
	case cql.ASCII, cql.Text, cql.Inet, cql.UUID, cql.TimeUUID:
		return r.raw(t, text)
	case cql.Boolean:
		return r.raw(t, text == "true")
	case cql.TinyInt, cql.SmallInt, cql.Int, cql.BigInt, cql.Float, cql.Double:
		return r.raw(t, json.Number(text))
	case cql.Timestamp:
		return r.raw(t, r.time(time.RFC3339Nano, text).UnixMilli())
	case cql.Date:
		return r.raw(t, r.time(time.DateOnly, text).Unix()/86400)
	case cql.Time:
		layout := "15:04:05"
		if len(text) == len("15:04") {
			layout = "15:04"
		}
		at := r.time(layout, text)
		return be.AppendUint64(nil, uint64(at.Sub(at.Truncate(24*time.Hour))))
	case cql.VarInt:
		return r.integer(text)
	case cql.Decimal: // digits with a point or not, and an exponent or not
		digits, exponent, _ := strings.Cut(text, "E")
		whole, fraction, _ := strings.Cut(digits, ".")
		scale := int64(len(fraction))
		if exponent != "" {
			scale -= r.number(json.Number(strings.TrimPrefix(exponent, "+")))
		}
		return append(be.AppendUint32(nil, uint32(scale)), r.integer(whole+fraction)...)
	case cql.List, cql.Set: // [1, 2]
		elements := r.elements(text, "[", "]")
		b := be.AppendUint32(nil, uint32(len(elements)))
		for _, e := range elements {
			b = appendPart(b, r.key(t.Elem, e))
		}
		return b
	case cql.Map: // {1=a, 2=b}
		entries := r.elements(text, "{", "}")
		r.unordered = r.unordered || len(entries) > 1
		b := be.AppendUint32(nil, uint32(len(entries)))
		for _, e := range entries {
			key, value, _ := strings.Cut(e, "=")
			b = appendPart(b, r.key(t.Key, key))
			b = appendPart(b, r.key(t.Elem, value))
		}
		return b
	}
	r.fail(fmt.Errorf("no way back from the text %q of a map key of type %s", text, t))
	return nil
}

// elements parts the text of a collection that is a map key. Java prints the elements
// as they are: what has a comma or an equals sign in itself is not told apart.
func (r *rawValues) elements(text, opening, closing string) []string {
	inner, opened := strings.CutPrefix(text, opening)
	inner, closed := strings.CutSuffix(inner, closing)
	switch {
	case !opened || !closed:
		r.fail(fmt.Errorf("%q is not between %s and %s", text, opening, closing))
		return nil
	case inner == "":
		return nil
	}
	return strings.Split(inner, ", ")
}

func (r *rawValues) time(layout, text string) time.Time {
	at, err := time.Parse(layout, text)
	if err != nil {
		r.fail(err)
	}
	return at
}

// integer is the two's complement of a number in digits, in as few bytes as keep the
// sign.
func (r *rawValues) integer(digits string) []byte {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		r.fail(fmt.Errorf("%q is no number", digits))
		return nil
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	}
	return n.FillBytes(make([]byte, size))
}

func (r *rawValues) text(v any) string {
	s, ok := v.(string)
	if !ok {
		r.fail(fmt.Errorf("%T where text is wanted", v))
	}
	return s
}

// bytes are bytes of Avro or Base64 of JSON.
func (r *rawValues) bytes(v any) []byte {
	if b, ok := v.([]byte); ok {
		return b
	}
	b, err := base64.StdEncoding.DecodeString(r.text(v))
	if err != nil {
		r.fail(err)
	}
	return b
}

func (r *rawValues) object(v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		r.fail(fmt.Errorf("%T where an object is wanted", v))
	}
	return m
}

func (r *rawValues) list(v any) []any {
	l, ok := v.([]any)
	if !ok {
		r.fail(fmt.Errorf("%T where an array is wanted", v))
	}
	return l
}

func (r *rawValues) number(v any) int64 {
	switch n := v.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case json.Number:
		i, err := n.Int64()
		if err != nil {
			r.fail(err)
		}
		return i
	}
	r.fail(fmt.Errorf("%T where an integer is wanted", v))
	return 0
}

// float takes a number of Avro, or one of JSON, where what is no number is text.
func (r *rawValues) float(v any, bits int) float64 {
	switch n := v.(type) {
	case float32:
		return float64(n)
	case float64:
		return n
	case json.Number:
		f, err := strconv.ParseFloat(string(n), bits)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			r.fail(err)
		}
		return f
	}
	f, err := strconv.ParseFloat(r.text(v), bits)
	if err != nil {
		r.fail(err)
	}
	return f
}

// appendPart appends a value with its length in front, as collections and tuples hold
// it; nil is null.
func appendPart(dst, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(v))), v...)
}

// appendVInt appends Cassandra's zigzag integer; the one byte form and the longest one
// suffice.
func appendVInt(dst []byte, v int64) []byte {
	return appendUnsignedVInt(dst, uint64(v)<<1^uint64(v>>63))
}

func appendUnsignedVInt(dst []byte, u uint64) []byte {
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xff), u)
}
