// Values as text: the keys of Avro maps, which are strings, and addresses.

package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
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

// textInet is InetAddress.getHostAddress: IPv6 without "::" and without leading
// zeros; an IPv4 address that is mapped into IPv6 is IPv4 for Java.
func textInet(dst, v []byte) ([]byte, error) {
	if len(v) == 16 && string(v[:12]) == "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff" {
		v = v[12:]
	}
	switch len(v) {
	case 4:
		for i, b := range v {
			if i > 0 {
				dst = append(dst, '.')
			}
			dst = strconv.AppendUint(dst, uint64(b), 10)
		}
		return dst, nil
	case 16:
		for i := 0; i < 16; i += 2 {
			if i > 0 {
				dst = append(dst, ':')
			}
			dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(v[i:])), 16)
		}
		return dst, nil
	}
	return dst, fmt.Errorf("%d bytes, not 4 or 16", len(v))
}

// textDate is LocalDate.toString: 2020-12-25, years of five digits with a sign.
func textDate(dst, v []byte) ([]byte, error) {
	if len(v) != 4 {
		return dst, errSize(v, 4)
	}
	return textDay(dst, int64(binary.BigEndian.Uint32(v))-1<<31), nil
}

// textDay appends the date that is so many days after 1970-01-01 in the proleptic
// Gregorian calendar. LocalDate and ISO_INSTANT write years above 9999 alike, with
// a plus; below 0 both write a minus and at least four digits.
func textDay(dst []byte, days int64) []byte {
	// A year that begins in March has its leap day last; an era is 400 such years.
	days += 719468 // days from 0000-03-01 to 1970-01-01
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	march := (5*dayOfYear + 2) / 153
	day := dayOfYear - (153*march+2)/5 + 1
	month, year := march+3, yearOfEra+era*400
	if month > 12 {
		month, year = month-12, year+1
	}
	switch {
	case year < 0:
		dst, year = append(dst, '-'), -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = append(padded(dst, year, 4), '-')
	dst = append(padded(dst, month, 2), '-')
	return padded(dst, day, 2)
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
	seconds, fraction := ns/1e9, ns%1e9
	dst = append(padded(dst, seconds/3600, 2), ':')
	dst = padded(dst, seconds/60%60, 2)
	if !alwaysSeconds && seconds%60 == 0 && fraction == 0 {
		return dst
	}
	dst = padded(append(dst, ':'), seconds%60, 2)
	switch {
	case fraction == 0:
	case fraction%1e6 == 0:
		dst = padded(append(dst, '.'), fraction/1e6, 3)
	case fraction%1e3 == 0:
		dst = padded(append(dst, '.'), fraction/1e3, 6)
	default:
		dst = padded(append(dst, '.'), fraction, 9)
	}
	return dst
}

// textTimestamp is Instant.toString: 2020-12-25T10:10:00.123Z, always with seconds.
func textTimestamp(dst, v []byte) ([]byte, error) {
	if len(v) != 8 {
		return dst, errSize(v, 8)
	}
	const msPerDay = 24 * 60 * 60 * 1000
	ms := int64(binary.BigEndian.Uint64(v))
	days, of := ms/msPerDay, ms%msPerDay
	if of < 0 {
		days, of = days-1, of+msPerDay
	}
	dst = append(textDay(dst, days), 'T')
	return append(textOfDay(dst, of*1e6, true), 'Z'), nil
}

func padded(dst []byte, n int64, digits int) []byte {
	for limit := int64(10); digits > 1; digits, limit = digits-1, limit*10 {
		if n < limit {
			for range digits - 1 {
				dst = append(dst, '0')
			}
			break
		}
	}
	return strconv.AppendInt(dst, n, 10)
}
