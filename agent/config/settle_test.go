// What the settings and cassandra.yaml come to together.

package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

// What cassandra.yaml leaves out lies in the storage directory, as in Cassandra.
func TestDirectoriesThatCassandraYAMLLeavesOut(t *testing.T) {
	storage := t.TempDir()
	for _, dir := range []string{"cdc_raw", "commitlog"} {
		if err := os.Mkdir(filepath.Join(storage, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := Config{CassandraYAML: settingstest.File(t, "cassandra.yaml", "cdc_enabled: true"), CassandraStorageDir: storage}
	c, n, err := c.Settle(node.ThisMachine())
	if err != nil {
		t.Fatal(err)
	}
	if n.CDCRawDirectory != storage+"/cdc_raw" || n.CommitLogDirectory != storage+"/commitlog" || c.CDCWorkingDir != storage+"/cdc" || c.ContactPoint != "localhost:9042" {
		t.Errorf("%+v, %+v", c, n)
	}
}

// A node that asks for a client's certificate is not asked without one.
func TestClientCertificateThatTheNodeDemands(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		demand string
		want   bool // a fault
	}{
		{Config{}, "true", true},
		{Config{CassandraTLSKeystorePath: "k"}, "true", false},
		{Config{CassandraTLSCertificateFilePath: "c"}, "true", false},
		{Config{CassandraTLS: "false"}, "true", false},
		{Config{}, "false", false},
		{Config{}, "optional", false},
	} {
		n, err := node.Read(node.Location{YAML: settingstest.File(t, "cassandra.yaml", "client_encryption_options: {enabled: true, require_client_auth: "+c.demand+"}")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.cfg.WithDefaults().Meet(n); (err != nil) != c.want {
			t.Errorf("%+v, %s: %v", c.cfg, c.demand, err)
		}
	}
}

func TestContactPointIsWhereTheNodeListens(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"", "localhost:9042"},
		{"rpc_address: localhost", "localhost:9042"},
		{"rpc_address: 10.0.0.7", "10.0.0.7:9042"},
		{"rpc_address: node7.example\nnative_transport_port: 9142", "node7.example:9142"},
		{"rpc_address: 10.0.0.7\nbroadcast_rpc_address: 192.0.2.7", "10.0.0.7:9042"}, // the agent is on the node
		{"rpc_address: 0.0.0.0\nbroadcast_rpc_address: 192.0.2.7", "192.0.2.7:9042"},
		{"rpc_address: '::'\nbroadcast_rpc_address: 2001:db8::7", "[2001:db8::7]:9042"},
		{"rpc_address: 0.0.0.0", "localhost:9042"}, // Cassandra refuses to start like this
		{"rpc_address: '::1'", "[::1]:9042"},
		{"listen_address: 10.0.0.8", "10.0.0.8:9042"},
		{"rpc_address: 10.0.0.7\nlisten_address: 10.0.0.8", "10.0.0.7:9042"},
		{"rpc_interface: lo", "127.0.0.1:9042"},
		{"rpc_interface: no-such-interface", ""},
		{"rpc_address: 10.0.0.7\nnative_transport_port_ssl: 9142", "10.0.0.7:9042"}, // not over TLS
		{"rpc_address: 10.0.0.7\nnative_transport_port_ssl: 9142\nclient_encryption_options: {enabled: true, optional: false}", "10.0.0.7:9142"},
		{"rpc_address: 10.0.0.7\nnative_transport_port_ssl: 9142\nclient_encryption_options: {enabled: true, optional: true}", "10.0.0.7:9042"},
		{"rpc_address: 10.0.0.7\nclient_encryption_options: {enabled: true, require_client_auth: optional}", "10.0.0.7:9042"},
	} {
		n, err := node.Read(node.Location{YAML: settingstest.File(t, "cassandra.yaml", c.yaml)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := n.ContactPoint(Config{CassandraTLS: "auto"}.cassandraTLS(n))
		if got != c.want || (err == nil) == (c.want == "") {
			t.Errorf("%q: %s, want %s, error %v", c.yaml, got, c.want, err)
		}
	}
}
