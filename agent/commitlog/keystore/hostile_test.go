// Files made to mislead the parsers: their checksums hold, what they claim does not.

package keystore

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// sign puts the checksum of a JCEKS store with the password "p" behind its content.
func sign(content []byte) []byte {
	h := sha1.New()
	h.Write([]byte("\x00pMighty Aphrodite"))
	h.Write(content)
	return h.Sum(bytes.Clone(content))
}

func TestHostileJCEKS(t *testing.T) {
	head := func(count string) string { return "\xCE\xCE\xCE\xCE\x00\x00\x00\x02" + count }
	const (
		one    = "\x00\x00\x00\x01"
		many   = "\xFF\xFF\xFF\xFF"
		secret = "\x00\x00\x00\x03\x00\x01aDATEDATE"
		stream = "\xAC\xED\x00\x05"
		class  = "\x72\x00\x01AUIDUIDUI\x02"
	)
	for name, c := range map[string]struct{ content, want string }{
		"more entries than bytes":      {head(many), "entry 1 of 4294967295"},
		"an alias that is no UTF-8":    {head(one) + "\x00\x00\x00\x03\x00\x01\xFFDATEDATE", "not in Java's UTF-8"},
		"an unknown tag":               {head(one) + "\x00\x00\x00\x07\x00\x01aDATEDATE", "unknown tag 7"},
		"a key of 4 GB":                {head(one) + "\x00\x00\x00\x01\x00\x01aDATEDATE" + many, "bytes are missing"},
		"4 G certificates":             {head(one) + "\x00\x00\x00\x01\x00\x01aDATEDATE\x00\x00\x00\x00" + many, "bytes are missing"},
		"bytes behind the end":         {head("\x00\x00\x00\x00") + "x", "1 bytes follow"},
		"version 3":                    {"\xCE\xCE\xCE\xCE\x00\x00\x00\x03\x00\x00\x00\x00", "version 3"},
		"no stream":                    {head(one) + secret + "....", "no serialized Java object"},
		"no object":                    {head(one) + secret + stream + "\x70", "no object"},
		"a reference to nothing":       {head(one) + secret + stream + "\x71\x00\x7E\x00\x05", "a reference"},
		"a class below itself":         {head(one) + secret + stream + "\x73" + class + "\x00\x00\x78\x71\x00\x7E\x00\x00", ""},
		"an object as its own class":   {head(one) + secret + stream + "\x73\x73\x73\x73\x70", "a class is missing"},
		"objects in objects in …":      {head(one) + secret + stream + strings.Repeat("\x73", 1000), "nested"},
		"a class that writes itself":   {head(one) + secret + stream + "\x73\x72\x00\x01AUIDUIDUI\x03\x00\x00\x78\x70", "a way of its own"},
		"60,000 fields":                {head(one) + secret + stream + "\x73" + class + "\xEA\x60", "60000 fields"},
		"an array of 2 GB":             {head(one) + secret + stream + "\x75\x72\x00\x02[BUIDUIDUI\x02\x00\x00\x78\x70\x7F\xFF\xFF\xFF", "bytes are missing"},
		"an array of something":        {head(one) + secret + stream + "\x75\x72\x00\x02[IUIDUIDUI\x02\x00\x00\x78\x70", "an array of the type"},
		"a field of an unknown type":   {head(one) + secret + stream + "\x73" + class + "\x00\x01?\x00\x01f\x78\x70", "a field of the type"},
		"fields that end in the midst": {head(one) + secret + stream + "\x73" + class + "\x00\x01J\x00\x01f\x78\x70abc", "bytes are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := parse(sign([]byte(c.content)), "p", "p")
			if c.want == "" && err == nil {
				_, err = keys["a"]()
				c.want = "not a SealedObject"
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

// What Java's PBEWithMD5AndTripleDES makes of "hello" with a salt of two equal halves.
func TestSaltOfEqualHalves(t *testing.T) {
	encrypted := []byte{0x60, 0x8f, 0xda, 0x2c, 0x0e, 0xe6, 0x9d, 0x5a}
	plain, err := decryptMD5TripleDES("password", pbeParameters{[]byte{1, 2, 3, 4, 1, 2, 3, 4}, 10}, encrypted)
	if string(plain) != "hello" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestIterationsAreBounded(t *testing.T) {
	for _, n := range []int{-1, 0, maxIterations + 1} {
		params := pbeParameters{Salt: make([]byte, 8), Iterations: n}
		der, err := asn1.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		sealed := object{class: "javax.crypto.SealedObject", fields: map[string]any{"sealAlg": "PBEWithMD5AndTripleDES", "encodedParams": der, "encryptedContent": make([]byte, 8)}}
		if _, err := unsealObject(sealed, "p"); err == nil || !strings.Contains(err.Error(), "iterations") {
			t.Errorf("JCEKS, %d iterations: %v", n, err)
		}
		if _, err := decryptPKCS("p", scheme(t, oidSHA1AndTripleDES, params), make([]byte, 8)); err == nil || !strings.Contains(err.Error(), "iterations") {
			t.Errorf("PKCS12, old, %d iterations: %v", n, err)
		}
		pbes2 := scheme(t, oidPBES2, struct{ Derivation, Cipher pkix.AlgorithmIdentifier }{scheme(t, oidPBKDF2, params), scheme(t, "2.16.840.1.101.3.4.1.2", make([]byte, 16))})
		if _, err := decryptPKCS("p", pbes2, make([]byte, 16)); err == nil || !strings.Contains(err.Error(), "iterations") {
			t.Errorf("PKCS12, %d iterations: %v", n, err)
		}
		mac := macData{Iterations: n}
		mac.Digest.Algorithm = scheme(t, "2.16.840.1.101.3.4.2.1", nil)
		if err := checkMAC(mac, nil, "p"); err == nil || !strings.Contains(err.Error(), "iterations") {
			t.Errorf("PKCS12, MAC, %d iterations: %v", n, err)
		}
	}
}

func scheme(t *testing.T, oid string, params any) (id pkix.AlgorithmIdentifier) {
	t.Helper()
	for _, part := range strings.Split(oid, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		id.Algorithm = append(id.Algorithm, n)
	}
	if params != nil {
		der, err := asn1.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		id.Parameters = asn1.RawValue{FullBytes: der}
	}
	return id
}

// The seeds of the fuzz targets hash the password seldom, for the sake of speed.

func FuzzParse(f *testing.F) {
	for _, file := range []string{"empty.jceks", "token.jceks", "empty.p12", "quick.p12", "certificate.jks"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-sha1.Size])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// With and without a checksum that holds.
		_, _ = parse(data, "store password", "key password")
		keys, err := parse(sign(data), "p", "key password")
		if err != nil {
			return
		}
		for alias, unseal := range keys {
			if key, err := unseal(); err == nil && len(key.bytes) > len(data) {
				t.Errorf("%q: a key of %d bytes out of %d", alias, len(key.bytes), len(data))
			}
		}
	})
}

// FuzzSafe unseals what is in a PKCS12 store whose MAC is not looked at.
func FuzzSafe(f *testing.F) {
	data, err := os.ReadFile("testdata/quick.p12")
	if err != nil {
		f.Fatal(err)
	}
	var store pfx
	var safe []byte
	if err := errors.Join(unmarshal(data, &store), unmarshal(store.Content.Content.Bytes, &safe)); err != nil {
		f.Fatal(err)
	}
	f.Add(safe)
	f.Fuzz(func(t *testing.T, safe []byte) {
		keys, err := parseSafe(safe, "key password")
		if err != nil {
			return
		}
		for alias, unseal := range keys {
			if key, err := unseal(); err == nil && len(key.bytes) > len(safe) {
				t.Errorf("%q: a key of %d bytes out of %d", alias, len(key.bytes), len(safe))
			}
		}
	})
}

// FuzzSerialized reads what a key's seal hides as well.
func FuzzSerialized(f *testing.F) {
	data, err := os.ReadFile("testdata/several.jceks")
	if err != nil {
		f.Fatal(err)
	}
	for at := 0; ; {
		next := bytes.Index(data[at:], []byte("\xAC\xED\x00\x05"))
		if next < 0 {
			break
		}
		f.Add(data[at+next:])
		at += next + 1
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, rest, err := parseSerialized(data)
		if err == nil && len(rest) >= len(data) {
			t.Errorf("%v out of nothing", o)
		}
	})
}
