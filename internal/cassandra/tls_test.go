// What a connection shows and trusts, with files that change while we run.

package cassandra

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// identity writes a self-signed certificate of that name and its key as PEM.
func identity(t *testing.T, certFile, keyFile, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: serial, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// handshake connects to a server that asks for a certificate; shown is the name in ours.
func handshake(t *testing.T, server tls.Certificate, client *tls.Config) (shown string, err error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan string, 1)
	go func() {
		name := ""
		if c, err := l.Accept(); err == nil {
			s := c.(*tls.Conn)
			if s.Handshake() == nil && len(s.ConnectionState().PeerCertificates) > 0 {
				name = s.ConnectionState().PeerCertificates[0].DNSNames[0]
			}
			s.Close()
		}
		done <- name
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err == nil {
		defer c.Close()
	}
	return <-done, err
}

func TestTrust(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	server := identity(t, in("node.pem"), in("node.key"), "node")
	identity(t, in("other.pem"), in("other.key"), "other")
	for name, c := range map[string]struct {
		tls  TLS
		says string // in the error; "" when it connects
	}{
		"its name":               {TLS{TrustCertsFile: in("node.pem"), ServerName: "node"}, ""},
		"another name":           {TLS{TrustCertsFile: in("node.pem"), ServerName: "other"}, "valid for node"},
		"any name":               {TLS{TrustCertsFile: in("node.pem"), ServerName: "other", AnyName: true}, ""},
		"any name, not trusted":  {TLS{TrustCertsFile: in("other.pem"), ServerName: "node", AnyName: true}, "unknown authority"},
		"not trusted":            {TLS{TrustCertsFile: in("other.pem"), ServerName: "node"}, "unknown authority"},
		"anything":               {TLS{TrustCertsFile: in("other.pem"), ServerName: "other", Insecure: true}, ""},
		"anything, and any name": {TLS{ServerName: "other", Insecure: true, AnyName: true}, ""},
	} {
		cfg, err := c.tls.config()
		if err != nil {
			t.Fatal(err)
		}
		_, err = handshake(t, server, cfg)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestACertificateThatIsReplacedIsShown(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "c.key")
	server := identity(t, filepath.Join(dir, "node.pem"), filepath.Join(dir, "node.key"), "node")
	identity(t, cert, key, "old")
	cfg, err := TLS{CertificateFile: cert, KeyFile: key, Insecure: true}.config()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"old", "new"} {
		if want == "new" {
			identity(t, cert, key, "new")
		}
		if shown, err := handshake(t, server, cfg); shown != want || err != nil {
			t.Errorf("shown %q, want %q: %v", shown, want, err)
		}
	}
}

func TestAPasswordThatIsReplacedIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	l := login{Config{Username: "cdc", PasswordFile: path}}
	for _, password := range []string{"old", "new"} {
		if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _, err := l.Challenge([]byte("org.example.AnyAuthenticator")); err != nil || string(got) != "\x00cdc\x00"+password {
			t.Errorf("%q, %v", got, err)
		}
	}
}
