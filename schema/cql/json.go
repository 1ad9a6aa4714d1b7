// Values as JSON for people: what Cassandra's AbstractType.toJSONString prints.

package cql

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxKeyNesting bounds how deep map keys are written inside map keys. A key is a
// JSON string, so that a map within it has its quotes escaped, and a map within that
// one the escapes, which doubles the text each time.
const maxKeyNesting = 4

// AppendJSON appends a raw value as JSON, in the words of Cassandra 5.0: null for
// nil; numbers as Java prints them (floats that are no numbers are null); dates,
// UUIDs, blobs and the like as strings; "" for a value of no bytes. A multi-cell
// column has a value in each of its cells, of the type of its elements or fields;
// this is for values that are whole.
//
// Values that Validate lets pass are written; of others an error says what is wrong
// with them, and dst comes back as it was.
//
// Different from Cassandra are: the value of a custom class, which is printed as a
// blob (Cassandra refuses, or asks the class); fields missing at the end of a tuple,
// null (Cassandra fails); a time outside of the day, with its nanoseconds; floats of
// which an older Java prints more digits than needed; map keys nested deeper than
// four maps and numbers of more than 8 KiB, printed as blobs; the total of a counter
// context. Cassandra 3.11 prints the dates of years above 9999 without the plus, and
// releases before 5.0 have another calendar for timestamps before 1582.
func (t *Type) AppendJSON(dst, value []byte) ([]byte, error) {
	out, err := t.appendJSON(dst, value, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendJSON writes a value that is inside so many map keys.
func (t *Type) appendJSON(dst, v []byte, keys int) ([]byte, error) {
	if v == nil {
		return append(dst, "null"...), nil
	}
	if !t.HasParts() {
		return t.appendScalar(dst, v)
	}
	opening, closing := byte('['), byte(']')
	if t.Kind == Map || t.Kind == UDT {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	parts := t.Parts(v)
	for parts.Next() {
		isKey := t.Kind == Map && parts.i%2 == 1
		if parts.i > 1 && (t.Kind != Map || isKey) {
			dst = append(dst, ", "...)
		}
		if t.Kind == UDT {
			dst = append(appendFieldName(dst, t.Fields[parts.i-1].Name), ": "...)
		}
		var err error
		if isKey {
			dst, err = parts.Type.appendKey(dst, parts.Value, keys)
			dst = append(dst, ": "...)
		} else {
			dst, err = parts.Type.appendJSON(dst, parts.Value, keys)
		}
		if err != nil {
			return dst, fmt.Errorf("%s: %w", parts.Name(), err)
		}
	}
	return append(dst, closing), parts.Err()
}

// appendKey writes the key of a map: its JSON as a string, unless it is one already.
func (t *Type) appendKey(dst, v []byte, keys int) ([]byte, error) {
	if keys >= maxKeyNesting && t.HasParts() {
		return appendBlob(dst, v), t.Validate(v)
	}
	start := len(dst)
	dst, err := t.appendJSON(dst, v, keys+1)
	if err != nil || dst[start] == '"' {
		return dst, err
	}
	return appendString(dst[:start], string(dst[start:])), nil
}

// appendFieldName writes the name of a field, with double quotes of its own where it
// is not lower case (UserType.toJSONString).
func appendFieldName(dst []byte, name string) []byte {
	if name != strings.ToLower(name) {
		name = `"` + name + `"`
	}
	return appendString(dst, name)
}

// appendString writes a string with the escapes that Jackson's quoteAsString uses.
func appendString[T string | []byte](dst []byte, s T) []byte {
	const hexDigits = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, '"')
}

func appendBlob(dst, v []byte) []byte {
	dst = append(dst, `"0x`...)
	return append(hex.AppendEncode(dst, v), '"')
}

func (t *Type) appendScalar(dst, v []byte) ([]byte, error) {
	switch t.Kind {
	case Blob:
		return appendBlob(dst, v), nil
	case Custom:
		if !t.lexicalUUID() {
			return appendBlob(dst, v), nil
		}
	}
	if len(v) == 0 {
		return append(dst, `""`...), nil
	}
	if size, _ := t.scalarSize(); size > 0 && len(v) != size {
		return dst, fmt.Errorf("%d bytes, not %d", len(v), size)
	}
	var err error
	switch t.Kind {
	case ASCII, Text:
		if !utf8.Valid(v) {
			return dst, errNotUTF8
		}
		return appendString(dst, v), nil
	case Boolean:
		return strconv.AppendBool(dst, v[0] != 0), nil
	case TinyInt, SmallInt, Int, BigInt:
		return strconv.AppendInt(dst, integer(v), 10), nil
	case Float:
		return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), 32), nil
	case Double:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)), 64), nil
	case VarInt:
		if len(v) > maxNumber {
			return appendBlob(dst, v), nil
		}
		return bigInteger(v).Append(dst, 10), nil
	case Decimal:
		return appendDecimal(dst, v)
	case Counter:
		total, err := CounterTotal(v)
		return strconv.AppendInt(dst, total, 10), err
	}
	dst = append(dst, '"')
	switch t.Kind {
	case UUID, TimeUUID, Custom:
		dst, err = AppendUUID(dst, v)
	case Inet:
		dst, err = AppendInet(dst, v)
	case Date:
		dst = AppendDay(dst, int64(binary.BigEndian.Uint32(v))-1<<31)
	case Time:
		dst = appendTime(dst, integer(v))
	case Timestamp:
		dst = appendTimestamp(dst, integer(v))
	case Duration:
		dst, err = appendDuration(dst, v)
	case Empty:
		err = NothingLeft(v)
	default:
		err = fmt.Errorf("type %s has no JSON form", t)
	}
	return append(dst, '"'), err
}
