// The schema of each CQL type, with the records that stand for tuples and user-defined types.

package avro

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Type writes the schema of a type's values, which the function Value writes.
func (s *Schema) Type(t *cql.Type) error {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		return s.Array(func() error { return s.Type(t.Elem) })
	case cql.Map:
		return s.Map(func() error { return s.Type(t.Elem) })
	case cql.UDT:
		return s.recordOf(t, t.Name, "CQL type "+t.Keyspace+"."+t.Name)
	case cql.Tuple:
		text := driverText(t)
		return s.recordOf(t, "Tuple_"+strconv.FormatUint(uint64(javaHash(text)), 16), "CQL type "+text)
	}
	return s.Scalar(t.Kind)
}

// recordOf writes the record of a user-defined type or tuple, in the namespace of
// the keyspace; all its fields may be null, with null as default.
func (s *Schema) recordOf(t *cql.Type, name, doc string) error {
	return s.Record(name, doc, func() error {
		for i, f := range t.Fields {
			err := s.Field(FieldName(t, i), OptionalWithDefault, func() error { return s.Type(f.Type) })
			if err != nil {
				return fmt.Errorf("field %s: %w", cql.Quote(FieldName(t, i)), err)
			}
		}
		return nil
	})
}

// KeyField writes a field for a column of the primary key. A key is read back, so
// nothing may be lost: where a type is made of others, the field is a union of its
// schema and bytes, the raw CQL value, for values that the schema would change; and
// bytes alone where ReadableKey says so.
func (s *Schema) KeyField(name string, null Nullability, t *cql.Type) error {
	return s.Field(name, null, func() error {
		switch {
		case !t.HasParts():
			return s.Scalar(t.Kind)
		case !ReadableKey(t):
			return s.Scalar(cql.Blob)
		}
		if null == Required {
			s.raw(`[`)
		}
		if err := s.Type(t); err != nil {
			return err
		}
		s.raw(`,`)
		if err := s.Scalar(cql.Blob); err != nil {
			return err
		}
		if null == Required {
			s.raw(`]`)
		}
		return nil
	})
}

// ReadableKey says whether values can be read back from what Value writes: that is
// not so where map keys are the text of something else than text.
func ReadableKey(t *cql.Type) bool {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		return ReadableKey(t.Elem)
	case cql.Map:
		return (t.Key.Kind == cql.Text || t.Key.Kind == cql.ASCII) && ReadableKey(t.Elem)
	case cql.Tuple, cql.UDT:
		for _, f := range t.Fields {
			if !ReadableKey(f.Type) {
				return false
			}
		}
	}
	return true
}

// FieldName is the name of a field of a user-defined type, or index_0, index_1 …
// in a tuple; Name makes it an Avro name.
func FieldName(t *cql.Type, i int) string {
	if t.Kind == cql.Tuple {
		return "index_" + strconv.Itoa(i)
	}
	return t.Fields[i].Name
}

// driverText is a type as Java's driver prints it without frozen
// (DataType.asCql(false, true)), which is what a tuple's record is named after.
// Unlike system_schema, it puts the keyspace in front of a user-defined type.
func driverText(t *cql.Type) string {
	switch t.Kind {
	case cql.List:
		return "list<" + driverText(t.Elem) + ">"
	case cql.Set:
		return "set<" + driverText(t.Elem) + ">"
	case cql.Map:
		return "map<" + driverText(t.Key) + ", " + driverText(t.Elem) + ">"
	case cql.Tuple:
		components := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			components[i] = driverText(f.Type)
		}
		return "tuple<" + strings.Join(components, ", ") + ">"
	case cql.Vector:
		return "vector<" + driverText(t.Elem) + ", " + strconv.Itoa(t.Dimension) + ">"
	case cql.UDT:
		return cql.Quote(t.Keyspace) + "." + cql.Quote(t.Name)
	}
	return t.String()
}

// javaHash is String.hashCode.
func javaHash(text string) uint32 {
	var h uint32
	for _, unit := range utf16.Encode([]rune(text)) {
		h = 31*h + uint32(unit)
	}
	return h
}
