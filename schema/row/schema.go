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
func recordSchema(t *schema.Table, columns []schema.Column) (string, error) {
	s := avro.NewSchema(t.Keyspace)
	err := s.Record(t.Name, "Table "+t.String(), func() error {
		for _, c := range columns {
			null := avro.OptionalWithDefault
			if c.Kind == schema.PartitionKey {
				null = avro.Required
			}
			if err := s.Field(c.Name, null, func() error { return s.Type(c.Type) }); err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
		}
		return nil
	})
	return s.String(), err
}
