// Record schemas as JSON text, byte for byte as Java's Avro 1.11 prints them (Schema.toString).

package avro

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

var errNoName = errors.New("an empty name is no Avro name")

// Schema writes the text of one schema. Every record that has no namespace of its
// own gets that of the schema, which Java prints only once, at the outermost.
type Schema struct {
	text      []byte
	namespace string
	records   map[string]string // by name: the doc, which tells two records of one name apart
	fields    int               // written so far in the record that is open
	depth     int
}

// NewSchema begins a schema whose records are in the namespace of that keyspace.
func NewSchema(keyspace string) *Schema {
	return &Schema{namespace: namespace(keyspace), records: map[string]string{}}
}

// String is the text written so far.
func (s *Schema) String() string { return string(s.text) }

// Record writes a record under the Avro name of name; fields writes its fields by
// calls of Field. A record that was written before becomes a reference by name. The
// doc tells records apart: where another one has the name already, as the table of
// a user-defined type may, the name's first character is escaped.
func (s *Schema) Record(name, doc string, fields func() error) error {
	name, err := s.recordName(name, doc)
	if err != nil {
		return err
	}
	if _, ok := s.records[name]; ok {
		if typeNames[name] { // Java writes a name that is also a type's in full
			name = s.namespace + "." + name
		}
		s.quote(name)
		return nil
	}
	s.records[name] = doc
	s.raw(`{"type":"record","name":`).quote(name)
	if s.depth == 0 {
		s.raw(`,"namespace":`).quote(s.namespace)
	}
	s.raw(`,"doc":`).quote(doc).raw(`,"fields":[`)
	outer := s.fields
	s.fields = 0
	s.depth++
	if err := fields(); err != nil {
		return err
	}
	s.depth--
	s.fields = outer
	s.raw(`]}`)
	return nil
}

func (s *Schema) recordName(original, doc string) (string, error) {
	if original == "" {
		return "", errNoName
	}
	name := Name(original)
	if written, ok := s.records[name]; !ok || written == doc {
		return name, nil
	}
	first, size := utf8.DecodeRuneInString(original)
	var b strings.Builder
	writeEscape(&b, first)
	b.WriteString(Name("a" + original[size:])[1:])
	name = b.String()
	if written, ok := s.records[name]; ok && written != doc {
		return "", fmt.Errorf("two Avro records would have the name %s.%s: %q and %q", s.namespace, name, written, doc)
	}
	return name, nil
}

// Nullability is how a field treats null.
type Nullability uint8

// A field is its plain type, a union with null, or such a union with the default null.
const (
	Required Nullability = iota
	Optional
	OptionalWithDefault
)

// Field writes a field of the record that is being written, under the Avro name of
// name; typ writes its type.
func (s *Schema) Field(name string, null Nullability, typ func() error) error {
	if name == "" {
		return errNoName
	}
	if s.fields > 0 {
		s.raw(`,`)
	}
	s.fields++
	s.raw(`{"name":`).quote(Name(name)).raw(`,"type":`)
	if null != Required {
		s.raw(`["null",`)
	}
	if err := typ(); err != nil {
		return err
	}
	if null != Required {
		s.raw(`]`)
	}
	if null == OptionalWithDefault {
		s.raw(`,"default":null`)
	}
	s.raw(`}`)
	return nil
}

// Array writes an array; items writes the type of its elements.
func (s *Schema) Array(items func() error) error {
	s.raw(`{"type":"array","items":`)
	err := items()
	s.raw(`}`)
	return err
}

// Map writes a map with string keys; values writes the type of its values.
func (s *Schema) Map(values func() error) error {
	s.raw(`{"type":"map","values":`)
	err := values()
	s.raw(`}`)
	return err
}

// Scalar writes the type of a native CQL type that has an Avro form (see the
// function Scalar). Decimal and duration are records outside any namespace, which
// Java refers to by their bare name.
func (s *Schema) Scalar(k cql.Kind) error {
	text, ok := scalarTypes[k]
	if !ok {
		return fmt.Errorf("no Avro type for %s", &cql.Type{Kind: k})
	}
	if name := namelessRecords[k]; name != "" {
		if _, written := s.records["."+name]; written {
			s.quote(name)
			return nil
		}
		s.records["."+name] = ""
	}
	s.raw(text)
	return nil
}

var scalarTypes = map[cql.Kind]string{
	cql.ASCII:     `"string"`,
	cql.Text:      `"string"`,
	cql.Inet:      `"string"`,
	cql.Boolean:   `"boolean"`,
	cql.Blob:      `"bytes"`,
	cql.Custom:    `"bytes"`,
	cql.Counter:   `"long"`,
	cql.TinyInt:   `"int"`,
	cql.SmallInt:  `"int"`,
	cql.Int:       `"int"`,
	cql.BigInt:    `"long"`,
	cql.Float:     `"float"`,
	cql.Double:    `"double"`,
	cql.Timestamp: `{"type":"long","logicalType":"timestamp-millis"}`,
	cql.Date:      `{"type":"int","logicalType":"date"}`,
	cql.Time:      `{"type":"long","logicalType":"time-micros"}`,
	cql.UUID:      `{"type":"string","logicalType":"uuid"}`,
	cql.TimeUUID:  `{"type":"string","logicalType":"uuid"}`,
	cql.VarInt:    `{"type":"bytes","logicalType":"cql_varint"}`,
	cql.Decimal: `{"type":"record","name":"cql_decimal","namespace":"","fields":[{"name":"bigint","type":"bytes"},` +
		`{"name":"scale","type":"int"}],"logicalType":"cql_decimal"}`,
	cql.Duration: `{"type":"record","name":"cql_duration","namespace":"","fields":[{"name":"months","type":"int"},` +
		`{"name":"days","type":"int"},{"name":"nanoseconds","type":"long"}],"logicalType":"cql_duration"}`,
}

var namelessRecords = map[cql.Kind]string{cql.Decimal: "cql_decimal", cql.Duration: "cql_duration"}

var typeNames = map[string]bool{
	"record": true, "enum": true, "array": true, "map": true, "union": true, "fixed": true, "string": true,
	"bytes": true, "int": true, "long": true, "float": true, "double": true, "boolean": true, "null": true,
}

func (s *Schema) raw(text string) *Schema {
	s.text = append(s.text, text...)
	return s
}

// quote writes a JSON string as Jackson does: only quotes, backslashes and control
// characters are escaped.
func (s *Schema) quote(text string) *Schema {
	const hex = "0123456789ABCDEF"
	s.text = append(s.text, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			s.text = append(s.text, '\\', c)
		case c == '\b':
			s.text = append(s.text, `\b`...)
		case c == '\f':
			s.text = append(s.text, `\f`...)
		case c == '\n':
			s.text = append(s.text, `\n`...)
		case c == '\r':
			s.text = append(s.text, `\r`...)
		case c == '\t':
			s.text = append(s.text, `\t`...)
		case c < 0x20:
			s.text = append(s.text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			s.text = append(s.text, c)
		}
	}
	s.text = append(s.text, '"')
	return s
}
