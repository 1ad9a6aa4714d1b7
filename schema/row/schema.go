// The text of the record schemas of a table: key and value of the data topic.

package row

import (
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// recordSchema is the record of some of a table's columns. Both records of the
// data topic have the table's name; all fields but the partition key's may be
// null, with null as default.
func recordSchema(t *schema.Table, columns []schema.Column, field func(*avro.Schema, string, avro.Nullability, *cql.Type) error) (string, error) {
	s := avro.NewSchema(t.Keyspace)
	err := s.Record(t.Name, "Table "+t.String(), func() error {
		for _, c := range columns {
			null := avro.OptionalWithDefault
			if c.Kind == schema.PartitionKey {
				null = avro.Required
			}
			if err := field(s, c.Name, null, c.Type); err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
		}
		return nil
	})
	return s.String(), err
}

// valueField writes a field of the row; those of the key are avro.Schema.KeyField.
func valueField(s *avro.Schema, name string, null avro.Nullability, t *cql.Type) error {
	return s.Field(name, null, func() error { return s.Type(t) })
}
