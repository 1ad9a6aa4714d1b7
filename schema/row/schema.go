// The text of the record schemas of a table: key and value of the data topic.

package row

import (
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// recordSchema is the record of some of a table's columns. Both records of the
// data topic have the table's name; all fields but the partition key's may be
// null, with null as default.
func recordSchema(t *schema.Table, columns []schema.Column) (string, error) {
	return record(t, columns, func(s *avro.Schema, c schema.Column, null avro.Nullability) error {
		return s.Field(c.Name, null, func() error { return s.Type(c.Type) })
	})
}

// keySchema is the record of the event's key, which is copied as it is.
func keySchema(t *schema.Table, form event.KeyForm) (string, error) {
	return record(t, t.PrimaryKey(), func(s *avro.Schema, c schema.Column, null avro.Nullability) error {
		return s.KeyField(c.Name, null, form.Written(c.Type))
	})
}

func record(t *schema.Table, columns []schema.Column, field func(*avro.Schema, schema.Column, avro.Nullability) error) (string, error) {
	s := avro.NewSchema(t.Keyspace)
	err := s.Record(t.Name, "Table "+t.String(), func() error {
		for _, c := range columns {
			null := avro.OptionalWithDefault
			if c.Kind == schema.PartitionKey {
				null = avro.Required
			}
			if err := field(s, c, null); err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
		}
		return nil
	})
	return s.String(), err
}
