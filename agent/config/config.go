// What a node agent is told: every setting, where it comes from, and what is wrong with
// it. docs/agent-settings.md and deploy/agent.yaml are made from this file
// (go test ./agent/config -run SettingsDocument -update).

// Package config holds the settings of the agent: every one with its meaning and default
// (config.go), what they come to on a machine (settle.go), and which tables they choose
// (tables.go). It reads files and says what is wrong; it connects to nothing.
package config

import (
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Config is what the agent can be told. A zero value means the default. Names that
// DataStax's agent has keep its spelling and meaning. The tags are those of package
// settings; a comment that begins with # is a heading of the reference.
type Config struct {
	// # The Cassandra node

	// CassandraYAML is the path of the node's cassandra.yaml. Empty: the one of the
	// directory in the environment variable CASSANDRA_CONF, else that of the Cassandra
	// which runs on this machine, else that in /etc/cassandra, /etc/cassandra/conf,
	// /etc/cassandra/default.conf, /opt/cassandra/conf or /usr/share/cassandra/conf.
	CassandraYAML string `yaml:"cassandraYaml" env:"CDC_CASSANDRA_YAML"`
	// CassandraStorageDir is Cassandra's -Dcassandra.storagedir, below which everything
	// lies that cassandra.yaml gives no directory. Empty: that of the Cassandra which runs
	// on this machine, else /var/lib/cassandra for a cassandra.yaml below /etc, else the
	// directory data beside the one of cassandra.yaml.
	CassandraStorageDir string `yaml:"cassandraStorageDir" env:"CDC_CASSANDRA_STORAGE_DIR"`
	// ContactPoint is the address of the node's native transport, host:port. Empty: what cassandra.yaml
	// says (rpc_address or rpc_interface, native_transport_port or, with TLS,
	// native_transport_port_ssl).
	ContactPoint string `yaml:"contactPoint" env:"CDC_CONTACT_POINT"`
	// CassandraUsername is the role that reads the schema; it needs no permission but
	// that to log in. Empty: no authentication.
	CassandraUsername string `yaml:"cassandraUsername" env:"CDC_CASSANDRA_USERNAME"`
	// CassandraPassword belongs to CassandraUsername.
	CassandraPassword string `yaml:"cassandraPassword" env:"CDC_CASSANDRA_PASSWORD" secret:"true"`
	// CassandraPasswordFile holds CassandraPassword. It is read again for every new
	// connection, so that a password can change while the agent runs.
	CassandraPasswordFile string `yaml:"cassandraPasswordFile" env:"CDC_CASSANDRA_PASSWORD_FILE"`
	// CassandraTLS says whether the node is asked over TLS. auto: where cassandra.yaml
	// demands it (client_encryption_options enabled and not optional), or allows it and
	// trusted certificates are set below.
	CassandraTLS string `yaml:"cassandraTls" env:"CDC_CASSANDRA_TLS" default:"auto" oneof:"auto|true|false"`
	// CassandraTLSTrustCertsFilePath holds the certificates (PEM) that the node's must come from.
	// Empty: the trust store, else the system's certificates.
	CassandraTLSTrustCertsFilePath string `yaml:"cassandraTlsTrustCertsFilePath" env:"CDC_CASSANDRA_TLS_TRUST_CERTS_FILE_PATH" file:"true"`
	// CassandraTLSTruststorePath holds such certificates too, in one of Java's trust stores (JKS or PKCS #12).
	CassandraTLSTruststorePath string `yaml:"cassandraTlsTruststorePath" env:"CDC_CASSANDRA_TLS_TRUSTSTORE_PATH" file:"true"`
	// CassandraTLSTruststorePassword opens CassandraTLSTruststorePath.
	CassandraTLSTruststorePassword string `yaml:"cassandraTlsTruststorePassword" env:"CDC_CASSANDRA_TLS_TRUSTSTORE_PASSWORD" secret:"true"`
	// CassandraTLSTruststorePasswordFile holds CassandraTLSTruststorePassword.
	CassandraTLSTruststorePasswordFile string `yaml:"cassandraTlsTruststorePasswordFile" env:"CDC_CASSANDRA_TLS_TRUSTSTORE_PASSWORD_FILE"`
	// CassandraTLSCertificateFilePath is the agent's own certificate (PEM), for a node with
	// require_client_auth. It is read again for every new connection.
	CassandraTLSCertificateFilePath string `yaml:"cassandraTlsCertificateFilePath" env:"CDC_CASSANDRA_TLS_CERTIFICATE_FILE_PATH" file:"true"`
	// CassandraTLSKeyFilePath is the key (PEM, not encrypted) of CassandraTLSCertificateFilePath.
	CassandraTLSKeyFilePath string `yaml:"cassandraTlsKeyFilePath" env:"CDC_CASSANDRA_TLS_KEY_FILE_PATH" file:"true"`
	// CassandraTLSKeystorePath is one of Java's key stores (JKS or PKCS #12) with certificate and key, instead of the two files.
	// It is read again for every new connection.
	CassandraTLSKeystorePath string `yaml:"cassandraTlsKeystorePath" env:"CDC_CASSANDRA_TLS_KEYSTORE_PATH" file:"true"`
	// CassandraTLSKeystorePassword opens CassandraTLSKeystorePath and the key in it.
	CassandraTLSKeystorePassword string `yaml:"cassandraTlsKeystorePassword" env:"CDC_CASSANDRA_TLS_KEYSTORE_PASSWORD" secret:"true"`
	// CassandraTLSKeystorePasswordFile holds CassandraTLSKeystorePassword.
	CassandraTLSKeystorePasswordFile string `yaml:"cassandraTlsKeystorePasswordFile" env:"CDC_CASSANDRA_TLS_KEYSTORE_PASSWORD_FILE"`
	// CassandraTLSServerName is the name that the node's certificate must have.
	// Empty: the host of ContactPoint.
	CassandraTLSServerName string `yaml:"cassandraTlsServerName" env:"CDC_CASSANDRA_TLS_SERVER_NAME"`
	// CassandraTLSHostnameVerificationDisable takes a certificate of any name that comes from
	// a trusted one.
	CassandraTLSHostnameVerificationDisable bool `yaml:"cassandraTlsHostnameVerificationDisable" env:"CDC_CASSANDRA_TLS_HOSTNAME_VERIFICATION_DISABLE"`
	// CassandraTLSAllowInsecureConnection takes any certificate at all. For tests.
	CassandraTLSAllowInsecureConnection bool `yaml:"cassandraTlsAllowInsecureConnection" env:"CDC_CASSANDRA_TLS_ALLOW_INSECURE_CONNECTION"`

	// # Which tables

	// Tables are patterns of the tables whose changes are published, as far as they have
	// cdc = true: keyspace.table, where * stands for any letters, ? for one and [ab] for one of those.
	// Empty: all.
	Tables []string `yaml:"tables" env:"CDC_TABLES"`
	// ExcludeTables are patterns of tables that are left out even where Tables has them.
	// Their changes are counted and pass by: they are not published later.
	ExcludeTables []string `yaml:"excludeTables" env:"CDC_EXCLUDE_TABLES"`
	// TopicPrefix begins the name of every events topic; keyspace.table follows. It may
	// hold a tenant and a namespace: persistent://tenant/namespace/events-.
	TopicPrefix string `yaml:"topicPrefix" env:"CDC_TOPIC_PREFIX" upstream:"true" default:"events-"`

	// # What an event holds

	// FaithfulKeys writes columns of primary keys without loss: tinyint and smallint with
	// their sign, time in ns. DataStax's agent writes them without sign and in µs, and so
	// does this one by default. Its connector does not read such a time; ours reads both.
	// All agents of a cluster must have the same setting: it changes the keys of messages.
	FaithfulKeys bool `yaml:"faithfulKeys" env:"CDC_FAITHFUL_KEYS"`
	// RangeDeletes makes an event of each range of rows that is deleted, with a null
	// clustering key and the bounds as a property. DataStax's agent leaves them out, and
	// so does this one by default: DataStax's connector takes such an event for one of
	// the whole partition, and publishes a row of it under the key without clustering.
	// Ours counts and logs it.
	RangeDeletes bool `yaml:"rangeDeletes" env:"CDC_RANGE_DELETES"`

	// # The agent's own files

	// CDCWorkingDir holds the checkpoints (the same files as those of DataStax's agent, so that
	// either can go on where the other stopped), the history of the schema and the quarantine.
	// It must survive restarts. Empty: the directory cdc in CassandraStorageDir.
	CDCWorkingDir string `yaml:"cdcWorkingDir" env:"CDC_WORKING_DIR" upstream:"true"`
	// ErrorCommitLogReprocessEnabled moves the segments in the directory errors of
	// CDCWorkingDir back to cdc_raw at the start, so that they are read (again).
	ErrorCommitLogReprocessEnabled bool `yaml:"errorCommitLogReprocessEnabled" env:"CDC_ERROR_COMMITLOG_REPROCESS_ENABLED" upstream:"true"`
	// CDCPollIntervalMs is how long DataStax's agent waits for an event of its directory watcher.
	CDCPollIntervalMs int `yaml:"cdcPollIntervalMs" env:"CDC_DIR_POLL_INTERVAL_MS" upstream:"true" ignored:"the log is followed continuously, and the directory scanned in full every few seconds"`
	// CDCConcurrentProcessors is how many segments DataStax's agent reads at the same time.
	CDCConcurrentProcessors int `yaml:"cdcConcurrentProcessors" env:"CDC_CONCURRENT_PROCESSORS" upstream:"true" ignored:"segments are read one after the other, in the order of the log"`
	// MaxInflightMessagesPerTask bounds the messages that are sent and not yet acknowledged, of all
	// tables together. (DataStax's agent counts for each segment it reads.)
	MaxInflightMessagesPerTask int `yaml:"maxInflightMessagesPerTask" env:"CDC_MAX_INFLIGHT_MESSAGES_PER_TASK" upstream:"true" default:"16384" min:"1"`

	// # Pulsar

	// PulsarServiceURL says where the brokers are: pulsar://host:6650 or pulsar+ssl://host:6651, or the http and https
	// forms; several hosts are joined by commas.
	PulsarServiceURL string `yaml:"pulsarServiceUrl" env:"CDC_PULSAR_SERVICE_URL" upstream:"true" default:"pulsar://localhost:6650"`
	// PulsarWebServiceURL is the web service of Pulsar, http://host:8080 or https://host:8443, which is asked what a refused
	// schema differs in. Empty: that of the hosts in PulsarServiceURL.
	PulsarWebServiceURL string `yaml:"pulsarWebServiceUrl" env:"CDC_PULSAR_WEB_SERVICE_URL"`
	// PulsarAuthPluginClassName is the class name of an authentication plugin of Java's client, or its
	// short name: token, tls, basic, oauth2 or athenz. Empty: no authentication.
	PulsarAuthPluginClassName string `yaml:"pulsarAuthPluginClassName" env:"CDC_PULSAR_AUTH_PLUGIN_CLASS_NAME" upstream:"true"`
	// PulsarAuthParams belong to PulsarAuthPluginClassName, in any form that Java's client takes: a JSON object,
	// name:value pairs joined by commas, token:…, file:///path. The file of a token is read
	// again for every new connection.
	PulsarAuthParams string `yaml:"pulsarAuthParams" env:"CDC_PULSAR_AUTH_PARAMS" upstream:"true" secret:"true"`
	// PulsarAuthParamsFile holds PulsarAuthParams. It is read at the start; where it holds a bare token and nothing
	// else, it is read again for every new connection.
	PulsarAuthParamsFile string `yaml:"pulsarAuthParamsFile" env:"CDC_PULSAR_AUTH_PARAMS_FILE"`
	// PulsarMaxPendingMessages bounds the messages of one topic that are sent and not yet acknowledged.
	PulsarMaxPendingMessages int `yaml:"pulsarMaxPendingMessages" env:"CDC_PULSAR_MAX_PENDING_MESSAGES" upstream:"true" default:"1000" min:"1" max:"1000000"`
	// PulsarMaxPendingMessagesAcrossPartitions is deprecated in Java's client.
	PulsarMaxPendingMessagesAcrossPartitions int `yaml:"pulsarMaxPendingMessagesAcrossPartitions" env:"CDC_PULSAR_MAX_PENDING_MESSAGES_ACROSS_PARTITIONS" upstream:"true" ignored:"pulsarMaxPendingMessages counts all partitions of a topic together"`
	// PulsarMemoryLimitBytes bounds the bytes of messages that are sent and not yet acknowledged, of all
	// tables together. 0: 16 MiB.
	PulsarMemoryLimitBytes int64 `yaml:"pulsarMemoryLimitBytes" env:"CDC_PULSAR_MEMORY_LIMIT_BYTES" upstream:"true" default:"0" min:"0"`

	// PulsarBatching says which events may be stored together, in one entry of the topic: none; key, those of
	// one key; bucket, those of PulsarBatchBuckets groups of keys, much faster, for which every agent of the
	// cluster must be told the same and none may be DataStax's; any, which loses the order of a key's
	// events on a Key_Shared subscription with several consumers. Empty: none, or with
	// PulsarBatchDelayInMs, key with PulsarKeyBasedBatcher and any without.
	PulsarBatching string `yaml:"pulsarBatching" env:"CDC_PULSAR_BATCHING" oneof:"none|key|bucket|any"`
	// PulsarBatchDelayInMs is how long an event waits for others to be stored with, in ms. A number above 0 turns batches
	// on; 0 or less leaves them to PulsarBatching, and then the delay is 1 ms.
	PulsarBatchDelayInMs int `yaml:"pulsarBatchDelayInMs" env:"CDC_PULSAR_BATCH_DELAY_IN_MS" upstream:"true" default:"-1" max:"60000"`
	// PulsarKeyBasedBatcher stores only events of one key together: PulsarBatching key, where PulsarBatchDelayInMs turns batches on.
	PulsarKeyBasedBatcher bool `yaml:"pulsarKeyBasedBatcher" env:"CDC_PULSAR_KEY_BASED_BATCHER" upstream:"true"`
	// PulsarBatchBuckets is the number of groups of keys for PulsarBatching bucket, the same for every agent of a cluster.
	PulsarBatchBuckets int `yaml:"pulsarBatchBuckets" env:"CDC_PULSAR_BATCH_BUCKETS" default:"64" min:"1" max:"4096"`
	// PulsarCompression compresses what is stored together. It pays for batches only.
	PulsarCompression string `yaml:"pulsarCompression" env:"CDC_PULSAR_COMPRESSION" default:"none" oneof:"none|LZ4|ZLIB|ZSTD|SNAPPY"`
	// PulsarDeduplication numbers events by their place in the log, so that a namespace with de-duplication stores
	// none twice that comes again after a restart. Only for events that are stored alone (PulsarBatching none), for segments of at
	// most 32 MiB, and for a node whose clock never goes back between two starts of Cassandra: the broker would drop what
	// it takes for known.
	PulsarDeduplication bool `yaml:"pulsarDeduplication" env:"CDC_PULSAR_DEDUPLICATION"`

	// # TLS to Pulsar
	// These apply where PulsarServiceURL begins with pulsar+ssl:// or https://.

	// TLSTrustCertsFilePath holds the certificates (PEM) that the broker's must come from.
	// Empty: the system's.
	TLSTrustCertsFilePath string `yaml:"tlsTrustCertsFilePath" env:"CDC_TLS_TRUST_CERTS_FILE_PATH" upstream:"true" file:"true"`
	// UseKeyStoreTLS takes the certificates from Java's stores, SSLTruststorePath and SSLKeystorePath, instead
	// of TLSTrustCertsFilePath.
	UseKeyStoreTLS bool `yaml:"useKeyStoreTls" env:"CDC_USE_KEYSTORE_TLS" upstream:"true"`
	// SSLTruststorePath holds the certificates that the broker's must come from, in a trust store (JKS or PKCS #12).
	// Empty: SSLKeystorePath. (DataStax's agent ignores SSLTruststorePath, and takes SSLKeystorePath in any case.)
	SSLTruststorePath string `yaml:"sslTruststorePath" env:"CDC_SSL_TRUSTSTORE_PATH" upstream:"true" file:"true"`
	// SSLTruststorePassword opens SSLTruststorePath.
	SSLTruststorePassword string `yaml:"sslTruststorePassword" env:"CDC_SSL_TRUSTSTORE_PASSWORD" upstream:"true" secret:"true"`
	// SSLTruststorePasswordFile holds SSLTruststorePassword.
	SSLTruststorePasswordFile string `yaml:"sslTruststorePasswordFile" env:"CDC_SSL_TRUSTSTORE_PASSWORD_FILE"`
	// SSLTruststoreType is what kind of store SSLTruststorePath is.
	SSLTruststoreType string `yaml:"sslTruststoreType" env:"CDC_SSL_TRUSTSTORE_TYPE" upstream:"true" default:"JKS" oneof:"JKS|PKCS12" ignored:"the file itself says what it is"`
	// SSLKeystorePath holds, with SSLKeystorePassword, the certificate and key to show to a broker that asks (mTLS), in a
	// key store (JKS or PKCS #12). It is read again for every new connection. (DataStax's agent shows none.)
	SSLKeystorePath string `yaml:"sslKeystorePath" env:"CDC_SSL_KEYSTORE_PATH" upstream:"true" file:"true"`
	// SSLKeystorePassword opens SSLKeystorePath and the key in it. Empty: no certificate is shown.
	SSLKeystorePassword string `yaml:"sslKeystorePassword" env:"CDC_SSL_KEYSTORE_PASSWORD" upstream:"true" secret:"true"`
	// SSLKeystorePasswordFile holds SSLKeystorePassword.
	SSLKeystorePasswordFile string `yaml:"sslKeystorePasswordFile" env:"CDC_SSL_KEYSTORE_PASSWORD_FILE"`
	// SSLCipherSuites are those allowed below TLSv1.3, by their IANA names. Empty: Go's choice of safe ones.
	SSLCipherSuites []string `yaml:"sslCipherSuites" env:"CDC_SSL_CIPHER_SUITES" upstream:"true"`
	// SSLEnabledProtocols are TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3; the oldest one counts, all that are newer
	// are allowed too. Empty: TLSv1.2. (DataStax's agent takes TLSv1.2, TLSv1.1 and TLSv1 by default, never TLSv1.3.)
	SSLEnabledProtocols []string `yaml:"sslEnabledProtocols" env:"CDC_SSL_ENABLED_PROTOCOLS" upstream:"true"`
	// SSLAllowInsecureConnection takes any certificate. For tests.
	SSLAllowInsecureConnection bool `yaml:"sslAllowInsecureConnection" env:"CDC_SSL_ALLOW_INSECURE_CONNECTION" upstream:"true"`
	// SSLHostnameVerificationEnable asks that the broker's certificate names its host.
	SSLHostnameVerificationEnable bool `yaml:"sslHostnameVerificationEnable" env:"CDC_SSL_HOSTNAME_VERIFICATION_ENABLE" upstream:"true"`
	// SSLProvider is the Java class that makes TLS connections.
	SSLProvider string `yaml:"sslProvider" env:"CDC_SSL_PROVIDER" upstream:"true" ignored:"TLS is that of Go"`

	// # Operation

	// HTTPAddress is host:port where metrics, health and status are served, without
	// authentication; off serves nothing.
	HTTPAddress string `yaml:"httpAddress" env:"CDC_HTTP_ADDRESS" default:"127.0.0.1:9842"`
	// HTTPProfiles serves Go's profiles below /debug/pprof/ too.
	HTTPProfiles bool `yaml:"httpProfiles" env:"CDC_HTTP_PROFILES"`
	// MaxProcs bounds how many processors work for the agent at a time. GOMAXPROCS in the
	// environment wins.
	MaxProcs int `yaml:"maxProcs" env:"CDC_MAX_PROCS" default:"2" min:"1"`
	// MemoryLimitBytes is the amount of memory near which the agent collects garbage more
	// often. 0: 64 MiB and twice pulsarMemoryLimitBytes. GOMEMLIMIT in the environment wins.
	MemoryLimitBytes int64 `yaml:"memoryLimitBytes" env:"CDC_MEMORY_LIMIT_BYTES" default:"0" min:"0"`
	// KeepIOPriority leaves the agent's I/O priority as it was given. Otherwise it reads when
	// nobody else wants the disk (Linux's idle class).
	KeepIOPriority bool `yaml:"keepIOPriority" env:"CDC_KEEP_IO_PRIORITY"`

	origins  settings.Origins
	warnings []string
}

// DefaultFile is the configuration file of an installed agent.
const DefaultFile = "/etc/cassandra-cdc/agent.yaml"

// Load reads the settings from everywhere, also when some of them are wrong:
// then the error says which, and the configuration holds the others.
func Load(from settings.Sources) (c Config, err error) {
	c.origins, c.warnings, err = settings.Load(&c, from)
	return c, err
}

// Given is how many settings were set, anywhere.
func (c Config) Given() int { return len(c.origins) }

// Warnings are about settings that have no effect and names that look like a slip.
func (c Config) Warnings() []string {
	w := slices.Clone(c.warnings)
	if c.PulsarBatching == "" && c.WithDefaults().batching() == pulsar.BatchAny {
		w = append(w, "pulsarBatchDelayInMs without pulsarKeyBasedBatcher stores events of different keys together: on a Key_Shared subscription "+
			"with several consumers the order of a key's events is lost (pulsarKeyBasedBatcher or pulsarBatching: bucket keeps it)")
	}
	c = c.WithDefaults()
	idle := func(because string, of func(key string) bool) {
		for _, f := range settings.Fields(&c) {
			if o, set := c.origins[f.Key]; set && f.Ignored == "" && of(f.Key) {
				w = append(w, o.Place+": "+f.Key+" has no effect: "+because)
			}
		}
	}
	store := func(key string) bool {
		return strings.HasPrefix(key, "sslTruststore") || strings.HasPrefix(key, "sslKeystore")
	}
	switch {
	case !c.pulsarTLS():
		idle("pulsarServiceUrl is not pulsar+ssl:// or https://", func(key string) bool {
			return strings.HasPrefix(key, "ssl") || key == "tlsTrustCertsFilePath" || key == "useKeyStoreTls"
		})
	case c.UseKeyStoreTLS:
		idle("useKeyStoreTls is true", func(key string) bool { return key == "tlsTrustCertsFilePath" })
	default:
		idle("useKeyStoreTls is not true", store)
	}
	if c.CassandraTLS == "false" {
		idle("cassandraTls is false", func(key string) bool { return strings.HasPrefix(key, "cassandraTls") && key != "cassandraTls" })
	}
	return w
}

// WithDefaults is the configuration with every setting that is not set at its default.
func (c Config) WithDefaults() Config {
	settings.Defaults(&c)
	return c
}

// Validate reports every fault at once, each as a [settings.Fault].
func (c Config) Validate() error {
	c = c.WithDefaults()
	faults := settings.FaultsOf(settings.Check(&c, c.origins))
	fault := func(key, problem, hint string) {
		if slices.ContainsFunc(faults, func(f settings.Fault) bool { return f.Key == key }) {
			return // one fault of a setting is enough, and the first is the plainest
		}
		faults = append(faults, settings.Fault{Key: key, Origin: c.origins[key].Place, Problem: problem, Hint: hint})
	}
	for _, rule := range c.contradictions() {
		if rule.broken {
			fault(rule.key, rule.problem, rule.hint)
		}
	}
	for _, list := range []struct {
		key      string
		patterns []string
	}{{"tables", c.Tables}, {"excludeTables", c.ExcludeTables}} {
		if _, err := compilePatterns(list.patterns); err != nil {
			fault(list.key, err.Error(), "as in shop.*, or *.customer")
		}
	}
	for _, part := range c.parts() {
		if err := part.check(); err != nil {
			fault(part.key, err.Error(), part.hint)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}

type rule struct {
	broken             bool
	key, problem, hint string
}

// contradictions are settings that do not go together, and forms that the tags cannot say.
func (c Config) contradictions() []rule {
	_, _, noAddress := net.SplitHostPort(c.ContactPoint)
	_, _, nowhere := net.SplitHostPort(c.StatusAddress())
	const one, both = "leave one of them out", "set both or none"
	return []rule{
		{c.ContactPoint != "" && noAddress != nil, "contactPoint", "it is not host:port", "as in 127.0.0.1:9042, or [::1]:9042"},
		{c.StatusAddress() != "" && nowhere != nil, "httpAddress", "it is not host:port", "as in 127.0.0.1:9842; off serves nothing"},
		{c.CassandraPassword != "" && c.CassandraUsername == "", "cassandraUsername", "it is missing: cassandraPassword is set", both},
		{c.CassandraPassword == "" && c.CassandraPasswordFile == "" && c.CassandraUsername != "", "cassandraPassword", "it is missing: cassandraUsername is set", "set it, or cassandraPasswordFile"},
		{c.CassandraTLSTrustCertsFilePath != "" && c.CassandraTLSTruststorePath != "", "cassandraTlsTruststorePath", "cassandraTlsTrustCertsFilePath is set too", one},
		{c.CassandraTLSCertificateFilePath != "" && c.CassandraTLSKeyFilePath == "", "cassandraTlsKeyFilePath", "it is missing: cassandraTlsCertificateFilePath is set", both},
		{c.CassandraTLSCertificateFilePath == "" && c.CassandraTLSKeyFilePath != "", "cassandraTlsCertificateFilePath", "it is missing: cassandraTlsKeyFilePath is set", both},
		{c.CassandraTLSCertificateFilePath != "" && c.CassandraTLSKeystorePath != "", "cassandraTlsKeystorePath", "cassandraTlsCertificateFilePath is set too", one},
		{c.PulsarBatching == "none" && c.PulsarBatchDelayInMs > 0, "pulsarBatchDelayInMs", "pulsarBatching is none", one},
		{c.PulsarKeyBasedBatcher && c.PulsarBatching != "" && c.PulsarBatching != "key", "pulsarKeyBasedBatcher", "pulsarBatching is not key", one},
		{c.PulsarDeduplication && c.batching() != pulsar.BatchNone, "pulsarDeduplication", "events are stored together (pulsarBatching, pulsarBatchDelayInMs)", one},
		{c.PulsarDeduplication && c.ErrorCommitLogReprocessEnabled, "pulsarDeduplication", "errorCommitLogReprocessEnabled brings back older segments, which the broker would drop", one},
		{c.PulsarBatchBuckets != pulsar.DefaultBuckets && c.PulsarBatching != "bucket", "pulsarBatchBuckets", "pulsarBatching is not bucket", one},
	}
}

// part is a setting that whoever uses it checks.
type part struct {
	key   string
	check func() error
	hint  string
}

func (c Config) parts() []part {
	to, node := c.Pulsar(nil), c.cassandraTLSFiles()
	if node.CertificateFile == "" || node.KeyFile == "" { // a contradiction, told as such
		node.CertificateFile, node.KeyFile = "", ""
	}
	const password = "the password must be that of the store and of the key in it"
	trust := "sslTruststorePath"
	if c.SSLTruststorePath == "" {
		trust = "sslKeystorePath"
	}
	// One setting at a time, so that each fault has its key.
	cluster := func(of pulsar.Config) func() error {
		if of.ServiceURL == "" {
			of.ServiceURL = pulsar.DefaultServiceURL
		}
		return of.Validate
	}
	return []part{
		{"cassandraTlsTrustCertsFilePath", cassandra.TLS{TrustCertsFile: node.TrustCertsFile}.Validate, ""},
		{"cassandraTlsTruststorePath", cassandra.TLS{TrustStore: node.TrustStore}.Validate, "check cassandraTlsTruststorePassword"},
		{"cassandraTlsCertificateFilePath", cassandra.TLS{CertificateFile: node.CertificateFile, KeyFile: node.KeyFile}.Validate, "it and cassandraTlsKeyFilePath must be a pair, in PEM, the key not encrypted"},
		{"cassandraTlsKeystorePath", cassandra.TLS{KeyStore: node.KeyStore}.Validate, password},
		{"pulsarServiceUrl", cluster(pulsar.Config{ServiceURL: to.ServiceURL}), ""},
		{"pulsarWebServiceUrl", cluster(pulsar.Config{WebServiceURL: to.WebServiceURL}), ""},
		{"pulsarAuthParams", cluster(pulsar.Config{AuthPlugin: to.AuthPlugin, AuthParams: to.AuthParams}), "they must fit pulsarAuthPluginClassName"},
		{"tlsTrustCertsFilePath", cluster(pulsar.Config{TLSTrustCertsFile: to.TLSTrustCertsFile}), ""},
		{trust, cluster(pulsar.Config{TLSTrustStore: to.TLSTrustStore}), "check sslTruststorePassword"},
		{"sslKeystorePath", cluster(pulsar.Config{TLSKeyStore: to.TLSKeyStore}), password},
		{"sslEnabledProtocols", cluster(pulsar.Config{TLSProtocols: to.TLSProtocols}), ""},
		{"sslCipherSuites", cluster(pulsar.Config{TLSCipherSuites: to.TLSCipherSuites}), "names are as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	}
}

// defaultInFlightBytes is the bound where PulsarMemoryLimitBytes sets none.
const defaultInFlightBytes = 16 << 20

// InFlightEvents bounds how many events may be sent and not yet acknowledged.
func (c Config) InFlightEvents() int64 { return int64(c.WithDefaults().MaxInflightMessagesPerTask) }

// InFlightBytes bounds the bytes of their keys and values.
func (c Config) InFlightBytes() int64 {
	if c.PulsarMemoryLimitBytes == 0 {
		return defaultInFlightBytes
	}
	return c.PulsarMemoryLimitBytes
}

const (
	// baseMemory is what the agent needs beyond the events in flight.
	baseMemory = 64 << 20
	// flightFactor is how many bytes of memory a byte of the in-flight window takes: the
	// message here and the client's copies of it.
	flightFactor = 2
)

// MemoryLimit is the soft limit of the Go runtime in bytes: near it, memory is collected
// more often. Nothing fails for it.
func (c Config) MemoryLimit() int64 {
	if c.MemoryLimitBytes != 0 {
		return c.MemoryLimitBytes
	}
	return baseMemory + min(flightFactor*c.InFlightBytes(), math.MaxInt64/2)
}

// StatusAddress is host:port where the agent serves its status; "" where it does not.
func (c Config) StatusAddress() string {
	if address := c.WithDefaults().HTTPAddress; address != "off" {
		return address
	}
	return ""
}

// KeyForm is how columns of primary keys are written.
func (c Config) KeyForm() event.KeyForm {
	if c.FaithfulKeys {
		return event.FaithfulForm
	}
	return event.JavaForm
}

// HistoryFile is where the history of the schema is kept; CDCWorkingDir must be known.
func (c Config) HistoryFile() string { return filepath.Join(c.CDCWorkingDir, "schema_history.json") }

// Quarantine is where what could not become events is kept; CDCWorkingDir must be known.
func (c Config) Quarantine() quarantine.Dir {
	return quarantine.Dir{Path: filepath.Join(c.CDCWorkingDir, "quarantine")}
}

func (c Config) pulsarTLS() bool {
	return strings.HasPrefix(c.PulsarServiceURL, "pulsar+ssl:") || strings.HasPrefix(c.PulsarServiceURL, "https:")
}
