// Damage: stretches of a segment that cannot be read, and where reading goes on behind
// them.

package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// DamageError is a stretch of a segment that cannot be read. Call Next again to go
// on behind it.
type DamageError struct {
	Position Position // where the damage begins
	From, To int64    // file offsets of the stretch
	Reason   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("commit log %s: %s (bytes %d to %d of the file)", e.Position, e.Reason, e.From, e.To)
}

func (r *Reader) damage(from, to int64, format string, args ...any) {
	r.err = &DamageError{Position{r.desc.ID, r.cursor}, from, to, fmt.Sprintf(format, args...)}
}

// fail ends the reading: the file cannot be read, whatever is in it.
func (r *Reader) fail(what string, err error) {
	r.err = fmt.Errorf("commit log %s: %s: %w", Position{r.desc.ID, r.cursor}, what, err)
}

// isDamage says whether reading goes on behind an error.
func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}

// damagedFrame reports the frame at the cursor, which is written and cannot be read, and
// steps behind it: by its size where that is right, else to the next frame that can be found.
func (r *Reader) damagedFrame(limit int64) {
	head := r.bytes(r.cursor, 8, true)
	if r.err != nil {
		return
	}
	at, to := r.cursor, limit
	if len(head) == 8 {
		size := int64(int32(binary.BigEndian.Uint32(head)))
		end := at + frameOverhead + size
		if size >= minBody && end <= limit && crcInt(0, uint32(size)) == binary.BigEndian.Uint32(head[4:]) {
			r.damagedStretch(end, "the checksum of an entry of %d bytes is wrong", size)
			return
		}
		if to = r.findFrame(at+1, limit); r.err != nil {
			return
		}
	}
	r.damagedStretch(to, "an entry's size or its checksum is wrong")
}

// damagedStretch reports what lies between the cursor and a logical offset, and steps there.
func (r *Reader) damagedStretch(to int64, format string, args ...any) {
	from, upTo := r.cursor, to
	if r.codec != nil {
		from, upTo = r.marker, r.next // what is inside a section cannot be told by offsets of the file
	}
	r.damage(from, upTo, format, args...)
	r.cursor = to
	r.forget()
}

// findFrame looks for the frame at which reading can go on between two logical offsets:
// one from which frame follows upon frame to the end of the section, or, where that is not
// marked, to another marker or to the zeros behind everything. What only looks like a frame (a value may hold
// anything) does not lead there. It returns limit when there is none.
func (r *Reader) findFrame(from, limit int64) int64 {
	// A chain that leads nowhere is not followed again from its other frames; the steps
	// of all chains are bounded, so that hostile bytes cannot make them many.
	var next int64 // of the chain followed last
	steps := 64 + 2*(limit-from)/(frameOverhead+minBody)
	for ; from+frameOverhead+minBody <= limit; from++ {
		size := r.frameSize(from, limit)
		switch {
		case r.err != nil:
			return limit
		case size == 0:
			continue
		case from == next:
			next += frameOverhead + size
			continue
		}
		next = from + frameOverhead + size
		end := next
		for steps -= 8; end < limit && steps > 0; steps-- {
			size := r.frameSize(end, limit)
			if size == 0 {
				break
			}
			end += frameOverhead + size
		}
		if steps <= 0 {
			return limit
		}
		if end == limit || r.end == 0 && (r.hasMarker(end) || r.isZero(end, limit)) {
			return from
		}
	}
	return limit
}

// frameSize is the size of the body of what begins like a frame at a logical offset, 0 when
// nothing does.
func (r *Reader) frameSize(at, limit int64) int64 {
	head := r.bytes(at, 8, true)
	if len(head) < 8 {
		return 0
	}
	size := int64(int32(binary.BigEndian.Uint32(head)))
	if size < minBody || at+frameOverhead+size > limit || crcInt(0, uint32(size)) != binary.BigEndian.Uint32(head[4:]) {
		return 0
	}
	return size
}

// isZero says whether there is nothing but zeros between two offsets of the file.
func (r *Reader) isZero(from, to int64) bool {
	for from < to {
		b := r.fileBytes(from, int(min(to-from, minRead)), false)
		if len(b) == 0 {
			break
		}
		for _, c := range b {
			if c != 0 {
				return false
			}
		}
		from += int64(len(b))
	}
	return true
}

// findMarker looks for the marker of a later section from a file offset on: where the
// section ends whose own marker is damaged. It is 0 when there is none.
func (r *Reader) findMarker(from, size int64) int64 {
	id := crcID(r.desc.ID)
	for at := from; at+markerSize <= size; {
		b := r.fileBytes(at, int(min(size-at, minRead)), false)
		if len(b) < markerSize {
			return 0
		}
		for i := 0; i+markerSize <= len(b); i++ {
			p := at + int64(i)
			if binary.BigEndian.Uint32(b[i+4:]) != crcInt(id, uint32(p)) {
				continue
			}
			if next := int64(int32(binary.BigEndian.Uint32(b[i:]))); next >= p+markerSize && next <= size {
				return p
			}
		}
		at += int64(len(b)) - markerSize + 1
	}
	return 0
}
