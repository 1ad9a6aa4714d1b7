// What the events topic and the data topic share of Avro: the package comment and the primitive writers.

// Package avro writes CQL values as Avro's binary encoding, and record schemas as
// the JSON text that Java's Avro prints.
//
// In come raw CQL values (the form of the native protocol, which is also the form
// of a cell in the commit log), out go the bytes of the product this project
// replaces. Only what a value needs by itself is here: which columns a record has
// is decided by the packages event and row. Nothing here knows Pulsar, and nothing
// uses reflection.
package avro

import "github.com/cassandra-cdc/cassandra-cdc/schema/cql"

// Appender appends the Avro form of one raw CQL value, which is not null. An error
// says what is wrong with the value; the caller names the column. What is then
// behind the old length of dst has no meaning.
type Appender func(dst, value []byte) ([]byte, error)

// AppendLong appends an Avro int or long: zigzag, then 7 bits a byte, the lowest
// first (Avro specification, "Binary encoding").
func AppendLong(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// AppendBytes appends Avro bytes or an Avro string: the length, then the content.
func AppendBytes[T []byte | string](dst []byte, v T) []byte {
	return append(AppendLong(dst, int64(len(v))), v...)
}

// EmptyIsNull says whether a value of zero bytes means null: it does where every
// proper value has at least one byte. (Cassandra keeps such values apart from null
// for compatibility with Thrift; Java's driver reads them as null.)
func EmptyIsNull(k cql.Kind) bool {
	switch k {
	case cql.ASCII, cql.Text, cql.Blob, cql.Custom, cql.List, cql.Set, cql.Map, cql.Tuple, cql.UDT:
		return false
	}
	return true
}

// Nullable appends a value of a union ["null", T]: branch 0 without content for
// null and what counts as null, branch 1 and the value otherwise.
func Nullable(k cql.Kind, value Appender) Appender {
	emptyIsNull := EmptyIsNull(k)
	return func(dst, v []byte) ([]byte, error) {
		if v == nil || emptyIsNull && len(v) == 0 {
			return append(dst, 0), nil
		}
		return value(append(dst, 2), v)
	}
}

// lengthPrefixed puts the length in front of an Avro string whose content begins
// at dst[start+1]; dst[start] was kept free for it.
func lengthPrefixed(dst []byte, start int) []byte {
	n := len(dst) - start - 1
	if n < 64 {
		dst[start] = byte(n << 1)
		return dst
	}
	var room [10]byte
	length := AppendLong(room[:0], int64(n))
	dst = append(dst, length[1:]...)
	copy(dst[start+len(length):], dst[start+1:start+1+n])
	copy(dst[start:], length)
	return dst
}
