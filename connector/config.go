// What a connector is told. The keys are those of DataStax's source connector, with
// the same meaning; what Pulsar tells a source by other means is added in front.

package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
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
	PulsarWebServiceURL  string `yaml:"pulsarWebServiceUrl"`
	PulsarAuthPlugin     string `yaml:"pulsarAuthPluginClassName"`
	PulsarAuthParams     string `yaml:"pulsarAuthParams"`
	TLSTrustCertsFile    string `yaml:"tlsTrustCertsFilePath"`
	AllowInsecure        bool   `yaml:"sslAllowInsecureConnection"`
	HostnameVerification bool   `yaml:"sslHostnameVerificationEnable"`
	DestinationTopic     string `yaml:"destinationTopicName"` // the data topic. Required.

	Keyspace           string `yaml:"keyspace"` // as it is, without quotes. Required.
	Table              string `yaml:"table"`    // as it is, without quotes. Required.
	EventsTopic        string `yaml:"events.topic"`
	EventsSubscription string `yaml:"events.subscription.name"` // sub by default
	EventsType         string `yaml:"events.subscription.type"` // Key_Shared by default
	OutputFormat       string `yaml:"outputFormat"`             // key-value-avro by default, key-value-json or json

	ContactPoints List    `yaml:"contactPoints"` // Required.
	Port          Integer `yaml:"port"`          // 9042 by default
	LocalDC       string  `yaml:"loadBalancing.localDc"`
	Username      string  `yaml:"auth.username"`
	Password      string  `yaml:"auth.password"`

	CacheMaxDigest   Integer `yaml:"cache.max.digest"`      // digests remembered for a key; 3 by default
	CacheMaxCapacity Integer `yaml:"cache.max.capacity"`    // keys; 32767 by default
	CacheExpireMS    Integer `yaml:"cache.expire.after.ms"` // 60000 by default
}

// List is a list of texts, or one text with commas: sources are often configured so.
type List []string

// UnmarshalText takes the one text apart.
func (l *List) UnmarshalText(text []byte) error {
	*l = nil
	for s := range strings.SplitSeq(string(text), ",") {
		if s = strings.TrimSpace(s); s != "" {
			*l = append(*l, s)
		}
	}
	return nil
}

// Integer is a whole number, also as text and with the fraction .0 that some
// libraries for JSON give every number.
type Integer int

// UnmarshalText does not repeat the text in an error.
func (i *Integer) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), ".0"))
	if err != nil {
		return errors.New("a value is no whole number where one is wanted")
	}
	*i = Integer(n)
	return nil
}

const defaultSubscription = "sub"

// LoadConfig reads a configuration file.
func LoadConfig(path string) (c Config, err error) {
	if err := configfile.Load(path, &c); err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	return c, nil
}

// HostedConfig is the configuration of a source that Pulsar hosts: what it was created
// with, the destination topic, and how Pulsar's worker reaches the cluster, which is the
// default for the source's own connection. AuthParams in it is secret.
func HostedConfig(s relay.Settings) (c Config, err error) {
	flat, err := flatten(s.Config)
	if err != nil {
		return c, err
	}
	if err := configfile.LoadText("the source's configuration", flat, &c); err != nil {
		return c, err
	}
	c.DestinationTopic = s.OutputTopic
	if c.PulsarServiceURL == "" {
		c.PulsarServiceURL = s.Pulsar.ServiceURL
		c.TLSTrustCertsFile, c.AllowInsecure, c.HostnameVerification = s.Pulsar.TLSTrustCertsFile, s.Pulsar.AllowInsecure, s.Pulsar.HostnameVerification
	}
	if c.PulsarAuthPlugin == "" {
		c.PulsarAuthPlugin, c.PulsarAuthParams = s.Pulsar.AuthPlugin, s.Pulsar.AuthParams
	}
	return c, nil
}

// flatten joins the names of nested objects with dots: {"cache":{"max":{"digest":3}}} is
// {"cache.max.digest":3}, as in DataStax's connector.
func flatten(config []byte) ([]byte, error) {
	var nested map[string]any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if err := d.Decode(&nested); err != nil {
		return nil, errors.New("the source's configuration is no JSON object")
	}
	flat := map[string]any{}
	var walk func(prefix string, object map[string]any)
	walk = func(prefix string, object map[string]any) {
		for key, value := range object {
			if inner, ok := value.(map[string]any); ok {
				walk(prefix+key+".", inner)
			} else if value != nil {
				flat[prefix+key] = value
			}
		}
	}
	walk("", nested)
	return json.Marshal(flat)
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
		value Integer
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
	return pulsar.Config{ServiceURL: url, WebServiceURL: c.PulsarWebServiceURL, AuthPlugin: c.PulsarAuthPlugin, AuthParams: c.PulsarAuthParams, TLSTrustCertsFile: c.TLSTrustCertsFile,
		AllowInsecure: c.AllowInsecure, HostnameVerification: c.HostnameVerification, Log: log}
}

func (c Config) cassandra(log *slog.Logger) cassandra.Config {
	return cassandra.Config{
		ContactPoints: c.ContactPoints, Port: int(c.Port), LocalDC: c.LocalDC,
		Username: c.Username, Password: c.Password, Log: log,
	}
}
