// The reader of one segment: its chain of sections, and the state between two calls.

package commitlog

import (
	"errors"
	"fmt"
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
	// yet durable on this node. In compressed and encrypted segments there is nothing
	// to see before the marker, and it changes nothing.
	ReadAhead bool
	// Keys has the keys of encrypted segments; without it they are refused.
	Keys Keys
	// MaxSection bounds the memory that a section takes uncompressed, and the largest
	// entry, in bytes. A section is never larger than commitlog_segment_size (32 MiB
	// by default). 0 means DefaultMaxSection.
	MaxSection int
	// Section, when set, is told of each section whose marker was read, before its
	// entries.
	Section func(Section)
}

// DefaultMaxSection is the largest section that is read unless Options say otherwise:
// four times Cassandra's default commitlog_segment_size.
const DefaultMaxSection = 128 << 20

// Section is a stretch of a segment between two sync markers.
type Section struct {
	FileStart, FileEnd int64 // in the file, without the marker in front
	LogicalEnd         int64 // offset of its end as positions count
}

// Reader reads the entries of one segment. It is not safe for concurrent use.
type Reader struct {
	file  File
	opts  Options
	desc  Descriptor
	codec codec // of a compressed or encrypted segment; nil for a plain one

	complete bool // the file will not change any more

	// The section that is being read. Offsets of the file and logical offsets, those
	// that positions count in, are the same in a plain segment.
	marker    int64  // file offset of its marker
	next      int64  // file offset of the marker behind it; 0 while its marker is not written
	start     int64  // logical offset of its first frame
	end       int64  // logical offset of its end; 0 while its marker is not written
	plain     []byte // what it holds, in a compressed or encrypted segment
	unmarked  bool   // its marker is damaged and was reported; frames stand for themselves
	cursor    int64  // logical offset of the next frame
	exhausted bool   // there is nothing behind the damage that was reported last

	size     int64  // of the file, when it was looked at last
	buf      []byte // what was read of the file
	bufStart int64  // offset of buf[0]

	entry []byte
	pos   int64 // logical offset behind the entry
	err   error
}

// NewReader reads the descriptor of a segment and returns a reader of its entries.
// It closes the file when it fails. [NotReady] tells an error that goes away when
// Cassandra has written the descriptor.
func NewReader(file File, opts Options) (*Reader, error) {
	if opts.MaxSection <= 0 {
		opts.MaxSection = DefaultMaxSection
	}
	r := &Reader{file: file, opts: opts}
	err := r.readDescriptor()
	if err == nil {
		err = r.chooseCodec()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	r.enterSection(r.desc.size, r.desc.size)
	return r, nil
}

func (r *Reader) readDescriptor() error {
	head := make([]byte, 4<<10)
	n, err := r.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the descriptor: %w", err)
	}
	r.desc, err = parseDescriptor(head[:n])
	if errors.Is(err, errNoDescriptor) && n == len(head) {
		head = make([]byte, maxDescriptor)
		n, _ = r.file.ReadAt(head, 0)
		r.desc, err = parseDescriptor(head[:n])
	}
	return err
}

func (r *Reader) chooseCodec() (err error) {
	switch d := r.desc; {
	case !Supported(d.Version):
		return fmt.Errorf("log version %d cannot be read: Cassandra 3.0 to 6.0 write %d to %d", d.Version, Version30, Version60)
	case d.Encrypted():
		r.codec, err = newDecrypter(d, r.opts.Keys)
	case d.Compression != "":
		r.codec, err = newCodec(d.Compression, r.opts.MaxSection)
	}
	return err
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
func (r *Reader) Position() Position { return Position{r.desc.ID, r.pos} }

// Reached is how far the log was read: everything before it has come from Next, was
// reported as damage or lies before Options.Start.
func (r *Reader) Reached() Position { return Position{r.desc.ID, r.cursor} }

// Rest gives memory back once Next has found nothing more: for a segment that is not
// expected to grow soon. Reading goes on all the same when it does.
func (r *Reader) Rest() {
	if r.end == 0 {
		r.buf, r.plain = nil, nil
	}
}

// Synced says whether Cassandra has marked the section of the entry. An entry behind the
// last marker of a segment that Cassandra is done with is one that a crash left: Cassandra
// itself does not replay it.
func (r *Reader) Synced() bool { return r.end > 0 || r.unmarked }

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
	if r.err != nil && !isDamage(r.err) {
		return false
	}
	r.err, r.entry = nil, nil
	for r.err == nil && !r.exhausted {
		switch {
		case r.end > 0 && r.cursor >= r.end:
			r.enterSection(r.next, r.end)
		case r.end > 0 && r.end <= r.opts.Start:
			r.cursor = r.end // all of this section was published before
		case r.end > 0:
			if r.frameInSection() {
				return true
			}
		case r.mustSeeMarker() && r.readMarker():
		case r.err != nil || !r.ahead():
			return false
		default:
			if found, goOn := r.frameAhead(); !goOn {
				return found
			}
		}
	}
	return false
}

// enterSection begins the section whose marker stands at an offset of the file.
func (r *Reader) enterSection(marker, logical int64) {
	r.marker, r.next, r.unmarked = marker, 0, false
	r.start, r.end = logical+markerSize, 0
	r.cursor, r.plain = r.start, r.plain[:0]
}

// ahead says whether frames may be read before the section has a marker.
func (r *Reader) ahead() bool {
	return r.codec == nil && (r.opts.ReadAhead || r.unmarked)
}

// mustSeeMarker says whether the marker is to be looked at before any frame: always, unless
// that would be late. Where the log is read again from a checkpoint on, markers are the
// shorter way.
func (r *Reader) mustSeeMarker() bool {
	return !r.unmarked && (!r.ahead() || r.complete || r.cursor <= r.opts.Start)
}

// frameInSection reads the next frame of a section that has its marker. It returns false at
// the section's end, and for damage.
func (r *Reader) frameInSection() bool {
	for r.cursor < r.end {
		if !r.frame(r.end) {
			switch {
			case r.err != nil:
			case r.hasMarker(r.cursor):
				// Where a section ends, no checksum says.
				r.damage(r.marker, r.marker+markerSize, "the sync marker at %d ends its section at %d, and the next one stands at %d", r.marker, r.next, r.cursor)
				r.enterSection(r.cursor, r.cursor)
			default:
				r.damagedFrame(r.end)
			}
			return false
		}
		if r.pos > r.opts.Start {
			return true
		}
	}
	return false
}

// frameAhead reads the next frame of a section that has no marker yet. It returns goOn when
// there is more to look at, a marker or damage.
func (r *Reader) frameAhead() (found, goOn bool) {
	ok := r.frame(r.size)
	if !ok && r.err == nil {
		if size := r.fileSize(); size != r.size {
			r.size = size
			ok = r.frame(size)
		}
	}
	switch {
	case ok:
		return r.pos > r.opts.Start, r.pos <= r.opts.Start
	case r.err != nil:
		return false, false
	case !r.unmarked && r.readMarker():
		return false, true
	case r.err != nil || !r.complete:
		return false, false
	case r.hasMarker(r.cursor):
		// The section's own marker is damaged or was never written; it ends all the same.
		r.enterSection(r.cursor, r.cursor)
		return false, true
	case r.isZero(r.cursor, r.size):
		return false, false
	}
	// Cassandra crashed while it wrote this entry; those behind it may be whole.
	r.damagedFrame(r.size)
	return false, false
}
