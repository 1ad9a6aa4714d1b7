// What the settings mean for those who are told them.

package config

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

const (
	eventsPerBatch = 10 // in flight, for each of batch.size
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
		MaxQueries: c.QueryExecutors, SlowQuery: time.Duration(c.QueryMaxLatencyMS) * time.Millisecond,
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

// OnlyIfCoordinatorMatches is that of CacheOnlyIfCoordinatorMatch: true unless it is set otherwise.
func (c Config) OnlyIfCoordinatorMatches() bool { return c.CacheOnlyIfCoordinatorMatch != "false" }

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
	return cassandra.Config{
		ContactPoints: c.ContactPoints, Port: c.Port, LocalDC: c.LocalDC, Timeout: c.ReadTimeout(),
		Username: c.Username, Password: c.Password, PasswordFile: c.PasswordFile, Log: log,
	}
}

func (c Config) cassandraParts() []part { return nil }

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

func compressionOf(text string) (string, error) {
	switch name := strings.ToUpper(text); name {
	case "", "NONE":
		return "", nil
	case "LZ4", "SNAPPY":
		return name, nil
	}
	return "", fmt.Errorf("compression %q", text)
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
