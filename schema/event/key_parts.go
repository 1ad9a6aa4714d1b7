// Key columns of types that are made of others: written so that they come back exactly.

package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Where a field's value is in its union.
const (
	isValue = iota
	isRaw
	isNull
)

// branch reads which branch of its union the field's value is, if it has one.
func (f *keyField) branch(r *reader) int {
	branches := int64(1)
	if f.optional {
		branches++
	}
	if f.orRaw {
		branches++
	}
	if branches == 1 {
		return isValue
	}
	n := r.integer(0, branches-1)
	if f.optional {
		n--
	}
	if n < 0 || r.err != nil {
		return isNull
	}
	return int(n) // isValue or isRaw
}

// orRaw writes a value in the form of its type where it can be read back from that,
// and as its raw bytes otherwise: fields that a value does not have, nanoseconds
// below µs, numbers of more bytes than needed and the like would not come back, and
// then the key would be that of another row, or of none.
func orRaw(t *cql.Type, write avro.Appender, read valueReader, optional bool) avro.Appender {
	value, raw := byte(0), byte(2) // the branches' indexes in zigzag
	if optional {
		value, raw = 2, 4
	}
	return func(dst, v []byte) ([]byte, error) {
		if v == nil {
			return append(dst, 0), nil
		}
		start := len(dst)
		dst, err := write(append(dst, value), v)
		if err == nil {
			r := reader{in: dst[start+1:]}
			if back := read(nil, &r); r.end() == nil && bytes.Equal(back, v) {
				return dst, nil
			}
		} else if t.Validate(v) != nil {
			return dst, err
		}
		return avro.AppendBytes(append(dst[:start], raw), v), nil
	}
}

// keyReader makes the reader of what keyWriter writes.
func keyReader(t *cql.Type) (valueReader, error) {
	switch t.Kind {
	case cql.List, cql.Set, cql.Vector:
		elem, err := keyReader(t.Elem)
		if err != nil {
			return nil, err
		}
		if t.Kind == cql.Vector {
			return vectorReader(elem, t.Elem.FixedLength(), t.Dimension), nil
		}
		return blocksReader(func(dst []byte, r *reader) []byte { return withLength(dst, r, elem) }), nil
	case cql.Map:
		value, err := keyReader(t.Elem)
		if err != nil {
			return nil, err
		}
		return blocksReader(func(dst []byte, r *reader) []byte {
			return withLength(withLength(dst, r, readText), r, value)
		}), nil
	case cql.Tuple, cql.UDT:
		fields := make([]valueReader, len(t.Fields))
		for i, f := range t.Fields {
			var err error
			if fields[i], err = keyReader(f.Type); err != nil {
				return nil, err
			}
		}
		return func(dst []byte, r *reader) []byte {
			for _, field := range fields {
				if r.isPresent() {
					dst = withLength(dst, r, field)
				} else {
					dst = append(dst, 0xff, 0xff, 0xff, 0xff)
				}
			}
			return dst
		}, nil
	}
	if read := scalarReader(t.Kind); read != nil {
		return read, nil
	}
	return nil, fmt.Errorf("type %s is not supported in a primary key", t)
}

// withLength reads a value and puts its length in 4 bytes in front.
func withLength(dst []byte, r *reader, read valueReader) []byte {
	start := len(dst)
	dst = read(append(dst, 0, 0, 0, 0), r)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// blocksReader reads the blocks of an Avro array or map.
func blocksReader(item valueReader) valueReader {
	return func(dst []byte, r *reader) []byte {
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		count := uint32(0)
		for r.err == nil {
			n := r.long()
			if n == 0 {
				break
			}
			if n < 0 { // the block's size in bytes follows
				n = -n
				r.long()
			}
			if n < 0 || n > int64(len(r.in)) { // an item has a byte at least
				r.fail(errCutOff)
			}
			for ; n > 0 && r.err == nil; n-- {
				dst = item(dst, r)
				count++
			}
		}
		binary.BigEndian.PutUint32(dst[start:], count)
		return dst
	}
}

// vectorReader reads an Avro array of exactly so many items, in one block.
func vectorReader(elem valueReader, size, dimension int) valueReader {
	return func(dst []byte, r *reader) []byte {
		r.integer(int64(dimension), int64(dimension))
		if dimension > len(r.in) {
			r.fail(errCutOff)
		}
		for i := 0; i < dimension && r.err == nil; i++ {
			start := len(dst)
			dst = elem(dst, r)
			if size < 0 {
				dst = insertLength(dst, start)
			} else if len(dst)-start != size {
				r.fail(fmt.Errorf("an element of %d bytes, not %d", len(dst)-start, size))
			}
		}
		if r.err == nil && r.long() != 0 {
			r.fail(errors.New("a vector with more elements than its type"))
		}
		return dst
	}
}

// insertLength puts the length of what begins at start in front of it.
func insertLength(dst []byte, start int) []byte {
	length := appendUnsignedVInt(nil, uint64(len(dst)-start))
	dst = append(dst, length...)
	copy(dst[start+len(length):], dst[start:])
	copy(dst[start:], length)
	return dst
}
