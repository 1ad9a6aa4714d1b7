// The compiled JSON encoder of a table: the rows of the formats key-value-json and json, and the keys of both.

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

// JSON encodes the rows of one version of a table, and their primary keys, as JSON
// objects. It is immutable and safe for concurrent use.
//
// An object has its fields in the order of the schema. Columns that are null are
// there, as null; fields of user-defined types that are null are left out.
//
// Columns of type tuple outside of the primary key are null in every row and no part
// of the schema: that is what the Java connector does, and what consumers and
// registries have. Inside other types a tuple is an object with the fields index_0,
// index_1 …, also where the Java connector writes null although its schema has the
// tuple (a field of a user-defined type). Columns whose type has no Avro form are null
// too. Counters are integers here and values of custom classes their bytes, as they
// are in Avro; vectors are arrays. Names that Avro forbids are changed as in the
// schema ([avro.Name]).
type JSON struct {
	table       string
	columns     []schema.Column
	omitted     []string
	row, static jsonObject
	key         jsonObject
	keySchema   string
	valueSchema string
}

// NewJSON compiles the JSON encoder of a table. withKey puts the primary key in
// front of the other columns, as the format json has it. It fails where [New] does.
func NewJSON(t *schema.Table, withKey bool) (*JSON, error) {
	return newJSON(t, withKey, event.JavaForm)
}

// newJSON is NewJSON for event keys in a form.
func newJSON(t *schema.Table, withKey bool, form event.KeyForm) (*JSON, error) {
	e := &JSON{table: t.String()}
	columns := slices.Concat(t.Regular, t.Static)
	if withKey || len(columns) == 0 {
		columns = append(t.PrimaryKey(), columns...)
	}
	for _, c := range columns {
		f, err := jsonColumn(t, c)
		if err != nil {
			return nil, err
		}
		if f.write == nil {
			e.omitted = append(e.omitted, c.Name)
		} else {
			f.value = len(e.columns)
			e.columns = append(e.columns, c)
		}
		e.row = append(e.row, f)
		if c.Kind == schema.Static {
			e.static = append(e.static, f)
		}
	}
	key := t.PrimaryKey()
	for i, c := range key {
		key[i].Type = form.Written(c.Type)
		f, err := jsonColumn(t, key[i])
		if err != nil {
			return nil, err
		}
		if f.write == nil {
			return nil, fmt.Errorf("table %s: column %s: type %s is not supported in a primary key", t, cql.Quote(c.Name), c.Type)
		}
		if unsigned := jsonUnsigned(c.Type.Kind); unsigned != nil && form == event.JavaForm {
			f.write = unsigned
		}
		f.value = i
		e.key = append(e.key, f)
	}
	var err error
	if e.keySchema, err = recordSchema(t, key); err != nil {
		return nil, fmt.Errorf("key schema of table %s: %w", t, err)
	}
	if e.valueSchema, err = recordSchema(t, e.columns); err != nil {
		return nil, fmt.Errorf("value schema of table %s: %w", t, err)
	}
	return e, nil
}

// KeySchema is the text of the key's schema, an Avro record, byte for byte as the
// Java connector registers it.
func (e *JSON) KeySchema() string { return e.keySchema }

// ValueSchema is the text of the row's schema, an Avro record, byte for byte as the
// Java connector registers it.
func (e *JSON) ValueSchema() string { return e.valueSchema }

// Columns lists the columns whose values Append takes, in their order: the primary
// key where the rows have it, regular columns by name, then static ones by name. The
// caller must not change the list.
func (e *JSON) Columns() []schema.Column { return e.columns }

// Omitted lists the columns that are null in every row.
func (e *JSON) Omitted() []string { return e.omitted }

// Append appends a row. values are raw CQL values parallel to Columns, nil for null.
// A value that is not one of its type gives an error that names the column, and dst
// unchanged.
func (e *JSON) Append(dst []byte, values [][]byte) ([]byte, error) {
	if len(values) != len(e.columns) {
		return dst, fmt.Errorf("row of table %s: %d values for %d columns", e.table, len(values), len(e.columns))
	}
	out, err := e.row.append(dst, values)
	if err != nil {
		return dst, fmt.Errorf("row of table %s: %w", e.table, err)
	}
	return out, nil
}

// AppendStatic appends what the event of a static row publishes: the static columns
// alone, also in the format json. It takes what Append takes.
func (e *JSON) AppendStatic(dst []byte, values [][]byte) ([]byte, error) {
	if len(values) != len(e.columns) {
		return dst, fmt.Errorf("static row of table %s: %d values for %d columns", e.table, len(values), len(e.columns))
	}
	out, err := e.static.append(dst, values)
	if err != nil {
		return dst, fmt.Errorf("static row of table %s: %w", e.table, err)
	}
	return out, nil
}

// AppendKey appends the primary key: the partition key and the clustering columns,
// nil for null, which a partition key must not be. tinyint, smallint and time are written
// as in the key of the event.
func (e *JSON) AppendKey(dst []byte, key [][]byte) ([]byte, error) {
	if len(key) != len(e.key) {
		return dst, fmt.Errorf("primary key of table %s: %d values for %d columns", e.table, len(key), len(e.key))
	}
	out, err := e.key.append(dst, key)
	if err != nil {
		return dst, fmt.Errorf("primary key of table %s: %w", e.table, err)
	}
	return out, nil
}

// jsonObject is the fields of a row or key, in their order.
type jsonObject []jsonField

type jsonField struct {
	column      schema.Column
	label       string        // name and colon
	write       avro.Appender // nil for what is always null
	emptyIsNull bool
	value       int // place among the values
}

// jsonColumn compiles a column. Its field writes nothing but null where the type is not
// representable, or is a tuple that is not in the primary key.
func jsonColumn(t *schema.Table, c schema.Column) (jsonField, error) {
	f := jsonField{column: c, label: jsonLabel(c.Name), emptyIsNull: avro.EmptyIsNull(c.Type.Kind)}
	isKey := c.Kind == schema.PartitionKey || c.Kind == schema.Clustering
	if c.Type.Kind == cql.Tuple && !isKey || !avro.Representable(c.Type) {
		return f, nil
	}
	write, err := compileJSON(c.Type, false)
	if err != nil {
		return f, fmt.Errorf("table %s: column %s of type %s: %w", t, cql.Quote(c.Name), c.Type, err)
	}
	f.write = write
	return f, nil
}

var errNullKey = errors.New("null in a partition key")

func (o jsonObject) append(dst []byte, values [][]byte) ([]byte, error) {
	dst = append(dst, '{')
	for i := range o {
		f := &o[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.label...)
		var v []byte
		if f.write != nil {
			v = values[f.value]
		}
		var err error
		switch {
		case v == nil && f.column.Kind == schema.PartitionKey:
			err = errNullKey
		case v == nil, f.emptyIsNull && len(v) == 0:
			dst = append(dst, "null"...)
		default:
			dst, err = f.write(dst, v)
		}
		if err != nil {
			return dst, fmt.Errorf("column %s of type %s: %w", cql.Quote(f.column.Name), f.column.Type, err)
		}
	}
	return append(dst, '}'), nil
}
