// Whether bytes are a value of a type.

package cql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("not UTF-8")

// Validate checks a raw value completely: sizes and counts, texts, and the same for
// everything inside it. nil is null, which is a value of every type. An error says
// what is wrong and where inside the value (field street of addr: element 3 of 5:
// …); the caller names the column.
//
// What Cassandra accepts is accepted (TypeSerializer.validate), but for values that
// it could not read itself: text that is no UTF-8 in the strict sense (surrogates,
// zero in two bytes), a decimal without digits, a negative count of elements, bytes
// behind a duration. A frozen collection of no bytes is let pass as an empty one.
// Of a custom class nothing is known, so that all bytes are a value of it.
func (t *Type) Validate(value []byte) error {
	if value == nil {
		return nil
	}
	if !t.HasParts() {
		return t.validateScalar(value)
	}
	parts := t.Parts(value)
	for parts.Next() {
		if err := parts.Type.Validate(parts.Value); err != nil {
			return fmt.Errorf("%s: %w", parts.Name(), err)
		}
	}
	return parts.Err()
}

// scalarSize is the size of all values of a type, and whether a value of no bytes
// is one of them nevertheless; 0 for types without such a size.
func (t *Type) scalarSize() (size int, emptyToo bool) {
	switch t.Kind {
	case TinyInt:
		return 1, false
	case SmallInt:
		return 2, false
	case Date:
		return 4, false
	case Time:
		return 8, false
	case Boolean:
		return 1, true
	case Int, Float:
		return 4, true
	case BigInt, Double, Timestamp:
		return 8, true
	case UUID, TimeUUID:
		return 16, true
	case Custom:
		if t.lexicalUUID() {
			return 16, true
		}
	}
	return 0, false
}

func (t *Type) validateScalar(v []byte) error {
	if size, emptyToo := t.scalarSize(); size > 0 && len(v) != size {
		if emptyToo && len(v) == 0 {
			return nil
		}
		return fmt.Errorf("%d bytes, not %d", len(v), size)
	}
	switch t.Kind {
	case ASCII:
		for i, b := range v {
			if b >= utf8.RuneSelf {
				return fmt.Errorf("not ASCII: byte %#x at %d", b, i)
			}
		}
	case Text:
		if !utf8.Valid(v) {
			return errNotUTF8
		}
	case TimeUUID:
		if len(v) == 16 && v[6]>>4 != 1 {
			return fmt.Errorf("a UUID of version %d, not 1", v[6]>>4)
		}
	case Decimal:
		if len(v) > 0 && len(v) < 5 {
			return fmt.Errorf("%d bytes, at least 5 wanted", len(v))
		}
	case Inet:
		if len(v) != 0 && len(v) != 4 && len(v) != 16 {
			return fmt.Errorf("%d bytes, not 4 or 16", len(v))
		}
	case Duration:
		_, _, _, err := readOneSign(v)
		return err
	case Empty:
		return NothingLeft(v)
	case Counter:
		_, err := CounterTotal(v)
		return err
	}
	return nil
}

// readOneSign is ReadDuration with the rule that Cassandra has for signs.
func readOneSign(v []byte) (months, days int32, nanoseconds int64, err error) {
	months, days, nanoseconds, err = ReadDuration(v)
	negative := months < 0 || days < 0 || nanoseconds < 0
	positive := months > 0 || days > 0 || nanoseconds > 0
	if err == nil && negative && positive {
		err = fmt.Errorf("months, days and nanoseconds of different signs: %d, %d, %d", months, days, nanoseconds)
	}
	return months, days, nanoseconds, err
}

// integer is a two's complement integer of at most 8 bytes.
func integer(v []byte) int64 {
	var b [8]byte
	if len(v) > 0 && v[0] >= 0x80 {
		b = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(b[8-len(v):], v)
	return int64(binary.BigEndian.Uint64(b[:]))
}
