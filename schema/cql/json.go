// Values as JSON for people: what Cassandra's AbstractType.toJSONString prints.

package cql

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxKeyNesting bounds how deep map keys are written inside map keys. A key is a
// JSON string, so that a map within it has its quotes escaped, and a map within that
// one the escapes, which doubles the text each time.
const maxKeyNesting = 4

// maxNumber bounds the bytes of a varint or decimal that is written in digits, since
// the time that takes grows with the square of them.
const maxNumber = 8 << 10

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

// appendFloat writes what Float.toString and Double.toString give: a point always,
// and an exponent outside of 0.001 to 10,000,000.
func appendFloat(dst []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		return withPoint(dst, string(dst[start:]))
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	dst = withPoint(append(dst, mantissa...), mantissa)
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}

func withPoint(dst []byte, number string) []byte {
	if strings.Contains(number, ".") {
		return dst
	}
	return append(dst, ".0"...)
}

// bigInteger is a two's complement integer of any size.
func bigInteger(v []byte) *big.Int {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(v))*8))
	}
	return n
}

// appendDecimal writes what BigDecimal.toString gives: all digits and the point
// where it belongs, or an exponent where that would take many zeros.
func appendDecimal(dst, v []byte) ([]byte, error) {
	if len(v) < 5 {
		return dst, fmt.Errorf("%d bytes, at least 5 wanted", len(v))
	}
	if len(v) > maxNumber {
		return appendBlob(dst, v), nil
	}
	scale := integer(v[:4])
	unscaled := bigInteger(v[4:])
	if unscaled.Sign() < 0 {
		dst = append(dst, '-')
	}
	digits := unscaled.Abs(unscaled).String()
	exponent := int64(len(digits)-1) - scale // of the first digit
	switch {
	case scale == 0:
		return append(dst, digits...), nil
	case scale > 0 && exponent >= 0:
		point := len(digits) - int(scale)
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...), nil
	case scale > 0 && exponent >= -6:
		dst = append(dst, "0."...)
		for range -exponent - 1 {
			dst = append(dst, '0')
		}
		return append(dst, digits...), nil
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	dst = append(dst, 'E')
	if exponent > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, exponent, 10), nil
}

func appendTime(dst []byte, ns int64) []byte {
	if ns < 0 || ns >= nanosPerDay {
		return append(strconv.AppendInt(dst, ns, 10), "ns"...)
	}
	return AppendTimeOfDay(dst, ns, 9)
}

// appendTimestamp writes a timestamp with the year of its era: Cassandra prints the
// year 0 as 0001, and says nowhere that it is before Christ.
func appendTimestamp(dst []byte, millis int64) []byte {
	days, ns := SplitTimestamp(millis)
	year, month, day := civil(days)
	if year < 1 {
		year = 1 - year
	}
	if year > 9999 {
		dst = append(dst, '+')
	}
	dst = append(appendDate(dst, year, month, day), ' ')
	return append(AppendTimeOfDay(dst, ns, 3), 'Z')
}

// appendDuration writes a duration as CQL reads it: 1y2mo3d4h5m6s7ms8us9ns.
func appendDuration(dst, v []byte) ([]byte, error) {
	months, days, nanoseconds, err := readOneSign(v)
	if err != nil {
		return dst, err
	}
	if months < 0 || days < 0 || nanoseconds < 0 {
		dst = append(dst, '-')
	}
	dst = appendUnits(dst, magnitude(int64(months)), []unit{{"y", 12}, {"mo", 1}})
	dst = appendUnits(dst, magnitude(int64(days)), []unit{{"d", 1}})
	return appendUnits(dst, magnitude(nanoseconds), []unit{
		{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}), nil
}

type unit struct {
	name string
	size uint64
}

func appendUnits(dst []byte, n uint64, units []unit) []byte {
	for _, u := range units {
		if n >= u.size {
			dst = append(strconv.AppendUint(dst, n/u.size, 10), u.name...)
		}
		n %= u.size
	}
	return dst
}

// magnitude is the absolute value, which the smallest int64 has no int64 for.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
