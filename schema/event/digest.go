// The digest by which the connector knows the replicas' events of one mutation as the same.

package event

import (
	"crypto/md5"
	"encoding/hex"
)

// Write is one primitive write by which Cassandra's serializer put a value into
// the mutation: where it begins in the body and how many bytes it has.
type Write struct{ Offset, Length int }

// Digest is the lower-case hex MD5 of a mutation as the Java agent takes it: over
// the serialized mutation and the zeros behind it in the buffer that Java's
// serializer grew (the agent hashes DataOutputBuffer.getData, the whole array).
// How far that buffer grew depends on writes: in order, the primitive writes of
// more than 128 bytes. All others only ever double it and may be left out.
func Digest(body []byte, writes []Write) [32]byte {
	h := md5.New()
	h.Write(body)
	for n := bufferCapacity(len(body), writes) - len(body); n > 0; n -= len(zeros) {
		h.Write(zeros[:min(n, len(zeros))])
	}
	var sum [md5.Size]byte
	var text [2 * md5.Size]byte
	hex.Encode(text[:], h.Sum(sum[:0]))
	return text
}

var zeros [4096]byte

// bufferCapacity plays DataOutputBuffer.calculateNewSize: a buffer of 128 bytes;
// a write that does not fit fills the rest, and then the buffer grows to twice its
// capacity or to the capacity and what is left of the write, whichever is more.
func bufferCapacity(length int, writes []Write) int {
	const doubleUpTo = 64 << 20 // beyond it grows by a half
	capacity := 128
	grow := func(left int) {
		next := 2 * capacity
		if capacity > doubleUpTo {
			next = capacity * 3 / 2
		}
		capacity = max(next, capacity+left)
	}
	for _, w := range writes {
		for w.Offset > capacity { // small writes up to here
			grow(0)
		}
		if left := w.Offset + w.Length - capacity; left > 0 {
			grow(left)
		}
	}
	for length > capacity {
		grow(0)
	}
	return capacity
}
