// The compiled encoder of a table's rows.

// Package row makes the messages of the data topic: a row of a table as an Avro
// record or a JSON object, its key, and the schemas of both.
//
// In come raw CQL values as the native protocol carries them, out go the bytes and
// the schema text of DataStax' "CDC for Apache Cassandra" in one of its formats:
// [Messages] has what a message is made of in each. An [Encoder] (Avro; the message
// key is the event's key, copied as it is, so only its schema is made here) or a
// [JSON] is compiled once for each version of a table; then a row costs no
// reflection, no look-up by name and no allocation but the growth of the output. The
// package opens no connection and imports neither Pulsar's nor Cassandra's client.
package row

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Encoder encodes the rows of one version of a table. It is immutable and safe for
// concurrent use.
type Encoder struct {
	table       string
	columns     []schema.Column
	fields      []field // parallel to columns
	omitted     []string
	keySchema   string
	valueSchema string
}

// field is how a column's value is written: the branch of its union, if it has one,
// and what follows.
type field struct {
	write       avro.Appender
	optional    bool
	emptyIsNull bool
}

// New compiles the encoder of a table. Columns of the type empty, which no SELECT
// shows, are left out and listed by Omitted; every other type has an Avro form, and
// every name an Avro name (docs/types.md).
//
// To publish fewer columns, give New a copy of the table with shorter lists of
// regular and static columns.
func New(t *schema.Table) (*Encoder, error) { return newEncoder(t, event.JavaForm) }

// newEncoder is New for event keys in a form.
func newEncoder(t *schema.Table, form event.KeyForm) (*Encoder, error) {
	e := &Encoder{table: t.String()}
	for _, c := range slices.Concat(t.Regular, t.Static) {
		if !avro.Representable(c.Type) {
			e.omitted = append(e.omitted, c.Name)
			continue
		}
		e.columns = append(e.columns, c)
	}
	if len(e.columns) == 0 {
		e.columns = t.PrimaryKey()
	}
	for _, c := range e.columns {
		write, err := avro.Value(c.Type)
		if err != nil {
			return nil, fmt.Errorf("table %s: column %s of type %s: %w", t, cql.Quote(c.Name), c.Type, err)
		}
		e.fields = append(e.fields, field{write, c.Kind != schema.PartitionKey, avro.EmptyIsNull(c.Type.Kind)})
	}
	var err error
	if e.keySchema, err = keySchema(t, form); err != nil {
		return nil, fmt.Errorf("key schema of table %s: %w", t, err)
	}
	if e.valueSchema, err = recordSchema(t, e.columns); err != nil {
		return nil, fmt.Errorf("value schema of table %s: %w", t, err)
	}
	return e, nil
}

// KeySchema is the text of the key's Avro schema, byte for byte as the Java
// connector registers it: other than that of the events topic in doc and defaults.
func (e *Encoder) KeySchema() string { return e.keySchema }

// ValueSchema is the text of the row's Avro schema, byte for byte as the Java
// connector registers it.
func (e *Encoder) ValueSchema() string { return e.valueSchema }

// Columns lists the columns whose values Append takes, in their order: regular
// columns by name, then static ones by name; all columns of the primary key if
// there are no others. The caller must not change the list.
func (e *Encoder) Columns() []schema.Column { return e.columns }

// Omitted lists the columns that are left out because their type has no Avro form.
func (e *Encoder) Omitted() []string { return e.omitted }

// Append appends a row: an Avro record without a schema header. values are raw CQL
// values parallel to Columns, nil for null. A value that is not one of its type
// (cut off, too long) gives an error that names the column, and dst unchanged.
func (e *Encoder) Append(dst []byte, values [][]byte) ([]byte, error) {
	if len(values) != len(e.columns) {
		return dst, fmt.Errorf("row of table %s: %d values for %d columns", e.table, len(values), len(e.columns))
	}
	start := len(dst)
	for i, v := range values {
		f := &e.fields[i]
		if f.optional {
			if v == nil || f.emptyIsNull && len(v) == 0 {
				dst = append(dst, 0)
				continue
			}
			dst = append(dst, 2)
		}
		var err error
		if v == nil {
			err = errors.New("null in a partition key")
		} else {
			dst, err = f.write(dst, v)
		}
		if err != nil {
			c := &e.columns[i]
			return dst[:start], fmt.Errorf("row of table %s: column %s of type %s: %w", e.table, cql.Quote(c.Name), c.Type, err)
		}
	}
	return dst, nil
}
