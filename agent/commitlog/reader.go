// The reader of one segment.

package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// File is what the reader needs of a segment file. *os.File is one.
type File interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// Options say how a segment is read.
type Options struct {
	// Start skips the entries that end at this offset or before it: what a
	// checkpoint stored. 0 reads from the beginning.
	Start int64
	// ReadAhead yields an entry as soon as its own checksums hold, before Cassandra
	// has written the sync marker of its section. Right for plain segments, where
	// it makes the difference between a millisecond and 100 ms; such an entry is not
	// yet durable on this node.
	ReadAhead bool
}

// DamageError is a stretch of a segment that cannot be read. Call Next again to go
// on behind it.
type DamageError struct {
	Position Position // where the damage begins
	End      int64    // file offset at which reading goes on
	Reason   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("commit log %s: %s; reading goes on at offset %d", e.Position, e.Reason, e.End)
}

// Reader reads the entries of one segment. It is not safe for concurrent use.
type Reader struct {
	file File
	opts Options
	desc Descriptor

	complete     bool  // the file will not change any more
	marker       int64 // offset of the marker of this section
	next         int64 // what that marker says: offset of the marker behind the section; 0 when not written
	brokenMarker bool  // that marker is damaged, and was reported
	cursor       int64 // offset of the next frame

	buf      []byte // what was read of the file
	bufStart int64  // offset of buf[0]

	entry []byte
	end   int64 // offset after the entry
	err   error
}

// minRead is how much a read of the file asks for at least once there is something
// to read; a poll that finds nothing reads a few bytes.
const minRead = 128 << 10

// NewReader reads the descriptor of a segment and returns a reader of its entries.
// It closes the file when it fails. [NotReady] tells an error that goes away when
// Cassandra has written the descriptor.
func NewReader(file File, opts Options) (*Reader, error) {
	head := make([]byte, 4<<10)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		file.Close()
		return nil, fmt.Errorf("read the descriptor: %w", err)
	}
	d, err := parseDescriptor(head[:n])
	if errors.Is(err, errNoDescriptor) && n == len(head) {
		head = make([]byte, maxDescriptor)
		n, _ = file.ReadAt(head, 0)
		d, err = parseDescriptor(head[:n])
	}
	if err == nil {
		err = d.supported()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Reader{file: file, opts: opts, desc: d, marker: d.size, cursor: d.size + markerSize}, nil
}

// Open opens a segment file and returns a reader of its entries.
func Open(path string, opts Options) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(f, opts)
	if err != nil {
		return nil, fmt.Errorf("commit log segment %s: %w", path, err)
	}
	return r, nil
}

// NotReady says whether err means that Cassandra has created the segment and not yet
// written its descriptor.
func NotReady(err error) bool { return errors.Is(err, errNoDescriptor) }

// Descriptor says how the segment is written.
func (r *Reader) Descriptor() Descriptor { return r.desc }

// Entry is the serialized mutation, valid until the next call of Next.
func (r *Reader) Entry() []byte { return r.entry }

// Position is where the entry ends: what a checkpoint stores.
func (r *Reader) Position() Position { return Position{r.desc.ID, r.end} }

// Err is the reason why Next returned false, nil when there is just nothing more
// yet. A *[DamageError] is not the end: Next goes on behind it.
func (r *Reader) Err() error { return r.err }

// SetComplete tells the reader that Cassandra will not write to the segment any more:
// what looks unfinished from now on is damage or the end.
func (r *Reader) SetComplete() { r.complete = true }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// Next advances to the next entry whose checksums hold. It returns false when there
// is none yet: Err is then nil and Next may be called again after the file has grown.
func (r *Reader) Next() bool {
	if damage := (*DamageError)(nil); r.err != nil && !errors.As(r.err, &damage) {
		return false
	}
	r.err, r.entry = nil, nil
	for {
		if r.next > 0 && r.cursor >= r.next {
			r.enterSection(r.next)
			continue
		}
		if r.next > 0 && r.next <= r.opts.Start {
			r.cursor = r.next // all of this section was published before
			continue
		}
		if r.next == 0 && r.cursor <= r.opts.Start && !r.brokenMarker && r.readMarker() {
			continue // skip a section at a time where the markers allow it
		}
		if r.err != nil {
			return false
		}
		if r.next > 0 || r.opts.ReadAhead || r.brokenMarker {
			switch state := r.frame(); {
			case state == frameOK && r.end <= r.opts.Start:
				continue
			case state == frameOK:
				return true
			case r.err != nil:
				return false
			case state == frameEndOfSection:
				r.cursor = r.next
				continue
			case state == frameBadBody && r.next == 0 && r.complete:
				// Cassandra crashed while it wrote this entry; those behind it may be whole.
				r.damagedFrame(r.fileSize())
				return false
			}
		}
		// No whole frame here. Either Cassandra has not written it yet, or the
		// section ends here and its marker says so.
		if r.next == 0 && r.readMarker() {
			continue
		}
		if r.err == nil && r.next > 0 {
			r.damagedFrame(r.next)
		}
		return false
	}
}

func (r *Reader) enterSection(marker int64) {
	r.marker, r.next, r.cursor, r.brokenMarker = marker, 0, marker+markerSize, false
}

// readMarker reads the marker of this section and reports whether the reader can go on.
func (r *Reader) readMarker() bool {
	next, state := r.markerAt(r.marker)
	switch {
	case r.err != nil || state == markerUnwritten:
		return false
	case state == markerValid && next < r.cursor:
		r.err = r.damage(next, fmt.Sprintf("the sync marker at %d ends the section at %d, inside an entry that ends at %d", r.marker, next, r.cursor))
		r.cursor, r.next = next, next
		return false
	case state == markerValid:
		r.next = next
		r.forget() // what was read before the marker may be older than the marker
		return true
	case !r.complete:
		return false // its two words are two stores: the second may follow in a moment
	case !r.brokenMarker:
		// The frames behind a damaged marker stand for themselves.
		r.brokenMarker = true
		r.err = r.damage(r.cursor, fmt.Sprintf("the sync marker at %d is damaged", r.marker))
		return false
	}
	// The frames of this section end where the next valid marker stands.
	if _, state := r.markerAt(r.cursor); state == markerValid {
		r.enterSection(r.cursor)
		return true
	}
	return false
}

type markerState uint8

const (
	markerUnwritten markerState = iota
	markerValid
	markerBroken
)

// markerAt reads the marker at an offset: where it says its section ends.
func (r *Reader) markerAt(at int64) (next int64, state markerState) {
	var b [markerSize]byte
	if n, err := r.file.ReadAt(b[:], at); n < markerSize {
		if err != nil && !errors.Is(err, io.EOF) {
			r.err = r.wrap("read the sync marker", err)
		}
		return 0, markerUnwritten
	}
	next, crc := int64(int32(binary.BigEndian.Uint32(b[:]))), binary.BigEndian.Uint32(b[4:])
	if next == 0 && crc == 0 {
		return 0, markerUnwritten
	}
	var in [12]byte
	binary.BigEndian.PutUint32(in[:], uint32(r.desc.ID))
	binary.BigEndian.PutUint32(in[4:], uint32(r.desc.ID>>32))
	binary.BigEndian.PutUint32(in[8:], uint32(at))
	if crc32.ChecksumIEEE(in[:]) != crc || next < at+markerSize || next > r.fileSize() {
		return 0, markerBroken
	}
	return next, markerValid
}

func (r *Reader) fileSize() int64 {
	info, err := r.file.Stat()
	if err != nil {
		r.err = r.wrap("look at the size", err)
		return 0
	}
	return info.Size()
}

type frameState uint8

const (
	frameOK frameState = iota
	frameNotYet
	frameEndOfSection
	frameBadSize // the size or its checksum is wrong: nothing behind it can be found
	frameBadBody // the size is right, the body's checksum is wrong
)

// frame reads the frame at the cursor and, when it is whole, steps behind it.
func (r *Reader) frame() frameState {
	if r.next > 0 && r.next-r.cursor < 4 {
		return frameEndOfSection
	}
	head := r.bytes(r.cursor, 8, false)
	if len(head) < 8 {
		return frameNotYet
	}
	size, crc1 := int64(int32(binary.BigEndian.Uint32(head))), binary.BigEndian.Uint32(head[4:])
	if size == 0 && r.next > 0 {
		return frameEndOfSection
	}
	if size < minBody || crc32.ChecksumIEEE(head[:4]) != crc1 {
		r.forget()
		return frameBadSize
	}
	end := r.cursor + frameOverhead + size
	if r.next > 0 && end > r.next {
		return frameBadSize
	}
	if size > minRead && end > r.fileSize() {
		r.forget()
		return frameNotYet
	}
	f := r.bytes(r.cursor, int(frameOverhead+size), true)
	if len(f) < int(frameOverhead+size) {
		r.forget()
		return frameNotYet
	}
	body := f[8 : 8+size]
	if crc32.Update(crc1, crc32.IEEETable, body) != binary.BigEndian.Uint32(f[8+size:]) {
		r.forget()
		return frameBadBody
	}
	r.entry, r.end, r.cursor = body, end, end
	return frameOK
}

// damagedFrame reports the frame at the cursor, which is written and cannot be read,
// and steps behind it, or to the limit where its size is damaged too.
func (r *Reader) damagedFrame(limit int64) {
	at := r.cursor
	head := r.bytes(at, 8, false)
	if len(head) < 8 {
		r.err = r.damage(limit, fmt.Sprintf("the file is shorter than its sync marker at %d says", r.marker))
		r.cursor = limit
		return
	}
	size := int64(int32(binary.BigEndian.Uint32(head)))
	end := at + frameOverhead + size
	if size < minBody || end > limit || crc32.ChecksumIEEE(head[:4]) != binary.BigEndian.Uint32(head[4:]) {
		r.err = r.damage(limit, fmt.Sprintf("an entry's size (%d) or its checksum is wrong", size))
		r.cursor = limit
		return
	}
	r.err = r.damage(end, fmt.Sprintf("the checksum of an entry of %d bytes is wrong", size))
	r.cursor = end
}

// bytes gives n bytes at the offset, fewer when the file does not have them. With
// fill it reads on beyond them.
func (r *Reader) bytes(offset int64, n int, fill bool) []byte {
	if offset >= r.bufStart && offset+int64(n) <= r.bufStart+int64(len(r.buf)) {
		return r.buf[offset-r.bufStart:][:n]
	}
	want := n
	if fill && want < minRead {
		want = minRead
	}
	if cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	r.buf, r.bufStart = r.buf[:want], offset
	got, err := r.file.ReadAt(r.buf, offset)
	r.buf = r.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = r.wrap(fmt.Sprintf("read %d bytes at %d", want, offset), err)
		return nil
	}
	if got < n {
		return r.buf
	}
	return r.buf[:n]
}

// forget drops what was read of the file, so that the next look sees what Cassandra
// has written since.
func (r *Reader) forget() { r.buf = r.buf[:0] }

func (r *Reader) damage(end int64, reason string) error {
	return &DamageError{Position: Position{r.desc.ID, r.cursor}, End: end, Reason: reason}
}

func (r *Reader) wrap(what string, err error) error {
	return fmt.Errorf("commit log %s: %s: %w", Position{r.desc.ID, r.cursor}, what, err)
}
