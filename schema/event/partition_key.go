// The partition key as one byte string, as the commit log and the token have it.

package event

import (
	"encoding/binary"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// SplitPartitionKey appends to dst the components of a serialized partition key,
// raw CQL values that share memory with key. A key of one column is that column's
// value; one of several is, for each of them, a length in two bytes, the value, and
// a zero byte (CompositeType).
func SplitPartitionKey(t *schema.Table, key []byte, dst [][]byte) ([][]byte, error) {
	if len(t.PartitionKey) == 1 {
		return append(dst, key), nil
	}
	rest := key
	for _, c := range t.PartitionKey {
		if len(rest) < 2 {
			return dst, fmt.Errorf("table %s: partition key of %d bytes ends before column %s", t, len(key), c.Name)
		}
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+n+1 {
			return dst, fmt.Errorf("table %s: partition key of %d bytes ends within column %s", t, len(key), c.Name)
		}
		if rest[2+n] != 0 {
			return dst, fmt.Errorf("table %s: partition key: column %s ends with byte %#x, not 0", t, c.Name, rest[2+n])
		}
		dst = append(dst, rest[2:2+n:2+n])
		rest = rest[2+n+1:]
	}
	if len(rest) > 0 {
		return dst, fmt.Errorf("table %s: partition key of %d bytes: %d too many", t, len(key), len(rest))
	}
	return dst, nil
}
