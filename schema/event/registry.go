// What the schema registry knows of an events topic.

package event

import (
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Registry is the schema of a table's events topic, with the name and the properties
// that the Java agent gives its two parts: another producer of the same topic finds
// the same version.
func (k *Key) Registry(t *schema.Table) *registry.Schema {
	return registry.KeyValue(
		registry.Part{Name: t.Name, Type: registry.Avro, Schema: k.Schema()},
		registry.Part{Type: registry.Avro, Schema: MutationSchema, Properties: map[string]string{
			"__alwaysAllowNull": "true", "__jsr310ConversionEnabled": "false",
		}},
	)
}
