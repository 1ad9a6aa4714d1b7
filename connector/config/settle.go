// What the settings mean for those who are told them.

package config

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

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

// Published says whether a column that is not of the primary key is published.
func (c Config) Published() func(column string) bool {
	pattern, err := c.WithDefaults().columns()
	if err != nil || pattern == nil {
		return func(string) bool { return true }
	}
	return pattern.MatchString
}

// columns is nil for all.
func (c Config) columns() (*regexp.Regexp, error) {
	if c.Columns == ".*" {
		return nil, nil
	}
	if _, err := regexp.Compile(c.Columns); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return regexp.Compile(`\A(?:` + c.Columns + `)\z`)
}

// OnlyIfCoordinatorMatches is that of CacheOnlyIfCoordinatorMatch: true unless it is set otherwise.
func (c Config) OnlyIfCoordinatorMatches() bool { return c.CacheOnlyIfCoordinatorMatch != "false" }

// SameRowSuppressed is that of SuppressSameRow: true unless it is set otherwise.
func (c Config) SameRowSuppressed() bool { return c.SuppressSameRow != "false" }

// Fallback is the consistency level of ConsistencyFallback; "" for none.
func (c Config) Fallback() string {
	if f := c.WithDefaults().ConsistencyFallback; f != "none" {
		return f
	}
	return ""
}

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
