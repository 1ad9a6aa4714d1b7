// What a person is told who configured the agent wrongly: everything at once, each
// fault in a line of its own that says what to do, and never a secret.

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

const secret = settingstest.Secret

func load(text ...string) func(*testing.T) (Config, error) {
	return func(t *testing.T) (Config, error) {
		return Load(settings.Sources{File: settingstest.File(t, "agent.yaml", strings.Join(text, "\n"))})
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	err := Config{
		CassandraPassword: secret, PulsarServiceURL: "localhost 6650", PulsarAuthPluginClassName: "token", PulsarAuthParams: `{"tokn":"` + secret + `"}`,
		TLSTrustCertsFilePath: "/no/such/ca.pem", PulsarMaxPendingMessages: -1, CassandraTLS: "maybe", Tables: []string{"shop"}, ExcludeTables: []string{"a.[b"},
	}.Validate()
	settingstest.Lines(t, err,
		[]string{"cassandraUsername", "cassandraPassword"}, []string{"pulsarServiceUrl", "service URL", "pulsar://"}, []string{"pulsarAuthParams", "token", "missing"},
		[]string{"tlsTrustCertsFilePath", "/no/such/ca.pem"}, []string{"pulsarMaxPendingMessages", "too small"}, []string{"cassandraTls", "auto"},
		[]string{"tables", "shop", "keyspace.table"}, []string{"excludeTables", "a.[b", "keyspace.table"})
}

// Of every setting every way to be wrong: the fault names it and says what would be
// right. A setting that is not here takes any text.
func TestEveryWrongValueOfEverySetting(t *testing.T) {
	dir := t.TempDir()
	noPEM, empty := settingstest.File(t, "no.pem", "no certificate"), settingstest.File(t, "empty", "")
	unreadable := []wrong{{"/no/such/file", "no such file"}, {dir, "directory"}, {empty, "empty"}}
	store := append([]wrong{{noPEM, "neither a JKS nor a PKCS12 file"}}, unreadable...)
	number := []wrong{{"many", "whole number"}, {"1.5", "whole number"}, {"1k", "whole number"}, {"99999999999999999999", "whole number"}}
	boolean := []wrong{{"yes", "true or false"}, {"1", "true or false"}}
	positive := append([]wrong{{"-1", "1 or more"}}, number...)
	table := []wrong{{"shop", "keyspace.table"}, {"shop.", "keyspace.table"}, {".t", "keyspace.table"}, {"a.b.c", "keyspace.table"}, {"a.[b", "keyspace.table"}, {"a/b.c", "keyspace.table"}}
	secretFile := []wrong{{"/no/such/file", "no such file"}, {dir, "directory"}, {empty, "empty"}}
	cases := map[string][]wrong{
		"contactPoint":                             {{"127.0.0.1", "host:port"}, {"::1:9042", "host:port"}},
		"cassandraUsername":                        {{"cdc", "cassandraPassword"}},
		"cassandraPassword":                        {{secret, "cassandraUsername"}},
		"cassandraPasswordFile":                    secretFile,
		"cassandraTls":                             {{"on", "auto, true, false"}},
		"cassandraTlsTrustCertsFilePath":           append([]wrong{{noPEM, "holds no certificate in PEM"}}, unreadable...),
		"cassandraTlsTruststorePath":               store,
		"cassandraTlsTruststorePassword":           {},
		"cassandraTlsTruststorePasswordFile":       secretFile,
		"cassandraTlsCertificateFilePath":          append([]wrong{{noPEM, "cassandraTlsKeyFilePath"}}, unreadable...),
		"cassandraTlsKeyFilePath":                  append([]wrong{{noPEM, "cassandraTlsCertificateFilePath"}}, unreadable...),
		"cassandraTlsKeystorePath":                 store,
		"cassandraTlsKeystorePasswordFile":         secretFile,
		"cassandraTlsHostnameVerificationDisable":  boolean,
		"cassandraTlsAllowInsecureConnection":      boolean,
		"tables":                                   table,
		"excludeTables":                            table,
		"errorCommitLogReprocessEnabled":           boolean,
		"cdcPollIntervalMs":                        number,
		"cdcConcurrentProcessors":                  number,
		"maxInflightMessagesPerTask":               positive,
		"pulsarWebServiceUrl":                      {{"pulsar:8080", "http://"}, {"pulsar://host:6650", "http://"}},
		"pulsarServiceUrl":                         {{"localhost", "pulsar://"}, {"tcp://localhost:6650", "pulsar://"}, {"pulsar://me:" + secret + "@host:6650", "authentication plugin"}},
		"pulsarAuthPluginClassName":                {{"com.example.Auth", "not supported"}, {"token", "missing"}},
		"pulsarAuthParams":                         {{secret, "no plugin"}},
		"pulsarAuthParamsFile":                     secretFile,
		"pulsarMaxPendingMessages":                 append([]wrong{{"1000001", "1000000 or less"}}, positive...),
		"pulsarMaxPendingMessagesAcrossPartitions": number,
		"pulsarMemoryLimitBytes":                   append([]wrong{{"-1", "0 or more"}}, number...),
		"pulsarBatching":                           {{"all", "none, key, bucket, any"}},
		"pulsarBatchDelayInMs":                     append([]wrong{{"60001", "60000 or less"}}, number...),
		"pulsarKeyBasedBatcher":                    boolean,
		"pulsarDeduplication":                      boolean,
		"pulsarBatchBuckets":                       append([]wrong{{"4097", "4096 or less"}, {"2", "pulsarBatching"}}, positive...),
		"pulsarCompression":                        {{"gzip", "LZ4"}},
		"tlsTrustCertsFilePath":                    append([]wrong{{noPEM, "holds no certificate in PEM"}}, unreadable...),
		"useKeyStoreTls":                           boolean,
		"sslTruststorePath":                        unreadable,
		"sslTruststorePasswordFile":                secretFile,
		"sslTruststoreType":                        {{"JCEKS", "JKS, PKCS12"}},
		"sslKeystorePath":                          unreadable,
		"sslKeystorePasswordFile":                  secretFile,
		"sslCipherSuites":                          {{"TLS_NO_SUCH", "not known"}},
		"sslEnabledProtocols":                      {{"SSLv3", "TLSv1.3"}, {"TLSv1.2,TLS9", "TLSv1.3"}},
		"sslAllowInsecureConnection":               boolean,
		"sslHostnameVerificationEnable":            boolean,
		"faithfulKeys":                             boolean,
		"rangeDeletes":                             boolean,
		"httpAddress":                              {{"9842", "host:port"}, {"localhost", "host:port"}},
		"httpProfiles":                             boolean,
		"maxProcs":                                 positive,
		"memoryLimitBytes":                         append([]wrong{{"-1", "0 or more"}}, number...),
		"keepIOPriority":                           boolean,
	}
	anyText := []string{
		"cassandraYaml", "cassandraStorageDir", "cdcWorkingDir", // what they name is looked for later
		"cassandraTlsServerName", "topicPrefix", "sslProvider",
		"cassandraTlsTruststorePassword", "cassandraTlsKeystorePassword", "sslTruststorePassword", "sslKeystorePassword", // wrong with a store only
	}
	for _, f := range settings.Fields(&Config{}) {
		if len(cases[f.Key]) == 0 && !slices.Contains(anyText, f.Key) {
			t.Errorf("%s: no wrong value is tried", f.Key)
		}
		for _, w := range cases[f.Key] {
			c, loaded := Load(settings.Sources{Environ: []string{f.Env + "=" + w.value}})
			faults := append(settings.FaultsOf(loaded), settings.FaultsOf(c.Validate())...)
			// Of a pair of settings the other one is at fault too.
			if len(faults) == 0 || len(faults) > 1 && !strings.HasSuffix(f.Key, "FilePath") {
				t.Errorf("%s %s: %v", f.Key, w.value, faults)
				continue
			}
			found := false
			for _, fault := range faults {
				text := fault.Error()
				found = found || strings.Contains(text, w.says) && strings.Contains(text, f.Key) && (fault.Key != f.Key || strings.Contains(text, f.Env))
				if strings.Contains(text, secret) {
					t.Errorf("%s: a secret is told: %s", f.Key, text)
				}
			}
			if !found {
				t.Errorf("%s %s: %v; want %q", f.Key, w.value, faults, w.says)
			}
		}
	}
}

type wrong struct{ value, says string }

// Settings that are fine alone.
func TestContradictions(t *testing.T) {
	pem, store := certificateFiles(t)
	for name, c := range map[string]struct {
		set  []string
		want [][]string
	}{
		"two kinds of trust":    {[]string{"cassandraTlsTrustCertsFilePath=" + pem, "cassandraTlsTruststorePath=" + store, "cassandraTlsTruststorePassword=changeit"}, [][]string{{"cassandraTlsTruststorePath", "too"}}},
		"two passwords":         {[]string{"cassandraUsername=u", "cassandraPassword=" + secret, "cassandraPasswordFile=" + pem}, [][]string{{"cassandraPasswordFile", "cassandraPassword"}}},
		"batches that are none": {[]string{"pulsarBatching=none", "pulsarBatchDelayInMs=5"}, [][]string{{"pulsarBatchDelayInMs", "none"}}},
		"numbers and batches":   {[]string{"pulsarDeduplication=true", "pulsarBatching=bucket"}, [][]string{{"pulsarDeduplication", "stored together"}}},
		"numbers and batches, as DataStax's agent has it": {[]string{"pulsarDeduplication=true", "pulsarBatchDelayInMs=5"}, [][]string{{"pulsarDeduplication", "stored together"}}},
		"numbers and old segments":                        {[]string{"pulsarDeduplication=true", "errorCommitLogReprocessEnabled=true"}, [][]string{{"pulsarDeduplication", "older segments"}}},
		"batches of two kinds":                            {[]string{"pulsarBatching=any", "pulsarKeyBasedBatcher=true"}, [][]string{{"pulsarKeyBasedBatcher", "not key"}}},
		"a wrong store's password":                        {[]string{"pulsarServiceUrl=pulsar+ssl://b:6651", "useKeyStoreTls=true", "sslTruststorePath=" + store, "sslTruststorePassword=" + secret}, [][]string{{"sslTruststorePath", "password is wrong"}}},
		"no key in the key store":                         {[]string{"pulsarServiceUrl=pulsar+ssl://b:6651", "useKeyStoreTls=true", "sslKeystorePath=" + store, "sslKeystorePassword=changeit"}, [][]string{{"sslKeystorePath", "key"}}},
		"the node's store likewise":                       {[]string{"cassandraTlsTruststorePath=" + store, "cassandraTlsTruststorePassword=" + secret}, [][]string{{"cassandraTlsTruststorePath", "password is wrong"}}},
		"nothing":                                         {[]string{"pulsarBatching=bucket", "pulsarBatchBuckets=128", "pulsarBatchDelayInMs=5", "cassandraTlsTrustCertsFilePath=" + pem}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c2, err := Load(settings.Sources{Set: c.set})
			if err = errors.Join(err, c2.Validate()); c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			settingstest.Lines(t, err, c.want...)
		})
	}
}

// certificateFiles are one certificate as PEM and as a trust store with the password changeit.
func certificateFiles(t *testing.T) (pemFile, storeFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pemFile = settingstest.File(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{cert}, "changeit")
	if err != nil {
		t.Fatal(err)
	}
	return pemFile, settingstest.File(t, "trust.p12", string(data))
}

// Numbers for de-duplication fit into segments of Cassandra's default size.
func TestDeduplicationOfLargeSegments(t *testing.T) {
	for size, fits := range map[string]bool{"": true, "32MiB": true, "16MiB": true, "33MiB": false, "1GiB": false} {
		n := node.Node{CommitLogSegmentSize: size, NativeTransportPort: 9042}
		_, err := Config{PulsarDeduplication: true}.Meet(n)
		if (err == nil) != fits || err != nil && !strings.Contains(err.Error(), "pulsarDeduplication") {
			t.Errorf("%q: %v", size, err)
		}
		if _, err := (Config{}).Meet(n); err != nil {
			t.Errorf("%q without the setting: %v", size, err)
		}
	}
	if !(Config{PulsarDeduplication: true}).Producer().Sequenced || (Config{}).Producer().Sequenced {
		t.Error("the setting does not reach the producer")
	}
}

// How the node is asked follows from the settings and from what cassandra.yaml says.
func TestSettingsOfTheNodeArriveWhereTheyBelong(t *testing.T) {
	c, err := Load(settings.Sources{Set: []string{
		"cassandraUsername=u", "cassandraPassword=" + secret, "cassandraTlsTrustCertsFilePath=ca", "cassandraTlsCertificateFilePath=c", "cassandraTlsKeyFilePath=k",
		"cassandraTlsTruststorePath=t", "cassandraTlsTruststorePassword=tp", "cassandraTlsKeystorePath=ks", "cassandraTlsKeystorePassword=kp",
		"cassandraTlsHostnameVerificationDisable=true", "cassandraTlsAllowInsecureConnection=true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	c = c.WithDefaults()
	c.ContactPoint = "node7:9142"
	var n node.Node
	if got := c.Cassandra(n, nil); got.TLS != nil || got.Username != "u" || got.Password != secret || got.ContactPoints[0] != "node7:9142" || !got.OnlyContactPoints {
		t.Errorf("a node without TLS: %+v", got)
	}
	for _, optional := range []bool{false, true} { // trusted certificates are set, so that TLS it is
		n.ClientEncryption.Enabled, n.ClientEncryption.Optional = true, optional
		want := cassandra.TLS{
			TrustCertsFile: "ca", TrustStore: javastore.File{Path: "t", Password: "tp"}, CertificateFile: "c", KeyFile: "k",
			KeyStore: javastore.File{Path: "ks", Password: "kp"}, ServerName: "node7", AnyName: true, Insecure: true,
		}
		if got := c.Cassandra(n, nil).TLS; !cmp.Equal(&want, got) {
			t.Errorf("optional %v: %+v", optional, got)
		}
	}
	bare := Config{ContactPoint: "h:1", CassandraTLSServerName: "other"}.WithDefaults()
	if bare.Cassandra(n, nil).TLS != nil {
		t.Error("TLS that is optional, and no certificates to trust: plain")
	}
	n.ClientEncryption.Optional = false
	if got := bare.Cassandra(n, nil).TLS; got == nil || got.ServerName != "other" {
		t.Errorf("TLS that is demanded: %+v", got)
	}
	bare.CassandraTLS = "false"
	if bare.Cassandra(n, nil).TLS != nil {
		t.Error("TLS that is turned off")
	}
}

// Which store is which, by the names of DataStax's agent.
func TestStoresOfThePulsarClient(t *testing.T) {
	for name, c := range map[string]struct {
		cfg        Config
		trust, key string // paths
		password   string // of the trust store
	}{
		"as DataStax's agent has to be told": {Config{UseKeyStoreTLS: true, SSLKeystorePath: "k", SSLTruststorePassword: "t"}, "k", "", "t"},
		"with one password":                  {Config{UseKeyStoreTLS: true, SSLKeystorePath: "k", SSLKeystorePassword: "p"}, "k", "k", "p"},
		"by their names":                     {Config{UseKeyStoreTLS: true, SSLTruststorePath: "t", SSLTruststorePassword: "x", SSLKeystorePath: "k", SSLKeystorePassword: "p"}, "t", "k", "x"},
		"trust alone":                        {Config{UseKeyStoreTLS: true, SSLTruststorePath: "t", SSLTruststorePassword: "x", TLSTrustCertsFilePath: "pem"}, "t", "", "x"},
		"off":                                {Config{SSLTruststorePath: "t", SSLKeystorePath: "k", SSLKeystorePassword: "p", TLSTrustCertsFilePath: "pem"}, "", "", ""},
	} {
		p := c.cfg.Pulsar(nil)
		if p.TLSTrustStore.Path != c.trust || p.TLSKeyStore.Path != c.key || p.TLSTrustStore.Password != c.password || (p.TLSTrustCertsFile == "pem") == c.cfg.UseKeyStoreTLS {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A bare token in a file is left to the client, which reads it again; all else is read once.
func TestTokensInFiles(t *testing.T) {
	const token = "org.apache.pulsar.client.impl.auth.AuthenticationToken"
	for content, reread := range map[string]bool{secret: true, secret + "\n": true, "token:" + secret: false, `{"token": "` + secret + `"}`: false, "file:///t": false} {
		path := settingstest.File(t, "params", content)
		c, err := Load(settings.Sources{Set: []string{"pulsarAuthPluginClassName=" + token, "pulsarAuthParamsFile=" + path}})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSpace(content)
		if reread {
			want = "file:" + path
		}
		if p := c.Pulsar(nil); p.AuthParams != want || reread && c.Validate() != nil {
			t.Errorf("%q: %q, %v", content, p.AuthParams, c.Validate())
		}
	}
	c, err := Load(settings.Sources{Set: []string{"pulsarAuthPluginClassName=basic", "pulsarAuthParamsFile=" + settingstest.File(t, "params", "userId:u,password:p")}})
	if p := c.Pulsar(nil); err != nil || p.AuthParams != "userId:u,password:p" {
		t.Errorf("%q, %v", p.AuthParams, err)
	}
}

func TestBatchesAsDataStaxAgentIsToldThem(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   Config
		want  pulsar.Batching
		delay time.Duration
	}{
		"nothing":            {Config{}, pulsar.BatchNone, 0},
		"key based, alone":   {Config{PulsarKeyBasedBatcher: true}, pulsar.BatchNone, 0},
		"delay":              {Config{PulsarBatchDelayInMs: 5}, pulsar.BatchAny, 5 * time.Millisecond},
		"both":               {Config{PulsarBatchDelayInMs: 5, PulsarKeyBasedBatcher: true}, pulsar.BatchByKey, 5 * time.Millisecond},
		"ours":               {Config{PulsarBatching: "bucket"}, pulsar.BatchByBucket, 0},
		"ours with a delay":  {Config{PulsarBatching: "any", PulsarBatchDelayInMs: 7}, pulsar.BatchAny, 7 * time.Millisecond},
		"ours, by key alone": {Config{PulsarBatching: "key"}, pulsar.BatchByKey, 0},
	} {
		if p := c.cfg.Producer(); p.Batching != c.want || p.BatchDelay != c.delay {
			t.Errorf("%s: %+v", name, p)
		}
	}
	c := Config{PulsarBatchDelayInMs: 5}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "pulsarKeyBasedBatcher") {
		t.Errorf("batches of any keys need a warning: %q", w)
	}
}

// Settings of TLS where there is none.
func TestSettingsWithoutEffectAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		set  []string
		want []string // keys that are told
	}{
		"TLS without TLS":    {[]string{"sslAllowInsecureConnection=true", "tlsTrustCertsFilePath=/ca.pem", "useKeyStoreTls=true"}, []string{"tlsTrustCertsFilePath", "useKeyStoreTls", "sslAllowInsecureConnection"}},
		"stores, not told":   {[]string{"pulsarServiceUrl=pulsar+ssl://b:6651", "sslTruststorePath=/t"}, []string{"sslTruststorePath"}},
		"PEM besides stores": {[]string{"pulsarServiceUrl=https://b:8443", "useKeyStoreTls=true", "sslTruststorePath=/t", "tlsTrustCertsFilePath=/ca.pem"}, []string{"tlsTrustCertsFilePath"}},
		"the node's TLS":     {[]string{"cassandraTls=false", "cassandraTlsServerName=x"}, []string{"cassandraTlsServerName"}},
		"all used":           {[]string{"pulsarServiceUrl=pulsar+ssl://b:6651", "sslAllowInsecureConnection=true", "cassandraTlsServerName=x"}, nil},
	} {
		cfg, err := Load(settings.Sources{Set: c.set})
		if err != nil {
			t.Fatal(err)
		}
		w := cfg.Warnings()
		for i, key := range c.want {
			if i >= len(w) || !strings.Contains(w[i], "--set: "+key+" has no effect") {
				t.Errorf("%s: no warning about %s in %q", name, key, w)
			}
		}
		if len(w) != len(c.want) {
			t.Errorf("%s: %q", name, w)
		}
	}
}

func TestAnEmptyConfigurationIsValid(t *testing.T) {
	c, err := load("")(t)
	if err != nil || c.Validate() != nil || c.Warnings() != nil {
		t.Fatalf("%v, %v, %v", err, c.Validate(), c.Warnings())
	}
	if p := c.Pulsar(nil); p.ServiceURL != "pulsar://localhost:6650" || c.Producer().MaxPending != 1000 {
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
	p := c.Pulsar(nil)
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
			"file":        {File: settingstest.File(t, "agent.yaml", key+": "+value)},
			"environment": {Environ: []string{env + "=" + value}},
			"parameters":  {Parameters: key + "=" + strings.ReplaceAll(value, ",", `\,`)},
			"flag":        {Set: []string{key + "=" + value}},
		} {
			c, err := Load(from)
			if err != nil {
				t.Errorf("%s as %s: %v", key, name, err)
			}
			for _, f := range settings.Fields(&c) {
				// A list is printed as [a b].
				if f.Key == key && strings.ReplaceAll(strings.Trim(f.Text(), "[]"), " ", ",") != value {
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
