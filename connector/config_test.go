// What a person sees who configures the connector wrongly.

package connector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "hunter2secret"

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(path)
}

func good() Config {
	return Config{
		Keyspace: "ks", Table: "t", EventsTopic: "events-ks.t", DestinationTopic: "data-ks.t", ContactPoints: []string{"127.0.0.1"},
	}
}

// The keys that users of DataStax's connector have, in their nesting and types.
func TestLoadConfig(t *testing.T) {
	got, err := load(t, `
destinationTopicName: persistent://public/default/data-ks.t
keyspace: Ks
table: T
events.topic: events-Ks.T
events.subscription.name: mine
events.subscription.type: Failover
outputFormat: key-value-avro
contactPoints: [10.0.0.1, "10.0.0.2:9043"]
port: 9142
loadBalancing.localDc: dc1
auth.username: me
auth.password: "1234"
cache.max.digest: 5
cache.max.capacity: 6
cache.expire.after.ms: 7
pulsarServiceUrl: pulsar+ssl://broker:6651
pulsarWebServiceUrl: https://broker:8443
pulsarAuthPluginClassName: token
pulsarAuthParams: token:abcd
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		DestinationTopic: "persistent://public/default/data-ks.t", Keyspace: "Ks", Table: "T", EventsTopic: "events-Ks.T",
		EventsSubscription: "mine", EventsType: "Failover", OutputFormat: "key-value-avro",
		ContactPoints: []string{"10.0.0.1", "10.0.0.2:9043"}, Port: 9142, LocalDC: "dc1", Username: "me", Password: "1234",
		CacheMaxDigest: 5, CacheMaxCapacity: 6, CacheExpireMS: 7,
		PulsarServiceURL: "pulsar+ssl://broker:6651", PulsarWebServiceURL: "https://broker:8443", PulsarAuthPlugin: "token", PulsarAuthParams: "token:abcd",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if empty, err := load(t, ""); err != nil || !cmp.Equal(empty, Config{}) {
		t.Errorf("an empty file: %+v, %v", empty, err)
	}
	missing := filepath.Join(t.TempDir(), "nowhere.yaml")
	if _, err := LoadConfig(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("no file: %v", err)
	}
}

func TestLoadConfigFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"unknown keys, all of them": {"keyspace: ks\nauth.pasword: " + secret + "\ncontactPoint: [x]", "auth.pasword"},
		"second unknown key":        {"auth.pasword: " + secret + "\ncontactPoint: [x]", "contactPoint"},
		"wrong type":                {"keyspace: ks\nauth.password: [" + secret + "]", "line 2"},
		"wrong type, mapping":       {"auth.password: {" + secret + ": 1}", "line 1"},
		"not closed":                {"keyspace: ks\nauth.password: \"" + secret, "source.yaml"},
		"colon":                     {"auth.password: " + secret + ": x", "yaml: "},
		"alias":                     {"keyspace: ks\nauth.password: *" + secret, "quotes"},
		"percent":                   {"auth.password: %" + secret, "yaml: "},
		"escape":                    {`auth.password: "\` + secret + `"`, "yaml: "},
		"key twice":                 {"auth.password: " + secret + "\nauth.password: " + secret, "auth.password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "source.yaml") {
				t.Errorf("the error names neither place nor cause: %v", err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

// Each fault, alone, is found under the name of its key; then all of them together.
func TestValidateReportsEveryFault(t *testing.T) {
	if err := good().Validate(); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	bad := Config{
		PulsarServiceURL: "broker:6650", PulsarWebServiceURL: "pulsar://broker:6650", PulsarAuthPlugin: "tls", PulsarAuthParams: secret, TLSTrustCertsFile: filepath.Join(t.TempDir(), "nowhere.pem"),
		OutputFormat: "xml", EventsType: "key_shared", Password: secret,
		Port: -1, CacheMaxDigest: -1, CacheMaxCapacity: -1, CacheExpireMS: -1,
	}
	faults := map[string]func(c *Config){
		"keyspace":                  func(c *Config) { c.Keyspace = "" },
		"table":                     func(c *Config) { c.Table = "" },
		"events.topic":              func(c *Config) { c.EventsTopic = "" },
		"destinationTopicName":      func(c *Config) { c.DestinationTopic = "" },
		"contactPoints":             func(c *Config) { c.ContactPoints = nil },
		"outputFormat":              func(c *Config) { c.OutputFormat = bad.OutputFormat },
		"events.subscription.type":  func(c *Config) { c.EventsType = bad.EventsType },
		"auth.username":             func(c *Config) { c.Password = bad.Password },
		"port":                      func(c *Config) { c.Port = bad.Port },
		"cache.max.digest":          func(c *Config) { c.CacheMaxDigest = bad.CacheMaxDigest },
		"cache.max.capacity":        func(c *Config) { c.CacheMaxCapacity = bad.CacheMaxCapacity },
		"cache.expire.after.ms":     func(c *Config) { c.CacheExpireMS = bad.CacheExpireMS },
		"pulsarServiceUrl":          func(c *Config) { c.PulsarServiceURL = bad.PulsarServiceURL },
		"pulsarWebServiceUrl":       func(c *Config) { c.PulsarWebServiceURL = bad.PulsarWebServiceURL },
		"pulsarAuthPluginClassName": func(c *Config) { c.PulsarAuthPlugin = "no.such.Plugin" },
		"pulsarAuthParams":          func(c *Config) { c.PulsarAuthPlugin, c.PulsarAuthParams = bad.PulsarAuthPlugin, bad.PulsarAuthParams },
		"tlsTrustCertsFilePath":     func(c *Config) { c.TLSTrustCertsFile = bad.TLSTrustCertsFile },
	}
	all := bad.Validate()
	if all == nil {
		t.Fatal("no error")
	}
	for key, set := range faults {
		c := good()
		set(&c)
		err := c.Validate()
		if err == nil {
			t.Errorf("%s: no error", key)
			continue
		}
		if strings.Contains(err.Error(), "\n") || !names(err, key) {
			t.Errorf("%s alone: %v", key, err)
		}
		if !names(all, key) {
			t.Errorf("%s is not among all faults:\n%v", key, all)
		}
	}
	// One line a fault: the plugin's name and its parameters are one setting.
	if n := len(strings.Split(all.Error(), "\n")); n != len(faults)-1 {
		t.Errorf("%d lines for %d faults:\n%v", n, len(faults)-1, all)
	}
	if strings.Contains(all.Error(), secret) {
		t.Errorf("a secret is in the error:\n%v", all)
	}
}

// names says whether a line of the error begins with the key, or with a list of keys
// that has it.
func names(err error, key string) bool {
	for line := range strings.Lines(err.Error()) {
		keys, _, _ := strings.Cut(line, ":")
		keys, _, _ = strings.Cut(keys, " is ")
		for k := range strings.SplitSeq(keys, ", ") {
			if k, _, _ = strings.Cut(k, " "); k == key {
				return true
			}
		}
	}
	return false
}

// The formats are those of DataStax's connector, spelled as there.
func TestOutputFormat(t *testing.T) {
	for format, text := range map[string]bool{"": false, "key-value-avro": false, "key-value-json": false, "json": true} {
		c := good()
		c.OutputFormat = format
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", format, err)
		}
		if got := c.outputFormat().TextKey(); got != text {
			t.Errorf("%q: keys as text %v", format, got)
		}
	}
	for _, format := range []string{"avro", "JSON", "key-value-protobuf", " json"} {
		c := good()
		c.OutputFormat = format
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), "outputFormat: ") || !strings.Contains(err.Error(), "key-value-avro, key-value-json, json") {
			t.Errorf("%q: %v", format, err)
		}
	}
}

// What would lose the order of a key's events is refused with what to use instead.
func TestSharedSubscriptionIsRefused(t *testing.T) {
	c := good()
	c.EventsType = "Shared"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "Key_Shared") {
		t.Errorf("got %v", err)
	}
	for _, ordered := range []string{"", "Key_Shared", "Failover", "Exclusive"} {
		c.EventsType = ordered
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", ordered, err)
		}
	}
}
