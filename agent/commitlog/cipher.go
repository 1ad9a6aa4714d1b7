// What Cassandra's transparent data encryption writes for a section.

package commitlog

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Keys gives the keys of encrypted segments by the alias that the descriptor names.
// Package keystore reads them from the keystore that Cassandra uses.
type Keys interface {
	Key(alias string) ([]byte, error)
}

// decrypter turns an encrypted section into plain bytes. The section is a row of
// blocks, each encrypted by itself from the segment's one IV:
//
//	int32  c   length of the cipher text
//	int32  q   length of what is in it
//	c bytes    cipher text of: int32 plain length, int32 the same with its lowest byte first, LZ4 block
//
// (EncryptedSegment, EncryptionUtils; inside it is always LZ4.)
type decrypter struct {
	block cipher.Block
	iv    []byte
	text  []byte // scratch: what was in the cipher text
	chunk []byte // scratch: what was in its LZ4 block
}

func newDecrypter(d Descriptor, keys Keys) (*decrypter, error) {
	if d.Cipher != "AES/CBC/PKCS5Padding" {
		return nil, fmt.Errorf("segments encrypted with %s cannot be read: only AES/CBC/PKCS5Padding can (transparent_data_encryption_options.cipher in cassandra.yaml)", d.Cipher)
	}
	if keys == nil {
		return nil, fmt.Errorf("the segment is encrypted with the key %q: the keystore that holds it is needed (transparent_data_encryption_options in cassandra.yaml)", d.KeyAlias)
	}
	key, err := keys.Key(d.KeyAlias)
	if err != nil {
		return nil, fmt.Errorf("the segment is encrypted with the key %q: %w", d.KeyAlias, err)
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key %q is no AES key: %d bytes", d.KeyAlias, len(key))
	}
	if len(d.iv) != aes.BlockSize {
		return nil, fmt.Errorf("descriptor parameter encIV has %d bytes, AES needs %d", len(d.iv), aes.BlockSize)
	}
	return &decrypter{block: b, iv: d.iv}, nil
}

var errPadding = errors.New("the padding is wrong: another key than the one it was written with, or damage")

// decompress makes decrypter a codec.
func (c *decrypter) decompress(dst, data []byte, limit int) ([]byte, error) {
	dst = dst[:0]
	for block := 1; len(data) > 0; block++ {
		plain, rest, err := c.decryptBlock(data, limit-len(dst))
		if err != nil {
			return nil, fmt.Errorf("encrypted block %d: %w", block, err)
		}
		dst, data = append(dst, plain...), rest
	}
	return dst, nil
}

func (c *decrypter) decryptBlock(data []byte, limit int) (plain, rest []byte, err error) {
	if len(data) < 8 {
		return nil, nil, errTooShort
	}
	n, inside := uint64(binary.BigEndian.Uint32(data)), uint64(binary.BigEndian.Uint32(data[4:]))
	data = data[8:]
	if n > uint64(len(data)) {
		return nil, nil, errTooShort
	}
	if n == 0 || n%aes.BlockSize != 0 || inside < 4 || inside >= n {
		return nil, nil, fmt.Errorf("%d bytes in %d of cipher text", inside, n)
	}
	if c.text, err = sized(c.text, n, len(data)); err != nil {
		return nil, nil, err
	}
	cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(c.text, data[:n])
	if pad := uint64(c.text[n-1]); pad > aes.BlockSize || n-pad != inside {
		return nil, nil, errPadding
	}
	c.chunk, err = lz4Codec{}.decompress(c.chunk, c.text[4:inside], limit)
	if err == nil && uint32(len(c.chunk)) != binary.BigEndian.Uint32(c.text) {
		err = fmt.Errorf("%d bytes where %d are announced", len(c.chunk), binary.BigEndian.Uint32(c.text))
	}
	return c.chunk, data[n:], err
}
