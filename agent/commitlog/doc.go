// Package commitlog reads Apache Cassandra commit log segments, also while
// Cassandra is still writing them.
//
// In comes a segment file, out go its entries (one serialized mutation each) whose
// checksums hold, with their positions. The package never writes, never deletes and
// never maps a file into memory.
//
// A plain segment of log version 6 (Cassandra 3.0 to 3.11), 7 (4.0, 4.1, and 5.0 in
// compatibility mode) or 8 (5.0) is laid out like this; all integers are big-endian:
//
//	descriptor          sync marker      frames                     sync marker   …  zeros
//	┌─────────────────┐┌──────────────┐┌─────────────────────────┐┌──────────────┐
//	│ int32  version  ││ int32  next ─┼┼──────────────┐          ││ int32  next  │
//	│ int64  id       ││ uint32 crc   ││ int32  size  │          ││ uint32 crc   │
//	│ uint16 n        │└──────────────┘│ uint32 crc1  │          │└──────────────┘
//	│ n bytes JSON    │                │ size   body  ▼          │▲
//	│ uint32 crc      │                │ uint32 crc2  (next = file offset of the
//	└─────────────────┘                └──────────  marker behind the section) ──┘
//
//	descriptor crc = CRC32(version, low 32 bits of id, high 32 bits of id, n as int32, JSON)
//	marker crc     = CRC32(low 32 bits of id, high 32 bits of id, file offset of the marker)
//	crc1           = CRC32(size)
//	crc2           = CRC32(size, body)
//
// Cassandra appends a frame to the memory-mapped file before it answers the client,
// and writes the marker of a section every 100 ms or later. A frame carries its own
// checksums, so that the reader need not wait for the marker: see [Options].ReadAhead.
//
// The format is that of org.apache.cassandra.db.commitlog: CommitLogDescriptor,
// CommitLogSegment, CommitLogSegmentReader and CommitLogReader.
package commitlog
