// What a node agent is told: settings, where they come from, and what is wrong with
// them.

package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

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

	// CDCWorkingDir holds the checkpoints and the quarantine. Required.
	CDCWorkingDir string `yaml:"cdcWorkingDir"`
	// TopicPrefix begins the name of every events topic; "events-" by default. It may
	// hold a tenant and a namespace.
	TopicPrefix string `yaml:"topicPrefix"`

	PulsarServiceURL              string `yaml:"pulsarServiceUrl"` // pulsar://localhost:6650 by default
	PulsarAuthPluginClassName     string `yaml:"pulsarAuthPluginClassName"`
	PulsarAuthParams              string `yaml:"pulsarAuthParams"`
	PulsarMaxPendingMessages      int    `yaml:"pulsarMaxPendingMessages"` // unacknowledged messages a topic; 1000 by default
	TLSTrustCertsFilePath         string `yaml:"tlsTrustCertsFilePath"`
	SSLAllowInsecureConnection    bool   `yaml:"sslAllowInsecureConnection"`
	SSLHostnameVerificationEnable bool   `yaml:"sslHostnameVerificationEnable"`
}

// LoadConfig reads a configuration file. A key that the agent does not know is an
// error, so that a slip of the pen is not silently a default.
func LoadConfig(path string) (Config, error) {
	var c Config
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("configuration %s: %w", path, err)
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

func (c Config) quarantineDir() string { return filepath.Join(c.CDCWorkingDir, "quarantine") }

func (c Config) pulsar(log *slog.Logger) pulsar.Config {
	url := c.PulsarServiceURL
	if url == "" {
		url = "pulsar://localhost:6650"
	}
	return pulsar.Config{
		ServiceURL: url, AuthPlugin: c.PulsarAuthPluginClassName, AuthParams: c.PulsarAuthParams,
		TLSTrustCertsFile: c.TLSTrustCertsFilePath, AllowInsecure: c.SSLAllowInsecureConnection,
		HostnameVerification: c.SSLHostnameVerificationEnable, Log: log,
	}
}
