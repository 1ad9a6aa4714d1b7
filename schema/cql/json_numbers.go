// Numbers and times as Java prints them in JSON.

package cql

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// maxNumber bounds the bytes of a varint or decimal that is written in digits, since
// the time that takes grows with the square of them.
const maxNumber = 8 << 10

// appendFloat writes a number as JSON, which has no form for what is none.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return AppendFloat(dst, f, bits)
}

// AppendFloat writes what Float.toString (32 bits) and Double.toString (64) give of a
// finite number: a point always, and an exponent outside of 0.001 to 10,000,000. (Java
// before release 19 prints more digits of some numbers than they need.)
func AppendFloat(dst []byte, f float64, bits int) []byte {
	start := len(dst)
	if abs := math.Abs(f); abs == 0 || abs >= 1e-3 && abs < 1e7 {
		if dst = strconv.AppendFloat(dst, f, 'f', -1, bits); !hasPoint(dst[start:]) {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if !hasPoint(dst[start:]) { // where one digit would do, Java gives the nearest number of two
		dst = strconv.AppendFloat(dst[:start], f, 'e', 1, bits)
	}
	// Go writes d.dde+dd, with two digits of the exponent at least.
	e := len(dst) - 1
	for dst[e] != 'e' {
		e--
	}
	exponent := int64(0)
	for _, digit := range dst[e+2:] {
		exponent = 10*exponent + int64(digit-'0')
	}
	if dst[e+1] == '-' {
		exponent = -exponent
	}
	return strconv.AppendInt(append(dst[:e], 'E'), exponent, 10)
}

func hasPoint(number []byte) bool { return bytes.IndexByte(number, '.') >= 0 }

// MinimalInteger is a two's complement integer in as few bytes as keep the sign
// (BigInteger.toByteArray).
func MinimalInteger(v []byte) []byte {
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xff && v[1] >= 0x80) {
		v = v[1:]
	}
	return v
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
