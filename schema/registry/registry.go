// This file holds what a schema is to Pulsar's registry: a name, a type, the
// description and properties.

// Package registry describes schemas the way Pulsar's schema registry stores
// them, byte for byte.
//
// In come the texts of a key and a value schema (Avro record declarations as
// JSON); out comes what a producer presents to the broker, and the other way
// round. The texts are carried as they are: the broker finds an existing
// version by the SHA-256 of the description, so one different byte registers
// another version. The package never rewrites a schema text, reads one only to
// compare versions, and never talks to a broker.
package registry

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// Type is the type of a schema, in the spelling of the REST interface and of
// the properties of a key-value schema.
type Type string

// The types that the two stages use.
const (
	Avro         Type = "AVRO"
	JSON         Type = "JSON"
	KeyValueType Type = "KEY_VALUE"
)

// Schema is one description as a producer presents it to the broker. It is not
// modified after it was made: the same pointer stands for the same schema.
type Schema struct {
	// Name as shown by the registry; it takes no part in comparing versions.
	Name string
	Type Type
	// Data is the description: the declaration's text for Avro and JSON, the
	// form that SplitKeyValue reads for KEY_VALUE.
	Data []byte
	// Properties are stored with the version.
	Properties map[string]string

	fingerprint string
}

// Plain returns the schema of a message whose whole value is one record, as
// the output format "json" has it. A nil properties map is an empty one.
func Plain(p Part) *Schema {
	return newSchema(p.Name, p.Type, []byte(p.Schema), maps.Clone(p.Properties))
}

func newSchema(name string, t Type, data []byte, properties map[string]string) *Schema {
	if properties == nil {
		properties = map[string]string{}
	}
	s := &Schema{Name: name, Type: t, Data: data, Properties: properties}
	h := sha256.New()
	field := func(b string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write([]byte(b))
	}
	field(name)
	field(string(t))
	field(string(data))
	for _, k := range slices.Sorted(maps.Keys(properties)) {
		field(k)
		field(properties[k])
	}
	s.fingerprint = hex.EncodeToString(h.Sum(nil))
	return s
}

// Fingerprint is 64 hexadecimal digits, equal for two schemas exactly when
// name, type, description and properties are equal. It is ours; the broker
// compares the description alone.
func (s *Schema) Fingerprint() string { return s.fingerprint }
