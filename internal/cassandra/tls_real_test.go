// TLS, client certificates and passwords against a real node, with stores that Java's
// keytool makes.

package cassandra

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore/javastoretest"
)

const storePassword = javastoretest.Password

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func localNode(ctx context.Context, t *testing.T, address string) Node {
	t.Helper()
	s, err := Connect(ctx, Config{ContactPoints: []string{address}, OnlyContactPoints: true, Username: "cassandra", Password: "cassandra"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := s.Local(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTLSAndPasswordsOfARealNode(t *testing.T) {
	servers := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	dir := javastoretest.Make(t, "node", "agent", "stranger")
	in := func(name string) string { return filepath.Join(dir, name) }
	port := freePort(t)
	encryption := func(clientAuth bool) map[string]any {
		return map[string]any{
			"authenticator": "PasswordAuthenticator", "authorizer": "CassandraAuthorizer", "native_transport_port_ssl": port,
			"client_encryption_options": map[string]any{
				"enabled": true, "optional": false, "keystore": in("node.jks"), "keystore_password": storePassword,
				"require_client_auth": clientAuth, "truststore": in("trusts-agent.jks"), "truststore_password": storePassword,
			},
		}
	}
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{YAML: encryption(false)})
	if err != nil {
		t.Fatal(err)
	}
	secure := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	const password = "cassandra" // of the role that a new cluster has
	trusted := TLS{TrustCertsFile: in("node.pem")}
	attempt := func(change func(*Config)) error {
		cfg := Config{ContactPoints: []string{secure}, OnlyContactPoints: true, Username: "cassandra", Password: password, TLS: &trusted, Timeout: 20 * time.Second}
		if change != nil {
			change(&cfg)
		}
		s, err := Connect(ctx, cfg)
		if err != nil {
			return err
		}
		defer s.Close()
		local, err := s.Local(ctx, "")
		if err == nil {
			_, err = s.Schema(ctx, local.HostID, "")
		}
		return err
	}
	// The role appears a moment after the node answers.
	for attempt(nil) != nil {
		select {
		case <-ctx.Done():
			t.Fatal(attempt(nil))
		case <-time.After(time.Second):
		}
	}
	passwordFile := in("password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tlsOf := func(t TLS) func(*Config) { return func(c *Config) { c.TLS = &t } }
	check := func(cases map[string]struct {
		change func(*Config)
		says   string // in the error; "" when it connects
	}) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				err := attempt(c.change)
				if c.says == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want one that says %q", err, c.says)
				}
				if err != nil && (strings.Contains(err.Error(), "wrong-"+password) || strings.Contains(err.Error(), "\n")) {
					t.Errorf("a secret, or more than one line: %v", err)
				}
			})
		}
	}
	type attempts = map[string]struct {
		change func(*Config)
		says   string
	}
	check(attempts{
		"PEM":                         {nil, ""},
		"a trust store":               {tlsOf(TLS{TrustStore: javastore.File{Path: in("trusts-node.jks"), Password: storePassword}}), ""},
		"the password from a file":    {func(c *Config) { c.Password, c.PasswordFile = "", passwordFile }, ""},
		"a wrong password":            {func(c *Config) { c.Password = "wrong-" + password }, "check the user name and the password"},
		"nobody of that name":         {func(c *Config) { c.Username = "nobody" }, "check the user name and the password"},
		"no password":                 {func(c *Config) { c.Username, c.Password = "", "" }, "asks for a user name and a password"},
		"a password file gone":        {func(c *Config) { c.PasswordFile = in("none") }, "password file"},
		"another authority":           {tlsOf(TLS{TrustCertsFile: in("stranger.pem")}), "check the trusted certificates"},
		"the system's authorities":    {tlsOf(TLS{}), "check the trusted certificates"},
		"any certificate":             {tlsOf(TLS{Insecure: true}), ""},
		"a server name":               {tlsOf(TLS{TrustCertsFile: in("node.pem"), ServerName: "node.example"}), ""},
		"another server name":         {tlsOf(TLS{TrustCertsFile: in("node.pem"), ServerName: "other.example"}), "set the server name"},
		"any name":                    {tlsOf(TLS{TrustCertsFile: in("node.pem"), ServerName: "other.example", AnyName: true}), ""},
		"any name, not any issuer":    {tlsOf(TLS{TrustCertsFile: in("stranger.pem"), AnyName: true}), "check the trusted certificates"},
		"without TLS at its port":     {func(c *Config) { c.TLS = nil }, "does the node want TLS"},
		"TLS at the port without":     {func(c *Config) { c.ContactPoints = []string{node.Address()} }, "does not speak TLS"},
		"without TLS":                 {func(c *Config) { c.ContactPoints, c.TLS = []string{node.Address()}, nil }, ""},
		"a trust store's password":    {tlsOf(TLS{TrustStore: javastore.File{Path: in("trusts-node.jks"), Password: "wrong-" + password}}), "password is wrong"},
		"a certificate not asked for": {tlsOf(TLS{TrustCertsFile: in("node.pem"), CertificateFile: in("agent.pem"), KeyFile: in("agent.key")}), ""},
	})

	// As in Astra DB: behind a proxy, which is told by a bundle.
	local := localNode(ctx, t, node.Address())
	cloud := newAstra(t, local.DataCenter, map[string]string{local.HostID: node.Address()})
	bundle := func(data []byte) func(*Config) {
		return func(c *Config) {
			c.ContactPoints, c.OnlyContactPoints, c.TLS, c.Bundle = nil, false, nil, &Bundle{Data: data}
		}
	}
	check(attempts{
		"a bundle":                   {bundle(zipped(t, cloud.files)), ""},
		"a bundle, compressed":       {func(c *Config) { bundle(zipped(t, cloud.files))(c); c.Compression = LZ4 }, ""},
		"a bundle, a wrong password": {func(c *Config) { bundle(zipped(t, cloud.files))(c); c.Password = "wrong-" + password }, "check the user name and the password"},
	})
	if asked := cloud.proxied(); !slices.Contains(asked, local.HostID) {
		t.Errorf("the proxy was asked for %q", asked)
	}

	if err := node.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	node.Configure(encryption(true))
	if err := node.Start(ctx); err != nil {
		t.Fatal(err)
	}
	store := func(name string) javastore.File { return javastore.File{Path: in(name), Password: storePassword} }
	check(attempts{
		"mTLS, PEM":                 {tlsOf(TLS{TrustCertsFile: in("node.pem"), CertificateFile: in("agent.pem"), KeyFile: in("agent.key")}), ""},
		"mTLS, JKS":                 {tlsOf(TLS{TrustStore: store("trusts-node.jks"), KeyStore: store("agent.jks")}), ""},
		"mTLS, PKCS12":              {tlsOf(TLS{TrustStore: store("trusts-node.jks"), KeyStore: store("agent.p12")}), ""},
		"mTLS, no certificate":      {nil, "the node asks for a client certificate"},
		"mTLS, a stranger":          {tlsOf(TLS{TrustCertsFile: in("node.pem"), KeyStore: store("stranger.jks")}), "the node asks for a client certificate"},
		"mTLS, another's key":       {tlsOf(TLS{TrustCertsFile: in("node.pem"), CertificateFile: in("stranger.pem"), KeyFile: in("agent.key")}), "client certificate"},
		"mTLS, store without a key": {tlsOf(TLS{TrustCertsFile: in("node.pem"), KeyStore: store("trusts-agent.jks")}), fmt.Sprintf("key store %s", in("trusts-agent.jks"))},
	})
}
