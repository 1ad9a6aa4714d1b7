// The exact primary key beside a message key that has lost a part of it.

package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// ExactKey is the primary key as raw values in text form, for the property of an
// event whose message key does not decode back to them; "" when it does, which is the
// rule. partition and clustering are what Append takes. Rows of one message key differ
// in it, and no two texts stand for the same values.
//
// The text is "1:" and then, in Base64 without padding, the values of the partition
// key and, unless all of them are null, those of the clustering columns: each with its
// length and one in front, as an unsigned varint; 0 is null.
func (k *Key) ExactKey(partition, clustering [][]byte) string {
	for _, i := range k.lossy {
		var v []byte
		if i < k.partition {
			v = partition[i]
		} else if i-k.partition < len(clustering) {
			v = clustering[i-k.partition]
		}
		if v != nil && k.fields[i].loses(v) {
			return k.exactText(partition, clustering)
		}
	}
	return ""
}

func (k *Key) exactText(partition, clustering [][]byte) string {
	values := partition
	if slices.ContainsFunc(clustering, func(v []byte) bool { return v != nil }) {
		values = slices.Concat(partition, clustering, make([][]byte, len(k.fields)-k.partition-len(clustering)))
	}
	return valuesVersion + valuesText(values)
}

// DecodeExact is Decode for an event that has the text of ExactKey with it: the values
// are those of the text. A text that is not one of the message key is an error. "" is
// no text, and then it is Decode.
func (k *Key) DecodeExact(key []byte, exact string) (partition, clustering [][]byte, err error) {
	if exact == "" {
		return k.Decode(key)
	}
	fail := func(err error) ([][]byte, [][]byte, error) {
		return nil, nil, fmt.Errorf("primary key of table %s: exact key %.200q: %w", k.table, exact, err)
	}
	text, ok := strings.CutPrefix(exact, valuesVersion)
	if !ok {
		return fail(errValuesVersion)
	}
	values, err := parseValues(text)
	if err != nil {
		return fail(err)
	}
	if len(values) != k.partition && len(values) != len(k.fields) {
		return fail(fmt.Errorf("%d values for %d columns, of which %d are the partition key", len(values), len(k.fields), k.partition))
	}
	values = append(values, make([][]byte, len(k.fields)-len(values))...)
	partition, clustering = values[:k.partition:k.partition], values[k.partition:]
	again, err := k.Append(nil, partition, clustering)
	if err != nil {
		return fail(err)
	}
	if !bytes.Equal(again, key) {
		return fail(errors.New("it is that of another message key"))
	}
	return partition, clustering, nil
}

// loser says of the values of a type, in the form of the key record, which of them do
// not come back as they were; nil when all do. Types that are made of others keep such
// values raw.
func loser(k cql.Kind, optional bool) func(v []byte) bool {
	var loses func(v []byte) bool
	switch k {
	case cql.Time: // cut to µs
		loses = func(v []byte) bool { return len(v) == 8 && int64(binary.BigEndian.Uint64(v))%1000 != 0 }
	case cql.Inet: // an IPv4 address that is mapped into IPv6 becomes IPv4
		loses = func(v []byte) bool { return len(v) == 16 && string(v[:12]) == mappedIPv4 }
	case cql.VarInt: // written with as few bytes as possible
		loses = func(v []byte) bool { return len(cql.MinimalInteger(v)) != len(v) }
	case cql.Decimal:
		loses = func(v []byte) bool { return len(v) > 4 && len(cql.MinimalInteger(v[4:])) != len(v)-4 }
	case cql.Boolean: // any byte but 0 is true
		loses = func(v []byte) bool { return len(v) == 1 && v[0] > 1 }
	case cql.Duration:
		loses = func(v []byte) bool {
			months, days, nanoseconds, err := cql.ReadDuration(v)
			var room [20]byte
			return err == nil && !bytes.Equal(appendDuration(room[:0], int64(months), int64(days), nanoseconds), v)
		}
	}
	if !optional || !avro.EmptyIsNull(k) {
		return loses
	}
	return func(v []byte) bool { return len(v) == 0 || loses != nil && loses(v) } // empty becomes null
}

const mappedIPv4 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"

func appendDuration(dst []byte, months, days, nanoseconds int64) []byte {
	return appendVInt(appendVInt(appendVInt(dst, months), days), nanoseconds)
}
