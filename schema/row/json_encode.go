// From a CQL type to the function that encodes its values as JSON: a tree that follows the type's nesting.

package row

import (
	"encoding/binary"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// compileJSON makes the JSON encoder of a representable type: the values that the
// Avro schema declares, in the forms that the Java connector has for columns of
// native types, at every depth, also where it fails on them (dates, times, small and
// large numbers and durations in collections, values of maps that are lists or
// user-defined types).
//
// asObject says that the value is inside of a list, set, map or tuple. The Java
// connector prints addresses there as InetAddress.toString does, with a slash in
// front; so do we, and so it does with keys of maps that are themselves inside.
func compileJSON(t *cql.Type, asObject bool) (avro.Appender, error) {
	switch t.Kind {
	case cql.List, cql.Set:
		elem, err := compileJSON(t.Elem, true)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return jsonList(elem), nil
	case cql.Map:
		key, err := compileJSONKey(t.Key, asObject)
		if err != nil {
			return nil, err
		}
		value, err := compileJSON(t.Elem, true)
		if err != nil {
			return nil, fmt.Errorf("map value: %w", err)
		}
		return jsonMap(key, t.Key.Kind, value), nil
	case cql.Tuple, cql.UDT:
		fields := make([]jsonPart, len(t.Fields))
		for i, f := range t.Fields {
			write, err := compileJSON(f.Type, t.Kind == cql.Tuple)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", avro.FieldName(t, i), err)
			}
			fields[i] = jsonPart{label: jsonLabel(avro.FieldName(t, i)), write: write, emptyIsNull: avro.EmptyIsNull(f.Type.Kind)}
		}
		return jsonRecord(t, fields), nil
	case cql.Vector:
		elem, err := compileJSON(t.Elem, false)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return jsonVector(elem, t.Elem.FixedLength(), t.Dimension), nil
	case cql.Inet:
		if asObject {
			return jsonInetObject, nil
		}
	}
	if write := jsonScalar(t.Kind); write != nil {
		return write, nil
	}
	return nil, fmt.Errorf("type %s has no JSON form", t)
}

// jsonLabel is the name of a field, which is that in the schema, and the colon.
func jsonLabel(name string) string {
	return string(appendJSONString(nil, []byte(avro.Name(name)))) + ":"
}

func jsonList(elem avro.Appender) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 4)
		if err != nil {
			return dst, err
		}
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, v, err = avro.Element(dst, v, elem, false); err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, ']'), cql.NothingLeft(v)
	}
}

func jsonMap(key avro.Appender, keyKind cql.Kind, value avro.Appender) avro.Appender {
	keyNeedsBytes := avro.EmptyIsNull(keyKind)
	return func(dst, v []byte) ([]byte, error) {
		n, v, err := cql.TakeCount(v, 8)
		if err != nil {
			return dst, err
		}
		dst = append(dst, '{')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, v, err = avro.Element(dst, v, key, keyNeedsBytes); err != nil {
				return dst, fmt.Errorf("key %d of %d: %w", i+1, n, err)
			}
			if dst, v, err = avro.Element(append(dst, ':'), v, value, false); err != nil {
				return dst, fmt.Errorf("value %d of %d: %w", i+1, n, err)
			}
		}
		return append(dst, '}'), cql.NothingLeft(v)
	}
}

// compileJSONKey makes the encoder of map keys, which have the text that they have
// as Avro's.
func compileJSONKey(t *cql.Type, asObject bool) (avro.Appender, error) {
	switch {
	case t.Kind == cql.Text || t.Kind == cql.ASCII:
		return jsonText, nil
	case t.Kind == cql.Inet && asObject:
		return jsonInetObject, nil
	}
	if !avro.Representable(t) {
		return nil, fmt.Errorf("map key: type %s has no JSON form", t)
	}
	write := avro.MapKey(t)
	return func(dst, v []byte) ([]byte, error) {
		start := len(dst)
		dst, err := write(dst, v)
		if err != nil {
			return dst, err
		}
		// The text is behind the length of an Avro string. Write it as JSON behind that, and
		// move it over it.
		_, prefix := binary.Uvarint(dst[start:])
		end := len(dst)
		dst = appendJSONString(dst, dst[start+prefix:])
		return append(dst[:start], dst[end:]...), nil
	}, nil
}

// jsonPart is a field of a user-defined type, or a component of a tuple.
type jsonPart struct {
	label       string // name and colon
	write       avro.Appender
	emptyIsNull bool
}

// jsonRecord writes user-defined types without the fields that are null, and tuples
// with them. Fields that a value does not have are null; a value with more fields
// than the type is an error: the type is out of date.
func jsonRecord(t *cql.Type, fields []jsonPart) avro.Appender {
	withNulls := t.Kind == cql.Tuple
	return func(dst, v []byte) ([]byte, error) {
		dst = append(dst, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			var e []byte
			var err error
			if len(v) > 0 {
				e, v, err = cql.TakeValue(v)
			}
			isNull := e == nil || f.emptyIsNull && len(e) == 0
			if err == nil && isNull && !withNulls {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(dst, f.label...)
			if err == nil && isNull {
				dst = append(dst, "null"...)
			} else if err == nil {
				dst, err = f.write(dst, e)
			}
			if err != nil {
				return dst, fmt.Errorf("field %s: %w", avro.FieldName(t, i), err)
			}
		}
		return append(dst, '}'), cql.NothingLeft(v)
	}
}

func jsonVector(elem avro.Appender, size, dimension int) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		dst = append(dst, '[')
		for i := range dimension {
			if i > 0 {
				dst = append(dst, ',')
			}
			e, rest, err := cql.TakeElement(v, size)
			if err == nil {
				dst, err = elem(dst, e)
			}
			if err != nil {
				return dst, fmt.Errorf("element %d of %d: %w", i+1, dimension, err)
			}
			v = rest
		}
		return append(dst, ']'), cql.NothingLeft(v)
	}
}
