// This file puts a key and a value schema together into the KEY_VALUE schema of
// a topic, and takes one apart.

package registry

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Part is the schema of the key or of the value.
type Part struct {
	Name string // may be empty
	Type Type   // Avro or JSON
	// Schema is the declaration's text, used as it is.
	Schema string
	// Properties of this part alone; nil is the same as empty.
	Properties map[string]string
}

// The properties of a KEY_VALUE schema (org.apache.pulsar.client.impl.schema.KeyValueSchemaInfo).
const (
	propKeyName         = "key.schema.name"
	propKeyType         = "key.schema.type"
	propKeyProperties   = "key.schema.properties"
	propValueName       = "value.schema.name"
	propValueType       = "value.schema.type"
	propValueProperties = "value.schema.properties"
	propEncoding        = "kv.encoding.type"

	keyValueName = "KeyValue"
	separated    = "SEPARATED"
)

// KeyValue returns the KEY_VALUE schema with the encoding SEPARATED: the key
// travels in the message's metadata, the payload is the value alone. The
// description is
//
//	int32 big endian: length | key schema | int32 big endian: length | value schema
//
// as org.apache.pulsar.client.impl.schema.KeyValueSchemaInfo writes it.
func KeyValue(key, value Part) *Schema {
	data := make([]byte, 0, 8+len(key.Schema)+len(value.Schema))
	for _, text := range []string{key.Schema, value.Schema} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(text)))
		data = append(data, text...)
	}
	return newSchema(keyValueName, KeyValueType, data, map[string]string{
		propKeyName:         key.Name,
		propKeyType:         string(key.Type),
		propKeyProperties:   propertiesText(key.Properties),
		propValueName:       value.Name,
		propValueType:       string(value.Type),
		propValueProperties: propertiesText(value.Properties),
		propEncoding:        separated,
	})
}

// propertiesText is the properties of a part as one JSON object with sorted
// names, the way Java's client nests them.
func propertiesText(p map[string]string) string {
	if len(p) == 0 {
		return "{}"
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // a map of strings always encodes
	}
	return string(b)
}

// Split takes a KEY_VALUE schema with the encoding SEPARATED apart. It fails
// for another type or encoding and where the description is malformed.
func (s *Schema) Split() (key, value Part, err error) {
	if s.Type != KeyValueType {
		return Part{}, Part{}, fmt.Errorf("schema type is %s, not %s", s.Type, KeyValueType)
	}
	keyText, valueText, err := SplitKeyValue(s.Data)
	if err != nil {
		return Part{}, Part{}, err
	}
	return withProperties(string(keyText), string(valueText), s.Properties)
}

// SplitKeyValue returns the two texts that the description of a KEY_VALUE
// schema holds; they share data's memory. It fails where a length does not fit
// or bytes are left over.
func SplitKeyValue(data []byte) (key, value []byte, err error) {
	key, rest, err := cut("key", data)
	if err != nil {
		return nil, nil, err
	}
	value, rest, err = cut("value", rest)
	if err != nil {
		return nil, nil, err
	}
	if len(rest) > 0 {
		return nil, nil, fmt.Errorf("key-value schema: %d bytes after the value schema", len(rest))
	}
	return key, value, nil
}

func cut(part string, b []byte) (text, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("key-value schema: no length of the %s schema: %d bytes left", part, len(b))
	}
	n := int32(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n < 0 || int(n) > len(b) {
		return nil, nil, fmt.Errorf("key-value schema: the %s schema has length %d, %d bytes left", part, n, len(b))
	}
	return b[:n:n], b[n:], nil
}

// withProperties completes the texts of the parts from a schema's properties.
func withProperties(keyText, valueText string, props map[string]string) (key, value Part, err error) {
	if e := props[propEncoding]; e != separated {
		return Part{}, Part{}, fmt.Errorf("key-value schema: encoding is %q, not %s", e, separated)
	}
	key = Part{Name: props[propKeyName], Type: Type(props[propKeyType]), Schema: keyText}
	value = Part{Name: props[propValueName], Type: Type(props[propValueType]), Schema: valueText}
	if key.Properties, err = partProperties(props, propKeyProperties); err != nil {
		return Part{}, Part{}, err
	}
	if value.Properties, err = partProperties(props, propValueProperties); err != nil {
		return Part{}, Part{}, err
	}
	return key, value, nil
}

func partProperties(props map[string]string, name string) (map[string]string, error) {
	text, ok := props[name]
	if !ok || text == "" || text == "{}" {
		return nil, nil
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("key-value schema: property %s: %w", name, err)
	}
	return m, nil
}
