// What Cassandra's compressors write for a section.

package commitlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec undoes one compressor.
type codec interface {
	// decompress writes what data holds over dst, which it may grow up to limit bytes.
	// It reports what data really holds: its caller compares that with what the
	// section claims.
	decompress(dst, data []byte, limit int) ([]byte, error)
}

// newCodec finds a compressor by its class, which cassandra.yaml may spell with or
// without its package.
func newCodec(class string, limit int) (codec, error) {
	switch name := class[strings.LastIndexByte(class, '.')+1:]; name {
	case "LZ4Compressor":
		return lz4Codec{}, nil
	case "SnappyCompressor":
		return snappyCodec{}, nil
	case "DeflateCompressor":
		return &deflateCodec{}, nil
	case "ZstdCompressor":
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(limit)))
		return zstdCodec{d}, err
	case "NoopCompressor":
		return noopCodec{}, nil
	default:
		return nil, fmt.Errorf("segments compressed with %s cannot be read: LZ4Compressor, SnappyCompressor, DeflateCompressor, ZstdCompressor and NoopCompressor can (commitlog_compression in cassandra.yaml)", class)
	}
}

// sized gives dst n bytes, or says that they are too many.
func sized(dst []byte, n uint64, limit int) ([]byte, error) {
	if n > uint64(limit) {
		return nil, fmt.Errorf("%d bytes uncompressed, at most %d are allowed", n, limit)
	}
	if uint64(cap(dst)) < n {
		return make([]byte, n), nil
	}
	return dst[:n], nil
}

var errTooShort = errors.New("the compressed data is cut off")

// lz4Codec reads LZ4Compressor's form: the length in four bytes, the lowest first, and
// one raw LZ4 block.
type lz4Codec struct{}

func (lz4Codec) decompress(dst, data []byte, limit int) ([]byte, error) {
	if len(data) < 4 {
		return nil, errTooShort
	}
	n := uint64(binary.LittleEndian.Uint32(data))
	data = data[4:]
	// A byte of a block stands for 255 bytes at most: a larger claim is refused
	// before anything is allocated for it.
	if n > 255*uint64(len(data)) {
		return nil, fmt.Errorf("%d bytes of LZ4 cannot hold %d", len(data), n)
	}
	dst, err := sized(dst, n, limit)
	if err != nil || n == 0 {
		return dst, err
	}
	got, err := lz4.UncompressBlock(data, dst)
	if err == nil && uint64(got) != n {
		err = fmt.Errorf("an LZ4 block of %d bytes that says it has %d", got, n)
	}
	return dst, err
}

// snappyCodec reads one raw Snappy block, which begins with its length.
type snappyCodec struct{}

func (snappyCodec) decompress(dst, data []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(data)
	if err != nil {
		return nil, err
	}
	// A copy element of two or three bytes stands for 64 bytes at most.
	if uint64(n) > 64*uint64(len(data)) {
		return nil, fmt.Errorf("%d bytes of Snappy cannot hold %d", len(data), n)
	}
	if dst, err = sized(dst, uint64(n), limit); err != nil {
		return nil, err
	}
	return snappy.Decode(dst, data)
}

// deflateCodec reads a zlib stream. Of nothing, DeflateCompressor makes nothing.
type deflateCodec struct {
	in  bytes.Reader
	out io.ReadCloser
}

func (c *deflateCodec) decompress(dst, data []byte, limit int) (_ []byte, err error) {
	if len(data) == 0 {
		return dst[:0], nil
	}
	c.in.Reset(data)
	if c.out == nil {
		c.out, err = zlib.NewReader(&c.in)
	} else {
		err = c.out.(zlib.Resetter).Reset(&c.in, nil)
	}
	for dst = dst[:0]; err == nil; {
		if len(dst) > limit {
			return nil, fmt.Errorf("more than %d bytes uncompressed", limit)
		}
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		var n int
		n, err = c.out.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return dst, err
}

// zstdCodec reads one zstd frame.
type zstdCodec struct{ decoder *zstd.Decoder }

func (c zstdCodec) decompress(dst, data []byte, _ int) ([]byte, error) {
	return c.decoder.DecodeAll(data, dst[:0])
}

// noopCodec reads NoopCompressor's form: the bytes as they are.
type noopCodec struct{}

func (noopCodec) decompress(dst, data []byte, limit int) ([]byte, error) {
	dst, err := sized(dst, uint64(len(data)), limit)
	copy(dst, data)
	return dst, err
}
