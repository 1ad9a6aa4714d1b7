// The output formats: what a message of the data topic is made of in each.

package row

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Format is an output format, by the name that the connector's setting outputFormat
// has for it.
type Format string

// The formats of the Java connector.
const (
	// KeyValueAvro has Avro records as key and value. A row that is gone is null.
	KeyValueAvro Format = "key-value-avro"
	// KeyValueJSON has JSON objects as key and value. A row that is gone is null.
	KeyValueJSON Format = "key-value-json"
	// PlainJSON has the whole row as a JSON object, with the primary key, and the key
	// once more as the message's key, which is text. A row that is gone is {}.
	// Messages do not have the property writetime, and the value of a static row has no primary key.
	PlainJSON Format = "json"
)

var formats = []Format{KeyValueAvro, KeyValueJSON, PlainJSON}

// ParseFormat finds a format by its name, which is case-sensitive.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(formats, f) {
		return f, nil
	}
	var names []string
	for _, f := range formats {
		names = append(names, string(f))
	}
	return "", fmt.Errorf("there is no format %q: use %s (case-sensitive)", name, strings.Join(names, ", "))
}

// TextKey says whether message keys are text, which travels as it is. Other keys are
// bytes, which Pulsar's clients flag and encode with Base64.
func (f Format) TextKey() bool { return f == PlainJSON }

// Properties says whether messages have the Java connector's properties.
func (f Format) Properties() bool { return f != PlainJSON }

// Messages makes what the messages of the data topic hold, for one version of a
// table and in one format. It is immutable and safe for concurrent use.
type Messages struct {
	format Format
	schema *registry.Schema
	avro   *Encoder // of KeyValueAvro
	json   *JSON    // of the others
	key    *event.Key
}

// NewMessages compiles a table for a format, and for event keys in the form of the Java
// agent. It fails where [New] does, and for a primary key that events cannot hold.
func NewMessages(t *schema.Table, f Format) (*Messages, error) {
	return NewMessagesIn(t, f, event.JavaForm)
}

// NewMessagesIn compiles a table for a format, and for event keys in a form, which the
// keys of the messages have too.
func NewMessagesIn(t *schema.Table, f Format, form event.KeyForm) (*Messages, error) {
	m := &Messages{format: f}
	var err error
	if m.key, err = event.NewKeyIn(t, form); err != nil {
		return nil, err
	}
	keyValue := func(typ registry.Type, key, value string) *registry.Schema {
		return registry.KeyValue(
			registry.Part{Name: t.Name, Type: typ, Schema: key},
			registry.Part{Name: t.Name, Type: typ, Schema: value})
	}
	switch f {
	case KeyValueAvro:
		if m.avro, err = newEncoder(t, form); err != nil {
			return nil, err
		}
		m.schema = keyValue(registry.Avro, m.avro.KeySchema(), m.avro.ValueSchema())
	case KeyValueJSON:
		if m.json, err = newJSON(t, false, form); err != nil {
			return nil, err
		}
		m.schema = keyValue(registry.JSON, m.json.KeySchema(), m.json.ValueSchema())
	case PlainJSON:
		if m.json, err = newJSON(t, true, form); err != nil {
			return nil, err
		}
		m.schema = registry.Plain(registry.Part{Name: t.Name, Type: registry.JSON, Schema: m.json.ValueSchema()})
	default:
		return nil, fmt.Errorf("table %s: there is no format %q", t, f)
	}
	return m, nil
}

// Format is the format that the messages are in.
func (m *Messages) Format() Format { return m.format }

// Schema is what the messages have in Pulsar's registry.
func (m *Messages) Schema() *registry.Schema { return m.schema }

// EventKey reads and writes the keys of the events that the messages come from.
func (m *Messages) EventKey() *event.Key { return m.key }

// Columns lists the columns whose values Value takes, in their order. The caller
// must not change the list.
func (m *Messages) Columns() []schema.Column {
	if m.avro != nil {
		return m.avro.Columns()
	}
	return m.json.Columns()
}

// Omitted lists the columns that no message shows, because their type has no form.
func (m *Messages) Omitted() []string {
	if m.avro != nil {
		return m.avro.Omitted()
	}
	return m.json.Omitted()
}

// Key is the message key for the key of an event: the same bytes in KeyValueAvro, a
// JSON object in the other formats.
func (m *Messages) Key(eventKey []byte) ([]byte, error) {
	if m.avro != nil {
		return eventKey, nil
	}
	partition, clustering, err := m.key.Decode(eventKey)
	if err != nil {
		return nil, err
	}
	return m.json.AppendKey(nil, slices.Concat(partition, clustering))
}

// Row is the payload of a row. values are raw CQL values parallel to Columns, nil for
// null.
func (m *Messages) Row(values [][]byte) ([]byte, error) {
	if m.avro != nil {
		return m.avro.Append([]byte{}, values)
	}
	return m.json.Append(nil, values)
}

// StaticRow is the payload for the event of a static row: values are those of
// Columns, of which only the static ones count.
func (m *Messages) StaticRow(values [][]byte) ([]byte, error) {
	if m.avro != nil {
		return m.avro.Append([]byte{}, values)
	}
	return m.json.AppendStatic(nil, values)
}

// NoRow is the payload of a row that is gone: nil, which is null, or an empty object.
func (m *Messages) NoRow() []byte {
	if m.format == PlainJSON {
		return []byte("{}")
	}
	return nil
}
