// Package segmenttest writes commit log segments for tests: entries go in, out come the
// bytes that Cassandra would write for them, and in which order they get into the file.
//
// It follows the description of the format and shares no code with package commitlog, nor
// an encoder with its decoders where there is a choice, so that a misunderstanding shows.
package segmenttest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Options say how a segment is written.
type Options struct {
	Kind    Kind
	Version int   // 0 is 7
	ID      int64 // 0 is 1700000000000
	// Size is that of the file of a Mapped segment, which has zeros behind its data. 0 is
	// 4096 more than the data takes.
	Size int
	// Key and IV are those of an Encrypted segment, 16 bytes each and made up when nil.
	Key, IV []byte
	// Open leaves out the empty section with which Cassandra closes a segment.
	Open bool
}

// KeyAlias is the name of the key in the descriptor of an Encrypted segment.
const KeyAlias = "testing:1"

func (o Options) withDefaults() Options {
	if o.Version == 0 {
		o.Version = 7
	}
	if o.ID == 0 {
		o.ID = 1700000000000
	}
	if o.Key == nil {
		o.Key = []byte("sixteen byte key")
	}
	if o.IV == nil {
		o.IV = []byte("an initial value")
	}
	return o
}

// Segment is a segment as it is when Cassandra has closed it, and how it came about.
type Segment struct {
	Options    Options
	Data       []byte // the whole file
	Descriptor int    // length of the descriptor
	Sections   []Section
	Writes     []Write
}

// Section is a stretch between two sync markers.
type Section struct {
	Marker, End  int // file offsets of its marker and of the one behind it
	LogicalStart int // of its first frame, as positions count
	Entries      []Entry
}

// Entry is an entry and its frame.
type Entry struct {
	Body       []byte
	Start, End int // logical offsets of the frame; those of the file in a plain segment
}

// Write is a change of the file that a reader may see half done, unless it is as short as
// a marker.
type Write struct {
	At   int
	Data []byte
	// Frame is set for a frame in a memory-mapped file. Several such writes in a row are
	// made by several threads, in no order.
	Frame bool
}

// block is the unit in which a Direct segment is written.
const block = 4096

// New writes a segment that has these sections with the bodies of these entries.
func New(o Options, sections ...[][]byte) *Segment {
	o = o.withDefaults()
	s := &Segment{Options: o, Data: descriptor(o)}
	s.Descriptor = len(s.Data)
	if !o.Open {
		sections = append(sections[:len(sections):len(sections)], nil)
	}
	logical := s.Descriptor
	var packed [][][]byte // of each section, the pieces behind its marker
	for _, bodies := range sections {
		sec := Section{Marker: len(s.Data), LogicalStart: logical + 8}
		var frames []byte
		for _, body := range bodies {
			start := sec.LogicalStart + len(frames)
			frames = append(frames, Frame(body)...)
			sec.Entries = append(sec.Entries, Entry{Body: body, Start: start, End: sec.LogicalStart + len(frames)})
		}
		logical = sec.LogicalStart + len(frames)
		pieces := pack(o, frames)
		sec.End = sec.Marker + 8
		for _, p := range pieces {
			sec.End += len(p)
		}
		s.Data = append(s.Data, Marker(o.ID, sec.Marker, sec.End)...)
		for _, p := range pieces {
			s.Data = append(s.Data, p...)
		}
		packed = append(packed, pieces)
		s.Sections = append(s.Sections, sec)
	}
	switch o.Kind {
	case Mapped:
		s.mapped()
	case Direct:
		s.direct()
	case Encrypted:
		s.encrypted(packed)
	default:
		s.compressed()
	}
	return s
}

// Raw is a segment of one section that holds any bytes where its frames should be.
func Raw(o Options, frames []byte) []byte {
	o = o.withDefaults()
	b := descriptor(o)
	at := len(b)
	b = append(b, make([]byte, 8)...)
	for _, p := range pack(o, frames) {
		b = append(b, p...)
	}
	copy(b[at:], Marker(o.ID, at, len(b)))
	return b
}

// RawSection is a segment of one section with any bytes behind its marker.
func RawSection(o Options, data []byte) []byte {
	o = o.withDefaults()
	b := descriptor(o)
	b = append(b, Marker(o.ID, len(b), len(b)+8+len(data))...)
	return append(b, data...)
}

// mapped tells how a memory-mapped file fills: frame by frame, and the two words of a marker
// when its section is over.
func (s *Segment) mapped() {
	size := max(s.Options.Size, len(s.Data)+8)
	if s.Options.Size == 0 {
		size = len(s.Data) + 4096
	}
	s.Data = append(s.Data, make([]byte, size-len(s.Data))...)
	s.write(0, make([]byte, size))
	at := 0
	for _, n := range []int{4, 8, 2, s.Descriptor - 18, 4} { // the fields of the descriptor
		s.write(at, s.Data[at:at+n])
		at += n
	}
	for _, sec := range s.Sections {
		for _, e := range sec.Entries {
			s.Writes = append(s.Writes, Write{At: e.Start, Data: s.Data[e.Start:e.End], Frame: true})
		}
		s.write(sec.Marker, s.Data[sec.Marker:sec.Marker+4])
		s.write(sec.Marker+4, s.Data[sec.Marker+4:sec.Marker+8])
	}
}

// direct tells how a file fills that is written with direct I/O: section by section in
// whole blocks, the last of which holds what else is in the buffer by then and is written
// again with the next section.
func (s *Segment) direct() {
	s.Data = append(s.Data, make([]byte, padding(len(s.Data)))...)
	s.write(0, append(s.Data[:s.Descriptor:s.Descriptor], make([]byte, padding(s.Descriptor))...))
	for i, sec := range s.Sections {
		from := sec.Marker / block * block
		buffer := append([]byte{}, s.Data[from:sec.End]...)
		buffer = append(buffer, make([]byte, padding(sec.End))...)
		if i+1 < len(s.Sections) && sec.End+8-from < len(buffer) {
			begun := s.Data[sec.End+8 : s.Sections[i+1].End] // entries of the next section, whose marker is still zero
			copy(buffer[sec.End+8-from:], begun[:len(begun)*2/3])
		}
		s.write(from, buffer)
	}
}

// compressed tells how a compressed file fills: with one write for each section.
func (s *Segment) compressed() {
	s.write(0, s.Data[:s.Descriptor])
	for _, sec := range s.Sections {
		s.write(sec.Marker, s.Data[sec.Marker:sec.End])
	}
}

// encrypted tells how an encrypted file fills: block by block, and marker and length of the
// section last.
func (s *Segment) encrypted(packed [][][]byte) {
	s.write(0, s.Data[:s.Descriptor])
	for i, sec := range s.Sections {
		at := sec.Marker + 8
		for n, p := range packed[i] {
			if n > 0 {
				s.write(at, p)
			}
			at += len(p)
		}
		s.write(sec.Marker, s.Data[sec.Marker:sec.Marker+12])
	}
}

func (s *Segment) write(at int, data []byte) { s.Writes = append(s.Writes, Write{At: at, Data: data}) }

// padding is what is missing to whole blocks.
func padding(n int) int { return (block - n%block) % block }

// Entries are those of all sections, in order.
func (s *Segment) Entries() (all []Entry) {
	for _, sec := range s.Sections {
		all = append(all, sec.Entries...)
	}
	return all
}

func descriptor(o Options) []byte {
	params := parameters(o)
	b := binary.BigEndian.AppendUint32(nil, uint32(o.Version))
	b = binary.BigEndian.AppendUint64(b, uint64(o.ID))
	b = binary.BigEndian.AppendUint16(b, uint16(len(params)))
	b = append(b, params...)
	return append(b, checksum(uint32(o.Version), uint32(o.ID), uint32(o.ID>>32), uint32(len(params)), params)...)
}

// Marker is the sync marker at an offset of the file, of a section that ends at another.
func Marker(id int64, at, end int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(end))
	return append(b, checksum(uint32(id), uint32(id>>32), uint32(at))...)
}

// Frame is an entry with its size and checksums.
func Frame(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, checksum(uint32(len(body)))...)
	b = append(b, body...)
	return append(b, checksum(uint32(len(body)), body)...)
}

// checksum is the CRC-32 of ints and bytes, as it is in a file.
func checksum(parts ...any) []byte {
	h := crc32.NewIEEE()
	for _, p := range parts {
		switch p := p.(type) {
		case uint32:
			_ = binary.Write(h, binary.BigEndian, p)
		case []byte:
			h.Write(p)
		default:
			panic(fmt.Sprintf("the checksum of a %T", p))
		}
	}
	return h.Sum(nil)
}
