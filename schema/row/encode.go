// From a CQL type to the function that encodes its values: a tree that follows the type's nesting.

package row

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

var (
	errNull   = errors.New("null where Avro has no null")
	errCutOff = errors.New("the value is cut off")
)

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

// takeValue takes a value with its length in 4 bytes off the front; nil is null.
func takeValue(v []byte) (value, rest []byte, err error) {
	if len(v) < 4 {
		return nil, nil, errCutOff
	}
	n := int32(binary.BigEndian.Uint32(v))
	v = v[4:]
	if n < 0 {
		return nil, v, nil
	}
	if int(n) > len(v) {
		return nil, nil, errCutOff
	}
	return v[:n:n], v[n:], nil
}

// takeCount takes the number of elements off the front of a collection, each of
// which has at least so many bytes. A value of no bytes is an empty collection.
func takeCount(v []byte, atLeast int) (count int, rest []byte, err error) {
	if len(v) == 0 {
		return 0, nil, nil
	}
	if len(v) < 4 {
		return 0, nil, errCutOff
	}
	n := int64(int32(binary.BigEndian.Uint32(v)))
	if v = v[4:]; n < 0 || n*int64(atLeast) > int64(len(v)) {
		return 0, nil, fmt.Errorf("%d elements in %d bytes", n, len(v))
	}
	return int(n), v, nil
}

func errTooMany(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("%d bytes too many", len(rest))
}

// listEncoder writes lists and sets: one block with the number of elements, and
// the block of 0 elements that ends an Avro array.
func listEncoder(elem avro.Appender) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := takeCount(v, 4)
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
		return append(dst, 0), errTooMany(v)
	}
}

// element encodes the next value of a collection, which Avro does not allow to be null.
func element(dst, v []byte, encode avro.Appender, emptyIsNull bool) (out, rest []byte, err error) {
	e, rest, err := takeValue(v)
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
		n, v, err := takeCount(v, 8)
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
		return append(dst, 0), errTooMany(v)
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
				f, v, err = takeValue(v)
			}
			if err == nil {
				dst, err = field(dst, f)
			}
			if err != nil {
				return dst, fmt.Errorf("field %s: %w", fieldName(t, i), err)
			}
		}
		return dst, errTooMany(v)
	}
}

// vectorEncoder writes a vector as an array. Elements of a type with a fixed
// length follow each other, others have theirs in front as an unsigned vint
// (VectorType.FixedLengthSerializer, VariableLengthSerializer).
func vectorEncoder(elem avro.Appender, size, dimension int) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		dst = avro.AppendLong(dst, int64(dimension))
		for i := range dimension {
			n := uint64(size)
			var err error
			if size < 0 {
				n, v, err = avro.ReadUnsignedVInt(v)
			}
			if err == nil && n > uint64(len(v)) {
				err = errCutOff
			}
			if err == nil {
				dst, err = elem(dst, v[:n:n])
			}
			if err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, dimension, err)
			}
			v = v[n:]
		}
		return append(dst, 0), errTooMany(v)
	}
}
