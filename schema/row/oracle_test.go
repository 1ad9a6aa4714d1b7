// The independent reader of our bytes: hamba/avro, and the way back from its Go values to raw CQL values.

package row_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

var logicalType = regexp.MustCompile(`,"logicalType":"[^"]*"`)

// oracleSchema parses a schema's text for hamba/avro, which shall not interpret
// logical types. Java prints references to a record without a namespace by the
// bare name, which others look up in the enclosing namespace: so let it be there.
func oracleSchema(t interface{ Fatalf(string, ...any) }, text string) avro.Schema {
	text = strings.ReplaceAll(logicalType.ReplaceAllString(text, ""), `,"namespace":""`, "")
	s, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}

func decode(t testing.TB, s avro.Schema, payload []byte) map[string]any {
	t.Helper()
	row, err := read(s, payload)
	if err != nil {
		t.Fatalf("%x: %v", payload, err)
	}
	return row
}

// read reads a record, to the end of the payload.
func read(s avro.Schema, payload []byte) (map[string]any, error) {
	var row map[string]any
	r := avro.NewReader(nil, 0).Reset(payload)
	r.ReadVal(s, &row)
	if r.Error == nil {
		if r.Peek(); r.Error == nil {
			return nil, errors.New("bytes behind the record")
		}
		return row, nil
	}
	return row, r.Error
}

// plain takes the wrapping off a value of a union.
func plain(v any) any {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		for name, value := range m {
			switch {
			case strings.Contains(name, "."), name == "int", name == "long", name == "string", name == "bytes", name == "boolean",
				name == "float", name == "double", name == "array", name == "map":
				return value
			}
		}
	}
	return v
}

// raw makes the raw CQL value of an Avro value; multi is set where a map's order
// is lost.
func raw(t testing.TB, typ *cql.Type, v any, multi *bool) []byte {
	t.Helper()
	be := binary.BigEndian
	number := func() int64 {
		switch n := v.(type) {
		case int:
			return int64(n)
		case int64:
			return n
		}
		t.Fatalf("%s: %T", typ, v)
		return 0
	}
	withLength := func(dst, v []byte) []byte {
		if v == nil {
			return be.AppendUint32(dst, math.MaxUint32)
		}
		return append(be.AppendUint32(dst, uint32(len(v))), v...)
	}
	switch typ.Kind {
	case cql.ASCII, cql.Text:
		return append([]byte{}, v.(string)...)
	case cql.Blob, cql.VarInt:
		return append([]byte{}, v.([]byte)...)
	case cql.Boolean:
		if v.(bool) {
			return []byte{1}
		}
		return []byte{0}
	case cql.TinyInt:
		return []byte{byte(number())}
	case cql.SmallInt:
		return be.AppendUint16(nil, uint16(number()))
	case cql.Int:
		return be.AppendUint32(nil, uint32(number()))
	case cql.BigInt, cql.Timestamp:
		return be.AppendUint64(nil, uint64(number()))
	case cql.Date:
		return be.AppendUint32(nil, uint32(number()+1<<31))
	case cql.Time:
		return be.AppendUint64(nil, uint64(number()*1000))
	case cql.Float:
		return be.AppendUint32(nil, math.Float32bits(v.(float32)))
	case cql.Double:
		return be.AppendUint64(nil, math.Float64bits(v.(float64)))
	case cql.Inet:
		return netip.MustParseAddr(v.(string)).AsSlice()
	case cql.UUID, cql.TimeUUID:
		b, err := hex.DecodeString(strings.ReplaceAll(v.(string), "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	case cql.Decimal:
		m := v.(map[string]any)
		return append(be.AppendUint32(nil, uint32(m["scale"].(int))), m["bigint"].([]byte)...)
	case cql.Duration:
		m := v.(map[string]any)
		b := vint(nil, int64(m["months"].(int)))
		return vint(vint(b, int64(m["days"].(int))), m["nanoseconds"].(int64))
	case cql.List, cql.Set:
		list := v.([]any)
		b := be.AppendUint32(nil, uint32(len(list)))
		for _, e := range list {
			b = withLength(b, raw(t, typ.Elem, e, multi))
		}
		return b
	case cql.Vector:
		var b []byte
		for _, e := range v.([]any) {
			b = append(b, raw(t, typ.Elem, e, multi)...)
		}
		return b
	case cql.Map:
		m := v.(map[string]any)
		*multi = *multi || len(m) > 1
		b := be.AppendUint32(nil, uint32(len(m)))
		for k, e := range m {
			b = withLength(b, raw(t, typ.Key, keyValue(t, typ.Key, k), multi))
			b = withLength(b, raw(t, typ.Elem, e, multi))
		}
		return b
	case cql.UDT, cql.Tuple:
		m := v.(map[string]any)
		var b []byte
		for i, f := range typ.Fields {
			name := f.Name
			if typ.Kind == cql.Tuple {
				name = "index_" + strconv.Itoa(i)
			}
			if e := plain(m[name]); e != nil {
				b = withLength(b, raw(t, f.Type, e, multi))
			} else {
				b = withLength(b, nil)
			}
		}
		return b
	}
	t.Fatalf("type %s", typ)
	return nil
}

// keyValue reads a map key, which Avro has as text.
func keyValue(t testing.TB, typ *cql.Type, text string) any {
	t.Helper()
	var err error
	var v any
	switch typ.Kind {
	case cql.Boolean:
		v, err = strconv.ParseBool(text)
	case cql.TinyInt, cql.SmallInt, cql.Int, cql.BigInt:
		v, err = strconv.ParseInt(text, 10, 64)
	case cql.Timestamp:
		var at time.Time
		at, err = time.Parse(time.RFC3339Nano, text)
		v = at.UnixMilli()
	case cql.Date:
		var day time.Time
		day, err = time.Parse(time.DateOnly, text)
		v = day.Unix() / 86400
	default:
		v = text
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// vint appends Cassandra's zigzag integer; only the one byte form and the longest
// one are needed.
func vint(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xff), u)
}
