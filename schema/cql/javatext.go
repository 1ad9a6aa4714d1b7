// Values as the text that Java's toString gives: what map keys of the data topic are.

package cql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendText appends a raw value as the objects of Java's driver print themselves:
// numbers as Float, Double, BigInteger and BigDecimal do, times as those of java.time
// (2020-12-25T10:10:00.123Z, 10:10), lists and sets as [1, 2], maps as {1=a, 2=b}.
// Where the driver's objects say nothing of their content or cannot be asked, the
// text is that of AppendJSON: blobs and custom types (0x00ff), tuples and user-defined
// types; a vector is printed like a list. null is the word null.
//
// An error says what is wrong with the value, and dst comes back as it was.
func (t *Type) AppendText(dst, value []byte) ([]byte, error) {
	out, err := t.appendText(dst, value, false)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (t *Type) appendText(dst, v []byte, nested bool) ([]byte, error) {
	if v == nil {
		return append(dst, "null"...), nil
	}
	switch t.Kind {
	case List, Set, Vector, Map:
		return t.appendCollectionText(dst, v)
	case Tuple, UDT:
		return t.appendJSON(dst, v, 0)
	case ASCII, Text:
		if !utf8.Valid(v) {
			return dst, errNotUTF8
		}
		return append(dst, v...), nil
	case Blob, Custom:
		return appendHex(dst, v), nil
	}
	size, _ := t.scalarSize()
	if size > 0 && len(v) != size {
		return dst, fmt.Errorf("%d bytes, not %d", len(v), size)
	}
	switch t.Kind {
	case Boolean:
		return strconv.AppendBool(dst, v[0] != 0), nil
	case TinyInt, SmallInt, Int, BigInt:
		return strconv.AppendInt(dst, integer(v), 10), nil
	case Float:
		return appendFloatText(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), 32), nil
	case Double:
		return appendFloatText(dst, math.Float64frombits(binary.BigEndian.Uint64(v)), 64), nil
	case VarInt:
		return appendVarIntText(dst, v)
	case Decimal:
		if len(v) > maxNumber {
			return appendHex(dst, v), nil
		}
		return appendDecimal(dst, v)
	case Duration:
		return appendDuration(dst, v) // the same as the driver's CqlDuration.toString
	case Inet:
		if nested { // InetAddress.toString begins with the host's name, which is not known
			dst = append(dst, '/')
		}
		return AppendInet(dst, v)
	case UUID, TimeUUID:
		return AppendUUID(dst, v)
	case Date:
		return AppendDay(dst, int64(binary.BigEndian.Uint32(v))-1<<31), nil
	case Time:
		return appendTimeText(dst, int64(binary.BigEndian.Uint64(v)))
	case Timestamp:
		days, ns := SplitTimestamp(int64(binary.BigEndian.Uint64(v)))
		dst = append(AppendDay(dst, days), 'T')
		return append(appendTimeOfDayText(dst, ns, true), 'Z'), nil
	}
	return dst, fmt.Errorf("values of type %s have no text", t)
}

// appendCollectionText is AbstractCollection.toString and AbstractMap.toString.
func (t *Type) appendCollectionText(dst, v []byte) ([]byte, error) {
	opening, closing := byte('['), byte(']')
	if t.Kind == Map {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	parts := t.Parts(v)
	for parts.Next() {
		switch {
		case t.Kind == Map && parts.i%2 == 0:
			dst = append(dst, '=')
		case parts.i > 1:
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = parts.Type.appendText(dst, parts.Value, true); err != nil {
			return dst, fmt.Errorf("%s: %w", parts.Name(), err)
		}
	}
	return append(dst, closing), parts.Err()
}

func appendHex(dst, v []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, "0x"...)
	for _, b := range v {
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

// appendFloatText is Float.toString and Double.toString: AppendFloat, and words for
// what is no number.
func appendFloatText(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return AppendFloat(dst, f, bits)
}

func appendVarIntText(dst, v []byte) ([]byte, error) {
	switch {
	case len(v) == 0:
		return dst, errors.New("no bytes")
	case len(v) <= 8:
		return strconv.AppendInt(dst, integer(v), 10), nil
	case len(v) > maxNumber:
		return appendHex(dst, v), nil
	}
	return bigInteger(v).Append(dst, 10), nil
}

// appendTimeText is LocalTime.toString: seconds only where they or a fraction are not
// zero, the fraction in 3, 6 or 9 digits.
func appendTimeText(dst []byte, ns int64) ([]byte, error) {
	if ns < 0 || ns >= nanosPerDay {
		return dst, errors.New("not within a day")
	}
	return appendTimeOfDayText(dst, ns, false), nil
}

func appendTimeOfDayText(dst []byte, ns int64, alwaysSeconds bool) []byte {
	fraction := ns % 1e9
	switch {
	case fraction%1e3 != 0:
		return AppendTimeOfDay(dst, ns, 9)
	case fraction%1e6 != 0:
		return AppendTimeOfDay(dst, ns, 6)
	case fraction != 0:
		return AppendTimeOfDay(dst, ns, 3)
	}
	dst = AppendTimeOfDay(dst, ns, 0)
	if !alwaysSeconds && ns/1e9%60 == 0 {
		dst = dst[:len(dst)-len(":00")]
	}
	return dst
}
