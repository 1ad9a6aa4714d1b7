// The inverse of SplitPartitionKey, for tests that know the values and need the key.

package event_test

import (
	"encoding/binary"
	"fmt"
	"math"
)

// joinPartitionKey appends to dst the serialized partition key of these raw CQL values.
func joinPartitionKey(dst []byte, partition [][]byte) ([]byte, error) {
	if len(partition) == 1 {
		return append(dst, partition[0]...), nil
	}
	for i, v := range partition {
		if len(v) > math.MaxUint16 {
			return dst, fmt.Errorf("component %d of a partition key has %d bytes, %d are possible", i+1, len(v), math.MaxUint16)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(v)))
		dst = append(append(dst, v...), 0)
	}
	return dst, nil
}
