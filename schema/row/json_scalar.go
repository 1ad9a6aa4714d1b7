// The native CQL types as JSON values, with the same bytes as Java's Jackson writes.

package row

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// jsonScalar is the writer of a native type, or nil for one without a form.
func jsonScalar(k cql.Kind) avro.Appender {
	switch k {
	case cql.ASCII, cql.Text:
		return jsonText
	case cql.Blob, cql.Custom:
		return func(dst, v []byte) ([]byte, error) { return appendBase64(dst, v), nil }
	case cql.Boolean:
		return jsonBoolean
	case cql.TinyInt:
		return func(dst, v []byte) ([]byte, error) {
			if len(v) != 1 {
				return dst, errSize(v, 1)
			}
			return strconv.AppendInt(dst, int64(int8(v[0])), 10), nil
		}
	case cql.SmallInt:
		return func(dst, v []byte) ([]byte, error) {
			if len(v) != 2 {
				return dst, errSize(v, 2)
			}
			return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(v))), 10), nil
		}
	case cql.Int:
		return json32(0)
	case cql.Date: // days since 1970-01-01; the raw value has that day at 2^31
		return json32(1 << 31)
	case cql.BigInt, cql.Timestamp: // ms since 1970
		return json64(1)
	case cql.Time: // µs of the day; the raw value's ns below are cut, as Java does
		return json64(1000)
	case cql.Counter:
		return jsonCounter
	case cql.Float:
		return jsonFloat
	case cql.Double:
		return jsonDouble
	case cql.VarInt:
		return jsonVarInt
	case cql.Decimal:
		return jsonDecimal
	case cql.Duration:
		return jsonDuration
	case cql.Inet:
		return jsonQuoted(cql.AppendInet)
	case cql.UUID, cql.TimeUUID:
		return jsonQuoted(cql.AppendUUID)
	}
	return nil
}

// jsonUnsigned is the writer of a type in a key that differs from that in a row; nil
// for most types.
func jsonUnsigned(k cql.Kind) avro.Appender {
	switch k {
	case cql.TinyInt:
		return func(dst, v []byte) ([]byte, error) {
			if len(v) != 1 {
				return dst, errSize(v, 1)
			}
			return strconv.AppendUint(dst, uint64(v[0]), 10), nil
		}
	case cql.SmallInt:
		return func(dst, v []byte) ([]byte, error) {
			if len(v) != 2 {
				return dst, errSize(v, 2)
			}
			return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(v)), 10), nil
		}
	}
	return nil
}

func errSize(v []byte, want int) error { return fmt.Errorf("%d bytes, not %d", len(v), want) }

func jsonBoolean(dst, v []byte) ([]byte, error) {
	if len(v) != 1 {
		return dst, errSize(v, 1)
	}
	return strconv.AppendBool(dst, v[0] != 0), nil
}

func json32(zero uint32) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		if len(v) != 4 {
			return dst, errSize(v, 4)
		}
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(v)^zero)), 10), nil
	}
}

func json64(unit int64) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		if len(v) != 8 {
			return dst, errSize(v, 8)
		}
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(v))/unit, 10), nil
	}
}

// jsonCounter writes the total, as a SELECT gives it.
func jsonCounter(dst, v []byte) ([]byte, error) {
	total, err := cql.CounterTotal(v)
	return strconv.AppendInt(dst, total, 10), err
}

func jsonFloat(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return appendJSONFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), 32), nil
}

func jsonDouble(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	return appendJSONFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)), 64), nil
}

// appendJSONFloat writes a number as Java prints it. What is no number is a string.
func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return cql.AppendFloat(dst, f, bits)
}

// jsonVarInt writes the Base64 of what BigInteger.toByteArray gives.
func jsonVarInt(dst, v []byte) ([]byte, error) {
	if len(v) == 0 {
		return dst, errors.New("no bytes")
	}
	return appendBase64(dst, cql.MinimalInteger(v)), nil
}

// jsonDecimal writes the fields of the record cql_decimal.
func jsonDecimal(dst, v []byte) ([]byte, error) {
	if len(v) < 5 {
		return dst, fmt.Errorf("%d bytes, at least 5 wanted", len(v))
	}
	dst = appendBase64(append(dst, `{"bigint":`...), cql.MinimalInteger(v[4:]))
	dst = strconv.AppendInt(append(dst, `,"scale":`...), int64(int32(binary.BigEndian.Uint32(v))), 10)
	return append(dst, '}'), nil
}

// jsonDuration writes the fields of the record cql_duration.
func jsonDuration(dst, v []byte) ([]byte, error) {
	months, days, nanoseconds, err := cql.ReadDuration(v)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendInt(append(dst, `{"months":`...), int64(months), 10)
	dst = strconv.AppendInt(append(dst, `,"days":`...), int64(days), 10)
	dst = strconv.AppendInt(append(dst, `,"nanoseconds":`...), nanoseconds, 10)
	return append(dst, '}'), nil
}

// jsonQuoted writes a value whose text needs no escapes.
func jsonQuoted(text avro.Appender) avro.Appender {
	return func(dst, v []byte) ([]byte, error) {
		dst, err := text(append(dst, '"'), v)
		return append(dst, '"'), err
	}
}

// jsonInetObject is InetAddress.toString of an address without a host name.
var jsonInetObject = jsonQuoted(func(dst, v []byte) ([]byte, error) { return cql.AppendInet(append(dst, '/'), v) })

func appendBase64(dst, v []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"')
}

var errNotUTF8 = errors.New("not UTF-8")

func jsonText(dst, v []byte) ([]byte, error) {
	if !utf8.Valid(v[plainFront(v):]) {
		return dst, errNotUTF8
	}
	return appendJSONString(dst, v), nil
}

// needsEscape are the bytes that begin something that Jackson escapes: control
// characters, quote, backslash, and what is beyond 16 bits.
var needsEscape = func() (table [256]bool) {
	for c := range table {
		table[c] = c < ' ' || c == '"' || c == '\\' || c >= 0xf0
	}
	return table
}()

// plainFront is how many bytes at the front of a text are ASCII that JSON does not
// escape, in steps of 8 bytes: there may be more.
func plainFront(text []byte) int {
	const each = 0x0101010101010101
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(text[n:])
		// The highest bit of a byte: below ' ', the quote, the backslash, not ASCII.
		special := (x - each*' ') | ((x ^ each*'"') - each) | ((x ^ each*'\\') - each) | x
		if special&(each*0x80) != 0 {
			break
		}
	}
	return n
}

// appendJSONString writes a string as Jackson's generator for UTF-8 does: characters
// beyond 16 bits are two escapes, and nothing else is escaped that need not be.
func appendJSONString(dst, text []byte) []byte {
	const hexDigits = "0123456789ABCDEF"
	dst = append(dst, '"')
	done := 0 // what is written of the text
	for i := plainFront(text); i < len(text); i++ {
		c := text[i]
		if !needsEscape[c] {
			continue
		}
		dst = append(dst, text[done:i]...)
		done = i + 1
		switch {
		case c >= 0xf0:
			r, size := utf8.DecodeRune(text[i:])
			high, low := utf16.EncodeRune(r)
			for _, unit := range [2]rune{high, low} {
				dst = append(dst, '\\', 'u', hexDigits[unit>>12], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
			}
			i += size - 1
			done = i + 1
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
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
	return append(append(dst, text[done:]...), '"')
}
