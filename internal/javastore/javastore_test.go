// Stores of both kinds, whole and damaged: damage is an error, never a panic, and no
// error repeats the password.

package javastore_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
)

const password = "hunter2-Zq8"

// stores are key stores and trust stores by name, each with the same certificate.
func stores(t *testing.T) (cert *x509.Certificate, files map[string][]byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	must(err)
	cert, err = x509.ParseCertificate(der)
	must(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	jks := func(fill func(keystore.KeyStore) error) []byte {
		ks := keystore.New()
		must(fill(ks))
		var b bytes.Buffer
		must(ks.Store(&b, []byte(password)))
		return b.Bytes()
	}
	chain := []keystore.Certificate{{Type: "X509", Content: der}}
	keys := jks(func(ks keystore.KeyStore) error {
		return ks.SetPrivateKeyEntry("a", keystore.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: pkcs8, CertificateChain: chain}, []byte(password))
	})
	trust := jks(func(ks keystore.KeyStore) error {
		return ks.SetTrustedCertificateEntry("a", keystore.TrustedCertificateEntry{CreationTime: time.Now(), Certificate: chain[0]})
	})
	p12, err := pkcs12.Modern.Encode(key, cert, nil, password)
	must(err)
	p12trust, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{cert}, password)
	must(err)
	return cert, map[string][]byte{"key.jks": keys, "trust.jks": trust, "key.p12": p12, "trust.p12": p12trust}
}

func TestStores(t *testing.T) {
	cert, files := stores(t)
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		certs, err := javastore.File{Path: path, Password: password}.Certificates()
		if err != nil || len(certs) != 1 || !certs[0].Equal(cert) {
			t.Errorf("%s: %d certificates, %v", name, len(certs), err)
		}
		pair, err := javastore.File{Path: path, Password: password}.KeyPair()
		if (err == nil) != strings.HasPrefix(name, "key") || err == nil && !bytes.Equal(pair.Certificate[0], cert.Raw) {
			t.Errorf("%s: key pair %v", name, err)
		}
		for _, f := range []javastore.File{{Path: path, Password: password + "-"}, {Path: path}, {Path: path, Password: password, Type: "JCEKS"}, {Path: path + "-", Password: password}} {
			_, err1 := f.Certificates()
			_, err2 := f.KeyPair()
			if err1 == nil || err2 == nil {
				t.Errorf("%s: %+v: %v, %v", name, f, err1, err2)
			}
		}
	}
}

// A store that is cut off or has a wrong byte.
func TestDamagedStores(t *testing.T) {
	_, files := stores(t)
	path := filepath.Join(t.TempDir(), "store")
	try := func(name string, at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		f := javastore.File{Path: path, Password: password}
		for _, read := range []func() error{
			func() error { _, err := f.Certificates(); return err }, func() error { _, err := f.KeyPair(); return err },
		} {
			// Of a JKS file every byte is covered by a digest, of PKCS #12 not every one.
			if err := read(); err == nil && strings.HasSuffix(name, ".jks") || err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("%s, byte %d: %v", name, at, err)
			}
		}
	}
	for name, data := range files {
		step := 1
		if strings.HasSuffix(name, ".p12") { // a password is stretched for each try
			step = 37
		}
		for i := 0; i < len(data); i += step {
			try(name, i, data[:i])
			flipped := bytes.Clone(data)
			flipped[i] ^= 0x55
			try(name, i, flipped)
		}
	}
}
