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

// Every parameter of DataStax's agent 2.3.9, with its environment variable and default
// (its AgentConfig), however it is given.
func TestParametersOfTheJavaAgent(t *testing.T) {
	defaults := map[string]string{}
	known := map[string]settings.Field{}
	c := Config{}
	settings.Defaults(&c)
	for _, f := range settings.Fields(&c) {
		known[f.Key], defaults[f.Key] = f, f.Text()
		if f.Upstream && !strings.Contains(javaParameters, "\n"+f.Key+" ") {
			t.Errorf("%s is not one of the Java agent's", f.Key)
		}
	}
	for line := range strings.Lines(strings.TrimSpace(javaParameters)) {
		words := strings.Fields(line)
		key, env, def, value := words[0], words[1], words[2], words[3]
		f, ok := known[key]
		if !ok || !f.Upstream || f.Env != env {
			t.Errorf("%s: %+v", key, f)
			continue
		}
		if f.Ignored == "" && def != "-" && defaults[key] != def {
			t.Errorf("%s: the default is %s, want %s", key, defaults[key], def)
		}
		for name, from := range map[string]settings.Sources{
			"file":        {File: writeFile(t, "agent.yaml", key+": "+value)},
			"environment": {Environ: []string{env + "=" + value}},
			"parameters":  {Parameters: key + "=" + strings.ReplaceAll(value, ",", `\,`)},
			"flag":        {Set: []string{key + "=" + value}},
		} {
			c, err := LoadConfig(from)
			if err != nil {
				t.Errorf("%s as %s: %v", key, name, err)
			}
			for _, f := range settings.Fields(&c) {
				if f.Key == key && f.Text() != value {
					t.Errorf("%s as %s is %s, want %s", key, name, f.Text(), value)
				}
			}
			if ignored := strings.Contains(strings.Join(c.Warnings(), "\n"), key+" has no effect"); f.Ignored != "" && !ignored {
				t.Errorf("%s has no effect, and no warning", key)
			}
		}
	}
}

// Name, environment variable, default (- for none), another value.
const javaParameters = `
topicPrefix CDC_TOPIC_PREFIX events- persistent://t/n/e-
cdcWorkingDir CDC_WORKING_DIR - /var/lib/cdc
cdcPollIntervalMs CDC_DIR_POLL_INTERVAL_MS 60000 100
errorCommitLogReprocessEnabled CDC_ERROR_COMMITLOG_REPROCESS_ENABLED false true
cdcConcurrentProcessors CDC_CONCURRENT_PROCESSORS -1 4
maxInflightMessagesPerTask CDC_MAX_INFLIGHT_MESSAGES_PER_TASK 16384 100
pulsarServiceUrl CDC_PULSAR_SERVICE_URL pulsar://localhost:6650 pulsar+ssl://a:6651,b:6651
pulsarBatchDelayInMs CDC_PULSAR_BATCH_DELAY_IN_MS -1 5
pulsarKeyBasedBatcher CDC_PULSAR_KEY_BASED_BATCHER false true
pulsarMaxPendingMessages CDC_PULSAR_MAX_PENDING_MESSAGES 1000 500
pulsarMaxPendingMessagesAcrossPartitions CDC_PULSAR_MAX_PENDING_MESSAGES_ACROSS_PARTITIONS - 50000
pulsarMemoryLimitBytes CDC_PULSAR_MEMORY_LIMIT_BYTES 0 1073741824
pulsarAuthPluginClassName CDC_PULSAR_AUTH_PLUGIN_CLASS_NAME - org.apache.pulsar.client.impl.auth.AuthenticationToken
pulsarAuthParams CDC_PULSAR_AUTH_PARAMS - token:abc,def
sslProvider CDC_SSL_PROVIDER - Conscrypt
sslTruststorePath CDC_SSL_TRUSTSTORE_PATH - /trust.jks
sslTruststorePassword CDC_SSL_TRUSTSTORE_PASSWORD - changeit
sslTruststoreType CDC_SSL_TRUSTSTORE_TYPE JKS PKCS12
sslKeystorePath CDC_SSL_KEYSTORE_PATH - /key.jks
sslKeystorePassword CDC_SSL_KEYSTORE_PASSWORD - changeit
sslCipherSuites CDC_SSL_CIPHER_SUITES - TLS_RSA_WITH_AES_128_CBC_SHA,TLS_RSA_WITH_AES_256_CBC_SHA
sslEnabledProtocols CDC_SSL_ENABLED_PROTOCOLS - TLSv1.3,TLSv1.2
sslAllowInsecureConnection CDC_SSL_ALLOW_INSECURE_CONNECTION false true
sslHostnameVerificationEnable CDC_SSL_HOSTNAME_VERIFICATION_ENABLE false true
tlsTrustCertsFilePath CDC_TLS_TRUST_CERTS_FILE_PATH - /ca.pem
useKeyStoreTls CDC_USE_KEYSTORE_TLS false true
`
