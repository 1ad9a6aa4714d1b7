// The token of a partition and the topic partition it routes to.

package event

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Partition is the partition of an events topic that takes a token:
// the token's high 16 bits, shifted to be positive, modulo the number of
// partitions, as the Java agent routes under Murmur3Partitioner.
func Partition(token int64, partitions int) int {
	return (int(int16(token>>48)) + 32768) % partitions
}

// Token is the token of a serialized partition key under Murmur3Partitioner: the
// first half of Murmur3 x64 128 with seed 0, with Cassandra's deviation that the
// bytes behind the last block of 16 are taken as signed (MurmurHash.hash3_x64_128).
// The smallest long is no token and becomes the largest.
func Token(partitionKey []byte) int64 {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	if len(partitionKey) == 0 {
		return math.MinInt64 // Murmur3Partitioner.MINIMUM; no row has an empty key
	}
	var h1, h2 uint64
	tail := partitionKey
	for ; len(tail) >= 16; tail = tail[16:] {
		k1 := binary.LittleEndian.Uint64(tail)
		k2 := binary.LittleEndian.Uint64(tail[8:])
		h1 ^= bits.RotateLeft64(k1*c1, 31) * c2
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= bits.RotateLeft64(k2*c2, 33) * c1
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var k1, k2 uint64
	for i, b := range tail {
		signed := uint64(int64(int8(b)))
		if i < 8 {
			k1 ^= signed << (8 * i)
		} else {
			k2 ^= signed << (8 * (i - 8))
		}
	}
	h2 ^= bits.RotateLeft64(k2*c2, 33) * c1
	h1 ^= bits.RotateLeft64(k1*c1, 31) * c2

	n := uint64(len(partitionKey))
	h1, h2 = h1^n, h2^n
	h1 += h2
	h2 += h1
	h1, h2 = mix(h1), mix(h2)
	token := int64(h1 + h2)
	if token == math.MinInt64 {
		return math.MaxInt64
	}
	return token
}

func mix(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
