// This file compresses batches as Java's client does.

package pulsar

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how entries of a topic are compressed, in Pulsar's spelling. It
// pays for batches; an entry that does not become smaller is stored as it is.
type Compression string

// The compressions that Pulsar's clients know.
const (
	NoCompression Compression = ""
	LZ4           Compression = "LZ4"
	ZLib          Compression = "ZLIB"
	ZStd          Compression = "ZSTD"
	Snappy        Compression = "SNAPPY"
)

// ParseCompression reads a compression, in upper or lower case; "none" and the
// empty string are none.
func ParseCompression(s string) (Compression, error) {
	c := Compression(strings.ToUpper(strings.TrimSpace(s)))
	if c == "NONE" {
		c = NoCompression
	}
	if _, ok := compressions[c]; !ok {
		return "", fmt.Errorf("compression %q is not known: use none, LZ4, ZLIB, ZSTD or SNAPPY", s)
	}
	return c, nil
}

// compressions are the numbers of CompressionType in PulsarApi.proto, and the
// encoders, which append to dst.
var compressions = map[Compression]struct {
	number int32
	encode func(dst, src []byte) ([]byte, error)
}{
	NoCompression: {0, nil},
	LZ4:           {1, encodeLZ4},
	ZLib:          {2, encodeZLib},
	ZStd:          {3, encodeZStd},
	Snappy:        {4, encodeSnappy},
}

var lz4Encoders = sync.Pool{New: func() any { return new(lz4.Compressor) }}

// encodeLZ4 writes one block without a frame; its reader knows the size from the
// metadata.
func encodeLZ4(dst, src []byte) ([]byte, error) {
	at := len(dst)
	bound := lz4.CompressBlockBound(len(src))
	if cap(dst)-at < bound {
		dst = append(make([]byte, 0, at+bound), dst...)
	}
	e := lz4Encoders.Get().(*lz4.Compressor)
	defer lz4Encoders.Put(e)
	n, err := e.CompressBlock(src, dst[at:at+bound])
	if err == nil && n == 0 && len(src) > 0 {
		err = errors.New("incompressible")
	}
	return dst[:at+n], err
}

var zlibEncoders = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

func encodeZLib(dst, src []byte) ([]byte, error) {
	e := zlibEncoders.Get().(*zlib.Writer)
	defer zlibEncoders.Put(e)
	out := bytes.NewBuffer(dst)
	e.Reset(out)
	if _, err := e.Write(src); err != nil {
		return nil, err
	}
	err := e.Close()
	return out.Bytes(), err
}

// One encoder for all producers: it holds some hundred KiB for each core.
var zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithWindowSize(maxBatchesBytes), zstd.WithLowerEncoderMem(true))
})

func encodeZStd(dst, src []byte) ([]byte, error) {
	e, err := zstdEncoder()
	if err != nil {
		return nil, err
	}
	return e.EncodeAll(src, dst), nil
}

func encodeSnappy(dst, src []byte) ([]byte, error) {
	at := len(dst)
	bound := snappy.MaxEncodedLen(len(src))
	if bound < 0 {
		return nil, errors.New("too large for Snappy")
	}
	if cap(dst)-at < bound {
		dst = append(make([]byte, 0, at+bound), dst...)
	}
	return dst[:at+len(snappy.Encode(dst[at:at+bound], src))], nil
}
