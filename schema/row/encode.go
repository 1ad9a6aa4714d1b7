// From a CQL type to the function that encodes its values: a tree that follows the type's nesting.

package row

import (
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

var errNull = errors.New("null where Avro has no null")

// representable says whether a type has an Avro form at all.
func representable(t *cql.Type) bool {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		return representable(t.Elem)
	case cql.Map:
		return representable(t.Key) && representable(t.Elem)
	case cql.Tuple, cql.UDT:
		for _, f := range t.Fields {
			if !representable(f.Type) {
				return false
			}
		}
		return true
	}
	return avro.Scalar(t.Kind) != nil
}

// compile makes the encoder of a representable type.
func compile(t *cql.Type) (avro.Appender, error) {
	switch t.Kind {
	case cql.List, cql.Set:
		elem, err := compile(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return listEncoder(elem), nil
	case cql.Map:
		key := avro.MapKey(t.Key.Kind)
		if key == nil {
			return nil, fmt.Errorf("map keys of type %s are not supported yet", t.Key)
		}
		value, err := compile(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("map value: %w", err)
		}
		return mapEncoder(key, t.Key.Kind, value), nil
	case cql.Tuple, cql.UDT:
		fields := make([]avro.Appender, len(t.Fields))
		for i, f := range t.Fields {
			field, err := compile(f.Type)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", fieldName(t, i), err)
			}
			fields[i] = avro.Nullable(f.Type.Kind, field)
		}
		return recordEncoder(t, fields), nil
	case cql.Vector:
		elem, err := compile(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return vectorEncoder(elem, t.Elem.FixedLength(), t.Dimension), nil
	}
	if write := avro.Scalar(t.Kind); write != nil {
		return write, nil
	}
	return nil, fmt.Errorf("type %s has no Avro form", t)
}

// listEncoder writes lists and sets: one block with the number of elements, and
// the block of 0 elements that ends an Avro array.
func listEncoder(elem avro.Appender) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 4)
		if err != nil {
			return dst, err
		}
		if n > 0 {
			dst = avro.AppendLong(dst, int64(n))
		}
		for i := range n {
			if dst, v, err = element(dst, v, elem, false); err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, 0), cql.NothingLeft(v)
	}
}

// element encodes the next value of a collection, which Avro does not allow to be null.
func element(dst, v []byte, encode avro.Appender, emptyIsNull bool) (out, rest []byte, err error) {
	e, rest, err := cql.TakeValue(v)
	if err == nil && (e == nil || emptyIsNull && len(e) == 0) {
		err = errNull
	}
	if err == nil {
		dst, err = encode(dst, e)
	}
	return dst, rest, err
}

// mapEncoder writes maps, which are Avro arrays of a string and a value.
func mapEncoder(key avro.Appender, keyKind cql.Kind, value avro.Appender) avro.Appender {
	keyNeedsBytes := avro.EmptyIsNull(keyKind)
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 8)
		if err != nil {
			return dst, err
		}
		if n > 0 {
			dst = avro.AppendLong(dst, int64(n))
		}
		for i := range n {
			if dst, v, err = element(dst, v, key, keyNeedsBytes); err != nil {
				return dst, fmt.Errorf("key %d of %d: %w", i+1, n, err)
			}
			if dst, v, err = element(dst, v, value, false); err != nil {
				return dst, fmt.Errorf("value %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, 0), cql.NothingLeft(v)
	}
}

// recordEncoder writes user-defined types and tuples. Fields that a value does not
// have, because they were added to the type after it was written, are null. A
// value with more fields than the type is an error: the type is out of date.
func recordEncoder(t *cql.Type, fields []avro.Appender) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		for i, field := range fields {
			var f []byte
			var err error
			if len(v) > 0 {
				f, v, err = cql.TakeValue(v)
			}
			if err == nil {
				dst, err = field(dst, f)
			}
			if err != nil {
				return dst, fmt.Errorf("field %s: %w", fieldName(t, i), err)
			}
		}
		return dst, cql.NothingLeft(v)
	}
}

// vectorEncoder writes a vector as an array.
func vectorEncoder(elem avro.Appender, size, dimension int) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		dst = avro.AppendLong(dst, int64(dimension))
		for i := range dimension {
			e, rest, err := cql.TakeElement(v, size)
			if err == nil {
				dst, err = elem(dst, e)
			}
			if err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, dimension, err)
			}
			v = rest
		}
		return append(dst, 0), cql.NothingLeft(v)
	}
}
