// Values as text: the keys of Avro maps, which are strings, and addresses.

package avro

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// MapKey is the writer of a map key as an Avro string, which is what Java's
// toString gives for the value. It is nil for types that have no such writer yet:
// those whose text needs Java's number formatting (float, double, decimal),
// duration and varint, and everything that is not native.
func MapKey(k cql.Kind) Appender {
	var text Appender
	switch k {
	case cql.ASCII, cql.Text:
		return appendBytes
	case cql.UUID, cql.TimeUUID:
		return appendUUID
	case cql.Inet:
		return appendInet
	case cql.Boolean:
		text = textBoolean
	case cql.TinyInt, cql.SmallInt, cql.Int, cql.BigInt:
		text = textInteger(map[cql.Kind]int{cql.TinyInt: 1, cql.SmallInt: 2, cql.Int: 4, cql.BigInt: 8}[k])
	case cql.Date:
		text = textDate
	case cql.Time:
		text = textTime
	case cql.Timestamp:
		text = textTimestamp
	default:
		return nil
	}
	return func(dst, v []byte) ([]byte, error) {
		start := len(dst)
		dst, err := text(append(dst, 0), v)
		if err != nil {
			return dst, err
		}
		return lengthPrefixed(dst, start), nil
	}
}

func textBoolean(dst, v []byte) ([]byte, error) {
	if len(v) != 1 {
		return dst, errSize(v, 1)
	}
	return strconv.AppendBool(dst, v[0] != 0), nil
}

func textInteger(size int) Appender {
	return func(dst, v []byte) ([]byte, error) {
		if len(v) != size {
			return dst, errSize(v, size)
		}
		n := int64(int8(v[0]))
		for _, b := range v[1:] {
			n = n<<8 | int64(b)
		}
		return strconv.AppendInt(dst, n, 10), nil
	}
}

// textDate is LocalDate.toString: 2020-12-25, years of five digits with a sign.
func textDate(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return cql.AppendDay(dst, int64(binary.BigEndian.Uint32(v))-1<<31), nil
}

const nanosPerDay = 24 * 60 * 60 * 1e9

// textTime is LocalTime.toString: seconds only where they or a fraction are not
// zero, the fraction in 3, 6 or 9 digits.
func textTime(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	ns := int64(binary.BigEndian.Uint64(v))
	if ns < 0 || ns >= nanosPerDay {
		return dst, errors.New("not within a day")
	}
	return textOfDay(dst, ns, false), nil
}

func textOfDay(dst []byte, ns int64, alwaysSeconds bool) []byte {
	fraction := ns % 1e9
	switch {
	case fraction%1e3 != 0:
		return cql.AppendTimeOfDay(dst, ns, 9)
	case fraction%1e6 != 0:
		return cql.AppendTimeOfDay(dst, ns, 6)
	case fraction != 0:
		return cql.AppendTimeOfDay(dst, ns, 3)
	}
	dst = cql.AppendTimeOfDay(dst, ns, 0)
	if !alwaysSeconds && ns/1e9%60 == 0 {
		dst = dst[:len(dst)-len(":00")]
	}
	return dst
}

// textTimestamp is Instant.toString: 2020-12-25T10:10:00.123Z, always with seconds.
func textTimestamp(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	days, ns := cql.SplitTimestamp(int64(binary.BigEndian.Uint64(v)))
	dst = append(cql.AppendDay(dst, days), 'T')
	return append(textOfDay(dst, ns, true), 'Z'), nil
}
