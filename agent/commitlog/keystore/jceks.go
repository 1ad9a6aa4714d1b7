// JCEKS, the keystore format of Java's cryptography extension.

package keystore

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// All integers are big-endian; utf is a uint16 length and Java's modified UTF-8.
//
//	int32 magic · int32 version · int32 number of entries · entries · SHA-1
//
//	entry: int32 tag · utf alias · int64 date ·
//	       1 private key:         int32 length, key · int32 number of certificates · certificates
//	       2 trusted certificate: certificate
//	       3 secret key:          a serialized Java object of its own
//	certificate: utf type (from version 2 on) · int32 length, certificate
//
//	SHA-1 of (store password as UTF-16, "Mighty Aphrodite", all that is before it)
const (
	magicJCEKS = 0xCECECECE
	magicJKS   = 0xFEEDFEED

	tagPrivateKey  = 1
	tagCertificate = 2
	tagSecretKey   = 3
)

func parseJCEKS(data []byte, storePassword, keyPassword string) (map[string]unseal, error) {
	if len(data) < 12+sha1.Size {
		return nil, errors.New("the JCEKS keystore is cut short")
	}
	content, sum := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	// The structure first: where it does not hold, no password is to blame.
	keys, err := parseEntries(content, keyPassword)
	if err != nil {
		return nil, fmt.Errorf("the JCEKS keystore is damaged: %w", err)
	}
	h := sha1.New()
	h.Write(utf16be(storePassword))
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(content)
	if subtle.ConstantTimeCompare(h.Sum(nil), sum) != 1 {
		return nil, errPassword
	}
	return keys, nil
}

func parseEntries(content []byte, keyPassword string) (map[string]unseal, error) {
	c := cursor{rest: content}
	c.uint32() // the magic
	version, count := c.uint32(), c.uint32()
	if version != 1 && version != 2 {
		return nil, fmt.Errorf("version %d is not known", version)
	}
	certificate := func() {
		if version == 2 {
			c.utf()
		}
		c.bytes(int64(c.uint32()))
	}
	keys := map[string]unseal{}
	for i := range count {
		tag, alias := c.uint32(), c.utf()
		c.bytes(8) // date
		switch {
		case c.err != nil:
		case tag == tagPrivateKey:
			c.bytes(int64(c.uint32()))
			for range c.uint32() {
				if certificate(); c.err != nil {
					break
				}
			}
		case tag == tagCertificate:
			certificate()
		case tag == tagSecretKey:
			sealed, rest, err := parseSerialized(c.rest)
			if err != nil {
				return nil, fmt.Errorf("entry %d (%q): %w", i+1, alias, err)
			}
			c.rest = rest
			keys[strings.ToLower(alias)] = func() (secretKey, error) { return unsealObject(sealed, keyPassword) }
		default:
			return nil, fmt.Errorf("entry %d has the unknown tag %d", i+1, tag)
		}
		if c.err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i+1, count, c.err)
		}
	}
	if len(c.rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last entry", len(c.rest))
	}
	return keys, nil
}

// unsealObject takes a key out of a javax.crypto.SealedObject: it is a serialized object
// as well, encrypted.
func unsealObject(sealed object, keyPassword string) (secretKey, error) {
	if sealed.class != "com.sun.crypto.provider.SealedObjectForKeyProtector" && sealed.class != "javax.crypto.SealedObject" {
		return secretKey{}, fmt.Errorf("the entry is a %q, not a SealedObject", sealed.class)
	}
	if alg, _ := sealed.fields["sealAlg"].(string); alg != "PBEWithMD5AndTripleDES" {
		return secretKey{}, fmt.Errorf("the key is sealed with %q, not with PBEWithMD5AndTripleDES", alg)
	}
	encoded, _ := sealed.fields["encodedParams"].([]byte)
	var params pbeParameters
	if err := unmarshal(encoded, &params); err != nil {
		return secretKey{}, fmt.Errorf("the parameters of the seal: %w", err)
	}
	encrypted, _ := sealed.fields["encryptedContent"].([]byte)
	plain, err := decryptMD5TripleDES(keyPassword, params, encrypted)
	if err != nil {
		return secretKey{}, err
	}
	key, rest, err := parseSerialized(plain)
	if err != nil || len(rest) > 0 {
		return secretKey{}, errKeyPassword
	}
	// The keys of Java's own provider are of the first class, those of hardware tokens and of
	// other algorithms of the second.
	bytesOf := map[string]string{"javax.crypto.spec.SecretKeySpec": "key", "java.security.KeyRep": "encoded"}
	field, ok := bytesOf[key.class]
	if !ok {
		return secretKey{}, fmt.Errorf("the key is a %q, which is not known here", key.class)
	}
	algorithm, ok1 := key.fields["algorithm"].(string)
	b, ok2 := key.fields[field].([]byte)
	if !ok1 || !ok2 {
		return secretKey{}, fmt.Errorf("the %s lacks its algorithm or its bytes", key.class)
	}
	return secretKey{algorithm: algorithm, bytes: b}, nil
}

// utf16be is a password as a Java char[] in big-endian bytes.
func utf16be(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

// cursor reads what java.io.DataOutput wrote. After the first error it gives zeros.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) bytes(n int64) []byte {
	if c.err == nil && n > int64(len(c.rest)) {
		c.err = fmt.Errorf("%d bytes are missing at the end", n-int64(len(c.rest)))
	}
	if c.err != nil {
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) uint8() uint8 {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// utf reads modified UTF-8: the UTF-16 units, each in one to three bytes, zero in two.
func (c *cursor) utf() string {
	b := c.bytes(int64(c.uint16()))
	var units []uint16
	for len(b) > 0 {
		switch {
		case b[0] < 0x80:
			units, b = append(units, uint16(b[0])), b[1:]
		case b[0]>>5 == 0b110 && len(b) >= 2:
			units, b = append(units, uint16(b[0]&0x1f)<<6|uint16(b[1]&0x3f)), b[2:]
		case b[0]>>4 == 0b1110 && len(b) >= 3:
			units, b = append(units, uint16(b[0]&0x0f)<<12|uint16(b[1]&0x3f)<<6|uint16(b[2]&0x3f)), b[3:]
		default:
			c.err = errors.New("a name is not in Java's UTF-8")
			return ""
		}
	}
	return string(utf16.Decode(units))
}
