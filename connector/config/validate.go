// What is wrong with a configuration, and what of it has no effect.

package config

import (
	"net"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// Warnings are about settings that have no effect, names that look like a slip, and what is
// allowed and seldom meant. They hold no secret.
func (c Config) Warnings() []string {
	w := slices.Clone(c.warnings)
	raw := c
	c = c.WithDefaults()
	warn := func(when bool, text string) {
		if when {
			w = append(w, text)
		}
	}
	idle := func(because string, of func(key string) bool) {
		for _, f := range settings.Fields(&raw) {
			if o, set := c.origins[f.Key]; set && !f.Zero() && f.Ignored == "" && of(f.Key) {
				w = append(w, o.Place+": "+f.Key+" has no effect: "+because)
			}
		}
	}
	keys := func(all ...string) func(string) bool {
		return func(key string) bool { return slices.Contains(all, key) }
	}
	warn(c.EventsType == "Shared", "events.subscription.type Shared: where several connectors share the subscription, the order of a key's events is lost (Key_Shared keeps it)")
	warn(c.LocalDC == "" && c.SecureConnectBundle == "",
		"loadBalancing.localDc is not set: nodes of all data centers are asked, and LOCAL_QUORUM is that of whichever is (set it to the data center of the agents)")
	warn(raw.SSLProvider != "" && !c.cassandraTLS() && c.sslPaths(), "ssl.provider is None: ssl.* has no effect, and Cassandra is asked without TLS")
	if !c.Several() {
		idle("tables is not set", keys("tables.exclude", "tables.refreshMs"))
	}
	if c.InFlightEvents != eventsPerBatch*c.BatchSize {
		idle("inFlight.events is set", keys("batch.size"))
	}
	if c.PulsarBatching == "none" {
		idle("pulsarBatching is none", keys("pulsarBatchDelayInMs"))
	}
	if c.PulsarBatching != "bucket" {
		idle("pulsarBatching is not bucket", keys("pulsarBatchBuckets"))
	}
	if c.relayed {
		idle("Pulsar publishes the rows, with the producer's configuration of the source", keys("pulsarBatching", "pulsarBatchDelayInMs", "pulsarBatchBuckets", "pulsarCompression", "pulsarMaxPendingMessages"))
	}
	store := func(key string) bool {
		return strings.HasPrefix(key, "sslTruststore") || strings.HasPrefix(key, "sslKeystore")
	}
	ofTLS := func(key string) bool {
		return strings.HasPrefix(key, "ssl") && !strings.HasPrefix(key, "ssl.") || key == "tlsTrustCertsFilePath" || key == "useKeyStoreTls"
	}
	switch {
	case !strings.HasPrefix(c.PulsarServiceURL, "pulsar+ssl:") && !strings.HasPrefix(c.PulsarServiceURL, "https:"):
		idle("pulsarServiceUrl is not pulsar+ssl:// or https://", ofTLS)
	case c.UseKeyStoreTLS:
		idle("useKeyStoreTls is true", keys("tlsTrustCertsFilePath"))
	default:
		idle("useKeyStoreTls is not true", store)
	}
	return w
}

// Validate reports every fault at once, each as a [settings.Fault].
func (c Config) Validate() error {
	raw := c
	c = c.WithDefaults()
	faults := settings.FaultsOf(settings.Check(&c, c.origins))
	fault := func(key, problem, hint string) {
		if slices.ContainsFunc(faults, func(f settings.Fault) bool { return f.Key == key }) {
			return // one fault of a setting is enough, and the first is the plainest
		}
		faults = append(faults, settings.Fault{Key: key, Origin: c.origins[key].Place, Problem: problem, Hint: hint})
	}
	for _, rule := range slices.Concat(raw.driverRules(), c.contradictions(raw)) {
		if rule.broken {
			fault(rule.key, rule.problem, rule.hint)
		}
	}
	for _, part := range c.parts() {
		if err := part.check(); err != nil {
			fault(part.key, strings.ReplaceAll(err.Error(), "\n", "; "), part.hint)
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
func (c Config) contradictions(raw Config) []rule {
	const one, both = "leave one of them out", "set both or none"
	const forms = "as in shop.*, or *.customer"
	cloud, several := c.SecureConnectBundle != "", c.Several()
	provider := strings.ToUpper(c.AuthProvider)
	named := c.Keyspace != "" || c.Table != ""
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	problem := func(key, problem, hint string) rule { return rule{problem != "", key, problem, hint} }
	_, _, nowhere := net.SplitHostPort(c.StatusAddress())
	_, columns := c.columns()
	_, compression := compressionOf(c.Compression)
	return []rule{
		{!several && c.Keyspace == "", "keyspace", "it is missing: the keyspace of the table", "set it with table, or set tables"},
		{!several && c.Table == "", "table", "it is missing: the table to publish", "set it with keyspace, or set tables"},
		{several && named, "tables", "keyspace or table is set too", one},
		{!several && len(c.TablesExclude) > 0, "tables.exclude", "tables is not set", "set tables, as in [shop.*]"},
		problem("tables", text(checkPatterns(c.Tables)), forms),
		problem("tables.exclude", text(checkPatterns(c.TablesExclude)), forms),
		problem("columns", text(columns), "as in name|address_.*; RE2 has no look-around and no back references"),
		problem("events.topic", templateFault(c.EventsTopic, several), "as in events-{keyspace}.{table}"),
		problem("destinationTopicName", templateFault(c.DestinationTopic, several), "as in data-{keyspace}.{table}"),
		problem("deadLetterTopic", templateFault(c.DeadLetterTopic, several), "as in dead-{keyspace}.{table}"),
		{!cloud && len(c.ContactPoints) == 0, "contactPoints", "it is missing: the address of at least one Cassandra node", "as in [10.0.0.1, 10.0.0.2]"},
		{cloud && len(c.ContactPoints) > 0, "contactPoints", "cloud.secureConnectBundle is set, which says where the nodes are", one},
		{cloud && c.LocalDC != "", "loadBalancing.localDc", "cloud.secureConnectBundle is set, which says where the nodes are", one},
		{cloud && (raw.SSLProvider != "" || c.sslPaths()), "ssl.provider", "cloud.secureConnectBundle is set, which holds the certificates", "leave every ssl. setting out"},
		{compression != nil, "compression", "there is no such compression", "use None, LZ4 or Snappy"},
		{provider == "GSSAPI", "auth.provider", "there is no GSSAPI (Kerberos) here", "use a role with a password (auth.username, auth.password), or client certificates (ssl.keystore.path)"},
		{!slices.Contains([]string{"NONE", "PLAIN", "GSSAPI"}, provider), "auth.provider", "there is no such way to log in", "use None or PLAIN"},
		{provider == "PLAIN" && c.Username == "", "auth.username", "it is missing: auth.provider is PLAIN", "set it with auth.password"},
		{c.Username == "" && (c.Password != "" || c.PasswordFile != ""), "auth.username", "it is missing: auth.password is set", both},
		{c.Username != "" && c.Password == "" && c.PasswordFile == "", "auth.password", "it is missing: auth.username is set", "set it, or auth.passwordFile"},
		{!slices.Contains([]string{"", "NONE", "JDK", "OPENSSL"}, strings.ToUpper(c.SSLProvider)), "ssl.provider", "there is no such provider", "use None, JDK or OpenSSL"},
		{c.SSLTrustCertsFile != "" && c.SSLTruststore != "", "ssl.truststore.path", "ssl.trustCertsFilePath is set too", one},
		{c.SSLCertificate != "" && c.SSLPrivateKey == "", "ssl.openssl.privateKey", "it is missing: ssl.openssl.keyCertChain is set", both},
		{c.SSLCertificate == "" && c.SSLPrivateKey != "", "ssl.openssl.keyCertChain", "it is missing: ssl.openssl.privateKey is set", both},
		{c.SSLCertificate != "" && c.SSLKeystore != "", "ssl.keystore.path", "ssl.openssl.keyCertChain is set too", one},
		converter("key.converter", c.KeyConverter, c.Format()),
		converter("value.converter", c.ValueConverter, c.Format()),
		{c.StatusAddress() != "" && nowhere != nil, "httpAddress", "it is not host:port", "as in 127.0.0.1:9843; off serves nothing"},
	}
}

// part is a setting that whoever uses it checks.
type part struct {
	key   string
	check func() error
	hint  string
}

func (c Config) parts() []part {
	to := c.Pulsar(nil)
	// One setting at a time, so that each fault has its key.
	cluster := func(of pulsar.Config) func() error {
		if of.ServiceURL == "" {
			of.ServiceURL = pulsar.DefaultServiceURL
		}
		return of.Validate
	}
	const password = "the password must be that of the store and of the key in it"
	return append(c.cassandraParts(), []part{
		{"pulsarServiceUrl", cluster(pulsar.Config{ServiceURL: to.ServiceURL}), ""},
		{"pulsarWebServiceUrl", cluster(pulsar.Config{WebServiceURL: to.WebServiceURL}), ""},
		{"pulsarAuthParams", cluster(pulsar.Config{AuthPlugin: to.AuthPlugin, AuthParams: to.AuthParams}), "they must fit pulsarAuthPluginClassName"},
		{"tlsTrustCertsFilePath", cluster(pulsar.Config{TLSTrustCertsFile: to.TLSTrustCertsFile}), ""},
		{"sslTruststorePath", cluster(pulsar.Config{TLSTrustStore: to.TLSTrustStore}), "check sslTruststorePassword"},
		{"sslKeystorePath", cluster(pulsar.Config{TLSKeyStore: to.TLSKeyStore}), password},
		{"sslEnabledProtocols", cluster(pulsar.Config{TLSProtocols: to.TLSProtocols}), ""},
		{"sslCipherSuites", cluster(pulsar.Config{TLSCipherSuites: to.TLSCipherSuites}), "names are as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	}...)
}
