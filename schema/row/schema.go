// The text of the record schemas of a table: key and value of the data topic.

package row

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// recordSchema is the record of some of a table's columns. Both records of the
// data topic have the table's name; all fields but the partition key's may be
// null, with null as default.
func recordSchema(t *schema.Table, columns []schema.Column) (string, error) {
	s := avro.NewSchema(t.Keyspace)
	err := s.Record(t.Name, "Table "+t.String(), func() error {
		for _, c := range columns {
			null := avro.OptionalWithDefault
			if c.Kind == schema.PartitionKey {
				null = avro.Required
			}
			if err := s.Field(c.Name, null, func() error { return writeType(s, c.Type) }); err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
		}
		return nil
	})
	return s.String(), err
}

func writeType(s *avro.Schema, t *cql.Type) error {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		return s.Array(func() error { return writeType(s, t.Elem) })
	case cql.Map:
		return s.Map(func() error { return writeType(s, t.Elem) })
	case cql.UDT:
		return writeRecord(s, t, t.Name, "CQL type "+t.Keyspace+"."+t.Name)
	case cql.Tuple:
		text := driverText(t)
		return writeRecord(s, t, "Tuple_"+strconv.FormatUint(uint64(javaHash(text)), 16), "CQL type "+text)
	}
	return s.Scalar(t.Kind)
}

// writeRecord writes the record of a user-defined type or tuple, in the namespace
// of the keyspace; all its fields may be null, with null as default.
func writeRecord(s *avro.Schema, t *cql.Type, name, doc string) error {
	return s.Record(name, doc, func() error {
		for i, f := range t.Fields {
			err := s.Field(fieldName(t, i), avro.OptionalWithDefault, func() error { return writeType(s, f.Type) })
			if err != nil {
				return fmt.Errorf("field %s: %w", cql.Quote(fieldName(t, i)), err)
			}
		}
		return nil
	})
}

// fieldName is the name of a field of a user-defined type, or index_0, index_1 …
// in a tuple.
func fieldName(t *cql.Type, i int) string {
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
