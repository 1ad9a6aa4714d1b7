// Package cql knows the types of the Cassandra Query Language.
//
// In comes a type's text as system_schema.columns spells it, or as Cassandra's
// marshal classes spell themselves, out goes a [Type] that both stages share: the
// agent asks it how a cell is laid out in the commit log, the connector compiles it
// into an encoder. It knows what raw values of it are made of ([Type.Parts], and the
// functions below it for who compiles), whether bytes are one ([Type.Validate]), and
// shows them to people ([Type.AppendJSON]). The package reads no rows and opens no
// connection.
package cql

import (
	"math"
	"strings"
)

// Kind is what a type is before its parameters.
type Kind uint8

// The kinds, in the order of the CQL documentation. Text is also varchar.
const (
	Invalid Kind = iota
	ASCII
	BigInt
	Blob
	Boolean
	Counter
	Date
	Decimal
	Double
	Duration
	Float
	Inet
	Int
	SmallInt
	Text
	Time
	Timestamp
	TimeUUID
	TinyInt
	UUID
	VarInt
	Empty // the hidden value column of dense compact tables
	List
	Set
	Map
	Tuple
	UDT
	Vector
	Custom
)

var nativeNames = map[string]Kind{
	"ascii": ASCII, "bigint": BigInt, "blob": Blob, "boolean": Boolean, "counter": Counter, "date": Date,
	"decimal": Decimal, "double": Double, "duration": Duration, "empty": Empty, "float": Float, "inet": Inet,
	"int": Int, "smallint": SmallInt, "text": Text, "time": Time, "timestamp": Timestamp, "timeuuid": TimeUUID,
	"tinyint": TinyInt, "uuid": UUID, "varchar": Text, "varint": VarInt,
}

var kindNames = func() map[Kind]string {
	m := map[Kind]string{List: "list", Set: "set", Map: "map", Tuple: "tuple", Vector: "vector"}
	for name, k := range nativeNames {
		if name != "varchar" {
			m[k] = name
		}
	}
	return m
}()

// Type is one CQL type with its parameters. It is immutable once made.
type Type struct {
	Kind   Kind
	Frozen bool

	Key  *Type // map key
	Elem *Type // list, set and vector element; map value

	Keyspace string  // of a user-defined type
	Name     string  // of a user-defined type; class of a custom type
	Fields   []Field // user-defined type, tuple (fields without a name)

	Dimension int // of a vector
}

// Field is a field of a user-defined type or a component of a tuple.
type Field struct {
	Name string
	Type *Type
}

// MultiCell says whether a column of this type is stored as one cell an element
// (a non-frozen collection or user-defined type): Cassandra's "complex" column.
func (t *Type) MultiCell() bool {
	switch t.Kind {
	case List, Set, Map, UDT:
		return !t.Frozen
	}
	return false
}

// FixedLength is the number of bytes of every non-empty value of the type as the
// commit log lays out a cell, or -1 where a length precedes the value.
// (AbstractType.valueLengthIfFixed: tinyint, smallint, date and time are variable
// there although their values always have one size.)
func (t *Type) FixedLength() int {
	switch t.Kind {
	case Empty:
		return 0
	case Boolean:
		return 1
	case Int, Float:
		return 4
	case BigInt, Double, Timestamp:
		return 8
	case UUID, TimeUUID:
		return 16
	case Vector:
		n := t.Elem.FixedLength()
		if n > 0 && t.Dimension > math.MaxInt32/n {
			return math.MaxInt32 // more than any value can have
		}
		if n >= 0 {
			return n * t.Dimension
		}
	case Custom:
		if t.lexicalUUID() {
			return 16
		}
	}
	return -1
}

func (t *Type) lexicalUUID() bool {
	return t.Kind == Custom && strings.TrimPrefix(t.Name, marshalPackage) == lexicalUUID
}

// String is the type as system_schema spells it: user-defined types by their name
// alone, since they belong to the keyspace of the table.
func (t *Type) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t *Type) write(b *strings.Builder) {
	wrap := t.Frozen && (t.Kind == List || t.Kind == Set || t.Kind == Map || t.Kind == UDT || t.Kind == Tuple)
	if wrap {
		b.WriteString("frozen<")
	}
	switch t.Kind {
	case List, Set:
		b.WriteString(kindNames[t.Kind] + "<")
		t.Elem.write(b)
		b.WriteByte('>')
	case Vector:
		b.WriteString("vector<")
		t.Elem.write(b)
		b.WriteString(", " + itoa(t.Dimension) + ">")
	case Map:
		b.WriteString("map<")
		t.Key.write(b)
		b.WriteString(", ")
		t.Elem.write(b)
		b.WriteByte('>')
	case Tuple:
		b.WriteString("tuple<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			f.Type.write(b)
		}
		b.WriteByte('>')
	case UDT:
		b.WriteString(Quote(t.Name))
	case Custom:
		b.WriteString("'" + strings.ReplaceAll(t.Name, "'", "''") + "'")
	default:
		b.WriteString(kindNames[t.Kind])
	}
	if wrap {
		b.WriteByte('>')
	}
}
