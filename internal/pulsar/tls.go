// This file makes the TLS settings of a connection, with Java's meaning of each.
//
// The library's own settings are not used: it verifies the host name even where
// that is off, and where it is on it wants the first service host's name of every
// broker.

package pulsar

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/ciphers"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
)

// StoreFile is a Java key store or trust store.
type StoreFile struct {
	// Path of the file. Empty: no store.
	Path string
	// Password opens the store, and the keys in it. It is secret.
	Password string
	// Type is JKS or PKCS12. Empty: what the file's first bytes say.
	Type string
}

func (s StoreFile) store() javastore.File {
	return javastore.File{Path: s.Path, Password: s.Password, Type: s.Type}
}

// Versions by the names that Java's settings have for them.
var tlsVersions = map[string]uint16{
	"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

// tlsConfig reads and checks every file, and reports all faults. The certificate
// that we show is read again for every connection; the trusted ones are read once.
func (c Config) tlsConfig(creds credentials) (*tls.Config, error) {
	var faults []error
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.AllowInsecure}
	if len(c.TLSProtocols) > 0 {
		var versions []uint16
		for _, name := range c.TLSProtocols {
			v, ok := tlsVersions[name]
			if !ok {
				faults = append(faults, fmt.Errorf("TLS protocol %q is not known: use TLSv1.3, TLSv1.2, TLSv1.1 or TLSv1", name))
				continue
			}
			versions = append(versions, v)
		}
		if versions != nil {
			// The best may always be used: Java's list ends at 1.2 for its age.
			cfg.MinVersion = slices.Min(versions)
		}
	}
	var err error
	if cfg.CipherSuites, err = ciphers.IDs(c.TLSCipherSuites); err != nil {
		faults = append(faults, err)
	}
	if cfg.RootCAs, err = c.trusted(); err != nil {
		faults = append(faults, err)
	}
	if !c.AllowInsecure && !c.HostnameVerification {
		// The chain is verified, without the name.
		cfg.InsecureSkipVerify = true
		roots := cfg.RootCAs
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s.PeerCertificates, roots) }
	}
	if show := c.clientCertificate(creds); show != nil {
		if _, err := show(); err != nil {
			faults = append(faults, err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return show() }
	}
	return cfg, errors.Join(faults...)
}

// trusted are the certificates to trust, nil for the system's.
func (c Config) trusted() (*x509.CertPool, error) {
	switch {
	case c.TLSTrustCertsFile != "" && c.TLSTrustStore.Path != "":
		return nil, errors.New("trusted certificates and a trust store are both set: one of them is too many")
	case c.TLSTrustCertsFile != "":
		text, err := os.ReadFile(c.TLSTrustCertsFile)
		if err != nil {
			return nil, fmt.Errorf("trusted certificates: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("trusted certificates: %s holds no certificate in PEM", c.TLSTrustCertsFile)
		}
		return pool, nil
	case c.TLSTrustStore.Path != "":
		certificates, err := c.TLSTrustStore.store().Certificates()
		if err != nil {
			return nil, fmt.Errorf("trust store %s: %w", c.TLSTrustStore.Path, err)
		}
		pool := x509.NewCertPool()
		for _, cert := range certificates {
			pool.AddCert(cert)
		}
		return pool, nil
	}
	return nil, nil
}

// clientCertificate is what reads the certificate that we show, nil where we show
// none. That of the authentication plugin comes before the key store's.
func (c Config) clientCertificate(creds credentials) func() (*tls.Certificate, error) {
	if creds.name == "tls" && creds.params["tlsCertFile"] != "" {
		return func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(creds.params["tlsCertFile"], creds.params["tlsKeyFile"])
			if err != nil {
				return nil, fmt.Errorf("client certificate: %w", err)
			}
			return &cert, nil
		}
	}
	store := c.TLSKeyStore
	if creds.name == "tls" && creds.params["keyStorePath"] != "" {
		store = StoreFile{creds.params["keyStorePath"], creds.params["keyStorePassword"], creds.params["keyStoreType"]}
	}
	if store.Path == "" {
		return nil
	}
	return func() (*tls.Certificate, error) {
		cert, err := store.store().KeyPair()
		if err != nil {
			return nil, fmt.Errorf("key store %s: %w", store.Path, err)
		}
		return cert, nil
	}
}

// verifyChain verifies as crypto/tls does, but for the name.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(options)
	return err
}

// usesTLS reports whether the service URL asks for TLS.
func (c Config) usesTLS() bool {
	return strings.HasPrefix(c.ServiceURL, "pulsar+ssl:") || strings.HasPrefix(c.ServiceURL, "https:")
}
