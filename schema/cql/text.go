// Values as Java's toString writes them, where the project's outputs share a form.

package cql

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// AppendUUID appends the 36 characters of a UUID of 16 bytes.
func AppendUUID(dst, v []byte) ([]byte, error) {
	if len(v) != 16 {
		return dst, fmt.Errorf("%d bytes, not 16", len(v))
	}
	const digits = "0123456789abcdef"
	text := [36]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	for i, at := range [16]byte{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		text[at], text[at+1] = digits[v[i]>>4], digits[v[i]&15]
	}
	return append(dst, text[:]...), nil
}

// AppendInet appends an address of 4 or 16 bytes as InetAddress.getHostAddress
// does: IPv6 without "::" and without leading zeros; an IPv4 address that is mapped
// into IPv6 is IPv4 for Java.
func AppendInet(dst, v []byte) ([]byte, error) {
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

// AppendDay appends the date that is so many days after 1970-01-01 in the proleptic
// Gregorian calendar, as LocalDate.toString does: years of five digits have a plus,
// those below 0 a minus.
func AppendDay(dst []byte, days int64) []byte {
	year, month, day := civil(days)
	switch {
	case year < 0:
		dst, year = append(dst, '-'), -year
	case year > 9999:
		dst = append(dst, '+')
	}
	return appendDate(dst, year, month, day)
}

func appendDate(dst []byte, year, month, day int64) []byte {
	dst = append(appendPadded(dst, year, 4), '-')
	dst = append(appendPadded(dst, month, 2), '-')
	return appendPadded(dst, day, 2)
}

func civil(days int64) (year, month, day int64) {
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
	day = dayOfYear - (153*march+2)/5 + 1
	if month, year = march+3, yearOfEra+era*400; month > 12 {
		month, year = month-12, year+1
	}
	return year, month, day
}

const (
	nanosPerDay  = 24 * 60 * 60 * 1e9
	millisPerDay = 24 * 60 * 60 * 1000
)

// SplitTimestamp gives the day since 1970-01-01 of a timestamp, and the nanosecond
// of that day.
func SplitTimestamp(millis int64) (days, nanoseconds int64) {
	days, of := millis/millisPerDay, millis%millisPerDay
	if of < 0 {
		days, of = days-1, of+millisPerDay
	}
	return days, of * 1e6
}

// AppendTimeOfDay appends 13:14:15, and the fraction in so many digits where they
// are more than 0. ns is within a day.
func AppendTimeOfDay(dst []byte, ns int64, digits int) []byte {
	dst = append(appendPadded(dst, ns/3600e9, 2), ':')
	dst = append(appendPadded(dst, ns/60e9%60, 2), ':')
	dst = appendPadded(dst, ns/1e9%60, 2)
	if digits == 0 {
		return dst
	}
	fraction := ns % 1e9
	for range 9 - digits {
		fraction /= 10
	}
	return appendPadded(append(dst, '.'), fraction, digits)
}

func appendPadded(dst []byte, n int64, digits int) []byte {
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
