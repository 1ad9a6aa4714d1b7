// A configuration with the keys of DataStax's connector, against a real node that asks for
// TLS, a client certificate and a password.

package config

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore/javastoretest"
)

func TestConnectToARealNode(t *testing.T) {
	servers := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	dir := javastoretest.Make(t, "node", "connector")
	in := func(name string) string { return filepath.Join(dir, name) }
	encoded := func(name string) string {
		data, err := os.ReadFile(in(name))
		if err != nil {
			t.Fatal(err)
		}
		return "base64:" + base64.StdEncoding.EncodeToString(data)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if _, err := servers.StartCassandra(ctx, env.CassandraOptions{YAML: map[string]any{
		"authenticator": "PasswordAuthenticator", "authorizer": "CassandraAuthorizer", "native_transport_port_ssl": port,
		"client_encryption_options": map[string]any{
			"enabled": true, "optional": false, "keystore": in("node.jks"), "keystore_password": javastoretest.Password,
			"require_client_auth": true, "truststore": in("trusts-connector.jks"), "truststore_password": javastoretest.Password,
		},
	}}); err != nil {
		t.Fatal(err)
	}
	with := func(more map[string]any) map[string]any {
		config := map[string]any{
			"keyspace": "ks", "table": "t", "contactPoints": "127.0.0.1", "port": port, "loadBalancing.localDc": "datacenter1",
			"auth.provider": "PLAIN", "auth.username": "cassandra", "auth.password": "cassandra",
		}
		for key, value := range more {
			if config[key] = value; value == nil {
				delete(config, key)
			}
		}
		return config
	}
	stores := with(map[string]any{
		"ssl.provider": "JDK", "ssl.truststore.path": in("trusts-node.jks"), "ssl.truststore.password": javastoretest.Password,
		"ssl.keystore.path": in("connector.p12"), "ssl.keystore.password": javastoretest.Password, "compression": "LZ4",
	})
	attempt := func(config map[string]any) error {
		text, err := json.Marshal(config)
		if err != nil {
			return err
		}
		c, err := Function(text, Pulsar{})
		if err != nil {
			return err
		}
		if err := c.Validate(); err != nil {
			return err
		}
		if w := c.Warnings(); len(w) > 0 {
			t.Errorf("warnings: %q", w)
		}
		s, err := cassandra.Connect(ctx, c.Cassandra(nil))
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
	for err := attempt(stores); err != nil; err = attempt(stores) {
		if !errors.Is(err, cassandra.ErrCredentials) {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(time.Second):
		}
	}
	const driver = "datastax-java-driver."
	for name, c := range map[string]struct {
		config map[string]any
		says   string // in the error; "" when it connects
	}{
		"Java's stores": {stores, ""},
		"stores that are not here": {with(map[string]any{
			"ssl": map[string]any{
				"truststore": map[string]any{"path": encoded("trusts-node.jks"), "password": javastoretest.Password},
				"keystore":   map[string]any{"path": encoded("connector.jks"), "password": javastoretest.Password},
			}, "compression": "Snappy",
		}), ""},
		"PEM": {with(map[string]any{
			"ssl.provider": "OpenSSL", "ssl.trustCertsFilePath": in("node.pem"), "ssl.openssl.keyCertChain": in("connector.pem"), "ssl.openssl.privateKey": encoded("connector.key"),
			"ssl.cipherSuites": []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		}), ""},
		"as the Java driver is told": {with(map[string]any{
			"contactPoints": nil, "loadBalancing.localDc": nil, "auth.provider": nil, "auth.username": nil, "auth.password": nil,
			driver + "basic": map[string]any{
				"contact-points": []string{net.JoinHostPort("127.0.0.1", "1"), "127.0.0.1"}, "load-balancing-policy.local-datacenter": "datacenter1", "request.timeout": "20 seconds",
			},
			driver + "advanced": map[string]any{
				"auth-provider": map[string]any{"class": "PlainTextAuthProvider", "username": "cassandra", "password": "cassandra"},
				"protocol":      map[string]any{"compression": "lz4"},
				"ssl-engine-factory": map[string]any{
					"class": "DefaultSslEngineFactory", "truststore-path": in("trusts-node.jks"), "truststore-password": javastoretest.Password,
					"keystore-path": in("connector.jks"), "keystore-password": javastoretest.Password,
				},
			},
		}), ""},
		"another data center":   {with(map[string]any{"ssl.trustCertsFilePath": in("node.pem"), "ssl.keystore.path": in("connector.p12"), "ssl.keystore.password": javastoretest.Password, "loadBalancing.localDc": "dc7"}), "dc7"},
		"no client certificate": {with(map[string]any{"ssl.trustCertsFilePath": in("node.pem")}), "the node asks for a client certificate"},
		"another authority":     {with(map[string]any{"ssl.trustCertsFilePath": in("connector.pem")}), "check the trusted certificates"},
		"without TLS":           {with(nil), "does the node want TLS"},
		"a store's password":    {with(map[string]any{"ssl.truststore.path": in("trusts-node.jks"), "ssl.truststore.password": secret}), "ssl.truststore.password"},
	} {
		t.Run(name, func(t *testing.T) {
			err := attempt(c.config)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("a secret: %v", err)
			}
		})
	}
}
