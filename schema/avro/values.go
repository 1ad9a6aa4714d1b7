// From a CQL type to the function that writes its values: a tree that follows the type's nesting.

package avro

import (
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

var errNull = errors.New("null where Avro has no null")

// Representable says whether the values of a type have an Avro form: all do but those
// of the type empty, of which a SELECT shows none.
func Representable(t *cql.Type) bool {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		return Representable(t.Elem)
	case cql.Map:
		return Representable(t.Key) && Representable(t.Elem)
	case cql.Tuple, cql.UDT:
		for _, f := range t.Fields {
			if !Representable(f.Type) {
				return false
			}
		}
		return true
	}
	return Scalar(t.Kind) != nil
}

// Value makes the writer of a type's values, which are not null. The form is that
// which Schema.Type describes.
func Value(t *cql.Type) (Appender, error) {
	switch t.Kind {
	case cql.List, cql.Set:
		elem, err := Value(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return arrayWriter(elem), nil
	case cql.Map:
		if !Representable(t.Key) {
			return nil, fmt.Errorf("map key: type %s has no Avro form", t.Key)
		}
		value, err := Value(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("map value: %w", err)
		}
		return mapWriter(MapKey(t.Key), t.Key.Kind, value), nil
	case cql.Tuple, cql.UDT:
		fields := make([]Appender, len(t.Fields))
		for i, f := range t.Fields {
			field, err := Value(f.Type)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", FieldName(t, i), err)
			}
			fields[i] = Nullable(f.Type.Kind, field)
		}
		return recordWriter(t, fields), nil
	case cql.Vector:
		elem, err := Value(t.Elem)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return vectorWriter(elem, t.Elem.FixedLength(), t.Dimension), nil
	}
	if write := Scalar(t.Kind); write != nil {
		return write, nil
	}
	return nil, fmt.Errorf("type %s has no Avro form", t)
}

// arrayWriter writes lists and sets: one block with the number of elements, and the
// block of 0 elements that ends an Avro array.
func arrayWriter(elem Appender) Appender {
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 4)
		if err != nil {
			return dst, err
		}
		if n > 0 {
			dst = AppendLong(dst, int64(n))
		}
		for i := range n {
			if dst, v, err = Element(dst, v, elem, false); err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, 0), cql.NothingLeft(v)
	}
}

// Element takes the next value of a collection, which Avro does not allow to be null,
// off the front of v and writes it.
func Element(dst, v []byte, write Appender, emptyIsNull bool) (out, rest []byte, err error) {
	e, rest, err := cql.TakeValue(v)
	if err == nil && (e == nil || emptyIsNull && len(e) == 0) {
		err = errNull
	}
	if err == nil {
		dst, err = write(dst, e)
	}
	return dst, rest, err
}

// mapWriter writes maps, which are Avro arrays of a string and a value.
func mapWriter(key Appender, keyKind cql.Kind, value Appender) Appender {
	keyNeedsBytes := EmptyIsNull(keyKind)
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 8)
		if err != nil {
			return dst, err
		}
		if n > 0 {
			dst = AppendLong(dst, int64(n))
		}
		for i := range n {
			if dst, v, err = Element(dst, v, key, keyNeedsBytes); err != nil {
				return dst, fmt.Errorf("key %d of %d: %w", i+1, n, err)
			}
			if dst, v, err = Element(dst, v, value, false); err != nil {
				return dst, fmt.Errorf("value %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, 0), cql.NothingLeft(v)
	}
}

// recordWriter writes user-defined types and tuples. Fields that a value does not
// have, because they were added to the type after it was written, are null. A
// value with more fields than the type is an error: the type is out of date.
func recordWriter(t *cql.Type, fields []Appender) Appender {
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
				return dst, fmt.Errorf("field %s: %w", FieldName(t, i), err)
			}
		}
		return dst, cql.NothingLeft(v)
	}
}

// vectorWriter writes a vector as an array.
func vectorWriter(elem Appender, size, dimension int) Appender {
	return func(dst, v []byte) ([]byte, error) {
		if len(v) == 0 {
			return dst, errNull // also where elements have no bytes: no vector is that cheap
		}
		dst = AppendLong(dst, int64(dimension))
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
