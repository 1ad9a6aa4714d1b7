// Package commitlog reads Apache Cassandra commit log segments, also while
// Cassandra is still writing them.
//
// In comes a segment file, out go its entries (one serialized mutation each) whose
// checksums hold, with their positions; what cannot be read comes out as damage, with
// its place, and reading goes on behind it. The package never writes, never deletes and
// never maps a file into memory. However large a file claims its parts to be, the memory
// it takes is bounded ([Options].MaxSection).
//
// A segment of log version 6 (Cassandra 3.0 to 3.11), 7 (4.0, 4.1, and 5.0 in
// compatibility mode), 8 (5.0) or 9 (6.0) is a descriptor and a chain of sections; all
// integers are big-endian:
//
//	descriptor          sync marker      section        sync marker   …  zeros, or the end of the file
//	┌─────────────────┐┌──────────────┐┌──────────────┐┌──────────────┐
//	│ int32  version  ││ int32  next ─┼┼────────────┐ ││ int32  next  │
//	│ int64  id       ││ uint32 crc   ││            ▼ ││ uint32 crc   │
//	│ uint16 n        │└──────────────┘└──────────────┘└──────────────┘
//	│ n bytes JSON    │   (next = file offset of the marker behind the section)
//	│ uint32 crc      │
//	└─────────────────┘
//
//	descriptor crc = CRC32(version, low 32 bits of id, high 32 bits of id, n as int32, JSON)
//	marker crc     = CRC32(low 32 bits of id, high 32 bits of id, file offset of the marker)
//
// A plain section is a row of frames, one for each entry. A compressed one is the length
// of those frames as an int32 and what the compressor made of them; an encrypted one is
// that length and blocks, each of which is compressed, then encrypted (see codec.go and
// cipher.go).
//
//	frame = int32 size, uint32 crc1, body (size bytes), uint32 crc2
//	crc1  = CRC32(size)
//	crc2  = CRC32(size, body)
//
// A [Position] counts as if every section were plain: the first frame of a segment
// begins 8 bytes behind the descriptor, and between two sections lie the 8 bytes of a marker.
//
// Cassandra appends a frame to the memory-mapped file of a plain segment before it answers
// the client, and writes the marker of the section every 100 ms or later. A frame carries
// its own checksums, so that the reader need not wait for the marker: see
// [Options].ReadAhead. Of a compressed or encrypted segment, and of one that is written
// with direct I/O, nothing is in the file before it is synced.
//
// The format is that of org.apache.cassandra.db.commitlog: CommitLogDescriptor,
// CommitLogSegment and its subclasses, CommitLogSegmentReader and CommitLogReader; and of
// org.apache.cassandra.security.EncryptionUtils.
package commitlog
