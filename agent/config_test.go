// What a person is told who configured the agent wrongly: everything at once, each
// fault in a line of its own that says what to do, and never a secret.

package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	err := Config{CassandraPassword: secret, PulsarServiceURL: "localhost 6650", PulsarAuthPluginClassName: "token", PulsarAuthParams: `{"tokn":"` + secret + `"}`, TLSTrustCertsFilePath: "/no/such/ca.pem"}.Validate()
	lines(t, err,
		[]string{"cassandraYaml", "path"}, []string{"cdcWorkingDir", "directory"}, []string{"cassandraUsername", "cassandraPassword"},
		[]string{"service URL", "pulsar://"}, []string{"token", "missing"}, []string{"certificates", "/no/such/ca.pem"})
}

func TestTheSmallestConfigurationIsValid(t *testing.T) {
	c, err := LoadConfig(writeFile(t, "agent.yaml", "cassandraYaml: /etc/cassandra/cassandra.yaml\ncdcWorkingDir: /var/lib/cassandra-cdc\n"))
	if err != nil || c.Validate() != nil {
		t.Fatalf("%v, %v", err, c.Validate())
	}
	if p := c.pulsar(nil); p.ServiceURL != "pulsar://localhost:6650" || c.topicPrefix() != "events-" {
		t.Errorf("defaults: %+v, %q", p, c.topicPrefix())
	}
}

func TestSettingsArriveWhereTheyBelong(t *testing.T) {
	c, err := LoadConfig(writeFile(t, "agent.yaml", `
topicPrefix: persistent://tenant/ns/events-
pulsarServiceUrl: pulsar+ssl://broker:6651
pulsarAuthPluginClassName: org.apache.pulsar.client.impl.auth.AuthenticationToken
pulsarAuthParams: token:`+secret+`
tlsTrustCertsFilePath: /ca.pem
sslAllowInsecureConnection: true
sslHostnameVerificationEnable: true
`))
	if err != nil {
		t.Fatal(err)
	}
	p := c.pulsar(nil)
	if c.topicPrefix() != "persistent://tenant/ns/events-" || p.ServiceURL != "pulsar+ssl://broker:6651" || p.AuthParams != "token:"+secret ||
		!strings.HasSuffix(p.AuthPlugin, "AuthenticationToken") || p.TLSTrustCertsFile != "/ca.pem" || !p.AllowInsecure || !p.HostnameVerification {
		t.Errorf("prefix %q, %+v", c.topicPrefix(), p)
	}
}

func TestFaultyConfigurationFiles(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"an unknown key":                           {"cassandraYaml: a\ncdcWorkinDir: b\n", []string{"line 2", "cdcWorkinDir"}},
		"two unknown keys":                         {"cassandraYml: a\ncdcWorkinDir: b\n", []string{"cassandraYml", "line 2", "cdcWorkinDir"}},
		"a key twice":                              {"cdcWorkingDir: a\ncdcWorkingDir: b\n", []string{"line 2", "cdcWorkingDir", "already defined"}},
		"words for a number":                       {"pulsarMaxPendingMessages: many\n", []string{"line 1", "int"}},
		"no YAML":                                  {"{{{", []string{"line 1"}},
		"a list for a password":                    {"cassandraPassword: [" + secret + "]\n", []string{"line 1"}},
		"a password that begins with a quote":      {"cassandraPassword: '" + secret + "\n", nil},
		"a password that begins with an asterisk":  {"cassandraPassword: *" + secret + "\n", []string{"quotes"}},
		"a password that begins with a percent":    {"cassandraPassword: %" + secret + "\n", nil},
		"parameters that are not text":             {"pulsarAuthParams: {token: " + secret + "}\n", []string{"line 1"}},
		"a password with a colon, and no quotes":   {"cassandraPassword: " + secret + ": x\n", nil},
		"a password that is told to be a number":   {"cassandraPassword: !!int " + secret + "\n", nil},
		"auth parameters over lines, and unquoted": {"pulsarAuthParams: token:\n" + secret + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "agent.yaml", c.content)
			_, err := LoadConfig(path)
			lines(t, err, append(c.want, path))
		})
	}
	_, err := LoadConfig("/no/such/agent.yaml")
	lines(t, err, []string{"configuration", "/no/such/agent.yaml"})
}
