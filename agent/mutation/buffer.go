// Bounds-checked reading of an entry's bytes. The first fault sticks, and leaves nothing
// to read: reads after it give zero values, so that the decoder checks once for many reads.

package mutation

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

type buffer struct {
	data []byte
	pos  int
	err  error
}

func (b *buffer) fail(format string, args ...any) {
	if b.err == nil {
		b.stop(fmt.Errorf("at byte %d: %s", b.pos, fmt.Sprintf(format, args...)))
	}
}

// stop ends the reading, which is the first fault.
func (b *buffer) stop(err error) {
	b.err, b.data, b.pos = err, nil, 0
}

func (b *buffer) bytes(n uint64) []byte {
	if n > uint64(len(b.data)-b.pos) {
		b.fail("%d bytes expected, %d left", n, len(b.data)-b.pos)
		return nil
	}
	v := b.data[b.pos : b.pos+int(n) : b.pos+int(n)]
	b.pos += int(n)
	return v
}

func (b *buffer) u8() byte {
	if b.pos >= len(b.data) {
		b.fail("the entry ends")
		return 0
	}
	v := b.data[b.pos]
	b.pos++
	return v
}

func (b *buffer) u16() uint16 {
	v := b.bytes(2)
	if v == nil {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

// uvint reads Cassandra's unsigned vint: the leading one bits of the first byte count
// the bytes that follow, the other bits are the value's highest.
func (b *buffer) uvint() uint64 {
	if b.pos < len(b.data) && b.data[b.pos] < 0x80 {
		b.pos++
		return uint64(b.data[b.pos-1])
	}
	return b.longUvint()
}

func (b *buffer) longUvint() uint64 {
	first := b.u8()
	extra := bits.LeadingZeros8(^first)
	v := uint64(first) & (0xff >> uint(extra))
	for _, c := range b.bytes(uint64(extra)) {
		v = v<<8 | uint64(c)
	}
	return v
}

// count reads a number of things that take at least a byte each.
func (b *buffer) count(what string) int {
	n := b.uvint()
	if n > uint64(len(b.data)-b.pos) {
		b.fail("%d %s in %d bytes", n, what, len(b.data)-b.pos)
		return 0
	}
	return int(n)
}

// vbytes reads bytes with their length in front; never nil without an error.
func (b *buffer) vbytes() []byte {
	return b.bytes(b.uvint())
}
