// From the fields of the key record back to raw CQL values, one function a type.

package event

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

type valueReader = func(dst []byte, r *reader) []byte

func scalarReader(kind cql.Kind) valueReader {
	switch kind {
	case cql.ASCII, cql.Text:
		return readText
	case cql.Blob, cql.Custom:
		return func(dst []byte, r *reader) []byte { return append(dst, r.bytes()...) }
	case cql.VarInt:
		return readVarInt
	case cql.Boolean:
		return func(dst []byte, r *reader) []byte { return append(dst, r.boolean()) }
	case cql.TinyInt: // unsigned, or signed where another producer knows better
		return func(dst []byte, r *reader) []byte { return append(dst, byte(r.integer(math.MinInt8, math.MaxUint8))) }
	case cql.SmallInt:
		return func(dst []byte, r *reader) []byte {
			return binary.BigEndian.AppendUint16(dst, uint16(r.integer(math.MinInt16, math.MaxUint16)))
		}
	case cql.Int:
		return func(dst []byte, r *reader) []byte { return binary.BigEndian.AppendUint32(dst, uint32(r.int())) }
	case cql.Date:
		return func(dst []byte, r *reader) []byte { return binary.BigEndian.AppendUint32(dst, uint32(r.int())^1<<31) }
	case cql.BigInt, cql.Timestamp:
		return func(dst []byte, r *reader) []byte { return binary.BigEndian.AppendUint64(dst, uint64(r.long())) }
	case cql.Time:
		return func(dst []byte, r *reader) []byte {
			return binary.BigEndian.AppendUint64(dst, uint64(r.integer(math.MinInt64/1000, math.MaxInt64/1000)*1000))
		}
	case cql.Float:
		return func(dst []byte, r *reader) []byte { return appendReversed(dst, r.take(4)) }
	case cql.Double:
		return func(dst []byte, r *reader) []byte { return appendReversed(dst, r.take(8)) }
	case cql.Decimal:
		return readDecimal
	case cql.Inet:
		return readInet
	case cql.UUID, cql.TimeUUID:
		return readUUID
	case cql.Duration:
		return readDuration
	}
	return nil
}

func appendReversed(dst, v []byte) []byte {
	for i := len(v) - 1; i >= 0; i-- {
		dst = append(dst, v[i])
	}
	return dst
}

func readText(dst []byte, r *reader) []byte {
	v := r.bytes()
	if !utf8.Valid(v) {
		r.fail(errors.New("not UTF-8"))
	}
	return append(dst, v...)
}

var errNoBytes = errors.New("a number of no bytes")

func readVarInt(dst []byte, r *reader) []byte {
	v := r.bytes()
	if len(v) == 0 {
		r.fail(errNoBytes)
	}
	return append(dst, v...)
}

func readDecimal(dst []byte, r *reader) []byte {
	unscaled := r.bytes()
	if len(unscaled) == 0 {
		r.fail(errNoBytes)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.int()))
	return append(dst, unscaled...)
}

func readInet(dst []byte, r *reader) []byte {
	addr, err := netip.ParseAddr(string(r.bytes()))
	if err == nil && addr.Zone() != "" {
		err = fmt.Errorf("%s has a zone", addr)
	}
	if err != nil {
		r.fail(fmt.Errorf("no address: %w", err))
		return dst
	}
	return append(dst, addr.AsSlice()...)
}

func readUUID(dst []byte, r *reader) []byte {
	text := r.bytes()
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		r.fail(fmt.Errorf("%.40q is no UUID", text))
		return dst
	}
	for _, group := range [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		var err error
		if dst, err = hex.AppendDecode(dst, text[group[0]:group[1]]); err != nil {
			r.fail(fmt.Errorf("%q is no UUID", text))
			return dst
		}
	}
	return dst
}

func readDuration(dst []byte, r *reader) []byte {
	months, days := int64(r.int()), int64(r.int())
	return appendDuration(dst, months, days, r.long())
}

// appendVInt appends a zigzag integer as VIntCoding.writeVInt does: as many
// leading ones in the first byte as bytes follow.
func appendVInt(dst []byte, v int64) []byte {
	return appendUnsignedVInt(dst, uint64(v)<<1^uint64(v>>63))
}

func appendUnsignedVInt(dst []byte, n uint64) []byte {
	extra := min((bits.Len64(n|1)-1)/7, 8)
	first := byte(0xff << (8 - extra))
	if extra < 8 {
		first |= byte(n >> (8 * extra))
	}
	dst = append(dst, first)
	for i := extra - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}
