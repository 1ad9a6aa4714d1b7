// What a person sees who configures the connector, rightly and wrongly.

package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = settingstest.Secret

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	return Load(settings.Sources{File: settingstest.File(t, "connector.yaml", text)})
}

func good() Config {
	return Config{Keyspace: "ks", Table: "t", ContactPoints: []string{"127.0.0.1"}, LocalDC: "dc1"}
}

func same(t *testing.T, want, got Config) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The keys that users of DataStax's connector have, flat and nested.
func TestLoad(t *testing.T) {
	want := Config{
		DestinationTopic: "persistent://public/default/data-ks.t", Keyspace: "Ks", Table: "T", EventsTopic: "events-Ks.T",
		EventsSubscription: "mine", EventsType: "Failover", OutputFormat: "key-value-avro", Columns: "a|b.*",
		BatchSize: 300, QueryExecutors: 4, QueryMaxLatencyMS: 90, QueryMinLatencyMS: 9, QueryBackoffMS: 50, QueryMaxBackoffSec: 60,
		CacheMaxDigest: 5, CacheMaxCapacity: 6, CacheExpireMS: 7000, CacheOnlyIfCoordinatorMatch: "false",
		ContactPoints: []string{"10.0.0.1", "10.0.0.2:9043"}, Port: 9142, LocalDC: "dc1", QueryExecutionTimeout: 20, ConnectionPoolLocalSize: 2, Compression: "LZ4",
		AuthProvider: "PLAIN", Username: "me", Password: "1234", SSLProvider: "None", SSLHostnameValidation: "false",
		MaxConcurrentRequests: "100", IgnoreErrors: "All", JMX: "false", MetricsHighestLatency: "35", Name: "cassandra-source",
		PulsarServiceURL: "pulsar+ssl://broker:6651", PulsarWebServiceURL: "https://broker:8443", PulsarAuthPlugin: "token", PulsarAuthParams: "token:abcd",
	}
	for name, text := range map[string]string{
		"flat": `
destinationTopicName: persistent://public/default/data-ks.t
keyspace: Ks
table: T
events.topic: events-Ks.T
events.subscription.name: mine
events.subscription.type: Failover
outputFormat: key-value-avro
columns: a|b.*
batch.size: 300
query.executors: 4
query.maxMobileAvgLatency: 90
query.minMobileAvgLatency: 9
query.backoffInMs: 50
query.maxBackoffInSec: 60
cache.max.digest: 5
cache.max.capacity: 6
cache.expire.after.ms: 7000
cache.only_if_coordinator_match: false
contactPoints: [10.0.0.1, "10.0.0.2:9043"]
port: 9142
loadBalancing.localDc: dc1
maxConcurrentRequests: 100
queryExecutionTimeout: 20
connectionPoolLocalSize: 2
compression: LZ4
ignoreErrors: All
jmx: false
metricsHighestLatency: 35
name: cassandra-source
auth.provider: PLAIN
auth.username: me
auth.password: "1234"
ssl.provider: None
ssl.hostnameValidation: false
pulsarServiceUrl: pulsar+ssl://broker:6651
pulsarWebServiceUrl: https://broker:8443
pulsarAuthPluginClassName: token
pulsarAuthParams: token:abcd
`,
		"nested": `
destinationTopicName: persistent://public/default/data-ks.t
keyspace: Ks
table: T
events:
  topic: events-Ks.T
  subscription: {name: mine, type: Failover}
outputFormat: key-value-avro
columns: a|b.*
batch: {size: 300}
query: {executors: 4, maxMobileAvgLatency: 90, minMobileAvgLatency: 9, backoffInMs: 50, maxBackoffInSec: 60}
cache:
  max: {digest: 5, capacity: 6}
  expire.after.ms: 7000
  only_if_coordinator_match: false
contactPoints: 10.0.0.1, 10.0.0.2:9043
port: 9142
loadBalancing: {localDc: dc1}
maxConcurrentRequests: 100
queryExecutionTimeout: 20
connectionPoolLocalSize: 2
compression: LZ4
ignoreErrors: All
jmx: false
metricsHighestLatency: 35
name: cassandra-source
auth: {provider: PLAIN, username: me, password: "1234"}
ssl: {provider: None, hostnameValidation: false}
pulsarServiceUrl: pulsar+ssl://broker:6651
pulsarWebServiceUrl: https://broker:8443
pulsarAuthPluginClassName: token
pulsarAuthParams: token:abcd
`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, text)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
			wantWarned := []string{"cache.only_if_coordinator_match", "query.minMobileAvgLatency", "name", "maxConcurrentRequests", "ignoreErrors", "jmx", "metricsHighestLatency"}
			warned := got.Warnings()
			if len(warned) != len(wantWarned) {
				t.Errorf("warnings %q", warned)
			}
			for _, key := range wantWarned {
				if !slices.ContainsFunc(warned, func(w string) bool { return strings.Contains(w, " "+key+" has no effect: ") }) {
					t.Errorf("no warning of %s: %q", key, warned)
				}
			}
		})
	}
	empty, err := load(t, "")
	if err != nil {
		t.Error(err)
	}
	same(t, Config{}, empty)
	missing := filepath.Join(t.TempDir(), "nowhere.yaml")
	if _, err := Load(settings.Sources{File: missing}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("no file: %v", err)
	}
}

func TestLoadFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want [][]string
	}{
		"unknown keys, all of them": {
			"keyspace: ks\nauth.pasword: " + secret + "\ncontactPoint: [x]",
			[][]string{{"connector.yaml:2: auth.pasword:", "did you mean auth.password?"}, {"connector.yaml:3: contactPoint:", "did you mean contactPoints?"}},
		},
		"nested":        {"auth:\n  pasword: " + secret, [][]string{{"connector.yaml:2: auth.pasword:", "did you mean auth.password?"}}},
		"twice, nested": {"auth.password: " + secret + "\nauth: {password: " + secret + ", username: me}", [][]string{{"connector.yaml:2: auth.password:", "line 1"}}},
		"a list":        {"auth.password: [" + secret + "]", [][]string{{"auth.password: the value has the wrong form"}}},
		"a mapping":     {"port: {" + secret + ": 1}", [][]string{{"port: the value has the wrong form"}}},
		"no number":     {"port: " + secret, [][]string{{"port: ", "whole number"}}},
		"an alias":      {"keyspace: ks\nauth.password: *" + secret, [][]string{{"quotes"}}},
		"the others too": {
			"port: x\nevents.subscription.type: shared\ncolumns: (", [][]string{{"connector.yaml:1: port: "}, {"connector.yaml:2: events.subscription.type: "}, {"connector.yaml:3: columns: "}},
		},
		"nothing is missing that may be there": {"{{{", [][]string{{"connector.yaml"}}},
		"both, of secret":                      {"auth.password: " + secret + "\nauth.passwordFile: x\nauth.username: me", [][]string{{"auth.passwordFile: auth.password is set too"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(settings.Sources{
				File: settingstest.File(t, "connector.yaml", c.text), Environ: []string{"CASSANDRA_SOURCE_KEYSPACE=ks", "CASSANDRA_SOURCE_TABLE=t", "CASSANDRA_SOURCE_CONTACT_POINTS=a"},
			})
			settingstest.Lines(t, err, c.want...)
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
		OutputFormat: "xml", EventsType: "key_shared", Password: secret, Columns: "(?=a)b", Compression: "zip",
		Port: -1, CacheMaxDigest: -1, CacheMaxCapacity: -1, CacheExpireMS: 1, EventsTopic: "events-{ks}.t", DestinationTopic: "{", DeadLetterTopic: "{keyspace", HTTPAddress: "9843",
		AuthProvider: "GSSAPI", SSLProvider: "BouncyCastle", KeyConverter: "com.example.Mine", Consistency: "SERIAL", ConsistencyFallback: "local_one",
	}
	faults := map[string]func(c *Config){
		"keyspace":                 func(c *Config) { c.Keyspace = "" },
		"table":                    func(c *Config) { c.Table = "" },
		"contactPoints":            func(c *Config) { c.ContactPoints = nil },
		"events.topic":             func(c *Config) { c.EventsTopic = bad.EventsTopic },
		"destinationTopicName":     func(c *Config) { c.DestinationTopic = bad.DestinationTopic },
		"deadLetterTopic":          func(c *Config) { c.DeadLetterTopic = bad.DeadLetterTopic },
		"columns":                  func(c *Config) { c.Columns = bad.Columns },
		"outputFormat":             func(c *Config) { c.OutputFormat = bad.OutputFormat },
		"key.converter":            func(c *Config) { c.KeyConverter = bad.KeyConverter },
		"consistency":              func(c *Config) { c.Consistency = bad.Consistency },
		"consistency.fallback":     func(c *Config) { c.ConsistencyFallback = bad.ConsistencyFallback },
		"compression":              func(c *Config) { c.Compression = bad.Compression },
		"events.subscription.type": func(c *Config) { c.EventsType = bad.EventsType },
		"auth.provider":            func(c *Config) { c.AuthProvider = bad.AuthProvider },
		"auth.username":            func(c *Config) { c.Password = bad.Password },
		"ssl.provider":             func(c *Config) { c.SSLProvider = bad.SSLProvider },
		"port":                     func(c *Config) { c.Port = bad.Port },
		"cache.max.digest":         func(c *Config) { c.CacheMaxDigest = bad.CacheMaxDigest },
		"cache.max.capacity":       func(c *Config) { c.CacheMaxCapacity = bad.CacheMaxCapacity },
		"cache.expire.after.ms":    func(c *Config) { c.CacheExpireMS = bad.CacheExpireMS },
		"pulsarServiceUrl":         func(c *Config) { c.PulsarServiceURL = bad.PulsarServiceURL },
		"pulsarWebServiceUrl":      func(c *Config) { c.PulsarWebServiceURL = bad.PulsarWebServiceURL },
		"pulsarAuthParams":         func(c *Config) { c.PulsarAuthPlugin, c.PulsarAuthParams = bad.PulsarAuthPlugin, bad.PulsarAuthParams },
		"tlsTrustCertsFilePath":    func(c *Config) { c.TLSTrustCertsFile = bad.TLSTrustCertsFile },
		"httpAddress":              func(c *Config) { c.HTTPAddress = bad.HTTPAddress },
	}
	var lines [][]string
	for key, set := range faults {
		c := good()
		set(&c)
		settingstest.Lines(t, c.Validate(), []string{key + ": "})
		lines = append(lines, []string{key + ": "})
	}
	slices.SortFunc(lines, func(a, b []string) int { return len(b[0]) - len(a[0]) }) // the longest first: one may be in another
	settingstest.Lines(t, bad.Validate(), lines...)
}

// What does not go together, one fault each.
func TestContradictions(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*Config)
		says []string
	}{
		"a table and tables":       {func(c *Config) { c.Tables = []string{"ks.*"} }, []string{"tables: keyspace or table is set too"}},
		"no pattern":               {func(c *Config) { c.Keyspace, c.Table, c.Tables = "", "", []string{"ks"} }, []string{`tables: "ks" is no pattern`}},
		"nothing to exclude from":  {func(c *Config) { c.TablesExclude = []string{"ks.t"} }, []string{"tables.exclude: tables is not set"}},
		"one events topic for all": {func(c *Config) { c.Keyspace, c.Table, c.Tables, c.EventsTopic = "", "", []string{"ks.*"}, "events" }, []string{"events.topic: it is one topic"}},
		"one data topic for all": {func(c *Config) {
			c.Keyspace, c.Table, c.Tables, c.DestinationTopic = "", "", []string{"ks.*"}, "data-{table}"
		}, []string{"destinationTopicName: it is one topic"}},
		"PLAIN and nobody":               {func(c *Config) { c.AuthProvider = "plain" }, []string{"auth.username: it is missing: auth.provider is PLAIN"}},
		"no password":                    {func(c *Config) { c.Username = "me" }, []string{"auth.password: it is missing", "auth.passwordFile"}},
		"Kerberos":                       {func(c *Config) { c.AuthProvider = "GSSAPI" }, []string{"auth.provider: there is no GSSAPI", "auth.password", "ssl.keystore.path"}},
		"a converter of another format":  {func(c *Config) { c.ValueConverter = "com.datastax.oss.pulsar.source.converters.NativeJsonConverter" }, []string{"value.converter: ", "choose outputFormat"}},
		"another converter":              {func(c *Config) { c.OutputFormat, c.KeyConverter = "json", "com.example.Mine" }, []string{"key.converter: ", "choose outputFormat"}},
		"a word for a duration":          {func(c *Config) { c.DriverTimeout = "soon" }, []string{"datastax-java-driver.basic.request.timeout: it is no duration"}},
		"a class of one's own to log in": {func(c *Config) { c.DriverAuthClass = "com.example.Mine" }, []string{"datastax-java-driver.advanced.auth-provider.class: "}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.set(&cfg)
			settingstest.Lines(t, cfg.Validate(), c.says)
		})
	}
}

// What is taken although it does not look like it.
func TestGoodConfigurations(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"all defaults": func(*Config) {},
		"several tables": func(c *Config) {
			c.Keyspace, c.Table, c.Tables, c.TablesExclude = "", "", []string{"ks.*", "*.a"}, []string{"ks.b"}
		},
		"topics by template": func(c *Config) {
			c.EventsTopic, c.DestinationTopic = "persistent://a/b/{table}-{keyspace}", "data-{table}"
		},
		"the converter of the format": func(c *Config) { c.KeyConverter = "com.datastax.oss.pulsar.source.converters.NativeAvroConverter" },
		"no fallback":                 func(c *Config) { c.ConsistencyFallback = "none" },
		"nothing served":              func(c *Config) { c.HTTPAddress = "off" },
		"Shared":                      func(c *Config) { c.EventsType = "Shared" },
		"compression":                 func(c *Config) { c.Compression = "snappy" },
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			set(&c)
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The formats are those of DataStax's connector, spelled as there.
func TestOutputFormat(t *testing.T) {
	for format, text := range map[string]bool{"": false, "key-value-avro": false, "key-value-json": false, "json": true} {
		c := good()
		c.OutputFormat = format
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", format, err)
		}
		if got := c.Producer("t").TextKey; got != text {
			t.Errorf("%q: keys as text %v", format, got)
		}
	}
	for _, format := range []string{"avro", "JSON", "key-value-protobuf", " json"} {
		c := good()
		c.OutputFormat = format
		settingstest.Lines(t, c.Validate(), []string{"outputFormat: ", "key-value-avro, key-value-json, json"})
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"events.subscription.type: Shared":                                          "the order of a key's events is lost",
		"tables.refreshMs: 500":                                                     "tables.refreshMs has no effect: tables is not set",
		"batch.size: 7\ninFlight.events: 9":                                         "batch.size has no effect: inFlight.events is set",
		"pulsarBatchDelayInMs: 7\npulsarBatching: none":                             "pulsarBatchDelayInMs has no effect: pulsarBatching is none",
		"sslTruststorePath: x":                                                      "sslTruststorePath has no effect: pulsarServiceUrl is not",
		"datastax-java-driver.advanced.heartbeat.interval: 5s":                      "datastax-java-driver.advanced.heartbeat.interval has no effect: it has no meaning here",
		"datastax-java-driver: {advanced: {metrics: {session: {enabled: [a, b]}}}}": "datastax-java-driver.advanced.metrics.session.enabled has no effect",
		"ssl.provider: None\nssl.truststore.path: x":                                "Cassandra is asked without TLS",
	} {
		c, err := load(t, "loadBalancing.localDc: dc1\n"+text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], want) {
			t.Errorf("%q: %q, want %q", text, w, want)
		}
	}
	if w := (Config{}).Warnings(); len(w) != 1 || !strings.Contains(w[0], "loadBalancing.localDc is not set") {
		t.Errorf("%q", w)
	}
	// What is written down as it is anyway is no reason to warn, as programs do that.
	if c, err := load(t, "loadBalancing.localDc: dc1\ntables.exclude: []\ntables.refreshMs: 0\nuseKeyStoreTls: false\nsslCipherSuites: []\nname: ''"); err != nil || len(c.Warnings()) != 0 {
		t.Errorf("%q, %v", c.Warnings(), err)
	}
	if w := good().Warnings(); len(w) != 0 {
		t.Errorf("%q", w)
	}
}

func TestEnvironmentAndFlags(t *testing.T) {
	c, err := Load(settings.Sources{
		File:    settingstest.File(t, "connector.yaml", "keyspace: a\ntable: a\nport: 1"),
		Environ: []string{"CASSANDRA_SOURCE_TABLE=b", "CASSANDRA_SOURCE_PORT=2", "CASSANDRA_SOURCE_CONTACT_POINTS=x,y", "CASSANDRA_SOURCE_KEYSPCE=c"},
		Set:     []string{"port=3", "datastax-java-driver.basic.request.timeout=5s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, Config{Keyspace: "a", Table: "b", Port: 3, ContactPoints: []string{"x", "y"}, DriverTimeout: "5s"}, c)
	if w := c.Warnings(); !strings.Contains(strings.Join(w, "\n"), "CASSANDRA_SOURCE_KEYSPCE is no setting: did you mean CASSANDRA_SOURCE_KEYSPACE?") {
		t.Errorf("%q", w)
	}
}

func TestProducer(t *testing.T) {
	c := good()
	want := pulsar.ProducerConfig{Topic: "d", MaxPending: 10000, Batching: pulsar.BatchByBucket, BatchDelay: pulsar.DefaultBatchDelay, Buckets: pulsar.DefaultBuckets}
	if diff := cmp.Diff(want, c.Producer("d")); diff != "" {
		t.Error(diff)
	}
	c.PulsarBatching, c.PulsarCompression, c.OutputFormat, c.PulsarMaxPendingMessages = "none", "ZSTD", "json", 7
	want = pulsar.ProducerConfig{Topic: "d", MaxPending: 7, Compression: pulsar.ZStd, TextKey: true}
	if diff := cmp.Diff(want, c.Producer("d")); diff != "" {
		t.Error(diff)
	}
}

// What DataStax's Java driver is told counts where the connector is not told itself.
func TestSettingsOfTheJavaDriver(t *testing.T) {
	const driver = `
datastax-java-driver.basic.contact-points: 10.0.0.1:9042, 10.0.0.2:9042
datastax-java-driver.basic.load-balancing-policy.local-datacenter: east
datastax-java-driver.basic.request.timeout: 1500 milliseconds
datastax-java-driver.basic.request.consistency: LOCAL_ONE
datastax-java-driver.advanced.connection.pool.local.size: 7
datastax-java-driver.advanced.protocol.compression: lz4
datastax-java-driver.advanced.auth-provider.class: PlainTextAuthProvider
datastax-java-driver.advanced.auth-provider.username: theirs
datastax-java-driver.advanced.auth-provider.password: their-password
datastax-java-driver.advanced.ssl-engine-factory.class: DefaultSslEngineFactory
datastax-java-driver.advanced.ssl-engine-factory.hostname-validation: false
datastax-java-driver.advanced.ssl-engine-factory.cipher-suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
datastax-java-driver.advanced.ssl-engine-factory.truststore-password: trust
datastax-java-driver.advanced.speculative-execution-policy.class: com.datastax.oss.driver.internal.core.specex.ConstantSpeculativeExecutionPolicy
datastax-java-driver.advanced.speculative-execution-policy.delay: 100 milliseconds
`
	const own = `
contactPoints: 10.0.0.9
loadBalancing.localDc: west
queryExecutionTimeout: 5
consistency: LOCAL_QUORUM
connectionPoolLocalSize: 3
compression: None
auth.username: ours
auth.password: our-password
ssl.provider: OpenSSL
ssl.hostnameValidation: true
ssl.cipherSuites: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
ssl.truststore.password: our-trust
query.speculativeMs: 20
`
	theirs := Config{
		ContactPoints: []string{"10.0.0.1:9042", "10.0.0.2:9042"}, LocalDC: "east", QueryExecutionTimeout: 2, Consistency: "LOCAL_ONE", ConnectionPoolLocalSize: 7, Compression: "lz4",
		Username: "theirs", Password: "their-password", SSLProvider: "JDK", SSLHostnameValidation: "false", SSLCipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		SSLTruststorePassword: "trust", QuerySpeculativeMS: 100,
	}
	ours := Config{
		ContactPoints: []string{"10.0.0.9"}, LocalDC: "west", QueryExecutionTimeout: 5, Consistency: "LOCAL_QUORUM", ConnectionPoolLocalSize: 3, Compression: "None",
		Username: "ours", Password: "our-password", SSLProvider: "OpenSSL", SSLHostnameValidation: "true", SSLCipherSuites: []string{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
		SSLTruststorePassword: "our-trust", QuerySpeculativeMS: 20,
	}
	for name, c := range map[string]struct {
		text string
		want Config
	}{"theirs": {driver, theirs}, "ours": {driver + own, ours}, "ours first": {own + driver, ours}} {
		got, err := load(t, "keyspace: ks\ntable: t\n"+c.text)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w := got.Warnings(); len(w) != 0 {
			t.Errorf("%s: %q", name, w)
		}
		c.want.Keyspace, c.want.Table = "ks", "t"
		same(t, c.want.WithDefaults(), withoutDriver(got.WithDefaults()))
	}
}

func withoutDriver(c Config) Config {
	none := Config{}
	for from := range len(settings.Fields(&c)) {
		if f := settings.Fields(&c)[from]; strings.HasPrefix(f.Key, driverPrefix) {
			reflect.ValueOf(&c).Elem().FieldByName(f.Name).Set(reflect.ValueOf(&none).Elem().FieldByName(f.Name))
		}
	}
	return c
}

func TestDriverDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "500": 500 * time.Millisecond, "30 seconds": 30 * time.Second, "1 second": time.Second, "5s": 5 * time.Second, "250 ms": 250 * time.Millisecond,
		"1.5 minutes": 90 * time.Second, " 2h ": 2 * time.Hour, "1 day": 24 * time.Hour, "10 us": 10 * time.Microsecond,
	} {
		if got, err := driverDuration(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"soon", "5 parsecs", "-1s", "s", "1e400", "99999999999 days", "1.2.3s"} {
		if got, err := driverDuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := good()
	c.hosted = true
	c.PulsarAuthParams, c.Password, c.DriverAuthPassword, c.SSLTruststorePassword = "token:"+secret, secret, secret, secret
	c.SSLPrivateKey, c.SecureConnectBundle = contentPrefix+secret, contentPrefix+secret
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("starting", "config", c)
	for name, text := range map[string]string{
		"a log": log.String(), "%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c), "a pointer": fmt.Sprintf("%v", &c),
	} {
		if strings.Contains(text, secret) || !strings.Contains(text, "auth.password=(hidden)") || !strings.Contains(text, "keyspace=ks") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestTopics(t *testing.T) {
	c := good()
	for _, topic := range [][2]string{
		{c.Events("Ks", "T"), "events-Ks.T"}, {c.Destination("Ks", "T"), "data-Ks.T"}, {c.DeadLetters("Ks", "T"), "events-Ks.T-sub-DLQ"},
	} {
		if topic[0] != topic[1] {
			t.Errorf("%s, want %s", topic[0], topic[1])
		}
	}
	c = Config{EventsTopic: "persistent://a/{keyspace}/e-{table}", DestinationTopic: "d", DeadLetterTopic: "dead-{table}", EventsSubscription: "mine"}
	if got := c.Events("ks", "{keyspace}") + " " + c.Destination("ks", "t") + " " + c.DeadLetters("ks", "t"); got != "persistent://a/ks/e-{keyspace} d dead-t" {
		t.Error(got)
	}
	c.DeadLetterTopic = ""
	if got := c.DeadLetters("ks", "t"); got != "persistent://a/ks/e-t-mine-DLQ" {
		t.Error(got)
	}
}

func TestChosenTables(t *testing.T) {
	one := good()
	many := Config{Tables: []string{"shop.*", "*.customer", "log.[a-c]?"}, TablesExclude: []string{"shop.tmp_*"}}
	for name, want := range map[string][2]bool{
		"ks.t": {true, false}, "ks.T": {false, false}, "shop.order": {false, true}, "shop.tmp_1": {false, false}, "crm.customer": {false, true}, "crm.customers": {false, false},
		"log.b1": {false, true}, "log.d1": {false, false}, "Shop.order": {false, false},
	} {
		ks, table, _ := strings.Cut(name, ".")
		if got := [2]bool{one.Chosen(ks, table), many.Chosen(ks, table)}; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if idle := many.Unmatched([][2]string{{"shop", "order"}, {"log", "a2"}}); !slices.Equal(idle, []string{"*.customer", "shop.tmp_*"}) {
		t.Errorf("%q", idle)
	}
}

// As in Java, the expression must match the whole name.
func TestPublishedColumns(t *testing.T) {
	for columns, want := range map[string][]string{"": {"a", "ab", "b", "é"}, ".*": {"a", "ab", "b", "é"}, "a|b": {"a", "b"}, "a.*": {"a", "ab"}, "(?i)A": {"a"}} {
		var got []string
		for _, name := range []string{"a", "ab", "b", "é"} {
			if only := (Config{Columns: columns}).Reads(nil).Columns; only == nil || only.MatchString(name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q", columns, got)
		}
	}
}
