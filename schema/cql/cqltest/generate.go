// Random types and random values of them.

// Package cqltest draws CQL types and raw values of them for property tests.
package cqltest

import (
	"encoding/binary"
	"math"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Type draws a type of any nesting with all that its values need, frozen where
// Cassandra has it frozen.
func Type(t *rapid.T) *cql.Type { return draw(t, 0, false, false) }

// draw is Type at some depth: nested says that it is part of another one than a
// user-defined type, insideFrozen that something around it is frozen.
func draw(t *rapid.T, depth int, nested, insideFrozen bool) *cql.Type {
	last := cql.Custom
	if depth > 3 {
		last = cql.Empty
	}
	typ := &cql.Type{Kind: cql.Kind(rapid.IntRange(int(cql.ASCII), int(last)).Draw(t, "kind"))}
	part := func(insideFrozen bool) *cql.Type { return draw(t, depth+1, true, insideFrozen) }
	switch typ.Kind {
	case cql.List, cql.Set, cql.Map, cql.UDT:
		typ.Frozen = nested || !insideFrozen && rapid.Bool().Draw(t, "frozen")
	}
	insideFrozen = insideFrozen || typ.Frozen
	switch typ.Kind {
	case cql.List, cql.Set:
		typ.Elem = part(insideFrozen)
	case cql.Map:
		typ.Key, typ.Elem = part(insideFrozen), part(insideFrozen)
	case cql.Vector:
		typ.Elem, typ.Dimension = part(insideFrozen), rapid.IntRange(1, 5).Draw(t, "dimension")
		if typ.FixedLength() == 0 {
			typ.Elem = &cql.Type{Kind: cql.Float} // a vector of nothing has no values
		}
	case cql.Tuple:
		typ.Frozen = true
		for range rapid.IntRange(1, 4).Draw(t, "components") {
			typ.Fields = append(typ.Fields, cql.Field{Type: part(true)})
		}
	case cql.UDT:
		typ.Keyspace, typ.Name = "ks", rapid.StringMatching(`[a-zA-Z][a-z_ é"]{0,4}`).Draw(t, "name")
		for range rapid.IntRange(1, 4).Draw(t, "fields") {
			name := rapid.StringMatching(`[a-zA-Z][a-z_ é"\\]{0,4}`).Draw(t, "field")
			typ.Fields = append(typ.Fields, cql.Field{Name: name, Type: draw(t, depth+1, false, insideFrozen)})
		}
	case cql.Custom:
		typ.Name = rapid.SampledFrom([]string{"org.example.MyType", "org.example.MyType(a=1)", marshalPackage + "LexicalUUIDType",
			marshalPackage + "DynamicCompositeType(a=>" + marshalPackage + "BytesType)"}).Draw(t, "class")
	}
	return typ
}

// Value draws a value of a type, which is not null.
func Value(t *rapid.T, typ *cql.Type) []byte {
	sized := func(n int) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes") }
	some := func(least int) []byte { return rapid.SliceOfN(rapid.Byte(), least, least+9).Draw(t, "bytes") }
	var v []byte
	add := func(part []byte) {
		v = append(binary.BigEndian.AppendUint32(v, uint32(len(part))), part...)
	}
	switch typ.Kind {
	case cql.ASCII:
		return []byte(rapid.StringMatching(`[\x00-\x7f]{0,8}`).Draw(t, "ascii"))
	case cql.Text:
		return []byte(rapid.String().Draw(t, "text"))
	case cql.Blob:
		return some(0)
	case cql.TinyInt:
		return sized(1)
	case cql.SmallInt:
		return sized(2)
	case cql.Date:
		return sized(4)
	case cql.Time:
		return sized(8)
	case cql.VarInt:
		return some(1)
	case cql.Decimal:
		// The scale is small: digits and zeros are all printed.
		return append(binary.BigEndian.AppendUint32(nil, uint32(rapid.Int32().Draw(t, "scale"))), some(1)...)
	case cql.Inet:
		return sized(rapid.SampledFrom([]int{4, 16}).Draw(t, "size"))
	case cql.TimeUUID:
		v = sized(16)
		v[6] = 0x10 | v[6]&0xf
		return v
	case cql.Duration:
		sign := rapid.SampledFrom([]int64{1, -1}).Draw(t, "sign")
		for _, limit := range []int64{math.MaxInt32, math.MaxInt32, math.MaxInt64} {
			v = appendVInt(v, sign*rapid.Int64Range(0, limit).Draw(t, "n"))
		}
		return v
	case cql.Counter:
		shards := rapid.IntRange(0, 3).Draw(t, "shards")
		v = binary.BigEndian.AppendUint16(nil, uint16(shards))
		for i := range shards {
			v = binary.BigEndian.AppendUint16(v, uint16(i-1<<15))
		}
		return append(v, sized(32*shards)...)
	case cql.Empty:
		return []byte{}
	case cql.List, cql.Set, cql.Map:
		n := rapid.IntRange(0, 3).Draw(t, "elements")
		v = binary.BigEndian.AppendUint32(nil, uint32(n))
		for range n {
			if typ.Kind == cql.Map {
				add(Value(t, typ.Key))
			}
			add(Value(t, typ.Elem))
		}
		return v
	case cql.Tuple, cql.UDT:
		v = []byte{}
		for _, f := range typ.Fields[:rapid.IntRange(0, len(typ.Fields)).Draw(t, "fields")] {
			if rapid.Bool().Draw(t, "null") {
				v = append(v, 0xff, 0xff, 0xff, 0xff)
			} else {
				add(Value(t, f.Type))
			}
		}
		return v
	case cql.Vector:
		size := typ.Elem.FixedLength()
		for range typ.Dimension {
			e := Value(t, typ.Elem)
			if size < 0 {
				v = AppendUnsignedVInt(v, uint64(len(e)))
			}
			v = append(v, e...)
		}
		return v
	case cql.Custom:
		if n := typ.FixedLength(); n > 0 {
			return sized(n)
		}
		return some(0)
	}
	return sized(typ.FixedLength())
}

const marshalPackage = "org.apache.cassandra.db.marshal."

func appendVInt(dst []byte, n int64) []byte { return AppendUnsignedVInt(dst, uint64(n<<1^n>>63)) }

// AppendUnsignedVInt appends the integer that precedes an element of a vector
// (VIntCoding.writeUnsignedVInt).
func AppendUnsignedVInt(dst []byte, n uint64) []byte {
	extra := 0
	for extra < 8 && n>>(7*(extra+1)) != 0 {
		extra++
	}
	var b [9]byte
	binary.BigEndian.PutUint64(b[1:], n)
	b[8-extra] |= ^byte(0) << (8 - extra)
	return append(dst, b[8-extra:]...)
}
