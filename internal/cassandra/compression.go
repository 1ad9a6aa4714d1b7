// Compression of the native protocol's frames.

package cassandra

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gocql/gocql"
	"github.com/pierrec/lz4/v4"
)

// Compression is how frames are compressed.
type Compression string

// The compressions that Cassandra has.
const (
	NoCompression Compression = ""
	LZ4           Compression = "LZ4"
	Snappy        Compression = "SNAPPY"
)

func (c Compression) compressor() (gocql.Compressor, error) {
	switch c {
	case NoCompression:
		return nil, nil
	case LZ4:
		return lz4Frames{}, nil
	case Snappy:
		return gocql.SnappyCompressor{}, nil
	}
	return nil, fmt.Errorf("compression %q is not known: use LZ4 or SNAPPY, or nothing", c)
}

// lz4Frames compresses the body of a frame to its length (big-endian, 4 bytes) and one
// block of LZ4, as version 4 of the protocol wants it (org.apache.cassandra.transport.Compressor).
type lz4Frames struct{}

func (lz4Frames) Name() string { return "lz4" }

func (lz4Frames) Encode(data []byte) ([]byte, error) {
	out := make([]byte, 4+lz4.CompressBlockBound(len(data)))
	binary.BigEndian.PutUint32(out, uint32(len(data)))
	n, err := lz4.CompressBlock(data, out[4:], nil)
	return out[:4+n], err
}

// maxFrame is the largest body that a frame of the protocol may have, in bytes.
const maxFrame = 256 << 20

func (lz4Frames) Decode(data []byte) ([]byte, error) {
	if len(data) < 4 {
		return nil, errors.New("a compressed frame of the native protocol is cut off")
	}
	size := binary.BigEndian.Uint32(data)
	if size > maxFrame {
		return nil, fmt.Errorf("a compressed frame of the native protocol says it has %d bytes", size)
	}
	out := make([]byte, size)
	if size == 0 {
		return out, nil
	}
	n, err := lz4.UncompressBlock(data[4:], out)
	if err == nil && n != len(out) {
		err = fmt.Errorf("%d bytes, not %d", n, len(out))
	}
	if err != nil {
		return nil, fmt.Errorf("a compressed frame of the native protocol: %w", err)
	}
	return out, nil
}
