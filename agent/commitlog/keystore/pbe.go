// Encryption with a password, in the ways that Java's keystores use.

package keystore

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// pbeParameters are PKCS #5's PBEParameter and PKCS #12's pkcs-12PbeParams.
type pbeParameters struct {
	Salt       []byte
	Iterations int
}

// checkPBE bounds the work that a file may ask for, and refuses a password that Java would
// not have taken.
func checkPBE(password string, iterations int) error {
	if iterations < 1 || iterations > maxIterations {
		return fmt.Errorf("%d iterations of the password's hash: Java takes 1 to %d", iterations, maxIterations)
	}
	for _, r := range password {
		if r < ' ' || r > '~' {
			return errors.New("the key password is not ASCII, so Java has sealed no key with it: set key_password in transparent_data_encryption_options")
		}
	}
	return nil
}

// decryptMD5TripleDES undoes PBEWithMD5AndTripleDES, which is Java's own: both halves of the
// salt are hashed with the password again and again; the two hashes are key and vector.
func decryptMD5TripleDES(password string, params pbeParameters, encrypted []byte) ([]byte, error) {
	if err := checkPBE(password, params.Iterations); err != nil {
		return nil, err
	}
	if len(params.Salt) != 8 {
		return nil, fmt.Errorf("a salt of %d bytes: PBEWithMD5AndTripleDES takes 8", len(params.Salt))
	}
	first, second := slices.Clone(params.Salt[:4]), params.Salt[4:]
	if bytes.Equal(first, second) {
		slices.Reverse(first) // else the three keys were two
	}
	var derived []byte
	for _, half := range [][]byte{first, second} {
		in := append(half[:4:4], password...)
		sum := md5.Sum(in)
		in = append(sum[:], password...)
		for range params.Iterations - 1 {
			sum = md5.Sum(in)
			copy(in, sum[:])
		}
		derived = append(derived, sum[:]...)
	}
	block, err := des.NewTripleDESCipher(derived[:24])
	if err != nil {
		return nil, err
	}
	return decryptCBC(block, derived[24:], encrypted)
}

// Encryption schemes, key derivations, hashes and ciphers by their names in PKCS #5 and
// PKCS #12: those that Java's PKCS12 keystores are written with.
const (
	oidPBES2            = "1.2.840.113549.1.5.13"
	oidPBKDF2           = "1.2.840.113549.1.5.12"
	oidSHA1AndTripleDES = "1.2.840.113549.1.12.1.3" // Java 8 to 15
)

var hmacs = map[string]func() hash.Hash{
	"":                       sha1.New, // PBKDF2's default
	"1.2.840.113549.2.7":     sha1.New,
	"1.2.840.113549.2.9":     sha256.New,
	"1.2.840.113549.2.10":    sha512.New384,
	"1.2.840.113549.2.11":    sha512.New,
	"1.3.14.3.2.26":          sha1.New, // the hashes themselves, as a MAC names them
	"2.16.840.1.101.3.4.2.1": sha256.New,
	"2.16.840.1.101.3.4.2.2": sha512.New384,
	"2.16.840.1.101.3.4.2.3": sha512.New,
}

// aesKeySizes are those of AES in CBC mode.
var aesKeySizes = map[string]int{
	"2.16.840.1.101.3.4.1.2":  16,
	"2.16.840.1.101.3.4.1.22": 24,
	"2.16.840.1.101.3.4.1.42": 32,
}

// decryptPKCS decrypts with a scheme of PKCS #5 or PKCS #12.
func decryptPKCS(password string, scheme pkix.AlgorithmIdentifier, encrypted []byte) ([]byte, error) {
	switch scheme.Algorithm.String() {
	case oidPBES2:
		return decryptPBES2(password, scheme.Parameters.FullBytes, encrypted)
	case oidSHA1AndTripleDES:
		var params pbeParameters
		if err := unmarshal(scheme.Parameters.FullBytes, &params); err != nil {
			return nil, err
		}
		if err := checkPBE(password, params.Iterations); err != nil {
			return nil, err
		}
		key := derivePKCS12(sha1.New, forKey, password, params, 24)
		block, err := des.NewTripleDESCipher(key)
		if err != nil {
			return nil, err
		}
		return decryptCBC(block, derivePKCS12(sha1.New, forIV, password, params, 8), encrypted)
	}
	return nil, fmt.Errorf("the key is encrypted in the way %s, which is not known here", scheme.Algorithm)
}

func decryptPBES2(password string, parameters, encrypted []byte) ([]byte, error) {
	var scheme struct{ Derivation, Cipher pkix.AlgorithmIdentifier }
	if err := unmarshal(parameters, &scheme); err != nil {
		return nil, err
	}
	keySize, ok := aesKeySizes[scheme.Cipher.Algorithm.String()]
	if !ok || scheme.Derivation.Algorithm.String() != oidPBKDF2 {
		return nil, fmt.Errorf("the key is encrypted with %s and %s: PBKDF2 and AES in CBC mode are known here", scheme.Derivation.Algorithm, scheme.Cipher.Algorithm)
	}
	var derivation struct {
		Salt       []byte
		Iterations int
		KeySize    int                      `asn1:"optional"`
		HMAC       pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	if err := unmarshal(scheme.Derivation.Parameters.FullBytes, &derivation); err != nil {
		return nil, err
	}
	newHash, ok := hmacs[derivation.HMAC.Algorithm.String()]
	if !ok {
		return nil, fmt.Errorf("the password is hashed with %s, which is not known here", derivation.HMAC.Algorithm)
	}
	if derivation.KeySize != 0 && derivation.KeySize != keySize {
		return nil, fmt.Errorf("a derived key of %d bytes for a cipher that takes %d", derivation.KeySize, keySize)
	}
	if err := checkPBE(password, derivation.Iterations); err != nil {
		return nil, err
	}
	var iv []byte
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(newHash, password, derivation.Salt, derivation.Iterations, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return decryptCBC(block, iv, encrypted)
}

// What a value derived from a password is for (RFC 7292, B.3).
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

// derivePKCS12 derives n bytes from a password in the way of PKCS #12 (RFC 7292, B.2).
func derivePKCS12(newHash func() hash.Hash, purpose byte, password string, params pbeParameters, n int) (derived []byte) {
	h := newHash()
	v := h.BlockSize()
	// Salt and password, each repeated to fill whole blocks.
	var in []byte
	for _, part := range [][]byte{params.Salt, append(utf16be(password), 0, 0)} {
		for i := range (len(part) + v - 1) / v * v {
			in = append(in, part[i%len(part)])
		}
	}
	for {
		h.Reset()
		h.Write(bytes.Repeat([]byte{purpose}, v))
		h.Write(in)
		a := h.Sum(nil)
		for range params.Iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		if derived = append(derived, a...); len(derived) >= n {
			return derived[:n]
		}
		// Each block of the input plus the hash, repeated to a block, plus one.
		for start := 0; start < len(in); start += v {
			carry := 1
			for i := v - 1; i >= 0; i-- {
				sum := int(in[start+i]) + int(a[i%len(a)]) + carry
				in[start+i], carry = byte(sum), sum>>8
			}
		}
	}
}

// unmarshal decodes DER that holds one value and nothing behind it. Its errors repeat nothing
// of what is decoded.
func unmarshal(der []byte, into any) error {
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		return errDER
	}
	return nil
}

var errDER = errors.New("its ASN.1 is damaged, or not DER")

// decryptCBC decrypts and takes the padding of PKCS #5 off.
func decryptCBC(block cipher.Block, iv, encrypted []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size {
		return nil, fmt.Errorf("an initialization vector of %d bytes: the cipher takes %d", len(iv), size)
	}
	if len(encrypted) == 0 || len(encrypted)%size != 0 {
		return nil, errors.New("the entry is damaged: its cipher text is no whole number of blocks")
	}
	plain := make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, encrypted)
	n := int(plain[len(plain)-1])
	if n < 1 || n > size {
		return nil, errKeyPassword
	}
	for _, b := range plain[len(plain)-n:] {
		if int(b) != n {
			return nil, errKeyPassword
		}
	}
	return plain[:len(plain)-n], nil
}
