// The message key of an event: the primary key as an Avro record.

package event

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Key is the compiled primary-key record of one version of a table. It is
// immutable and safe for concurrent use.
type Key struct {
	table     string
	form      KeyForm
	text      string
	fields    []keyField
	partition int   // how many fields are the partition key
	lossy     []int // the fields that can lose something of a value
}

type keyField struct {
	name     string
	typ      *cql.Type
	write    avro.Appender
	read     func(dst []byte, r *reader) []byte // appends the raw CQL value
	optional bool
	orRaw    bool                // a union with the raw value as bytes
	loses    func(v []byte) bool // what does not come back as it was; nil when everything does
}

// NewKey compiles the key record of a table in the form of the Java agent. Columns of types that are made of others
// and of custom types, for which the Java agent publishes no events, have the form
// that avro.Schema.KeyField tells of.
func NewKey(t *schema.Table) (*Key, error) { return NewKeyIn(t, JavaForm) }

// NewKeyIn compiles the key record of a table in a form.
func NewKeyIn(t *schema.Table, form KeyForm) (*Key, error) {
	k := &Key{table: t.String(), partition: len(t.PartitionKey)}
	s := avro.NewSchema(t.Keyspace)
	err := s.Record(t.Name, "Primary key schema for table "+t.String(), func() error {
		for i, c := range t.PrimaryKey() {
			f, err := newKeyField(c, i >= k.partition, form)
			if err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
			if f.loses != nil {
				k.lossy = append(k.lossy, i)
			}
			k.fields = append(k.fields, f)
			null := avro.Required
			if f.optional {
				null = avro.Optional
			}
			if form.changes(c.Type.Kind) {
				k.form = form
			}
			if err := s.KeyField(c.Name, null, form.Written(c.Type)); err != nil {
				return fmt.Errorf("column %s of type %s: %w", cql.Quote(c.Name), c.Type, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("primary key of table %s: %w", t, err)
	}
	k.text = s.String()
	return k, nil
}

func newKeyField(c schema.Column, optional bool, form KeyForm) (f keyField, err error) {
	f = keyField{name: c.Name, typ: c.Type, optional: optional, orRaw: c.Type.HasParts() && avro.ReadableKey(c.Type)}
	written := form.Written(c.Type)
	if c.Type.HasParts() && !f.orRaw {
		written = &cql.Type{Kind: cql.Blob}
	}
	if f.write, err = keyWriter(written, form); err != nil {
		return f, err
	}
	if f.read, err = keyReader(written); err != nil {
		return f, err
	}
	switch {
	case f.orRaw:
		f.write = orRaw(c.Type, f.write, f.read, optional)
	case optional:
		f.write = avro.Nullable(written.Kind, f.write)
	}
	if !f.orRaw {
		f.loses = loser(written.Kind, optional)
	}
	return f, nil
}

// Form is the form of the record. It is JavaForm also where another one was asked for
// that makes no difference to the table.
func (k *Key) Form() KeyForm { return k.form }

// Schema is the text of the record's Avro schema, byte for byte as the Java agent
// registers it for the key of the events topic where the form is its own.
func (k *Key) Schema() string { return k.text }

// Append appends the message key: an Avro record without a schema header. The
// values are raw CQL values in the order of the key's columns. clustering may be
// shorter than the table's, or have nil entries: those columns become null, which
// is how an event for a whole partition or for its static row looks.
//
// In the Java agent's form tinyint and smallint are written unsigned and time is cut to
// µs.
func (k *Key) Append(dst []byte, partition, clustering [][]byte) ([]byte, error) {
	if len(partition) != k.partition || len(clustering) > len(k.fields)-k.partition {
		return dst, fmt.Errorf("primary key of table %s: %d partition key and %d clustering values for %d and %d columns",
			k.table, len(partition), len(clustering), k.partition, len(k.fields)-k.partition)
	}
	start := len(dst)
	for i := range k.fields {
		f := &k.fields[i]
		var v []byte
		if i < k.partition {
			v = partition[i]
			if v == nil {
				return dst[:start], f.errorf(k, errNullPartitionKey)
			}
		} else if i-k.partition < len(clustering) {
			v = clustering[i-k.partition]
		}
		var err error
		if dst, err = f.write(dst, v); err != nil {
			return dst[:start], f.errorf(k, err)
		}
	}
	return dst, nil
}

// Decode reads a message key back into raw CQL values, nil where the key has null.
// clustering always has the length of the table's clustering key. What the key
// record has lost does not come back, such as nanoseconds below µs of a time, or that
// an address was IPv4 mapped into IPv6: for this there is ExactKey. The values do not
// share memory with key.
func (k *Key) Decode(key []byte) (partition, clustering [][]byte, err error) {
	values := make([][]byte, len(k.fields))
	buf := make([]byte, 0, 2*len(key)+8*len(k.fields))
	r := reader{in: key}
	for i := range k.fields {
		f := &k.fields[i]
		if branch := f.branch(&r); branch != isNull {
			start := len(buf)
			if branch == isRaw {
				buf = append(buf, r.bytes()...)
			} else {
				buf = f.read(buf, &r)
			}
			values[i] = buf[start:len(buf):len(buf)]
		}
		if r.err != nil {
			return nil, nil, f.errorf(k, r.err)
		}
	}
	if err := r.end(); err != nil {
		return nil, nil, fmt.Errorf("primary key of table %s: %w", k.table, err)
	}
	return values[:k.partition:k.partition], values[k.partition:], nil
}

var errNullPartitionKey = errors.New("null in a partition key")

func (f *keyField) errorf(k *Key, err error) error {
	return fmt.Errorf("primary key of table %s: column %s of type %s: %w", k.table, cql.Quote(f.name), f.typ, err)
}

// keyWriter differs in the Java agent's form from the data topic's values in two types:
// that agent widens tinyint and smallint without their sign.
func keyWriter(t *cql.Type, form KeyForm) (avro.Appender, error) {
	if form == JavaForm {
		switch t.Kind {
		case cql.TinyInt:
			return unsigned(1), nil
		case cql.SmallInt:
			return unsigned(2), nil
		}
	}
	return avro.Value(t)
}

func unsigned(size int) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		if len(v) != size {
			return dst, fmt.Errorf("%d bytes, not %d", len(v), size)
		}
		if size == 1 {
			return avro.AppendLong(dst, int64(v[0])), nil
		}
		return avro.AppendLong(dst, int64(binary.BigEndian.Uint16(v))), nil
	}
}
