// Whether a type of a writer's schema is that of a CQL type, and how its values are read.

package event

import (
	"encoding/binary"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

func readRaw(dst []byte, r *reader) []byte { return append(dst, r.bytes()...) }

// readerOf makes the reader of a CQL type's values that were written as that Avro type,
// and fails with errOtherType where the two do not go together. A user-defined type may
// have had fewer fields at the time, and other names for them.
func readerOf(written *avro.Type, t *cql.Type) (valueReader, error) {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		if written.Kind != "array" {
			return nil, errOtherType
		}
		elem, err := readerOf(written.Items, t.Elem)
		if err != nil {
			return nil, err
		}
		if t.Kind == cql.Vector {
			return vectorReader(elem, t.Elem.FixedLength(), t.Dimension), nil
		}
		return blocksReader(func(dst []byte, r *reader) []byte { return withLength(dst, r, elem) }), nil
	case cql.Map:
		if written.Kind != "map" {
			return nil, errOtherType
		}
		value, err := readerOf(written.Items, t.Elem)
		if err != nil {
			return nil, err
		}
		return blocksReader(func(dst []byte, r *reader) []byte {
			return withLength(withLength(dst, r, readText), r, value)
		}), nil
	case cql.Tuple, cql.UDT:
		return fieldsReader(written, t)
	}
	own, err := scalarType(t.Kind)
	if err != nil {
		return nil, err
	}
	if len(avro.Compare(written, own)) > 0 {
		return nil, errOtherType
	}
	if read := scalarReader(t.Kind); read != nil {
		return read, nil
	}
	return nil, errOtherType
}

// scalarType is the Avro type of a native CQL type.
func scalarType(k cql.Kind) (*avro.Type, error) {
	s := avro.NewSchema("")
	if err := s.Scalar(k); err != nil {
		return nil, err
	}
	return avro.Parse(s.String())
}

// fieldsReader reads a record with as many fields as it had when it was written.
func fieldsReader(written *avro.Type, t *cql.Type) (valueReader, error) {
	if written.Kind != "record" || len(written.Fields) > len(t.Fields) {
		return nil, errOtherType
	}
	type field struct {
		branches []valueReader // nil for null
	}
	fields := make([]field, len(written.Fields))
	for i, f := range written.Fields {
		if f.Type.Kind != "union" {
			return nil, errOtherType
		}
		for _, b := range f.Type.Branches {
			var read valueReader
			if b.Kind != "null" {
				var err error
				if read, err = readerOf(b, t.Fields[i].Type); err != nil {
					return nil, err
				}
			}
			fields[i].branches = append(fields[i].branches, read)
		}
	}
	return func(dst []byte, r *reader) []byte {
		for _, f := range fields {
			if read := f.branches[r.integer(0, int64(len(f.branches)-1))]; read != nil {
				dst = withLength(dst, r, read)
			} else {
				dst = binary.BigEndian.AppendUint32(dst, 1<<32-1) // the length of null
			}
		}
		return dst
	}, nil
}
