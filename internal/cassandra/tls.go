// TLS to Cassandra, and logging in, with files that may change while we run.

package cassandra

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gocql/gocql"

	"github.com/cassandra-cdc/cassandra-cdc/internal/ciphers"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
)

// TLS says how a node proves who it is, and how we do. Files are PEM.
type TLS struct {
	TrustCertsFile  string         // the node's certificate must come from one of these; "" means the system's
	TrustCerts      []byte         // what would be in TrustCertsFile, instead of it
	TrustStore      javastore.File // one of Java's instead of TrustCertsFile
	CertificateFile string         // ours, for a node with require_client_auth; read again for each connection
	Certificate     []byte         // what would be in CertificateFile, instead of it
	KeyFile         string         // of CertificateFile
	Key             []byte         // what would be in KeyFile, instead of it
	KeyStore        javastore.File // one of Java's instead of CertificateFile; read again likewise
	CipherSuites    []string       // allowed below TLS 1.3, by their IANA names; nil means Go's choice
	ServerName      string         // the name that the node's certificate must have; "" means the host that is connected to
	AnyName         bool           // a certificate of any name will do
	Insecure        bool           // any certificate will do
}

// Validate reads the files and says what is wrong with them.
func (t TLS) Validate() error {
	_, err := t.config()
	return err
}

// config checks the files and is what a connection needs.
func (t TLS) config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure || t.AnyName}
	var err error
	if cfg.CipherSuites, err = ciphers.IDs(t.CipherSuites); err != nil {
		return nil, err
	}
	if cfg.RootCAs, err = t.roots(); err != nil {
		return nil, err
	}
	if t.AnyName && !t.Insecure {
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return trusted(s.PeerCertificates, cfg.RootCAs, "") }
	}
	if t.CertificateFile == "" && t.KeyFile == "" && t.Certificate == nil && t.Key == nil && !t.KeyStore.Given() {
		return cfg, nil
	}
	if _, err := t.certificate(); err != nil {
		return nil, err
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate() }
	return cfg, nil
}

// roots are the certificates to trust; nil for the system's.
func (t TLS) roots() (*x509.CertPool, error) {
	if t.TrustStore.Given() {
		certificates, err := t.TrustStore.Certificates()
		if err != nil {
			return nil, fmt.Errorf("trust store %s: %w", t.TrustStore, err)
		}
		pool := x509.NewCertPool()
		for _, c := range certificates {
			pool.AddCert(c)
		}
		return pool, nil
	}
	if t.TrustCertsFile == "" && t.TrustCerts == nil {
		return nil, nil
	}
	text, err := contents(t.TrustCertsFile, t.TrustCerts)
	if err != nil {
		return nil, fmt.Errorf("trusted certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("trusted certificates: %s holds no certificate in PEM", cmp.Or(t.TrustCertsFile, "what is given"))
	}
	return pool, nil
}

// contents are those of a file, unless they are given.
func contents(path string, given []byte) ([]byte, error) {
	if given != nil {
		return given, nil
	}
	return os.ReadFile(path)
}

// certificate reads ours.
func (t TLS) certificate() (*tls.Certificate, error) {
	if t.KeyStore.Given() {
		pair, err := t.KeyStore.KeyPair()
		if err != nil {
			return nil, fmt.Errorf("key store %s: %w", t.KeyStore, err)
		}
		return pair, nil
	}
	certificate, err := contents(t.CertificateFile, t.Certificate)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	key, err := contents(t.KeyFile, t.Key)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return &pair, nil
}

// trusted verifies a chain as crypto/tls does, for another name or, with "", for any.
func trusted(chain []*x509.Certificate, roots *x509.CertPool, name string) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: name}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(options)
	return err
}

// login answers a node that asks who we are, whatever class asks: all of them that take
// a password take it like this (SASL PLAIN, RFC 4616).
type login struct{ cfg Config }

func (l login) Challenge([]byte) ([]byte, gocql.Authenticator, error) {
	password := l.cfg.Password
	if l.cfg.PasswordFile != "" {
		text, err := os.ReadFile(l.cfg.PasswordFile)
		if err != nil {
			return nil, nil, fmt.Errorf("password file: %w", err)
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	return []byte("\x00" + l.cfg.Username + "\x00" + password), nil, nil
}

func (login) Success([]byte) error { return nil }

// remedy is what to do about a failed connection, of which the driver keeps the text
// only.
func (cfg Config) remedy(err error) string {
	text := err.Error()
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	}
	switch {
	case cfg.Bundle != nil && says("x509: ", "tls: "):
		return "the certificates of the secure connect bundle are not those of the database: download the bundle again"
	case says("certificate signed by unknown authority"):
		return "the node's certificate does not come from a trusted one: check the trusted certificates"
	case says("x509: certificate is valid for", "x509: certificate is not valid for", "doesn't contain any IP SANs"):
		return "the node's certificate has another name: set the server name to one that it has"
	case says("x509: certificate has expired"):
		return "the node's certificate has expired, or the clock here is wrong"
	case says("remote error: tls: ") && says("certificate", "internal error"):
		// Java's answer to a certificate that it does not trust is an internal error.
		return "the node asks for a client certificate from an authority that it trusts: set one, with its key"
	case says("first record does not look like a TLS handshake"):
		return "the node does not speak TLS at this port: turn TLS off, or name the port that does"
	case cfg.TLS == nil && cfg.Bundle == nil && says("EOF", "connection reset"):
		return "does the node want TLS at this port? else: is it still starting?"
	case says("and/or password are incorrect"):
		return "check the user name and the password"
	case cfg.Username == "" && says("authentication required"):
		return "the node asks for a user name and a password: set them"
	case cfg.LocalDC != "" && says("host was filtered"):
		return fmt.Sprintf("is it in the data center %s of loadBalancing.localDc? names are case-sensitive", cfg.LocalDC)
	}
	return "is the node up, native transport enabled, and the address right?"
}
