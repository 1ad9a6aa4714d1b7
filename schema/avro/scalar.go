// The native CQL types as Avro values.

package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Scalar is the writer of a native type, or nil for a type that is not native or
// has no Avro form (empty).
func Scalar(k cql.Kind) Appender {
	switch k {
	case cql.ASCII, cql.Text:
		return appendText
	case cql.Blob, cql.Custom:
		return appendBytes
	case cql.Boolean:
		return appendBoolean
	case cql.TinyInt:
		return appendTinyInt
	case cql.SmallInt:
		return appendSmallInt
	case cql.Int:
		return appendInt
	case cql.BigInt, cql.Timestamp:
		return appendBigInt
	case cql.Counter:
		return appendCounter
	case cql.VarInt:
		return appendVarInt
	case cql.Decimal:
		return appendDecimal
	case cql.Float:
		return appendFloat
	case cql.Double:
		return appendDouble
	case cql.Inet:
		return appendInet
	case cql.Date:
		return appendDate
	case cql.Time:
		return appendTime
	case cql.UUID, cql.TimeUUID:
		return appendUUID
	case cql.Duration:
		return appendDuration
	}
	return nil
}

var errNotUTF8 = errors.New("not UTF-8")

func errSize(v []byte, want int) error { return fmt.Errorf("%d bytes, not %d", len(v), want) }

func appendBytes(dst, v []byte) ([]byte, error) { return AppendBytes(dst, v), nil }

func appendText(dst, v []byte) ([]byte, error) {
	if !utf8.Valid(v) {
		return dst, errNotUTF8
	}
	return AppendBytes(dst, v), nil
}

func appendBoolean(dst, v []byte) ([]byte, error) {
	if len(v) != 1 {
		return dst, errSize(v, 1)
	}
	if v[0] != 0 {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func appendTinyInt(dst, v []byte) ([]byte, error) {
	if len(v) != 1 {
		return dst, errSize(v, 1)
	}
	return AppendLong(dst, int64(int8(v[0]))), nil
}

func appendSmallInt(dst, v []byte) ([]byte, error) {
	if len(v) != 2 {
		return dst, errSize(v, 2)
	}
	return AppendLong(dst, int64(int16(binary.BigEndian.Uint16(v)))), nil
}

func appendInt(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return AppendLong(dst, int64(int32(binary.BigEndian.Uint32(v)))), nil
}

func appendBigInt(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	return AppendLong(dst, int64(binary.BigEndian.Uint64(v))), nil
}

// appendCounter writes the total.
func appendCounter(dst, v []byte) ([]byte, error) {
	total, err := cql.CounterTotal(v)
	return AppendLong(dst, total), err
}

// appendDate writes days since 1970-01-01; the raw value has that day at 2^31.
func appendDate(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return AppendLong(dst, int64(int32(binary.BigEndian.Uint32(v)^1<<31))), nil
}

// appendTime writes µs of the day; the raw value's ns below are cut, as Java does.
func appendTime(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	return AppendLong(dst, int64(binary.BigEndian.Uint64(v))/1000), nil
}

func appendFloat(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return append(dst, v[3], v[2], v[1], v[0]), nil
}

func appendDouble(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	return append(dst, v[7], v[6], v[5], v[4], v[3], v[2], v[1], v[0]), nil
}

// appendVarInt writes what BigInteger.toByteArray gives: two's complement, big
// endian, in as few bytes as keep the sign. Clients may have stored more.
func appendVarInt(dst, v []byte) ([]byte, error) {
	if len(v) == 0 {
		return dst, errors.New("no bytes")
	}
	return AppendBytes(dst, cql.MinimalInteger(v)), nil
}

// appendDecimal writes the record cql_decimal: unscaled value, scale. The raw value
// has them the other way round.
func appendDecimal(dst, v []byte) ([]byte, error) {
	if len(v) < 5 {
		return dst, fmt.Errorf("%d bytes, at least 5 wanted", len(v))
	}
	dst = AppendBytes(dst, cql.MinimalInteger(v[4:]))
	return AppendLong(dst, int64(int32(binary.BigEndian.Uint32(v)))), nil
}

// appendDuration writes the record cql_duration: months, days, nanoseconds.
func appendDuration(dst, v []byte) ([]byte, error) {
	months, days, nanoseconds, err := cql.ReadDuration(v)
	if err != nil {
		return dst, err
	}
	dst = AppendLong(dst, int64(months))
	dst = AppendLong(dst, int64(days))
	return AppendLong(dst, nanoseconds), nil
}

func appendUUID(dst, v []byte) ([]byte, error) {
	return cql.AppendUUID(AppendLong(dst, 36), v)
}

func appendInet(dst, v []byte) ([]byte, error) {
	start := len(dst)
	dst, err := cql.AppendInet(append(dst, 0), v)
	if err != nil {
		return dst, err
	}
	return lengthPrefixed(dst, start), nil
}
