// This file holds the TLS settings against TLS servers of Go, with certificates
// and stores that it makes.

package pulsar

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// authority signs certificates for a test.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, a.cert = a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// issue signs a certificate, by itself where there is none yet.
func (a *authority) issue(template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := template, key
	if a.cert != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert
}

// pair is a certificate of that common name for a host name or address, or for a
// client where it is empty.
func (a *authority) pair(name, host string) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if host != "" {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = []net.IP{ip}
		} else {
			template.DNSNames = []string{host}
		}
	}
	return a.issue(template)
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// files are the same in PEM.
func (a *authority) files(name, host string) (certFile, keyFile string) {
	a.t.Helper()
	key, cert := a.pair(name, host)
	return a.write(name+".cert.pem", "CERTIFICATE", cert.Raw), a.write(name+".key.pem", "PRIVATE KEY", pkcs8(a.t, key))
}

func (a *authority) file() string { return a.write("ca.pem", "CERTIFICATE", a.cert.Raw) }

func pkcs8(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

const storePassword = "the-password"

// jksTrust and the others are Java's stores.
func (a *authority) jksTrust() string {
	a.t.Helper()
	ks := keystore.New()
	if err := ks.SetTrustedCertificateEntry("ca", keystore.TrustedCertificateEntry{CreationTime: time.Now(), Certificate: keystore.Certificate{Type: "X509", Content: a.cert.Raw}}); err != nil {
		a.t.Fatal(err)
	}
	return a.storeJKS("trust.jks", ks)
}

func (a *authority) jksKey(name string) string {
	a.t.Helper()
	key, cert := a.pair(name, "")
	ks := keystore.New()
	if err := ks.SetPrivateKeyEntry("key", keystore.PrivateKeyEntry{
		CreationTime: time.Now(), PrivateKey: pkcs8(a.t, key),
		CertificateChain: []keystore.Certificate{{Type: "X509", Content: cert.Raw}, {Type: "X509", Content: a.cert.Raw}},
	}, []byte(storePassword)); err != nil {
		a.t.Fatal(err)
	}
	return a.storeJKS(name+".jks", ks)
}

func (a *authority) storeJKS(name string, ks keystore.KeyStore) string {
	a.t.Helper()
	var b bytes.Buffer
	if err := ks.Store(&b, []byte(storePassword)); err != nil {
		a.t.Fatal(err)
	}
	return a.raw(name, b.Bytes())
}

func (a *authority) raw(name string, data []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *authority) p12Trust() string {
	a.t.Helper()
	data, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{a.cert}, storePassword)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.raw("trust.p12", data)
}

func (a *authority) p12Key(name string) string {
	a.t.Helper()
	key, cert := a.pair(name, "")
	data, err := pkcs12.Modern.Encode(key, cert, []*x509.Certificate{a.cert}, storePassword)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.raw(name+".p12", data)
}

// handshake connects to a server with that certificate and returns the name of
// the client that the server saw.
func handshake(t *testing.T, server tls.Certificate, clients *x509.CertPool, version uint16, cfg *tls.Config) (client string, err error) {
	t.Helper()
	asks := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: version, MaxVersion: version}
	l, err := tls.Listen("tcp", "127.0.0.1:0", asks)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	saw := make(chan string, 1)
	go func() {
		defer close(saw)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if c.(*tls.Conn).Handshake() == nil {
			if peer := c.(*tls.Conn).ConnectionState().PeerCertificates; len(peer) > 0 {
				saw <- peer[0].Subject.CommonName
			}
			_, _ = c.Write([]byte{1})
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), cfg)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return "", err
	}
	return <-saw, nil
}

func TestTLSHandshake(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t, "ours"), newAuthority(t, "another")
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	serverOf := func(host string) tls.Certificate {
		key, cert := a.pair("server", host)
		return tls.Certificate{PrivateKey: key, Certificate: [][]byte{cert.Raw}}
	}
	here, elsewhere := serverOf("127.0.0.1"), serverOf("elsewhere.example")
	certFile, keyFile := a.files("pem-client", "")
	pemClient := fmt.Sprintf("tlsCertFile:%s,tlsKeyFile:%s", certFile, keyFile)
	for name, tt := range map[string]struct {
		cfg     Config
		server  tls.Certificate
		version uint16
		client  string
		err     string
	}{
		"system's authorities":       {server: here, err: "unknown authority"},
		"PEM":                        {cfg: Config{TLSTrustCertsFile: a.file()}, server: here},
		"another authority":          {cfg: Config{TLSTrustCertsFile: other.file()}, server: here, err: "unknown authority"},
		"insecure":                   {cfg: Config{TLSTrustCertsFile: other.file(), AllowInsecure: true}, server: elsewhere},
		"another name":               {cfg: Config{TLSTrustCertsFile: a.file()}, server: elsewhere},
		"another name is verified":   {cfg: Config{TLSTrustCertsFile: a.file(), HostnameVerification: true}, server: elsewhere, err: "IP SANs"},
		"the name is verified":       {cfg: Config{TLSTrustCertsFile: a.file(), HostnameVerification: true}, server: here},
		"JKS":                        {cfg: Config{TLSTrustStore: StoreFile{a.jksTrust(), storePassword, "JKS"}}, server: here},
		"JKS of another authority":   {cfg: Config{TLSTrustStore: StoreFile{other.jksTrust(), storePassword, "JKS"}}, server: here, err: "unknown authority"},
		"PKCS12":                     {cfg: Config{TLSTrustStore: StoreFile{a.p12Trust(), storePassword, "PKCS12"}}, server: here},
		"PKCS12 that is called JKS":  {cfg: Config{TLSTrustStore: StoreFile{a.p12Trust(), storePassword, "JKS"}}, server: here},
		"trust store with a key":     {cfg: Config{TLSTrustStore: StoreFile{a.jksKey("both"), storePassword, ""}}, server: here},
		"PKCS12 with a key":          {cfg: Config{TLSTrustStore: StoreFile{a.p12Key("both"), storePassword, ""}}, server: here},
		"client in PEM":              {cfg: Config{TLSTrustCertsFile: a.file(), AuthPlugin: "tls", AuthParams: pemClient}, server: here, client: "pem-client"},
		"client in JKS":              {cfg: Config{TLSTrustCertsFile: a.file(), TLSKeyStore: StoreFile{a.jksKey("jks-client"), storePassword, ""}}, server: here, client: "jks-client"},
		"client in PKCS12":           {cfg: Config{TLSTrustCertsFile: a.file(), TLSKeyStore: StoreFile{a.p12Key("p12-client"), storePassword, ""}}, server: here, client: "p12-client"},
		"client of the plugin's JKS": {cfg: Config{TLSTrustCertsFile: a.file(), AuthPlugin: javaAuth + "AuthenticationKeyStoreTls", AuthParams: fmt.Sprintf(`{"keyStoreType":"JKS","keyStorePath":%q,"keyStorePassword":%q}`, a.jksKey("plugin"), storePassword)}, server: here, client: "plugin"},
		"plugin before key store":    {cfg: Config{TLSTrustCertsFile: a.file(), AuthPlugin: "tls", AuthParams: pemClient, TLSKeyStore: StoreFile{a.jksKey("loses"), storePassword, ""}}, server: here, client: "pem-client"},
		"1.1 by default":             {cfg: Config{TLSTrustCertsFile: a.file()}, server: here, version: tls.VersionTLS11, err: "protocol version"},
		"1.1 on request":             {cfg: Config{TLSTrustCertsFile: a.file(), TLSProtocols: []string{"TLSv1.2", "TLSv1.1"}}, server: here, version: tls.VersionTLS11},
		"1.3 though not asked for":   {cfg: Config{TLSTrustCertsFile: a.file(), TLSProtocols: []string{"TLSv1.2", "TLSv1.1"}}, server: here, version: tls.VersionTLS13},
		"1.2 where 1.3 is asked for": {cfg: Config{TLSTrustCertsFile: a.file(), TLSProtocols: []string{"TLSv1.3"}}, server: here, version: tls.VersionTLS12, err: "protocol version"},
		"cipher suites":              {cfg: Config{TLSTrustCertsFile: a.file(), TLSCipherSuites: []string{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}}, server: here, version: tls.VersionTLS12},
		"no cipher suite in common":  {cfg: Config{TLSTrustCertsFile: a.file(), TLSCipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}, server: here, version: tls.VersionTLS12, err: "handshake failure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds, err := parseCredentials(tt.cfg.AuthPlugin, tt.cfg.AuthParams)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := tt.cfg.tlsConfig(creds)
			if err != nil {
				t.Fatal(err)
			}
			client, err := handshake(t, tt.server, pool, tt.version, cfg)
			if client != tt.client || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("client %q, %v", client, err)
			}
		})
	}
}

// Every fault is reported, with the file and without the password.
func TestTLSFaults(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "ours")
	damaged := a.raw("damaged.jks", []byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0xff})
	empty := a.storeJKS("empty.jks", keystore.New())
	text := a.raw("text", []byte("hello"))
	missing := filepath.Join(a.dir, "missing")
	const wrong = "not-the-word"
	trust := func(path, password, typ string) Config {
		return Config{TLSTrustStore: StoreFile{path, password, typ}}
	}
	key := func(path, password string) Config { return Config{TLSKeyStore: StoreFile{path, password, ""}} }
	for name, tt := range map[string]struct {
		cfg  Config
		want []string
	}{
		"wrong password of JKS":     {trust(a.jksTrust(), wrong, ""), []string{"trust.jks", "password is wrong"}},
		"wrong password of PKCS12":  {trust(a.p12Trust(), wrong, ""), []string{"trust.p12", "password is wrong"}},
		"wrong password of a key":   {key(a.jksKey("k"), wrong), []string{"k.jks", "password is wrong"}},
		"wrong password, PKCS12":    {key(a.p12Key("k"), wrong), []string{"k.p12", "password is wrong"}},
		"damaged":                   {trust(damaged, storePassword, ""), []string{"damaged.jks", "damaged"}},
		"nothing in it":             {trust(empty, storePassword, ""), []string{"empty.jks", "no certificate in it"}},
		"no key in it":              {key(a.jksTrust(), storePassword), []string{"trust.jks", "no private key in it"}},
		"something else":            {trust(text, storePassword, "JKS"), []string{"text", "neither a JKS nor a PKCS12 file"}},
		"not there":                 {trust(missing, storePassword, "JKS"), []string{"missing", "no such file"}},
		"type":                      {trust(a.jksTrust(), storePassword, "BKS"), []string{`type "BKS" is not supported`}},
		"no PEM":                    {Config{TLSTrustCertsFile: text}, []string{"text", "no certificate in PEM"}},
		"trust twice":               {Config{TLSTrustCertsFile: a.file(), TLSTrustStore: StoreFile{a.jksTrust(), storePassword, ""}}, []string{"one of them is too many"}},
		"protocol and cipher suite": {Config{TLSProtocols: []string{"SSLv3"}, TLSCipherSuites: []string{"TLS_NO"}}, []string{`"SSLv3" is not known`, `"TLS_NO" is not known`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.ServiceURL = "pulsar+ssl://127.0.0.1:1"
			err := tt.cfg.Validate()
			if err == nil {
				t.Fatal("no fault")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v, want %s", err, w)
				}
			}
			if strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), storePassword) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}
