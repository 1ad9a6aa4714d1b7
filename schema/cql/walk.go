// How values are laid out in bytes: the one place that knows it, and never reads past a value's end.

package cql

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errCutOff = errors.New("the value is cut off")
	errNull   = errors.New("null inside a collection")
)

// TakeValue takes a value with its length in 4 bytes off the front, as collections,
// tuples and user-defined types hold them; nil is null. rest is what follows.
func TakeValue(v []byte) (value, rest []byte, err error) {
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

// TakeCount takes the number of elements off the front of a list or set, or that of
// the pairs of a map; each has at least so many bytes. A value of no bytes is an
// empty collection.
func TakeCount(v []byte, atLeast int) (count int, rest []byte, err error) {
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

// TakeElement takes an element of a vector off the front: size bytes, or as many as
// an unsigned vint in front says where size is negative, which is to say that the
// element type has no fixed length (VectorType.FixedLengthSerializer,
// VariableLengthSerializer).
func TakeElement(v []byte, size int) (value, rest []byte, err error) {
	n := uint64(size)
	if size < 0 {
		if n, v, err = TakeUnsignedVInt(v); err != nil {
			return nil, nil, err
		}
	}
	if n > uint64(len(v)) {
		return nil, nil, errCutOff
	}
	return v[:n:n], v[n:], nil
}

// NothingLeft is the error of a value that goes on behind its last part.
func NothingLeft(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("%d bytes too many", len(rest))
}

// TakeUnsignedVInt takes Cassandra's variable length integer off the front: as many
// leading ones in the first byte as bytes follow, big endian
// (VIntCoding.readUnsignedVInt).
func TakeUnsignedVInt(v []byte) (n uint64, rest []byte, err error) {
	if len(v) == 0 {
		return 0, nil, errors.New("an integer is missing")
	}
	extra := 0
	for b := v[0]; b&0x80 != 0; b <<= 1 {
		extra++
	}
	if len(v) < 1+extra {
		return 0, nil, errors.New("an integer is cut off")
	}
	n = uint64(v[0]) & (0xff >> extra)
	for _, b := range v[1 : 1+extra] {
		n = n<<8 | uint64(b)
	}
	return n, v[1+extra:], nil
}

// TakeVInt is TakeUnsignedVInt of a zigzag coded integer.
func TakeVInt(v []byte) (n int64, rest []byte, err error) {
	u, rest, err := TakeUnsignedVInt(v)
	return int64(u>>1) ^ -int64(u&1), rest, err
}

// ReadDuration reads the value of a duration. That all three have one sign is not
// checked.
func ReadDuration(v []byte) (months, days int32, nanoseconds int64, err error) {
	var n [3]int64
	for i := range n {
		if n[i], v, err = TakeVInt(v); err != nil {
			return 0, 0, 0, err
		}
		if i < 2 && int64(int32(n[i])) != n[i] {
			return 0, 0, 0, fmt.Errorf("%d months or days", n[i])
		}
	}
	return int32(n[0]), int32(n[1]), n[2], NothingLeft(v)
}

// HasParts says whether values of the type are made of others, which Parts gives.
func (t *Type) HasParts() bool {
	switch t.Kind {
	case List, Set, Map, Tuple, UDT, Vector:
		return true
	}
	return false
}

// Parts steps through what a value is made of:
//
//	for parts := t.Parts(value); parts.Next(); {
//		… parts.Type, parts.Value …
//	}
//	err := parts.Err()
//
// It holds slices of the value and allocates nothing.
type Parts struct {
	Type  *Type  // of the part
	Value []byte // of the part; nil for a null field of a tuple or user-defined type

	of    *Type
	rest  []byte
	i     int // parts taken
	count int // parts in all
	size  int // of a vector's elements, as TakeElement wants it
	err   error
}

// Parts begins at the first part of a value that is not null: the elements of a
// list, set or vector, the key and the value of each pair of a map by turns, the
// fields of a tuple or user-defined type. Fields that a value does not have, because
// they were added to the type after it was written, are null; a value with more
// fields than the type is an error, since the type is out of date. Types without
// parts have no first one.
func (t *Type) Parts(value []byte) Parts {
	p := Parts{of: t, rest: value}
	switch t.Kind {
	case List, Set:
		p.count, p.rest, p.err = TakeCount(value, 4)
	case Map:
		p.count, p.rest, p.err = TakeCount(value, 8)
		p.count *= 2
	case Vector:
		p.count, p.size = t.Dimension, t.Elem.FixedLength()
		if len(value) == 0 {
			p.err = errCutOff // also where elements have no bytes: no vector is that cheap
		}
	case Tuple, UDT:
		p.count = len(t.Fields)
	}
	return p
}

// Next advances to the next part. It returns false behind the last one, and at the
// first fault of the value.
func (p *Parts) Next() bool {
	if p.err != nil {
		return false
	}
	if p.i == p.count {
		p.err = NothingLeft(p.rest)
		return false
	}
	var err error
	switch p.of.Kind {
	case Tuple, UDT:
		p.Type, p.Value = p.of.Fields[p.i].Type, nil
		if len(p.rest) > 0 {
			p.Value, p.rest, err = TakeValue(p.rest)
		}
	case Vector:
		p.Type = p.of.Elem
		p.Value, p.rest, err = TakeElement(p.rest, p.size)
	default:
		p.Type = p.of.Elem
		if p.of.Kind == Map && p.i%2 == 0 {
			p.Type = p.of.Key
		}
		if p.Value, p.rest, err = TakeValue(p.rest); err == nil && p.Value == nil {
			err = errNull
		}
	}
	p.i++
	if err != nil {
		p.err = fmt.Errorf("%s: %w", p.Name(), err)
	}
	return err == nil
}

// Err is what is wrong with the value, known when Next has returned false.
func (p *Parts) Err() error { return p.err }

// Name is what an error calls the part: element 3 of 5, field street of addr.
func (p *Parts) Name() string {
	switch p.of.Kind {
	case UDT:
		return "field " + Quote(p.of.Fields[p.i-1].Name) + " of " + Quote(p.of.Name)
	case Tuple:
		return fmt.Sprintf("component %d of %d", p.i, p.count)
	case Map:
		if p.i%2 == 1 {
			return fmt.Sprintf("key %d of %d", p.i/2+1, p.count/2)
		}
		return fmt.Sprintf("value %d of %d", p.i/2, p.count/2)
	}
	return fmt.Sprintf("element %d of %d", p.i, p.count)
}
