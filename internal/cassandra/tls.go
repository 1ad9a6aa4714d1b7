// TLS to Cassandra, and logging in, with files that may change while we run.

package cassandra

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gocql/gocql"

	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
)

// TLS says how a node proves who it is, and how we do. Files are PEM.
type TLS struct {
	TrustCertsFile  string         // the node's certificate must come from one of these; "" means the system's
	TrustStore      javastore.File // one of Java's instead of TrustCertsFile
	CertificateFile string         // ours, for a node with require_client_auth; read again for each connection
	KeyFile         string         // of CertificateFile
	KeyStore        javastore.File // one of Java's instead of CertificateFile; read again likewise
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
	if t.TrustCertsFile != "" {
		pem, err := os.ReadFile(t.TrustCertsFile)
		if err != nil {
			return nil, fmt.Errorf("trusted certificates: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("trusted certificates: %s holds no certificate in PEM", t.TrustCertsFile)
		}
	}
	if t.TrustStore.Path != "" {
		certificates, err := t.TrustStore.Certificates()
		if err != nil {
			return nil, fmt.Errorf("trust store %s: %w", t.TrustStore.Path, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		for _, c := range certificates {
			cfg.RootCAs.AddCert(c)
		}
	}
	if t.AnyName && !t.Insecure {
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return trusted(s.PeerCertificates, cfg.RootCAs) }
	}
	if t.CertificateFile == "" && t.KeyFile == "" && t.KeyStore.Path == "" {
		return cfg, nil
	}
	if _, err := t.certificate(); err != nil {
		return nil, err
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate() }
	return cfg, nil
}

// certificate reads ours.
func (t TLS) certificate() (*tls.Certificate, error) {
	if t.KeyStore.Path != "" {
		pair, err := t.KeyStore.KeyPair()
		if err != nil {
			return nil, fmt.Errorf("key store %s: %w", t.KeyStore.Path, err)
		}
		return pair, nil
	}
	pair, err := tls.LoadX509KeyPair(t.CertificateFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return &pair, nil
}

// trusted verifies a chain as crypto/tls does, but for the name.
func trusted(chain []*x509.Certificate, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
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

// remedy is what to do about a failed connection.
func (cfg Config) remedy(err error) string {
	text := err.Error()
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown) || strings.Contains(text, "certificate signed by unknown authority"):
		return "the node's certificate does not come from a trusted one: check the trusted certificates"
	case errors.As(err, &name) || strings.Contains(text, "x509: certificate is valid for") || strings.Contains(text, "doesn't contain any IP SANs"):
		return "the node's certificate has another name: set the server name to one that it has"
	case strings.Contains(text, "x509: certificate has expired"):
		return "the node's certificate has expired, or the clock here is wrong"
	case strings.Contains(text, "certificate required") || strings.Contains(text, "bad certificate"):
		return "the node asks for a client certificate from an authority that it trusts: set one, with its key"
	case errors.As(err, &header) || strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the node does not speak TLS at this port: turn TLS off, or name the port that does"
	case cfg.TLS == nil && (strings.Contains(text, "EOF") || strings.Contains(text, "connection reset")):
		return "does the node want TLS at this port? else: is it still starting?"
	case strings.Contains(text, "username and/or password are incorrect"), strings.Contains(text, "BAD_CREDENTIALS"), strings.Contains(text, "Provided username"):
		return "check the user name and the password"
	case cfg.Username == "" && strings.Contains(strings.ToLower(text), "authentic"):
		return "the node asks for a user name and a password: set them"
	case cfg.LocalDC != "" && strings.Contains(text, "host was filtered"):
		return fmt.Sprintf("is it in the data center %s of loadBalancing.localDc? names are case-sensitive", cfg.LocalDC)
	}
	return "is the node up, native transport enabled, and the address right?"
}
