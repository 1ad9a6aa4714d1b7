// Package javastore reads certificates and keys out of Java's key stores and trust
// stores, JKS and PKCS #12. Its errors do not repeat a password.
package javastore

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// File is a Java key store or trust store.
type File struct {
	// Path of the file. Empty: no store, unless there is Data.
	Path string
	// Data is what would be in the file, instead of Path. It may hold a key, and is secret.
	Data []byte
	// Password opens the store, and the keys in it. It is secret.
	Password string
	// Type is JKS or PKCS12. Empty: what the file's first bytes say.
	Type string
}

// Given says whether there is a store.
func (s File) Given() bool { return s.Path != "" || s.Data != nil }

// String is the path, and never a secret.
func (s File) String() string {
	if s.Data != nil {
		return "given by its contents"
	}
	return s.Path
}

var errStorePassword = errors.New("the password is wrong, or the file is damaged")

// open reads the file and finds out what it is. A JKS file begins with the bytes
// FE ED FE ED (sun.security.provider.JavaKeyStore.MAGIC); a PKCS #12 file is a
// DER sequence. Java too goes by the content where the type says otherwise.
func (s File) open() (data []byte, jks bool, err error) {
	switch strings.ToUpper(s.Type) {
	case "", "JKS", "PKCS12":
	default:
		return nil, false, fmt.Errorf("type %q is not supported: use JKS or PKCS12", s.Type)
	}
	if data = s.Data; data == nil {
		if data, err = os.ReadFile(s.Path); err != nil {
			return nil, false, err
		}
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return data, true, nil
	case bytes.HasPrefix(data, []byte{0x30}):
		return data, false, nil
	}
	return nil, false, errors.New("neither a JKS nor a PKCS12 file")
}

func loadJKS(data []byte, password string) (keystore.KeyStore, error) {
	ks := keystore.New(keystore.WithOrderedAliases())
	if !wholeJKS(data, password) {
		return ks, errStorePassword
	}
	if err := ks.Load(bytes.NewReader(data), []byte(password)); err != nil {
		return ks, errStorePassword
	}
	return ks, nil
}

// wholeJKS holds a JKS file against its digest, before the library believes the lengths
// in it and asks for gigabytes of memory. The last 20 bytes are the SHA-1 of password
// (UTF-16), a fixed text and all bytes before (sun.security.provider.JavaKeyStore,
// getPreKeyedHash).
func wholeJKS(data []byte, password string) bool {
	if len(data) < sha1.Size {
		return false
	}
	h := sha1.New()
	for _, unit := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	h.Write([]byte("Mighty Aphrodite"))
	content, digest := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	h.Write(content)
	return bytes.Equal(h.Sum(nil), digest)
}

// Certificates are the trusted ones of a trust store: every certificate that
// stands alone, and of a private key's chain the last.
func (s File) Certificates() ([]*x509.Certificate, error) {
	data, jks, err := s.open()
	if err != nil {
		return nil, err
	}
	var found []*x509.Certificate
	if !jks {
		found, err = pkcs12.DecodeTrustStore(data, s.Password)
		if err != nil {
			// A store that a key is in as well.
			_, leaf, chain, chainErr := pkcs12.DecodeChain(data, s.Password)
			if chainErr != nil {
				return nil, storeError(err)
			}
			found = append(slices.Clip([]*x509.Certificate{leaf}), chain...)[len(chain):]
		}
	} else {
		ks, err := loadJKS(data, s.Password)
		if err != nil {
			return nil, err
		}
		for _, alias := range ks.Aliases() {
			var raw []byte
			switch {
			case ks.IsTrustedCertificateEntry(alias):
				entry, err := ks.GetTrustedCertificateEntry(alias)
				if err != nil {
					return nil, err
				}
				raw = entry.Certificate.Content
			case ks.IsPrivateKeyEntry(alias):
				chain, err := ks.GetPrivateKeyEntryCertificateChain(alias)
				if err != nil || len(chain) == 0 {
					continue
				}
				raw = chain[len(chain)-1].Content
			}
			cert, err := x509.ParseCertificate(raw)
			if err != nil {
				return nil, fmt.Errorf("certificate %q: %w", alias, err)
			}
			found = append(found, cert)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no certificate in it")
	}
	return found, nil
}

// KeyPair is the first private key of a key store with its chain.
func (s File) KeyPair() (*tls.Certificate, error) {
	data, jks, err := s.open()
	if err != nil {
		return nil, err
	}
	if !jks {
		key, leaf, chain, err := pkcs12.DecodeChain(data, s.Password)
		if err != nil {
			return nil, storeError(err)
		}
		pair := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
		for _, c := range chain {
			pair.Certificate = append(pair.Certificate, c.Raw)
		}
		return pair, nil
	}
	ks, err := loadJKS(data, s.Password)
	if err != nil {
		return nil, err
	}
	for _, alias := range ks.Aliases() {
		if !ks.IsPrivateKeyEntry(alias) {
			continue
		}
		entry, err := ks.GetPrivateKeyEntry(alias, []byte(s.Password))
		if err != nil {
			return nil, fmt.Errorf("key %q: its password is not the store's", alias)
		}
		key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("key %q is not PKCS #8", alias)
		}
		if _, ok := key.(crypto.Signer); !ok || len(entry.CertificateChain) == 0 {
			return nil, fmt.Errorf("key %q cannot sign or has no certificate", alias)
		}
		pair := &tls.Certificate{PrivateKey: key}
		for _, c := range entry.CertificateChain {
			pair.Certificate = append(pair.Certificate, c.Content)
		}
		return pair, nil
	}
	return nil, errors.New("no private key in it")
}

func storeError(err error) error {
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return errStorePassword
	}
	return err
}
