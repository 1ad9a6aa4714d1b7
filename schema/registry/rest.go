// This file reads and writes a KEY_VALUE schema in the form of Pulsar's REST
// interface, where the description is one JSON object.

package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// RESTData is the description as POST /admin/v2/schemas/{topic}/schema takes it
// and GET returns it: for KEY_VALUE one object
//
//	{"key":<key schema>,"value":<value schema>}
//
// and for the other types the text itself. It fails where a part is not JSON.
func (s *Schema) RESTData() (string, error) {
	if s.Type != KeyValueType {
		return string(s.Data), nil
	}
	key, value, err := SplitKeyValue(s.Data)
	if err != nil {
		return "", err
	}
	for part, text := range map[string][]byte{"key": key, "value": value} {
		if !json.Valid(text) {
			return "", fmt.Errorf("key-value schema: the %s schema is not JSON", part)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"key":%s,"value":%s}`, key, value)
	return b.String(), nil
}

// FromREST makes a schema of the answer of GET /admin/v2/schemas/{topic}/schema:
// name is the topic's local name there and not used for KEY_VALUE; data and
// properties are the answer's fields.
//
// The broker parses a KEY_VALUE description and writes it anew for this answer,
// so the texts can differ from what a producer registered (white space, escapes,
// the form of a number): they describe the same schema but are not the bytes to
// register it with again.
func FromREST(name string, t Type, data string, properties map[string]string) (*Schema, error) {
	if t != KeyValueType {
		return Plain(Part{Name: name, Type: t, Schema: data, Properties: properties}), nil
	}
	var both struct {
		Key   json.RawMessage `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(data)))
	if err := d.Decode(&both); err != nil {
		return nil, fmt.Errorf("key-value schema: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("key-value schema: text after the object")
	}
	if both.Key == nil || both.Value == nil {
		return nil, fmt.Errorf("key-value schema: no key or no value in %.100q", data)
	}
	key, value, err := withProperties(string(both.Key), string(both.Value), properties)
	if err != nil {
		return nil, err
	}
	return KeyValue(key, value), nil
}
