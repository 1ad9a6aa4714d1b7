// What becomes of a section's frames in the file: nothing, or what a compressor or the
// encryption makes of them.

package segmenttest

import (
	"bytes"
	"compress/zlib"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Kind is how Cassandra is configured to write segments.
type Kind string

// All kinds. The first two are plain.
const (
	Mapped    Kind = "mapped"
	Direct    Kind = "direct" // from 5.0 on
	LZ4       Kind = "lz4"
	Snappy    Kind = "snappy"
	Deflate   Kind = "deflate"
	Zstd      Kind = "zstd" // from 4.0 on
	Noop      Kind = "noop" // from 5.0 on
	Encrypted Kind = "encrypted"
)

// Kinds lists them.
var Kinds = []Kind{Mapped, Direct, LZ4, Snappy, Deflate, Zstd, Noop, Encrypted}

// Plain says whether offsets of the file and those that positions count in are the same.
func (k Kind) Plain() bool { return k == Mapped || k == Direct }

// parameters are the JSON of the descriptor, spelled like Cassandra's. A class is written as
// cassandra.yaml has it, with or without its package.
func parameters(o Options) []byte {
	class := map[Kind]string{
		LZ4:     "LZ4Compressor",
		Snappy:  "org.apache.cassandra.io.compress.SnappyCompressor",
		Deflate: "DeflateCompressor",
		Zstd:    "ZstdCompressor",
		Noop:    "org.apache.cassandra.io.compress.NoopCompressor",
	}[o.Kind]
	switch {
	case o.Kind == Encrypted:
		return fmt.Appendf(nil, `{"encCipher":"AES\/CBC\/PKCS5Padding","encIV":"%s","encKeyAlias":"%s"}`, hex.EncodeToString(o.IV), KeyAlias)
	case class != "":
		return fmt.Appendf(nil, `{"compressionClass":"%s","compressionParameters":null}`, class)
	}
	return []byte("{}")
}

// pack gives what is behind the marker of a section, in pieces.
func pack(o Options, frames []byte) [][]byte {
	if o.Kind.Plain() {
		return [][]byte{frames}
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(len(frames)))
	if o.Kind == Encrypted {
		return append([][]byte{length}, encrypt(o, frames)...)
	}
	return [][]byte{length, compress(o.Kind, frames)}
}

func compress(kind Kind, data []byte) []byte {
	switch kind {
	case LZ4:
		return lz4Of(data)
	case Snappy:
		return snappy.Encode(nil, data)
	case Deflate:
		if len(data) == 0 {
			return nil
		}
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		must(w.Write(data))
		must(0, w.Close())
		return b.Bytes()
	case Zstd:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithZeroFrames(true))
		must(0, err)
		return w.EncodeAll(data, nil)
	case Noop:
		return data
	}
	panic("no compressor: " + kind)
}

// lz4Of is LZ4Compressor's form: the length with its lowest byte first, and one raw block.
func lz4Of(data []byte) []byte {
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
	out := make([]byte, lz4.CompressBlockBound(len(data)))
	n, err := lz4.CompressBlock(data, out, nil)
	must(n, err)
	if n == 0 {
		return append(length, literals(data)...)
	}
	return append(length, out[:n]...)
}

// literals is an LZ4 block of one sequence that repeats nothing: what the library makes no
// block of.
func literals(data []byte) []byte {
	n := len(data)
	if n < 15 {
		return append([]byte{byte(n << 4)}, data...)
	}
	b := append([]byte{0xf0}, bytes.Repeat([]byte{255}, (n-15)/255)...)
	return append(append(b, byte((n-15)%255)), data...)
}

// encrypt gives the blocks of a section: compressed with LZ4, padded and encrypted each by
// itself.
func encrypt(o Options, frames []byte) (blocks [][]byte) {
	c, err := aes.NewCipher(o.Key)
	must(0, err)
	const most = 64 << 10 // chunk_length_kb
	for len(frames) > 0 {
		chunk := frames[:min(len(frames), most)]
		frames = frames[len(chunk):]
		text := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)))
		text = append(text, lz4Of(chunk)...)
		inside := len(text)
		pad := aes.BlockSize - inside%aes.BlockSize
		text = append(text, strings.Repeat(string(rune(pad)), pad)...)
		cipher.NewCBCEncrypter(c, o.IV).CryptBlocks(text, text)
		b := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
		b = binary.BigEndian.AppendUint32(b, uint32(inside))
		blocks = append(blocks, append(b, text...))
	}
	return blocks
}

func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}
