// What a node agent is told: every setting, where it comes from, and what is wrong with
// it. docs/agent-settings.md and deploy/agent.yaml are made from this file
// (go test ./agent -run SettingsDocument -update).

package agent

import (
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
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
	// ContactPoint is host:port of the node's native transport. Empty: what cassandra.yaml
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
	// CassandraTLS says whether the node is asked over TLS. auto: when cassandra.yaml
	// says so (client_encryption_options enabled and not optional).
	CassandraTLS string `yaml:"cassandraTls" env:"CDC_CASSANDRA_TLS" default:"auto" oneof:"auto|true|false"`
	// CassandraTLSTrustCertsFilePath holds the certificates (PEM) that the node's must come from.
	// Empty: the trust store, else the system's certificates.
	CassandraTLSTrustCertsFilePath string `yaml:"cassandraTlsTrustCertsFilePath" env:"CDC_CASSANDRA_TLS_TRUST_CERTS_FILE_PATH" file:"true"`
	// CassandraTLSCertificateFilePath is the agent's own certificate (PEM), for a node with
	// require_client_auth. It is read again for every new connection.
	CassandraTLSCertificateFilePath string `yaml:"cassandraTlsCertificateFilePath" env:"CDC_CASSANDRA_TLS_CERTIFICATE_FILE_PATH" file:"true"`
	// CassandraTLSKeyFilePath is the key (PEM, not encrypted) of CassandraTLSCertificateFilePath.
	CassandraTLSKeyFilePath string `yaml:"cassandraTlsKeyFilePath" env:"CDC_CASSANDRA_TLS_KEY_FILE_PATH" file:"true"`
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

	// PulsarServiceURL is pulsar://host:6650 or pulsar+ssl://host:6651, or the http and https
	// forms; several hosts are joined by commas.
	PulsarServiceURL string `yaml:"pulsarServiceUrl" env:"CDC_PULSAR_SERVICE_URL" upstream:"true" default:"pulsar://localhost:6650"`
	// PulsarAuthPluginClassName is the class name of an authentication plugin of Java's client, or its
	// short name: token, tls, basic, oauth2 or athenz. Empty: no authentication.
	PulsarAuthPluginClassName string `yaml:"pulsarAuthPluginClassName" env:"CDC_PULSAR_AUTH_PLUGIN_CLASS_NAME" upstream:"true"`
	// PulsarAuthParams belong to PulsarAuthPluginClassName, in any form that Java's client takes: a JSON object,
	// name:value pairs joined by commas, token:…, file:///path. The file of a token is read
	// again for every new connection.
	PulsarAuthParams string `yaml:"pulsarAuthParams" env:"CDC_PULSAR_AUTH_PARAMS" upstream:"true" secret:"true"`
	// PulsarAuthParamsFile holds PulsarAuthParams. It is read at the start; a token that changes while
	// the agent runs is better named by file:///path in PulsarAuthParams.
	PulsarAuthParamsFile string `yaml:"pulsarAuthParamsFile" env:"CDC_PULSAR_AUTH_PARAMS_FILE"`
	// PulsarMaxPendingMessages bounds the messages of one topic that are sent and not yet acknowledged.
	PulsarMaxPendingMessages int `yaml:"pulsarMaxPendingMessages" env:"CDC_PULSAR_MAX_PENDING_MESSAGES" upstream:"true" default:"1000" min:"1" max:"1000000"`
	// PulsarMaxPendingMessagesAcrossPartitions is deprecated in Java's client.
	PulsarMaxPendingMessagesAcrossPartitions int `yaml:"pulsarMaxPendingMessagesAcrossPartitions" env:"CDC_PULSAR_MAX_PENDING_MESSAGES_ACROSS_PARTITIONS" upstream:"true" ignored:"pulsarMaxPendingMessages counts all partitions of a topic together"`
	// PulsarMemoryLimitBytes bounds the bytes of messages that are sent and not yet acknowledged, of all
	// tables together. 0: 16 MiB.
	PulsarMemoryLimitBytes int64 `yaml:"pulsarMemoryLimitBytes" env:"CDC_PULSAR_MEMORY_LIMIT_BYTES" upstream:"true" default:"0" min:"0"`

	// # TLS to Pulsar
	// These apply where PulsarServiceURL begins with pulsar+ssl:// or https://.

	// TLSTrustCertsFilePath holds the certificates (PEM) that the broker's must come from.
	// Empty: the system's.
	TLSTrustCertsFilePath string `yaml:"tlsTrustCertsFilePath" env:"CDC_TLS_TRUST_CERTS_FILE_PATH" upstream:"true" file:"true"`
	// SSLAllowInsecureConnection takes any certificate. For tests.
	SSLAllowInsecureConnection bool `yaml:"sslAllowInsecureConnection" env:"CDC_SSL_ALLOW_INSECURE_CONNECTION" upstream:"true"`
	// SSLHostnameVerificationEnable asks that the broker's certificate names its host.
	SSLHostnameVerificationEnable bool `yaml:"sslHostnameVerificationEnable" env:"CDC_SSL_HOSTNAME_VERIFICATION_ENABLE" upstream:"true"`
	// SSLProvider is the Java class that makes TLS connections.
	SSLProvider string `yaml:"sslProvider" env:"CDC_SSL_PROVIDER" upstream:"true" ignored:"there is one implementation of TLS here"`

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

// DefaultConfigFile is the configuration file of an installed agent.
const DefaultConfigFile = "/etc/cassandra-cdc/agent.yaml"

// LoadConfig reads the settings from everywhere, also when some of them are wrong:
// then the error says which, and the configuration holds the others.
func LoadConfig(from settings.Sources) (c Config, err error) {
	c.origins, c.warnings, err = settings.Load(&c, from)
	return c, err
}

// Warnings are about settings that have no effect and names that look like a slip.
func (c Config) Warnings() []string {
	w := c.warnings
	if c = c.withDefaults(); !c.pulsarTLS() {
		for _, f := range settings.Fields(&c) {
			if o, set := c.origins[f.Key]; set && (strings.HasPrefix(f.Key, "ssl") || f.Key == "tlsTrustCertsFilePath") && f.Ignored == "" {
				w = append(w, o.Place+": "+f.Key+" has no effect: pulsarServiceUrl is not pulsar+ssl:// or https://")
			}
		}
	}
	return w
}

func (c Config) withDefaults() Config {
	settings.Defaults(&c)
	return c
}

// Validate reports every fault at once, each as a [settings.Fault].
func (c Config) Validate() error {
	c = c.withDefaults()
	errs := []error{settings.Check(&c, c.origins)}
	fault := func(key, problem, hint string) {
		errs = append(errs, settings.Fault{Key: key, Origin: c.origins[key].Place, Problem: problem, Hint: hint})
	}
	switch {
	case c.CassandraPassword != "" && c.CassandraUsername == "":
		fault("cassandraUsername", "it is missing: cassandraPassword is set", "set both or none")
	case c.CassandraPassword == "" && c.CassandraUsername != "":
		fault("cassandraPassword", "it is missing: cassandraUsername is set", "set it, or cassandraPasswordFile")
	}
	for key, patterns := range map[string][]string{"tables": c.Tables, "excludeTables": c.ExcludeTables} {
		if _, err := compilePatterns(patterns); err != nil {
			fault(key, err.Error(), "as in shop.*, or *.customer")
		}
	}
	if address := c.StatusAddress(); address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			fault("httpAddress", "it is not host:port", "as in 127.0.0.1:9842; off serves nothing")
		}
	}
	if c.ContactPoint != "" {
		if _, _, err := net.SplitHostPort(c.ContactPoint); err != nil {
			fault("contactPoint", "it is not host:port", "as in 127.0.0.1:9042, or [::1]:9042")
		}
	}
	if (c.CassandraTLSCertificateFilePath == "") != (c.CassandraTLSKeyFilePath == "") {
		fault("cassandraTlsKeyFilePath", "it goes together with cassandraTlsCertificateFilePath: one of them is missing", "set both or none")
	}
	all := c.pulsar(nil)
	for _, part := range []struct {
		key string
		pulsar.Config
		hint string
	}{
		{"pulsarServiceUrl", pulsar.Config{ServiceURL: all.ServiceURL}, ""},
		{"pulsarAuthParams", pulsar.Config{ServiceURL: pulsar.DefaultServiceURL, AuthPlugin: all.AuthPlugin, AuthParams: all.AuthParams}, "they must fit pulsarAuthPluginClassName"},
	} {
		if err := part.Validate(); err != nil {
			fault(part.key, err.Error(), part.hint)
		}
	}
	return errors.Join(errs...)
}

// defaultInFlightBytes is the bound where PulsarMemoryLimitBytes sets none.
const defaultInFlightBytes = 16 << 20

func (c Config) inFlightEvents() int64 { return int64(c.withDefaults().MaxInflightMessagesPerTask) }

func (c Config) inFlightBytes() int64 {
	if c.PulsarMemoryLimitBytes == 0 {
		return defaultInFlightBytes
	}
	return c.PulsarMemoryLimitBytes
}

// StatusAddress is host:port where the agent serves its status; "" where it does not.
func (c Config) StatusAddress() string {
	if address := c.withDefaults().HTTPAddress; address != "off" {
		return address
	}
	return ""
}

func (c Config) historyFile() string { return filepath.Join(c.CDCWorkingDir, "schema_history.json") }

func (c Config) quarantineDir() string { return filepath.Join(c.CDCWorkingDir, "quarantine") }

func (c Config) pulsarTLS() bool {
	return strings.HasPrefix(c.PulsarServiceURL, "pulsar+ssl:") || strings.HasPrefix(c.PulsarServiceURL, "https:")
}

// pulsar is how to reach the cluster.
func (c Config) pulsar(log *slog.Logger) pulsar.Config {
	c = c.withDefaults()
	return pulsar.Config{
		ServiceURL: c.PulsarServiceURL, AuthPlugin: c.PulsarAuthPluginClassName, AuthParams: c.PulsarAuthParams,
		TLSTrustCertsFile: c.TLSTrustCertsFilePath, AllowInsecure: c.SSLAllowInsecureConnection,
		HostnameVerification: c.SSLHostnameVerificationEnable, Log: log,
	}
}

// producer is how to publish, but for what depends on the topic.
func (c Config) producer() pulsar.ProducerConfig {
	c = c.withDefaults()
	return pulsar.ProducerConfig{MaxPending: c.PulsarMaxPendingMessages}
}

// settle fills in what the settings leave to the machine: where the node is, and what
// follows from that. The error holds every fault of the settings and of cassandra.yaml.
func (c Config) settle(m machine) (Config, node, error) {
	c = c.withDefaults()
	errs := []error{c.Validate()}
	at, err := m.locate(c)
	if err != nil {
		return c, node{}, errors.Join(append(errs, err)...)
	}
	c.CassandraYAML, c.CassandraStorageDir = at.yaml, at.storageDir
	if c.CDCWorkingDir == "" {
		c.CDCWorkingDir = filepath.Join(at.storageDir, "cdc")
	}
	n, err := readNode(at)
	if err != nil {
		return c, n, errors.Join(append(errs, err)...)
	}
	errs = append(errs, n.faults())
	if c.ContactPoint == "" {
		if c.ContactPoint, err = n.contactPoint(c.cassandraTLS(n)); err != nil {
			errs = append(errs, err)
		}
	}
	return c, n, errors.Join(errs...)
}

func (c Config) cassandraTLS(n node) bool {
	return c.CassandraTLS == "true" || c.CassandraTLS == "auto" && n.tls()
}

// cassandra is how to reach the node, of a configuration that is settled.
func (c Config) cassandra(n node, log *slog.Logger) cassandra.Config {
	cfg := cassandra.Config{
		ContactPoints: []string{c.ContactPoint}, OnlyContactPoints: true,
		Username: c.CassandraUsername, Password: c.CassandraPassword, PasswordFile: c.CassandraPasswordFile, Log: log,
	}
	if c.cassandraTLS(n) {
		if c.CassandraTLSServerName == "" {
			c.CassandraTLSServerName, _, _ = net.SplitHostPort(c.ContactPoint)
		}
		cfg.TLS = &cassandra.TLS{
			TrustCertsFile: c.CassandraTLSTrustCertsFilePath, CertificateFile: c.CassandraTLSCertificateFilePath, KeyFile: c.CassandraTLSKeyFilePath,
			ServerName: c.CassandraTLSServerName, AnyName: c.CassandraTLSHostnameVerificationDisable, Insecure: c.CassandraTLSAllowInsecureConnection,
		}
	}
	return cfg
}
