// What a node agent is told: settings, where they come from, and what is wrong with
// them.

package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Config is the agent's configuration file. Names that DataStax's agent has keep its
// spelling and meaning. A zero value means the default.
type Config struct {
	// CassandraYAML is the path of the node's cassandra.yaml. Required.
	CassandraYAML string `yaml:"cassandraYaml"`
	// ContactPoint is host:port of the node's native transport; by default what
	// cassandra.yaml says (rpc_address and native_transport_port).
	ContactPoint      string `yaml:"contactPoint"`
	CassandraUsername string `yaml:"cassandraUsername"`
	CassandraPassword string `yaml:"cassandraPassword"`

	// CDCWorkingDir holds the checkpoints, the history of the schema and the quarantine.
	// Required.
	CDCWorkingDir string `yaml:"cdcWorkingDir"`
	// TopicPrefix begins the name of every events topic; "events-" by default. It may
	// hold a tenant and a namespace.
	TopicPrefix string `yaml:"topicPrefix"`
	// FaithfulKeys writes columns of primary keys without loss: tinyint and smallint with
	// their sign, time in ns. DataStax's agent writes them without sign and in µs, and so
	// does this one by default. Its connector does not read such a time; ours reads both.
	// All agents of a cluster must have the same setting: it changes the keys of messages.
	FaithfulKeys bool `yaml:"faithfulKeys"`
	// RangeDeletes makes an event of each range of rows that is deleted, with a null
	// clustering key and the bounds as a property. DataStax's agent leaves them out, and
	// so does this one by default: DataStax's connector takes such an event for one of
	// the whole partition, and publishes a row of it under the key without clustering.
	// Ours counts and logs it.
	RangeDeletes bool `yaml:"rangeDeletes"`

	PulsarServiceURL              string `yaml:"pulsarServiceUrl"` // pulsar://localhost:6650 by default
	PulsarAuthPluginClassName     string `yaml:"pulsarAuthPluginClassName"`
	PulsarAuthParams              string `yaml:"pulsarAuthParams"`
	PulsarMaxPendingMessages      int    `yaml:"pulsarMaxPendingMessages"` // unacknowledged messages a topic; 1000 by default
	TLSTrustCertsFilePath         string `yaml:"tlsTrustCertsFilePath"`
	SSLAllowInsecureConnection    bool   `yaml:"sslAllowInsecureConnection"`
	SSLHostnameVerificationEnable bool   `yaml:"sslHostnameVerificationEnable"`
}

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
	if c.CassandraYAML == "" {
		errs = append(errs, errors.New("cassandraYaml is missing: the path of the node's cassandra.yaml"))
	}
	if c.CDCWorkingDir == "" {
		errs = append(errs, errors.New("cdcWorkingDir is missing: a directory for checkpoints that survives restarts"))
	}
	if (c.CassandraUsername == "") != (c.CassandraPassword == "") {
		errs = append(errs, errors.New("cassandraUsername and cassandraPassword go together: one of them is missing"))
	}
	if c.PulsarMaxPendingMessages < 0 {
		errs = append(errs, fmt.Errorf("pulsarMaxPendingMessages is %d: it must not be negative", c.PulsarMaxPendingMessages))
	}
	if err := c.pulsar(nil).Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c Config) topicPrefix() string {
	if c.TopicPrefix == "" {
		return event.DefaultTopicPrefix
	}
	return c.TopicPrefix
}

func (c Config) keyForm() event.KeyForm {
	if c.FaithfulKeys {
		return event.FaithfulForm
	}
	return event.JavaForm
}

func (c Config) historyFile() string { return filepath.Join(c.CDCWorkingDir, "schema_history.json") }

func (c Config) quarantineDir() string { return filepath.Join(c.CDCWorkingDir, "quarantine") }

func (c Config) pulsar(log *slog.Logger) pulsar.Config {
	url := c.PulsarServiceURL
	if url == "" {
		url = pulsar.DefaultServiceURL
	}
	return pulsar.Config{
		ServiceURL: url, AuthPlugin: c.PulsarAuthPluginClassName, AuthParams: c.PulsarAuthParams,
		TLSTrustCertsFile: c.TLSTrustCertsFilePath, AllowInsecure: c.SSLAllowInsecureConnection,
		HostnameVerification: c.SSLHostnameVerificationEnable, Log: log,
	}
}
