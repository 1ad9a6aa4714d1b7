// What a person is told who configured the agent wrongly: everything at once, each
// fault in a line of its own that says what to do, and never a secret.

package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

const secret = "hunter2-Zq8"

// lines checks that an error has these lines in any order, each recognized by words
// that it must hold.
func lines(t *testing.T, err error, want ...[]string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error tells a secret: %v", err)
	}
	left := strings.Split(err.Error(), "\n")
	for _, words := range want {
		found := -1
		for i, line := range left {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				found = i
				break
			}
		}
		if found < 0 {
			t.Errorf("no line says %q:\n%v", words, err)
			continue
		}
		left = append(left[:found], left[found+1:]...)
	}
	for _, line := range left {
		t.Errorf("a line that was not expected: %s", line)
	}
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(text ...string) func(*testing.T) (Config, error) {
	return func(t *testing.T) (Config, error) {
		return LoadConfig(settings.Sources{File: writeFile(t, "agent.yaml", strings.Join(text, "\n"))})
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	err := Config{
		CassandraPassword: secret, PulsarServiceURL: "localhost 6650", PulsarAuthPluginClassName: "token", PulsarAuthParams: `{"tokn":"` + secret + `"}`,
		TLSTrustCertsFilePath: "/no/such/ca.pem", PulsarMaxPendingMessages: -1, CassandraTLS: "maybe", Tables: []string{"shop"}, ExcludeTables: []string{"a.[b"},
	}.Validate()
	lines(t, err,
		[]string{"cassandraUsername", "cassandraPassword"}, []string{"pulsarServiceUrl", "service URL", "pulsar://"}, []string{"pulsarAuthParams", "token", "missing"},
		[]string{"tlsTrustCertsFilePath", "/no/such/ca.pem"}, []string{"pulsarMaxPendingMessages", "too small"}, []string{"cassandraTls", "auto"},
		[]string{"tables", "shop", "keyspace.table"}, []string{"excludeTables", "a.[b", "keyspace.table"})
}

func TestAnEmptyConfigurationIsValid(t *testing.T) {
	c, err := load("")(t)
	if err != nil || c.Validate() != nil || c.Warnings() != nil {
		t.Fatalf("%v, %v, %v", err, c.Validate(), c.Warnings())
	}
	if p := c.pulsar(nil); p.ServiceURL != "pulsar://localhost:6650" || c.producer().MaxPending != 1000 {
		t.Errorf("defaults: %+v", p)
	}
}

func TestSettingsArriveWhereTheyBelong(t *testing.T) {
	c, err := load(`
topicPrefix: persistent://tenant/ns/events-
pulsarServiceUrl: pulsar+ssl://broker:6651
pulsarAuthPluginClassName: org.apache.pulsar.client.impl.auth.AuthenticationToken
pulsarAuthParams: token:` + secret + `
tlsTrustCertsFilePath: /ca.pem
sslAllowInsecureConnection: true
sslHostnameVerificationEnable: true
`)(t)
	if err != nil {
		t.Fatal(err)
	}
	p := c.pulsar(nil)
	if c.TopicPrefix != "persistent://tenant/ns/events-" || p.ServiceURL != "pulsar+ssl://broker:6651" || p.AuthParams != "token:"+secret ||
		!strings.HasSuffix(p.AuthPlugin, "AuthenticationToken") || p.TLSTrustCertsFile != "/ca.pem" || !p.AllowInsecure || !p.HostnameVerification {
		t.Errorf("prefix %q, %+v", c.TopicPrefix, p)
	}
}
