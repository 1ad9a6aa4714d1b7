// What the agent takes from cassandra.yaml, and what it tells a person about it.

package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

// nodeFaults is all that is wrong with a cassandra.yaml.
func nodeFaults(path string) error {
	n, err := Read(Location{YAML: path, StorageDir: "/no/such/storage"})
	if err != nil {
		return err
	}
	return n.Faults()
}

func TestCassandraYAMLFaults(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content string
		want    [][]string
	}{
		"CDC is off": {
			"cdc_enabled: false\ncdc_raw_directory: " + dir + "\ncommitlog_directory: " + dir,
			[][]string{{"cdc_enabled", "true", "restart"}},
		},
		"nothing is set":         {"cluster_name: c", [][]string{{"cdc_enabled", "restart"}}},
		"an empty file":          {"", [][]string{{"cdc_enabled"}}},
		"directories not set":    {"cdc_enabled: true", [][]string{{"cdc_raw_directory", "/no/such/storage/cdc_raw", "cassandraStorageDir"}, {"commitlog_directory", "/no/such/storage/commitlog"}}},
		"tokens of another kind": {"partitioner: org.apache.cassandra.dht.RandomPartitioner", [][]string{{"cdc_enabled"}, {"partitioner", "RandomPartitioner", "Murmur3Partitioner"}}},
		"a keystore that is not there": {
			"transparent_data_encryption_options: {enabled: true, key_provider: [{class_name: JKSKeyProvider, parameters: [{keystore: /no/such/store, keystore_password: " + settingstest.Secret + "}]}]}",
			[][]string{{"cdc_enabled"}, {"transparent_data_encryption_options", "/no/such/store"}},
		},
		"directories that are not there": {
			"cdc_enabled: true\ncdc_raw_directory: /no/such/raw\ncommitlog_directory: /no/such/log",
			[][]string{{"cdc_raw_directory", "/no/such/raw", "started"}, {"commitlog_directory", "/no/such/log", "started"}},
		},
		"a file for a directory": {
			"cdc_enabled: true\ncdc_raw_directory: " + file + "\ncommitlog_directory: " + dir,
			[][]string{{"cdc_raw_directory", file, "no directory"}},
		},
		"no YAML":            {"<?xml version='1.0'?>\n: :", [][]string{{"cassandraYaml"}}},
		"bytes":              {"\x00\x01\x02", [][]string{{"cassandraYaml"}}},
		"words for a number": {"native_transport_port: many\ncdc_enabled: perhaps", [][]string{{"line 1", "int", "line 2", "bool", "cassandraYaml"}}},
		"a list":             {"- a\n- b", [][]string{{"cassandraYaml"}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := settingstest.File(t, "cassandra.yaml", c.content)
			err := nodeFaults(path)
			for i := range c.want {
				c.want[i] = append(c.want[i], path)
			}
			settingstest.Lines(t, err, c.want...)
			if again := nodeFaults(path); err != nil && again.Error() != err.Error() {
				t.Errorf("the same file, another text:\n%v\n%v", err, again)
			}
		})
	}
	err := nodeFaults("/no/such/cassandra.yaml")
	settingstest.Lines(t, err, []string{"/no/such/cassandra.yaml", "cassandraYaml"})
}

// A file as Cassandra ships it, in which most of the settings mean nothing to us.
func TestCassandraYAMLOfARealNode(t *testing.T) {
	raw, log := t.TempDir(), t.TempDir()
	n, err := Read(Location{YAML: settingstest.File(t, "cassandra.yaml", `
cluster_name: 'Test Cluster'
num_tokens: 16
hinted_handoff_enabled: true
authenticator:
  class_name: PasswordAuthenticator
cdc_enabled: true
cdc_raw_directory: `+raw+`
commitlog_directory: `+log+`
commitlog_sync: periodic
commitlog_sync_period: 10000ms
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:7000"
native_transport_port: 9043
rpc_address: 10.0.0.7
`)})
	if err != nil {
		t.Fatal(err)
	}
	at, err := n.ContactPoint(false)
	if err != nil || n.Faults() != nil || n.CDCRawDirectory != raw || n.CommitLogDirectory != log || at != "10.0.0.7:9043" {
		t.Errorf("%+v", n)
	}
}

func TestKeysOfANodeThatEncryptsItsLog(t *testing.T) {
	const store = "../../testdata/corpus/keystore.jceks"
	provider := func(class, password string) string {
		return `transparent_data_encryption_options: {enabled: true, key_alias: "testing:1", key_provider: [{class_name: ` + class +
			`, parameters: [{keystore: ` + store + `, keystore_password: ` + password + `, store_type: JCEKS}]}]}`
	}
	for name, c := range map[string]struct {
		yaml, want string // of the error; "" when there is a key
	}{
		"as Cassandra has it":   {provider("org.apache.cassandra.security.JKSKeyProvider", "cassandra"), ""},
		"the class alone":       {provider("JKSKeyProvider", "cassandra"), ""},
		"another password":      {provider("JKSKeyProvider", "secret-9"), "keystore_password"},
		"a class of somebody":   {provider("com.example.Vault", "cassandra"), "com.example.Vault"},
		"enabled and no more":   {"transparent_data_encryption_options: {enabled: true}", "one key_provider"},
		"two key providers":     {"transparent_data_encryption_options: {enabled: true, key_provider: [{class_name: a}, {class_name: b}]}", "one key_provider"},
		"parameters are absent": {"transparent_data_encryption_options: {enabled: true, key_provider: [{class_name: JKSKeyProvider}]}", "one key_provider"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Read(Location{YAML: settingstest.File(t, "cassandra.yaml", c.yaml)})
			if n.Encryption.Enabled != true {
				t.Fatal(err)
			}
			keys, err := n.Keys()
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-9") {
					t.Errorf("error %v, want one that says %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if key, err := keys.Key("testing:1"); err != nil || len(key) != 16 {
				t.Errorf("key of %d bytes, %v", len(key), err)
			}
		})
	}
	off, _ := Read(Location{YAML: settingstest.File(t, "cassandra.yaml", "transparent_data_encryption_options: {enabled: false, key_provider: [{class_name: JKSKeyProvider, parameters: [{keystore: conf/.keystore}]}]}")})
	if keys, err := off.Keys(); keys != nil || err != nil {
		t.Errorf("a node that does not encrypt: %v, %v", keys, err)
	}
}

func TestSectionsAreAsLargeAsSegments(t *testing.T) {
	for yaml, want := range map[string]int{
		"commitlog_segment_size: 512MiB":    512 << 20,
		"commitlog_segment_size: 1GiB":      1 << 30,
		"commitlog_segment_size: 262144KiB": 256 << 20,
		"commitlog_segment_size_in_mb: 256": 256 << 20,
		"commitlog_segment_size: 32MiB":     128 << 20,
		"cluster_name: c":                   128 << 20,
	} {
		n, _ := Read(Location{YAML: settingstest.File(t, "cassandra.yaml", yaml)})
		if got := n.MaxSection(); got != want {
			t.Errorf("%s: %d, want %d", yaml, got, want)
		}
	}
}
