// What the settings mean for those who are told them.

package config

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

const (
	eventsPerBatch = 50 // in flight, for each of batch.size
	ownHTTPAddress = "127.0.0.1:9843"
)

// Format is the form of keys and values.
func (c Config) Format() row.Format { return row.Format(c.WithDefaults().OutputFormat) }

// Subscription is how the events topic is subscribed to.
func (c Config) Subscription() (name string, kind pulsar.SubscriptionType) {
	c = c.WithDefaults()
	return c.EventsSubscription, pulsar.SubscriptionType(c.EventsType)
}

// Reads is how rows are read.
func (c Config) Reads(log *slog.Logger) readback.Options {
	c = c.WithDefaults()
	o := readback.Options{
		MaxQueries: c.QueryExecutors, GroupSize: c.QueryGroupSize, SlowQuery: time.Duration(c.QueryMaxLatencyMS) * time.Millisecond,
		Consistency: cassandra.Consistency(c.Consistency), Fallback: cassandra.Consistency(c.ConsistencyFallback),
		Speculate: time.Duration(c.QuerySpeculativeMS) * time.Millisecond, Log: log,
	}
	if c.ConsistencyFallback == "none" {
		o.Fallback = o.Consistency
	}
	o.Columns, _ = c.columns() // Validate has tried
	return o
}

// columns is nil for all.
func (c Config) columns() (*regexp.Regexp, error) {
	if c.Columns == ".*" {
		return nil, nil
	}
	return row.ParseColumns(c.Columns)
}

// FirstRetry and LongestRetry bound the pauses of a row that could not be read or published.
func (c Config) FirstRetry() time.Duration {
	return time.Duration(c.WithDefaults().QueryBackoffMS) * time.Millisecond
}

// LongestRetry is that of QueryMaxBackoffSec.
func (c Config) LongestRetry() time.Duration {
	return time.Duration(c.WithDefaults().QueryMaxBackoffSec) * time.Second
}

// SameRowSuppressed is that of SuppressSameRow: true unless it is set otherwise.
func (c Config) SameRowSuppressed() bool { return c.SuppressSameRow != "false" }

// ReadTimeout bounds one read.
func (c Config) ReadTimeout() time.Duration {
	return time.Duration(c.WithDefaults().QueryExecutionTimeout) * time.Second
}

// StatusAddress is host:port where the connector serves its status; "" where it does not.
func (c Config) StatusAddress() string {
	if address := c.WithDefaults().HTTPAddress; address != "off" {
		return address
	}
	return ""
}

// Pulsar is how to reach the Pulsar cluster.
func (c Config) Pulsar(log *slog.Logger) pulsar.Config {
	c = c.WithDefaults()
	p := pulsar.Config{
		ServiceURL: c.PulsarServiceURL, WebServiceURL: c.PulsarWebServiceURL, AuthPlugin: c.PulsarAuthPlugin, AuthParams: c.PulsarAuthParams,
		TLSProtocols: c.PulsarProtocols, TLSCipherSuites: c.PulsarCipherSuites,
		AllowInsecure: c.AllowInsecure, HostnameVerification: c.HostnameVerification, Log: log,
	}
	if c.PulsarAuthParamsFile != "" && pulsar.BareToken(c.PulsarAuthPlugin, c.PulsarAuthParams) {
		p.AuthParams = "file:" + c.PulsarAuthParamsFile
	}
	if !c.UseKeyStoreTLS {
		p.TLSTrustCertsFile = c.TLSTrustCertsFile
		return p
	}
	p.TLSTrustStore = pulsar.StoreFile{Path: c.PulsarTruststore, Password: c.PulsarTruststorePassword}
	p.TLSKeyStore = pulsar.StoreFile{Path: c.PulsarKeystore, Password: c.PulsarKeystorePassword}
	return p
}

// Producer is how rows are published to a topic, by a producer of the connector's own.
func (c Config) Producer(topic string) pulsar.ProducerConfig {
	c = c.WithDefaults()
	p := pulsar.ProducerConfig{Topic: topic, TextKey: c.Format().TextKey(), MaxPending: c.PulsarMaxPendingMessages}
	if c.PulsarBatching != "none" {
		p.Batching = pulsar.Batching(c.PulsarBatching)
		p.BatchDelay = time.Duration(c.PulsarBatchDelayInMs) * time.Millisecond
	}
	if p.Batching == pulsar.BatchByBucket {
		p.Buckets = c.PulsarBatchBuckets
	}
	p.Compression, _ = pulsar.ParseCompression(c.PulsarCompression) // one of those that there are
	return p
}

// Cassandra is how to reach the Cassandra cluster.
func (c Config) Cassandra(log *slog.Logger) cassandra.Config {
	c = c.WithDefaults()
	cfg := cassandra.Config{
		ContactPoints: c.ContactPoints, Port: c.Port, LocalDC: c.LocalDC, Timeout: c.ReadTimeout(), Connections: c.ConnectionPoolLocalSize,
		Username: c.Username, Password: c.Password, PasswordFile: c.PasswordFile, Log: log,
	}
	cfg.Compression, _ = compressionOf(c.Compression) // one of those that there are
	switch {
	case c.SecureConnectBundle != "":
		bundle := c.bundle()
		cfg.Bundle = &bundle
	case c.cassandraTLS():
		files := c.cassandraFiles()
		cfg.TLS = &files
	}
	return cfg
}

func (c Config) bundle() cassandra.Bundle {
	path, data := content(c.SecureConnectBundle)
	return cassandra.Bundle{Path: path, Data: data}
}

// cassandraFiles is what TLS to Cassandra is told.
func (c Config) cassandraFiles() cassandra.TLS {
	t := cassandra.TLS{CipherSuites: c.SSLCipherSuites, AnyName: c.SSLHostnameValidation == "false"}
	t.TrustCertsFile, t.TrustCerts = content(c.SSLTrustCertsFile)
	t.TrustStore = store(c.SSLTruststore, c.SSLTruststorePassword)
	t.CertificateFile, t.Certificate = content(c.SSLCertificate)
	t.KeyFile, t.Key = content(c.SSLPrivateKey)
	t.KeyStore = store(c.SSLKeystore, c.SSLKeystorePassword)
	return t
}

func store(value, password string) javastore.File {
	path, data := content(value)
	return javastore.File{Path: path, Data: data, Password: password}
}

// content is the path that a value is, or the contents that it holds in base64; these are
// empty where it is damaged, which [Config.Validate] tells.
func content(value string) (path string, data []byte) {
	if !strings.HasPrefix(value, contentPrefix) {
		return value, nil
	}
	data, err := decode(value)
	if err != nil {
		return "", []byte{}
	}
	return "", data
}

func decode(value string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(value, contentPrefix))) // which passes over line breaks
	if err != nil || len(data) == 0 {
		return nil, errors.New("what follows base64: is not in base64") // err may repeat a part of it
	}
	return data, nil
}

// broken says that a value leads to nothing.
func broken(value string) bool {
	path, data := content(value)
	return path == "" && len(data) == 0
}

// cassandraParts are checked by whoever connects to Cassandra.
func (c Config) cassandraParts() []part {
	files := c.cassandraFiles()
	if broken(c.SSLCertificate) || broken(c.SSLPrivateKey) { // told as such
		files.CertificateFile, files.Certificate, files.KeyFile, files.Key = "", nil, "", nil
	}
	const password = "the password must be that of the store and of the key in it"
	parts := []part{
		{"ssl.trustCertsFilePath", cassandra.TLS{TrustCertsFile: files.TrustCertsFile, TrustCerts: files.TrustCerts}.Validate, ""},
		{"ssl.truststore.path", cassandra.TLS{TrustStore: files.TrustStore}.Validate, "check ssl.truststore.password"},
		{"ssl.openssl.keyCertChain", cassandra.TLS{CertificateFile: files.CertificateFile, Certificate: files.Certificate, KeyFile: files.KeyFile, Key: files.Key}.Validate,
			"it and ssl.openssl.privateKey must be a pair, in PEM, the key not encrypted"},
		{"ssl.keystore.path", cassandra.TLS{KeyStore: files.KeyStore}.Validate, password},
		{"ssl.cipherSuites", cassandra.TLS{CipherSuites: files.CipherSuites}.Validate, "names are as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	}
	if c.SecureConnectBundle != "" {
		parts = append(parts, part{"cloud.secureConnectBundle", c.bundle().Validate, "download it again, or check the path"})
	}
	for _, value := range []struct{ key, text string }{
		{"ssl.trustCertsFilePath", c.SSLTrustCertsFile}, {"ssl.truststore.path", c.SSLTruststore}, {"ssl.keystore.path", c.SSLKeystore},
		{"ssl.openssl.keyCertChain", c.SSLCertificate}, {"ssl.openssl.privateKey", c.SSLPrivateKey}, {"cloud.secureConnectBundle", c.SecureConnectBundle},
	} {
		if strings.HasPrefix(value.text, contentPrefix) {
			// In front: it is the plainest fault that there can be.
			parts = slices.Insert(parts, 0, part{value.key, func() error { _, err := decode(value.text); return err }, "one line of base64 -w0"})
		}
	}
	return parts
}

// cassandraTLS says whether Cassandra is asked over TLS.
func (c Config) cassandraTLS() bool {
	if c.SSLProvider == "" {
		return c.sslPaths()
	}
	return !strings.EqualFold(c.SSLProvider, "None")
}

func (c Config) sslPaths() bool {
	return c.SSLTrustCertsFile+c.SSLTruststore+c.SSLKeystore+c.SSLCertificate+c.SSLPrivateKey != ""
}

func compressionOf(text string) (cassandra.Compression, error) {
	switch c := cassandra.Compression(strings.ToUpper(text)); c {
	case "", "NONE":
		return cassandra.NoCompression, nil
	case cassandra.LZ4, cassandra.Snappy:
		return c, nil
	}
	return "", errors.New("there is no such compression")
}

// converters are the classes of DataStax's connector that write what an output format says.
var converters = map[row.Format][]string{
	row.KeyValueAvro: {"PulsarAvroConverter", "NativeAvroConverter"},
	row.KeyValueJSON: {"PulsarJsonConverter", "NativeJsonConverter"},
	row.PlainJSON:    {"PulsarJsonConverter", "NativeJsonConverter"},
}

func converter(key, name string, format row.Format) rule {
	return rule{
		name != "" && !slices.Contains(converters[format], class(name)), key, "it is not the converter of outputFormat " + string(format) + ", and Java classes cannot run here",
		"leave it out, and choose outputFormat",
	}
}
