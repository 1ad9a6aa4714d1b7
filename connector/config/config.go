// What a connector is told: every setting, where it comes from, and what is wrong with it.
// docs/connector-settings.md and deploy/connector.yaml are made from this file
// (go test ./connector/config -run SettingsDocument -update).

// Package config holds the settings of the connector: every one with its meaning and
// default (config.go), the ways they come (sources.go), those of DataStax's Java driver
// (driver.go), and what they mean for others (settle.go, tables.go). It reads files and
// says what is wrong; it connects to nothing.
package config

import (
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// Config is what the connector can be told. A zero value means the default. Names that
// DataStax's connector has keep its spelling and meaning. The tags are those of package
// settings; a comment that begins with # is a heading of the reference.
type Config struct {
	// # The tables

	// Keyspace is the keyspace of Table, as it is in system_schema, without quotes.
	Keyspace string `yaml:"keyspace" env:"CASSANDRA_SOURCE_KEYSPACE" upstream:"true"`
	// Table is the table whose rows are published, as it is in system_schema, without quotes.
	Table string `yaml:"table" env:"CASSANDRA_SOURCE_TABLE" upstream:"true"`
	// Tables are patterns of the tables whose rows are published, instead of Keyspace and Table, as far as they
	// have cdc = true: keyspace.table, where * stands for any letters, ? for one and [ab] for one of those.
	Tables []string `yaml:"tables" env:"CASSANDRA_SOURCE_TABLES"`
	// TablesExclude are patterns of tables that are left out even where Tables has them.
	TablesExclude []string `yaml:"tables.exclude" env:"CASSANDRA_SOURCE_TABLES_EXCLUDE"`
	// TablesRefreshMS is how often Cassandra is asked for new tables that Tables chooses, in ms.
	TablesRefreshMS int `yaml:"tables.refreshMs" env:"CASSANDRA_SOURCE_TABLES_REFRESH_MS" default:"10000" min:"100"`
	// Columns is a regular expression of the columns that are published besides the primary key; it must match the whole name.
	// It is one of RE2, which is Java's without look-around and back references.
	Columns string `yaml:"columns" env:"CASSANDRA_SOURCE_COLUMNS" upstream:"true" default:".*"`

	// # Events

	// EventsTopic is the topic that the agents publish to. It may hold {keyspace} and {table}.
	// Empty: events-{keyspace}.{table}.
	EventsTopic string `yaml:"events.topic" env:"CASSANDRA_SOURCE_EVENTS_TOPIC" upstream:"true"`
	// EventsSubscription is the name of the subscription to EventsTopic. Connectors that share it share the events.
	EventsSubscription string `yaml:"events.subscription.name" env:"CASSANDRA_SOURCE_EVENTS_SUBSCRIPTION_NAME" upstream:"true" default:"sub"`
	// EventsType is the type of the subscription. Key_Shared keeps the order of a key's events for any number of connectors; Failover and
	// Exclusive let one of them work, of each partition; Shared keeps no order where there are several.
	EventsType string `yaml:"events.subscription.type" env:"CASSANDRA_SOURCE_EVENTS_SUBSCRIPTION_TYPE" upstream:"true" default:"Key_Shared" oneof:"Key_Shared|Failover|Exclusive|Shared"`
	// DeadLetterTopic is where events go that can never succeed. It may hold {keyspace} and {table}.
	// Empty: the name of the events topic, the subscription and DLQ, joined by -, as Pulsar's clients name it.
	DeadLetterTopic string `yaml:"deadLetterTopic" env:"CASSANDRA_SOURCE_DEAD_LETTER_TOPIC"`
	// BatchSize is how many events DataStax's connector takes at a time. Here it sets InFlightEvents.
	BatchSize int `yaml:"batch.size" env:"CASSANDRA_SOURCE_BATCH_SIZE" upstream:"true" default:"200" min:"1" max:"1000000"`
	// InFlightEvents bounds the events that are received and not yet acknowledged. 0: fifty times BatchSize.
	InFlightEvents int `yaml:"inFlight.events" env:"CASSANDRA_SOURCE_IN_FLIGHT_EVENTS" default:"0" min:"1" max:"10000000"`
	// InFlightBytes bounds the bytes of events and rows that are in memory.
	InFlightBytes int64 `yaml:"inFlight.bytes" env:"CASSANDRA_SOURCE_IN_FLIGHT_BYTES" default:"16777216" min:"1048576"`

	// # Duplicates

	// CacheMaxDigest is how many mutations of a key are remembered, to tell the events of replicas apart from new ones.
	CacheMaxDigest int `yaml:"cache.max.digest" env:"CASSANDRA_SOURCE_CACHE_MAX_DIGEST" upstream:"true" default:"3" min:"1"`
	// CacheMaxCapacity is of how many keys.
	CacheMaxCapacity int `yaml:"cache.max.capacity" env:"CASSANDRA_SOURCE_CACHE_MAX_CAPACITY" upstream:"true" default:"32767" min:"1"`
	// CacheExpireMS is how long a key is remembered after its last event, in ms.
	CacheExpireMS int `yaml:"cache.expire.after.ms" env:"CASSANDRA_SOURCE_CACHE_EXPIRE_AFTER_MS" upstream:"true" default:"60000" min:"1000"`
	// CacheOnlyIfCoordinatorMatch is whether DataStax's connector remembers a mutation only where the node that wrote its event answered the read.
	CacheOnlyIfCoordinatorMatch string `yaml:"cache.only_if_coordinator_match" upstream:"true" ignored:"it is always so: another node may not have the mutation yet"`
	// SuppressSameRow does not publish a row again that is as it was when it was last published.
	SuppressSameRow string `yaml:"suppressSameRow" env:"CASSANDRA_SOURCE_SUPPRESS_SAME_ROW" default:"true" oneof:"true|false"`

	// # The data topic

	// DestinationTopic is the topic that rows are published to. It may hold {keyspace} and {table}. Where Pulsar hosts the connector
	// it is the destination that the source was created with. Empty: data-{keyspace}.{table} where Tables is set.
	DestinationTopic string `yaml:"destinationTopicName" env:"CASSANDRA_SOURCE_DESTINATION_TOPIC_NAME"`
	// OutputFormat is the form of keys and values.
	OutputFormat string `yaml:"outputFormat" env:"CASSANDRA_SOURCE_OUTPUT_FORMAT" upstream:"true" default:"key-value-avro" oneof:"key-value-avro|key-value-json|json"`
	// KeyConverter is the Java class that writes keys. It is taken where it is the one of OutputFormat.
	KeyConverter string `yaml:"key.converter" upstream:"true" ignored:"outputFormat alone says how keys are written"`
	// ValueConverter is the Java class that writes values. It is taken where it is the one of OutputFormat.
	ValueConverter string `yaml:"value.converter" upstream:"true" ignored:"outputFormat alone says how values are written"`

	// # Reading rows

	// QueryExecutors bounds the reads that are under way at the same time. Fewer are, as answers become slow.
	QueryExecutors int `yaml:"query.executors" env:"CASSANDRA_SOURCE_QUERY_EXECUTORS" upstream:"true" default:"10" min:"1" max:"10000"`
	// QueryMaxLatencyMS is the average time of a read, in ms, above which there are fewer of them.
	QueryMaxLatencyMS int `yaml:"query.maxMobileAvgLatency" env:"CASSANDRA_SOURCE_QUERY_MAX_MOBILE_AVG_LATENCY" upstream:"true" default:"100" min:"1"`
	// QueryMinLatencyMS is the average time of a read, in ms, below which DataStax's connector reads more at the same time.
	QueryMinLatencyMS int `yaml:"query.minMobileAvgLatency" upstream:"true" ignored:"there are more reads again as soon as they are not slower than query.maxMobileAvgLatency"`
	// QueryBackoffMS is the first pause before a failed read is tried again, in ms. Each is about twice the one before.
	QueryBackoffMS int `yaml:"query.backoffInMs" env:"CASSANDRA_SOURCE_QUERY_BACKOFF_IN_MS" upstream:"true" default:"100" min:"1"`
	// QueryMaxBackoffSec is the longest such pause, in s. With DataStax's connector it is an hour by default, and so is then the time
	// until a row is published after Cassandra has come back.
	QueryMaxBackoffSec int `yaml:"query.maxBackoffInSec" env:"CASSANDRA_SOURCE_QUERY_MAX_BACKOFF_IN_SEC" upstream:"true" default:"10" min:"1"`
	// QueryGroupSize bounds the rows that one read asks for.
	QueryGroupSize int `yaml:"query.groupSize" env:"CASSANDRA_SOURCE_QUERY_GROUP_SIZE" default:"32" min:"1" max:"1000"`
	// QuerySpeculativeMS is how long the answer of one node is waited for before another is asked too, in ms. 0: no other is.
	QuerySpeculativeMS int `yaml:"query.speculativeMs" env:"CASSANDRA_SOURCE_QUERY_SPECULATIVE_MS" default:"0" min:"0"`
	// QueryExecutionTimeout bounds one read, in s.
	QueryExecutionTimeout int `yaml:"queryExecutionTimeout" env:"CASSANDRA_SOURCE_QUERY_EXECUTION_TIMEOUT" upstream:"true" default:"30" min:"1" max:"86400"`
	// Consistency is the consistency level of reads.
	Consistency string `yaml:"consistency" env:"CASSANDRA_SOURCE_CONSISTENCY" default:"LOCAL_QUORUM" oneof:"ONE|TWO|THREE|QUORUM|ALL|LOCAL_QUORUM|EACH_QUORUM|LOCAL_ONE"`
	// ConsistencyFallback is the level that is read with where too few replicas are up for Consistency. Such a row counts where its write time
	// proves that it has its event's change; it may lack others that were published before. none: such reads wait.
	ConsistencyFallback string `yaml:"consistency.fallback" env:"CASSANDRA_SOURCE_CONSISTENCY_FALLBACK" default:"none" oneof:"none|ONE|TWO|THREE|QUORUM|LOCAL_QUORUM|LOCAL_ONE"`

	// # Cassandra

	// ContactPoints are addresses of Cassandra nodes, host or host:port, from which the others are found.
	ContactPoints []string `yaml:"contactPoints" env:"CASSANDRA_SOURCE_CONTACT_POINTS" upstream:"true"`
	// Port is that of contact points without one.
	Port int `yaml:"port" env:"CASSANDRA_SOURCE_PORT" upstream:"true" default:"9042" min:"1" max:"65535"`
	// LocalDC is the data center whose nodes are asked, the one that the agents run in. Empty: all are, with a warning; DataStax's connector
	// then does not start.
	LocalDC string `yaml:"loadBalancing.localDc" env:"CASSANDRA_SOURCE_LOAD_BALANCING_LOCAL_DC" upstream:"true"`
	// SecureConnectBundle is the path of a secure connect bundle, as Astra DB has them, instead of ContactPoints, LocalDC and TLS;
	// or base64: and its contents.
	SecureConnectBundle string `yaml:"cloud.secureConnectBundle" env:"CASSANDRA_SOURCE_CLOUD_SECURE_CONNECT_BUNDLE" upstream:"true"`
	// ConnectionPoolLocalSize is the number of connections to each node.
	ConnectionPoolLocalSize int `yaml:"connectionPoolLocalSize" env:"CASSANDRA_SOURCE_CONNECTION_POOL_LOCAL_SIZE" upstream:"true" default:"4" min:"1" max:"1000"`
	// Compression is that of the connections: None, LZ4 or Snappy, in upper or lower case.
	Compression string `yaml:"compression" env:"CASSANDRA_SOURCE_COMPRESSION" upstream:"true" default:"None"`
	// AuthProvider is PLAIN for a user name and a password, which is so too where they are set and it is not. GSSAPI is not there.
	AuthProvider string `yaml:"auth.provider" env:"CASSANDRA_SOURCE_AUTH_PROVIDER" upstream:"true" default:"None"`
	// Username is the role that reads; it needs SELECT on the tables.
	Username string `yaml:"auth.username" env:"CASSANDRA_SOURCE_AUTH_USERNAME" upstream:"true"`
	// Password belongs to Username.
	Password string `yaml:"auth.password" env:"CASSANDRA_SOURCE_AUTH_PASSWORD" upstream:"true" secret:"true"`
	// PasswordFile holds Password. It is read again for every new connection, so that a password can change while
	// the connector runs.
	PasswordFile string `yaml:"auth.passwordFile" env:"CASSANDRA_SOURCE_AUTH_PASSWORD_FILE"`
	// GSSAPIKeyTab is for AuthProvider GSSAPI.
	GSSAPIKeyTab string `yaml:"auth.gssapi.keyTab" upstream:"true" ignored:"there is no GSSAPI"`
	// GSSAPIPrincipal is for AuthProvider GSSAPI.
	GSSAPIPrincipal string `yaml:"auth.gssapi.principal" upstream:"true" ignored:"there is no GSSAPI"`
	// GSSAPIService is for AuthProvider GSSAPI.
	GSSAPIService string `yaml:"auth.gssapi.service" upstream:"true" ignored:"there is no GSSAPI"`

	// # TLS to Cassandra

	// SSLProvider turns TLS on and off: None, or JDK or OpenSSL, which are the same here. Empty: on where one of the paths below is set.
	SSLProvider string `yaml:"ssl.provider" env:"CASSANDRA_SOURCE_SSL_PROVIDER" upstream:"true"`
	// SSLHostnameValidation asks that a node's certificate names its address.
	SSLHostnameValidation string `yaml:"ssl.hostnameValidation" env:"CASSANDRA_SOURCE_SSL_HOSTNAME_VALIDATION" upstream:"true" default:"true" oneof:"true|false"`
	// SSLCipherSuites are those allowed below TLS 1.3, by their IANA names. Empty: Go's choice of safe ones.
	SSLCipherSuites []string `yaml:"ssl.cipherSuites" env:"CASSANDRA_SOURCE_SSL_CIPHER_SUITES" upstream:"true"`
	// SSLTrustCertsFile holds the certificates (PEM) that a node's must come from; or base64: and these.
	// Empty: SSLTruststore, else the system's certificates.
	SSLTrustCertsFile string `yaml:"ssl.trustCertsFilePath" env:"CASSANDRA_SOURCE_SSL_TRUST_CERTS_FILE_PATH"`
	// SSLTruststore holds such certificates too, in one of Java's trust stores (JKS or PKCS #12); or base64: and its contents.
	SSLTruststore string `yaml:"ssl.truststore.path" env:"CASSANDRA_SOURCE_SSL_TRUSTSTORE_PATH" upstream:"true"`
	// SSLTruststorePassword opens SSLTruststore.
	SSLTruststorePassword string `yaml:"ssl.truststore.password" env:"CASSANDRA_SOURCE_SSL_TRUSTSTORE_PASSWORD" upstream:"true" secret:"true"`
	// SSLTruststorePasswordFile holds SSLTruststorePassword.
	SSLTruststorePasswordFile string `yaml:"ssl.truststore.passwordFile" env:"CASSANDRA_SOURCE_SSL_TRUSTSTORE_PASSWORD_FILE"`
	// SSLKeystore holds the connector's own certificate and key, for nodes with require_client_auth, in one of Java's key stores (JKS or PKCS #12);
	// or base64: and its contents. A file is read again for every new connection.
	SSLKeystore string `yaml:"ssl.keystore.path" env:"CASSANDRA_SOURCE_SSL_KEYSTORE_PATH" upstream:"true"`
	// SSLKeystorePassword opens SSLKeystore and the key in it.
	SSLKeystorePassword string `yaml:"ssl.keystore.password" env:"CASSANDRA_SOURCE_SSL_KEYSTORE_PASSWORD" upstream:"true" secret:"true"`
	// SSLKeystorePasswordFile holds SSLKeystorePassword.
	SSLKeystorePasswordFile string `yaml:"ssl.keystore.passwordFile" env:"CASSANDRA_SOURCE_SSL_KEYSTORE_PASSWORD_FILE"`
	// SSLCertificate is the connector's own certificate (PEM), instead of SSLKeystore; or base64: and this. A file is read again
	// for every new connection.
	SSLCertificate string `yaml:"ssl.openssl.keyCertChain" env:"CASSANDRA_SOURCE_SSL_OPENSSL_KEY_CERT_CHAIN" upstream:"true"`
	// SSLPrivateKey is the key (PEM, not encrypted) of SSLCertificate; or base64: and this.
	SSLPrivateKey string `yaml:"ssl.openssl.privateKey" env:"CASSANDRA_SOURCE_SSL_OPENSSL_PRIVATE_KEY" upstream:"true"`

	// # Pulsar
	// Where Pulsar hosts the connector, what is not set here is as its worker has it.

	// PulsarServiceURL says where the brokers are: pulsar://host:6650 or pulsar+ssl://host:6651, or the http and https
	// forms; several hosts are joined by commas.
	PulsarServiceURL string `yaml:"pulsarServiceUrl" env:"CASSANDRA_SOURCE_PULSAR_SERVICE_URL" default:"pulsar://localhost:6650"`
	// PulsarWebServiceURL is the web service of Pulsar, http://host:8080 or https://host:8443, which tells the schemas that events were
	// written with. Empty: that of the hosts in PulsarServiceURL.
	PulsarWebServiceURL string `yaml:"pulsarWebServiceUrl" env:"CASSANDRA_SOURCE_PULSAR_WEB_SERVICE_URL"`
	// PulsarAuthPlugin is the class name of an authentication plugin of Java's client, or its
	// short name: token, tls, basic, oauth2 or athenz. Empty: no authentication.
	PulsarAuthPlugin string `yaml:"pulsarAuthPluginClassName" env:"CASSANDRA_SOURCE_PULSAR_AUTH_PLUGIN_CLASS_NAME"`
	// PulsarAuthParams belong to PulsarAuthPlugin, in any form that Java's client takes: a JSON object,
	// name:value pairs joined by commas, token:…, file:///path. The file of a token is read
	// again for every new connection.
	PulsarAuthParams string `yaml:"pulsarAuthParams" env:"CASSANDRA_SOURCE_PULSAR_AUTH_PARAMS" secret:"true"`
	// PulsarAuthParamsFile holds PulsarAuthParams. It is read at the start; where it holds a bare token and nothing
	// else, it is read again for every new connection.
	PulsarAuthParamsFile string `yaml:"pulsarAuthParamsFile" env:"CASSANDRA_SOURCE_PULSAR_AUTH_PARAMS_FILE"`
	// PulsarMaxPendingMessages bounds the rows of one topic that are sent and not yet acknowledged.
	PulsarMaxPendingMessages int `yaml:"pulsarMaxPendingMessages" env:"CASSANDRA_SOURCE_PULSAR_MAX_PENDING_MESSAGES" default:"10000" min:"1" max:"1000000"`
	// PulsarBatching says which rows may be stored together, in one entry of the topic: none; key, those of
	// one key; bucket, those of PulsarBatchBuckets groups of keys, much faster, which must be the same for every connector of the
	// topic; any, as Pulsar's sink does it for DataStax's connector, which loses the order of a key's rows on a Key_Shared subscription with several consumers.
	// Where Pulsar publishes the rows, its producer's configuration says so instead.
	PulsarBatching string `yaml:"pulsarBatching" env:"CASSANDRA_SOURCE_PULSAR_BATCHING" default:"bucket" oneof:"none|key|bucket|any"`
	// PulsarBatchDelayInMs is how long a row waits for others to be stored with, in ms.
	PulsarBatchDelayInMs int `yaml:"pulsarBatchDelayInMs" env:"CASSANDRA_SOURCE_PULSAR_BATCH_DELAY_IN_MS" default:"1" min:"1" max:"60000"`
	// PulsarBatchBuckets is the number of groups of keys for PulsarBatching bucket.
	PulsarBatchBuckets int `yaml:"pulsarBatchBuckets" env:"CASSANDRA_SOURCE_PULSAR_BATCH_BUCKETS" default:"64" min:"1" max:"4096"`
	// PulsarCompression compresses what is stored together. It pays for batches only.
	PulsarCompression string `yaml:"pulsarCompression" env:"CASSANDRA_SOURCE_PULSAR_COMPRESSION" default:"none" oneof:"none|LZ4|ZLIB|ZSTD|SNAPPY"`

	// # TLS to Pulsar
	// These apply where PulsarServiceURL begins with pulsar+ssl:// or https://.

	// TLSTrustCertsFile holds the certificates (PEM) that the broker's must come from.
	// Empty: the system's.
	TLSTrustCertsFile string `yaml:"tlsTrustCertsFilePath" env:"CASSANDRA_SOURCE_PULSAR_TLS_TRUST_CERTS_FILE_PATH" file:"true"`
	// UseKeyStoreTLS takes the certificates from Java's stores, PulsarTruststore and PulsarKeystore, instead
	// of TLSTrustCertsFile.
	UseKeyStoreTLS bool `yaml:"useKeyStoreTls" env:"CASSANDRA_SOURCE_PULSAR_USE_KEYSTORE_TLS"`
	// PulsarTruststore holds the certificates that the broker's must come from, in a trust store (JKS or PKCS #12).
	PulsarTruststore string `yaml:"sslTruststorePath" env:"CASSANDRA_SOURCE_PULSAR_SSL_TRUSTSTORE_PATH" file:"true"`
	// PulsarTruststorePassword opens PulsarTruststore.
	PulsarTruststorePassword string `yaml:"sslTruststorePassword" env:"CASSANDRA_SOURCE_PULSAR_SSL_TRUSTSTORE_PASSWORD" secret:"true"`
	// PulsarTruststorePasswordFile holds PulsarTruststorePassword.
	PulsarTruststorePasswordFile string `yaml:"sslTruststorePasswordFile" env:"CASSANDRA_SOURCE_PULSAR_SSL_TRUSTSTORE_PASSWORD_FILE"`
	// PulsarKeystore holds the certificate and key to show to a broker that asks (mTLS), in a
	// key store (JKS or PKCS #12). It is read again for every new connection.
	PulsarKeystore string `yaml:"sslKeystorePath" env:"CASSANDRA_SOURCE_PULSAR_SSL_KEYSTORE_PATH" file:"true"`
	// PulsarKeystorePassword opens PulsarKeystore and the key in it.
	PulsarKeystorePassword string `yaml:"sslKeystorePassword" env:"CASSANDRA_SOURCE_PULSAR_SSL_KEYSTORE_PASSWORD" secret:"true"`
	// PulsarKeystorePasswordFile holds PulsarKeystorePassword.
	PulsarKeystorePasswordFile string `yaml:"sslKeystorePasswordFile" env:"CASSANDRA_SOURCE_PULSAR_SSL_KEYSTORE_PASSWORD_FILE"`
	// PulsarCipherSuites are those allowed below TLSv1.3, by their IANA names. Empty: Go's choice of safe ones.
	PulsarCipherSuites []string `yaml:"sslCipherSuites" env:"CASSANDRA_SOURCE_PULSAR_SSL_CIPHER_SUITES"`
	// PulsarProtocols are TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3; the oldest one counts, all that are newer
	// are allowed too. Empty: TLSv1.2.
	PulsarProtocols []string `yaml:"sslEnabledProtocols" env:"CASSANDRA_SOURCE_PULSAR_SSL_ENABLED_PROTOCOLS"`
	// AllowInsecure takes any certificate. For tests.
	AllowInsecure bool `yaml:"sslAllowInsecureConnection" env:"CASSANDRA_SOURCE_PULSAR_SSL_ALLOW_INSECURE_CONNECTION"`
	// HostnameVerification asks that the broker's certificate names its host.
	HostnameVerification bool `yaml:"sslHostnameVerificationEnable" env:"CASSANDRA_SOURCE_PULSAR_SSL_HOSTNAME_VERIFICATION_ENABLE"`

	// # Operation

	// HTTPAddress is host:port where metrics, health and status are served, without authentication; off serves nothing.
	// Empty: 127.0.0.1:9843 for a connector on its own, off where Pulsar hosts it.
	HTTPAddress string `yaml:"httpAddress" env:"CASSANDRA_SOURCE_HTTP_ADDRESS"`

	// # Settings of DataStax's Java driver
	// DataStax's connector passes settings that begin with datastax-java-driver. on to its driver. Those below have a meaning here too,
	// where the connector's own setting is not set. Any other is taken with a warning, and does nothing.

	// DriverContactPoints are ContactPoints.
	DriverContactPoints []string `yaml:"datastax-java-driver.basic.contact-points" upstream:"true"`
	// DriverLocalDC is LocalDC.
	DriverLocalDC string `yaml:"datastax-java-driver.basic.load-balancing-policy.local-datacenter" upstream:"true"`
	// DriverSecureConnectBundle is SecureConnectBundle.
	DriverSecureConnectBundle string `yaml:"datastax-java-driver.basic.cloud.secure-connect-bundle" upstream:"true"`
	// DriverTimeout is QueryExecutionTimeout with its unit, as in 30 seconds or 1500ms, up to the next whole second.
	DriverTimeout string `yaml:"datastax-java-driver.basic.request.timeout" upstream:"true"`
	// DriverConsistency is Consistency.
	DriverConsistency string `yaml:"datastax-java-driver.basic.request.consistency" upstream:"true" oneof:"ONE|TWO|THREE|QUORUM|ALL|LOCAL_QUORUM|EACH_QUORUM|LOCAL_ONE"`
	// DriverPoolLocalSize is ConnectionPoolLocalSize.
	DriverPoolLocalSize int `yaml:"datastax-java-driver.advanced.connection.pool.local.size" upstream:"true" min:"1" max:"1000"`
	// DriverCompression is Compression.
	DriverCompression string `yaml:"datastax-java-driver.advanced.protocol.compression" upstream:"true"`
	// DriverAuthUsername is Username.
	DriverAuthUsername string `yaml:"datastax-java-driver.advanced.auth-provider.username" upstream:"true"`
	// DriverAuthPassword is Password.
	DriverAuthPassword string `yaml:"datastax-java-driver.advanced.auth-provider.password" upstream:"true" secret:"true"`
	// DriverAuthClass is AuthProvider: PlainTextAuthProvider is the only one here.
	DriverAuthClass string `yaml:"datastax-java-driver.advanced.auth-provider.class" upstream:"true"`
	// DriverSSLClass turns TLS on as SSLProvider does. DefaultSslEngineFactory is the only one here.
	DriverSSLClass string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.class" upstream:"true"`
	// DriverSSLHostnameValidation is SSLHostnameValidation.
	DriverSSLHostnameValidation string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.hostname-validation" upstream:"true" oneof:"true|false"`
	// DriverSSLCipherSuites are SSLCipherSuites.
	DriverSSLCipherSuites []string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.cipher-suites" upstream:"true"`
	// DriverSSLTruststore is SSLTruststore.
	DriverSSLTruststore string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.truststore-path" upstream:"true"`
	// DriverSSLTruststorePassword is SSLTruststorePassword.
	DriverSSLTruststorePassword string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.truststore-password" upstream:"true" secret:"true"`
	// DriverSSLKeystore is SSLKeystore.
	DriverSSLKeystore string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.keystore-path" upstream:"true"`
	// DriverSSLKeystorePassword is SSLKeystorePassword.
	DriverSSLKeystorePassword string `yaml:"datastax-java-driver.advanced.ssl-engine-factory.keystore-password" upstream:"true" secret:"true"`
	// DriverSpeculativeClass turns QuerySpeculativeMS on: ConstantSpeculativeExecutionPolicy, or NoSpeculativeExecutionPolicy.
	DriverSpeculativeClass string `yaml:"datastax-java-driver.advanced.speculative-execution-policy.class" upstream:"true"`
	// DriverSpeculativeDelay is QuerySpeculativeMS with its unit, where DriverSpeculativeClass turns it on.
	DriverSpeculativeDelay string `yaml:"datastax-java-driver.advanced.speculative-execution-policy.delay" upstream:"true"`

	// # Settings of DataStax's connector that do nothing here

	// Name is the name of the connector, which DataStax's tells Cassandra.
	Name string `yaml:"name" upstream:"true" ignored:"the driver here tells Cassandra no client name"`
	// MaxConcurrentRequests does nothing in DataStax's connector either.
	MaxConcurrentRequests string `yaml:"maxConcurrentRequests" upstream:"true" ignored:"DataStax's connector never uses it; query.executors bounds the reads"`
	// IgnoreErrors does nothing in DataStax's connector either.
	IgnoreErrors string `yaml:"ignoreErrors" upstream:"true" ignored:"DataStax's connector never uses it; an event that can never succeed goes to deadLetterTopic"`
	// JMX is whether Java's metrics are served.
	JMX string `yaml:"jmx" upstream:"true" ignored:"there is no Java; metrics are served at httpAddress"`
	// JMXConnectorDomain is the name of Java's metrics.
	JMXConnectorDomain string `yaml:"jmxConnectorDomain" upstream:"true" ignored:"there is no Java; metrics are served at httpAddress"`
	// MetricsHighestLatency is the largest time that Java's metrics tell, in s.
	MetricsHighestLatency string `yaml:"metricsHighestLatency" upstream:"true" ignored:"the metrics here have no largest value"`

	hosted   bool // Pulsar runs the connector
	relayed  bool // and publishes its rows
	origins  settings.Origins
	warnings []string
}
