// The sync markers between sections: what they say, and what to do where they are damaged.

package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// readMarker reads the marker of this section and reports whether it was there.
func (r *Reader) readMarker() bool {
	next, state := r.markerAt(r.marker)
	switch {
	case r.err != nil:
		return false
	case state == markerUnwritten:
		if r.complete && r.codec != nil && r.findMarker(r.marker+markerSize, r.fileSize()) > 0 {
			r.damagedMarker(next, markerBroken) // it was written: there is another one behind it
		}
		return false
	case state == markerValid && r.codec == nil && next < r.cursor:
		// What was read ahead of the marker stands; reading goes on where the marker says.
		r.damage(next, next, "the sync marker at %d ends its section at %d, inside an entry that ends at %d", r.marker, next, r.cursor)
		r.next, r.end = next, next
		return false
	case state == markerValid:
		r.next = next
		return r.readSection()
	case !r.complete:
		// Its two words are two stores, and a section may be longer than the file for a
		// moment: what is missing may follow.
		return false
	}
	r.damagedMarker(next, state)
	return false
}

type markerState uint8

const (
	markerUnwritten markerState = iota
	markerValid
	markerBroken  // its checksum is wrong
	markerTooFar  // its checksum is right; it says that the section ends behind the file
	markerTooNear // its checksum is right; it says that the section ends before it begins
)

// markerAt reads the marker at an offset of the file: where it says its section ends.
func (r *Reader) markerAt(at int64) (next int64, state markerState) {
	var b [markerSize]byte
	if n, err := r.file.ReadAt(b[:], at); n < markerSize {
		if err != nil && !errors.Is(err, io.EOF) {
			r.fail("read the sync marker", err)
		}
		return 0, markerUnwritten
	}
	next, crc := int64(int32(binary.BigEndian.Uint32(b[:]))), binary.BigEndian.Uint32(b[4:])
	switch {
	case next == 0 && crc == 0:
		return 0, markerUnwritten
	case crcInt(crcID(r.desc.ID), uint32(at)) != crc:
		return next, markerBroken
	case next < at+markerSize:
		return next, markerTooNear
	case next > r.fileSize():
		return next, markerTooFar
	}
	return next, markerValid
}

// hasMarker says whether a valid marker stands at an offset of a plain segment.
func (r *Reader) hasMarker(at int64) bool {
	if r.codec != nil {
		return false
	}
	_, state := r.markerAt(at)
	return state == markerValid
}

// damagedMarker reports the marker of this section and finds another way to go on: to the
// marker behind the section where that one can be found, else frame by frame.
func (r *Reader) damagedMarker(next int64, state markerState) {
	size := r.fileSize()
	if r.err != nil {
		return
	}
	reason := fmt.Sprintf("the sync marker at %d is damaged: its checksum is wrong", r.marker)
	switch state {
	case markerTooFar:
		reason = fmt.Sprintf("the file ends at %d, inside a section that the sync marker at %d ends at %d", size, r.marker, next)
	case markerTooNear:
		reason = fmt.Sprintf("the sync marker at %d is damaged: it ends its section at %d", r.marker, next)
	}
	found := int64(0)
	if state == markerBroken && next >= r.marker+markerSize {
		if _, behind := r.markerAt(next); behind == markerValid {
			found = next // only its checksum is wrong
		}
	}
	if state != markerTooFar && found == 0 {
		if found = r.findMarker(r.marker+markerSize, size); r.codec == nil && found < r.cursor {
			found = 0
		}
	}
	r.damage(r.marker, r.marker+markerSize, "%s", reason)
	switch {
	case found > 0:
		damage := r.err
		r.next, r.err = found, nil
		if r.readSection() {
			r.err = damage
		}
	case r.codec == nil:
		r.unmarked = true
	default:
		r.damage(r.marker, size, "%s; nothing behind it can be read", reason)
		r.exhausted = true
	}
}
