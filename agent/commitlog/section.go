// The inside of a section: the frames of a plain one, and what must be undone to reach those
// of a compressed or encrypted one.

package commitlog

import (
	"encoding/binary"
	"hash/crc32"
)

// readSection begins with the section between the marker and the next one. In a plain
// segment its frames are read as they come; of a compressed or encrypted one it is read
// whole. It reports whether there is something to read.
func (r *Reader) readSection() bool {
	if r.codec == nil {
		r.end = r.next
		r.tell()
		r.forget() // what was read before the marker may be older than the marker
		return true
	}
	const lengthSize = 4 // in front of the payload: its length uncompressed
	payload := r.next - r.marker - markerSize - lengthSize
	var length [lengthSize]byte
	if payload >= 0 {
		if _, err := r.file.ReadAt(length[:], r.marker+markerSize); err != nil {
			r.fail("read the length of a section", err)
			return false
		}
	}
	claimed := int64(int32(binary.BigEndian.Uint32(length[:])))
	switch most := int64(r.opts.MaxSection); {
	case payload < 0:
		r.lostSection("a section of %d bytes, which has no room for its length", payload+lengthSize)
		return false
	case claimed < 0 || claimed > most || payload > 2*most:
		// Where the sections behind it begin, as positions count, nothing says.
		r.damage(r.marker, r.fileSize(), "a section of %d bytes that claims to hold %d, at most %d are allowed (raise the limit if commitlog_segment_size is larger); nothing behind it can be read", payload, claimed, most)
		r.exhausted = true
		return false
	}
	r.end = r.start + claimed
	data := r.fileBytes(r.marker+markerSize+lengthSize, int(payload), false)
	if r.err != nil {
		return false
	}
	plain, err := r.unpack(data, claimed)
	if (err != nil || int64(len(plain)) != claimed) && r.unsettled() {
		r.next, r.end = 0, 0
		r.forget()
		return false
	}
	if err == nil {
		// What really is in it counts; positions go on from there, also where reading
		// begins behind it.
		r.end = r.start + int64(len(plain))
	}
	r.tell()
	switch wanted := r.end > r.opts.Start; {
	case wanted && err != nil:
		r.lostSection("the section of %d bytes cannot be unpacked: %v", payload, err)
		return false
	case wanted && int64(len(plain)) != claimed:
		r.damage(r.marker, r.next, "a section claims to hold %d bytes and holds %d", claimed, len(plain))
	}
	r.plain = plain
	return true
}

// unsettled says whether Cassandra may still be writing the compressed or encrypted section,
// although its marker is there. When another marker follows, it is over.
func (r *Reader) unsettled() bool {
	if r.complete {
		return false
	}
	_, behind := r.markerAt(r.next)
	return behind == markerUnwritten
}

func (r *Reader) unpack(data []byte, claimed int64) ([]byte, error) {
	if claimed == 0 && len(data) == 0 {
		return r.plain[:0], nil // the closing section
	}
	return r.codec.decompress(r.plain[:cap(r.plain)], data, r.opts.MaxSection)
}

// lostSection reports the whole section as damaged and steps behind it.
func (r *Reader) lostSection(format string, args ...any) {
	r.damage(r.marker, r.next, format, args...)
	r.end = max(r.end, r.start)
	r.cursor = r.end
}

func (r *Reader) tell() {
	if r.opts.Section != nil {
		r.opts.Section(Section{FileStart: r.marker + markerSize, FileEnd: r.next, LogicalEnd: r.end})
	}
}

// frame reads the frame at the cursor, which ends at a logical offset or before it. When it
// is whole, it steps behind it; it is false for one that is not written yet or damaged.
func (r *Reader) frame(limit int64) bool {
	head := r.bytes(r.cursor, 8, false)
	if len(head) < 8 {
		return false
	}
	size, crc := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[4:])
	end := r.cursor + frameOverhead + int64(int32(size))
	if int32(size) < minBody || crcInt(0, size) != crc || end > limit || int(size) > r.opts.MaxSection {
		r.forget()
		return false
	}
	f := r.bytes(r.cursor, frameOverhead+int(size), true)
	if len(f) < frameOverhead+int(size) {
		r.forget()
		return false
	}
	body := f[8 : 8+size]
	if crc32.Update(crc, crc32.IEEETable, body) != binary.BigEndian.Uint32(f[8+size:]) {
		r.forget()
		return false
	}
	r.entry, r.pos, r.cursor = body, end, end
	return true
}
