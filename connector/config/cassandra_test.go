// What Cassandra's connections are told: files, what stands for files, and what is wrong
// with them.

package config

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

// identity is a self-signed certificate and its key as PEM.
func identity(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"node"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func inBase64(text string) string { return "base64:" + base64.StdEncoding.EncodeToString([]byte(text)) }

func bundleOf(t *testing.T, certificate, key string) string {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	for name, content := range map[string]string{"config.json": `{"host":"example","port":1}`, "ca.crt": certificate, "cert": certificate, "key": key} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.String()
}

func TestCassandra(t *testing.T) {
	certificate, key := identity(t)
	file := func(name, content string) string { return settingstest.File(t, name, content) }
	ca, cert, private := file("ca.pem", certificate), file("cert.pem", certificate), file("key.pem", key)
	bundle := bundleOf(t, certificate, key)
	bundlePath := file("bundle.zip", bundle)
	base := func(change func(*cassandra.Config)) cassandra.Config {
		cfg := cassandra.Config{ContactPoints: []string{"127.0.0.1"}, Port: 9042, LocalDC: "dc1", Timeout: 30 * time.Second, Connections: 4}
		change(&cfg)
		return cfg
	}
	for name, c := range map[string]struct {
		set  func(*Config)
		want cassandra.Config
	}{
		"nothing": {func(*Config) {}, base(func(*cassandra.Config) {})},
		"the rest": {
			func(c *Config) {
				c.Port, c.QueryExecutionTimeout, c.ConnectionPoolLocalSize, c.Compression, c.Username, c.Password, c.PasswordFile = 9999, 5, 7, "lz4", "me", "x", "p"
			},
			base(func(c *cassandra.Config) {
				c.Port, c.Timeout, c.Connections, c.Compression, c.Username, c.Password, c.PasswordFile = 9999, 5*time.Second, 7, cassandra.LZ4, "me", "x", "p"
			}),
		},
		"TLS with the system's authorities": {func(c *Config) { c.SSLProvider = "OpenSSL" }, base(func(c *cassandra.Config) { c.TLS = &cassandra.TLS{} })},
		"files": {
			func(c *Config) {
				c.SSLTrustCertsFile, c.SSLCertificate, c.SSLPrivateKey, c.SSLCipherSuites, c.SSLHostnameValidation = ca, cert, private, []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}, "false"
			},
			base(func(c *cassandra.Config) {
				c.TLS = &cassandra.TLS{TrustCertsFile: ca, CertificateFile: cert, KeyFile: private, CipherSuites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}, AnyName: true}
			}),
		},
		"what stands for files": {
			func(c *Config) {
				c.SSLTrustCertsFile, c.SSLCertificate = inBase64(certificate), inBase64(certificate)
				c.SSLPrivateKey = strings.ReplaceAll(inBase64(key), "A", "A\n") // as base64 breaks lines
			},
			base(func(c *cassandra.Config) {
				c.TLS = &cassandra.TLS{TrustCerts: []byte(certificate), Certificate: []byte(certificate), Key: []byte(key)}
			}),
		},
		"off although there are files": {func(c *Config) { c.SSLProvider, c.SSLTrustCertsFile = "None", ca }, base(func(*cassandra.Config) {})},
		"a bundle": {
			func(c *Config) { c.ContactPoints, c.LocalDC, c.SecureConnectBundle = nil, "", bundlePath },
			base(func(c *cassandra.Config) {
				c.ContactPoints, c.LocalDC, c.Bundle = nil, "", &cassandra.Bundle{Path: bundlePath}
			}),
		},
		"what stands for a bundle": {
			func(c *Config) { c.ContactPoints, c.LocalDC, c.DriverSecureConnectBundle = nil, "", inBase64(bundle) },
			base(func(c *cassandra.Config) {
				c.ContactPoints, c.LocalDC, c.Bundle = nil, "", &cassandra.Bundle{Data: []byte(bundle)}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.set(&cfg)
			if err := cfg.Validate(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.want, cfg.Cassandra(nil)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	// Java's stores are read by others; here, that they are handed on.
	cfg := good()
	cfg.SSLTruststore, cfg.SSLTruststorePassword, cfg.SSLKeystore, cfg.SSLKeystorePassword = "trust.jks", "t", inBase64("key store"), "k"
	want := &cassandra.TLS{TrustStore: javastore.File{Path: "trust.jks", Password: "t"}, KeyStore: javastore.File{Data: []byte("key store"), Password: "k"}}
	if diff := cmp.Diff(want, cfg.Cassandra(nil).TLS); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCassandraFaults(t *testing.T) {
	certificate, key := identity(t)
	_, other := identity(t)
	empty := settingstest.File(t, "empty", "")
	for name, c := range map[string]struct {
		set  func(*Config)
		says [][]string
	}{
		"no such files": {
			func(c *Config) { c.SSLTrustCertsFile, c.SSLKeystore = "/no/ca.pem", "/no/keys.jks" },
			[][]string{{"ssl.trustCertsFilePath: ", "/no/ca.pem"}, {"ssl.keystore.path: ", "/no/keys.jks"}},
		},
		"no certificate": {func(c *Config) { c.SSLTrustCertsFile = empty }, [][]string{{"ssl.trustCertsFilePath: ", "no certificate in PEM"}}},
		"no store":       {func(c *Config) { c.SSLTruststore = inBase64(secret) }, [][]string{{"ssl.truststore.path: ", "neither a JKS nor a PKCS12"}}},
		"no base64": {
			func(c *Config) {
				c.SSLTruststore, c.SSLKeystore, c.SSLPrivateKey, c.SSLCertificate = "base64:"+secret, "base64:", "base64:"+secret, inBase64(certificate)
			},
			[][]string{{"ssl.truststore.path: what follows base64:"}, {"ssl.keystore.path: "}, {"ssl.openssl.privateKey: what follows base64:"}},
		},
		"another's key":       {func(c *Config) { c.SSLCertificate, c.SSLPrivateKey = inBase64(certificate), inBase64(other) }, [][]string{{"ssl.openssl.keyCertChain: ", "must be a pair"}}},
		"a certificate alone": {func(c *Config) { c.SSLCertificate = inBase64(certificate) }, [][]string{{"ssl.openssl.privateKey: it is missing"}}},
		"a key alone":         {func(c *Config) { c.SSLPrivateKey = inBase64(key) }, [][]string{{"ssl.openssl.keyCertChain: it is missing"}}},
		"cipher suites":       {func(c *Config) { c.SSLCipherSuites = []string{"A", "B"} }, [][]string{{"ssl.cipherSuites: ", `"A"`, `"B"`}}},
		"both authorities":    {func(c *Config) { c.SSLTrustCertsFile, c.SSLTruststore = inBase64(certificate), inBase64(certificate) }, [][]string{{"ssl.truststore.path: ssl.trustCertsFilePath is set too"}}},
		"no bundle":           {func(c *Config) { c.ContactPoints, c.LocalDC, c.SecureConnectBundle = nil, "", empty }, [][]string{{"cloud.secureConnectBundle: ", "no zip file"}}},
		"a bundle and the other": {
			func(c *Config) {
				c.SecureConnectBundle, c.SSLTrustCertsFile = inBase64(bundleOf(t, certificate, key)), inBase64(certificate)
			},
			[][]string{{"contactPoints: cloud.secureConnectBundle is set"}, {"loadBalancing.localDc: cloud.secureConnectBundle is set"}, {"ssl.provider: cloud.secureConnectBundle is set"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.set(&cfg)
			settingstest.Lines(t, cfg.Validate(), c.says...)
		})
	}
}

// A password that is replaced in its file is used, and so its path is handed on.
func TestPasswordFile(t *testing.T) {
	path := settingstest.File(t, "password", secret+"\n")
	const text = "keyspace: ks\ntable: t\ncontactPoints: a\nauth.username: me\nauth.passwordFile: "
	c, err := load(t, text+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if got := c.Cassandra(nil); got.Password != secret || got.PasswordFile != path {
		t.Errorf("%q, %q", got.Password, got.PasswordFile)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = load(t, text+path)
	settingstest.Lines(t, err, []string{"auth.passwordFile: ", path})
}
