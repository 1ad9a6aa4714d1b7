// What a connector is told. The keys are those of DataStax's source connector, with
// the same meaning; what Pulsar tells a source by other means is added in front.

package connector

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// Config is the configuration of a stand-alone connector. A zero value means the
// default.
type Config struct {
	// The Pulsar side of a stand-alone connector.
	PulsarServiceURL string `yaml:"pulsarServiceUrl"` // pulsar://localhost:6650 by default
	// PulsarWebServiceURL is Pulsar's REST interface, as the functions worker calls it; the
	// hosts of PulsarServiceURL at 8080 (8443 with TLS) by default. It tells schemas by version.
	PulsarWebServiceURL string `yaml:"pulsarWebServiceUrl"`
	PulsarAuthPlugin    string `yaml:"pulsarAuthPluginClassName"`
	PulsarAuthParams    string `yaml:"pulsarAuthParams"`
	TLSTrustCertsFile   string `yaml:"tlsTrustCertsFilePath"`
	DestinationTopic    string `yaml:"destinationTopicName"` // the data topic. Required.

	Keyspace           string `yaml:"keyspace"` // as it is, without quotes. Required.
	Table              string `yaml:"table"`    // as it is, without quotes. Required.
	EventsTopic        string `yaml:"events.topic"`
	EventsSubscription string `yaml:"events.subscription.name"` // sub by default
	EventsType         string `yaml:"events.subscription.type"` // Key_Shared by default
	OutputFormat       string `yaml:"outputFormat"`             // key-value-avro by default, key-value-json or json

	ContactPoints []string `yaml:"contactPoints"` // Required.
	Port          int      `yaml:"port"`          // 9042 by default
	LocalDC       string   `yaml:"loadBalancing.localDc"`
	Username      string   `yaml:"auth.username"`
	Password      string   `yaml:"auth.password"`

	CacheMaxDigest   int `yaml:"cache.max.digest"`      // digests remembered for a key; 3 by default
	CacheMaxCapacity int `yaml:"cache.max.capacity"`    // keys; 32767 by default
	CacheExpireMS    int `yaml:"cache.expire.after.ms"` // 60000 by default
}

const defaultSubscription = "sub"

// LoadConfig reads a configuration file.
func LoadConfig(path string) (c Config, err error) {
	if err := configfile.Load(path, &c); err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	return c, nil
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var errs []error
	for _, required := range []struct{ key, value, what string }{
		{"keyspace", c.Keyspace, "the keyspace of the table"},
		{"table", c.Table, "the table to publish"},
		{"events.topic", c.EventsTopic, "the topic the agents publish to, for example events-ks.table"},
		{"destinationTopicName", c.DestinationTopic, "the data topic to publish to, for example data-ks.table"},
	} {
		if required.value == "" {
			errs = append(errs, fmt.Errorf("%s is missing: %s", required.key, required.what))
		}
	}
	if len(c.ContactPoints) == 0 {
		errs = append(errs, errors.New("contactPoints is missing: the address of at least one Cassandra node"))
	}
	if _, err := row.ParseFormat(string(c.outputFormat())); err != nil {
		errs = append(errs, fmt.Errorf("outputFormat: %w", err))
	}
	switch c.subscriptionType() {
	case pulsar.Exclusive, pulsar.Failover, pulsar.KeyShared:
	case pulsar.Shared:
		errs = append(errs, errors.New("events.subscription.type Shared loses the order of a key's events: use Key_Shared"))
	default:
		errs = append(errs, fmt.Errorf("events.subscription.type %q: use Key_Shared, Failover or Exclusive (case-sensitive)", c.EventsType))
	}
	if c.Password != "" && c.Username == "" {
		errs = append(errs, errors.New("auth.username is missing: auth.password is set"))
	}
	for _, number := range []struct {
		key   string
		value int
	}{{"port", c.Port}, {"cache.max.digest", c.CacheMaxDigest}, {"cache.max.capacity", c.CacheMaxCapacity}, {"cache.expire.after.ms", c.CacheExpireMS}} {
		if number.value < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it must not be negative", number.key, number.value))
		}
	}
	all := c.pulsar(nil)
	for _, part := range []struct {
		keys string
		pulsar.Config
	}{
		{"pulsarServiceUrl", pulsar.Config{ServiceURL: all.ServiceURL}},
		{"pulsarWebServiceUrl", pulsar.Config{ServiceURL: pulsar.DefaultServiceURL, WebServiceURL: all.WebServiceURL}},
		{"pulsarAuthPluginClassName, pulsarAuthParams", pulsar.Config{ServiceURL: pulsar.DefaultServiceURL, AuthPlugin: all.AuthPlugin, AuthParams: all.AuthParams}},
		{"tlsTrustCertsFilePath", pulsar.Config{ServiceURL: pulsar.DefaultServiceURL, TLSTrustCertsFile: all.TLSTrustCertsFile}},
	} {
		if err := part.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.keys, err))
		}
	}
	return errors.Join(errs...)
}

func (c Config) outputFormat() row.Format {
	if c.OutputFormat == "" {
		return row.KeyValueAvro
	}
	return row.Format(c.OutputFormat)
}

func (c Config) subscription() string {
	if c.EventsSubscription == "" {
		return defaultSubscription
	}
	return c.EventsSubscription
}

func (c Config) subscriptionType() pulsar.SubscriptionType {
	if c.EventsType == "" {
		return pulsar.KeyShared
	}
	return pulsar.SubscriptionType(c.EventsType)
}

// deadLetterTopic is named as Pulsar's own clients name it.
func (c Config) deadLetterTopic() string { return c.EventsTopic + "-" + c.subscription() + "-DLQ" }

func (c Config) pulsar(log *slog.Logger) pulsar.Config {
	url := c.PulsarServiceURL
	if url == "" {
		url = pulsar.DefaultServiceURL
	}
	return pulsar.Config{ServiceURL: url, WebServiceURL: c.PulsarWebServiceURL, AuthPlugin: c.PulsarAuthPlugin, AuthParams: c.PulsarAuthParams, TLSTrustCertsFile: c.TLSTrustCertsFile, Log: log}
}

func (c Config) cassandra(log *slog.Logger) cassandra.Config {
	return cassandra.Config{
		ContactPoints: c.ContactPoints, Port: c.Port, LocalDC: c.LocalDC,
		Username: c.Username, Password: c.Password, Log: log,
	}
}
