// What a node agent is told: settings, where they come from, and what is wrong with
// them.

package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
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

	PulsarServiceURL              string `yaml:"pulsarServiceUrl"` // pulsar://localhost:6650 by default
	PulsarAuthPluginClassName     string `yaml:"pulsarAuthPluginClassName"`
	PulsarAuthParams              string `yaml:"pulsarAuthParams"`
	PulsarMaxPendingMessages      int    `yaml:"pulsarMaxPendingMessages"` // unacknowledged messages a topic; 1000 by default
	TLSTrustCertsFilePath         string `yaml:"tlsTrustCertsFilePath"`
	SSLAllowInsecureConnection    bool   `yaml:"sslAllowInsecureConnection"`
	SSLHostnameVerificationEnable bool   `yaml:"sslHostnameVerificationEnable"`

	// MaxInflightMessagesPerTask bounds the events that wait for their acknowledgement, of
	// all tables together; 16384 by default.
	MaxInflightMessagesPerTask int `yaml:"maxInflightMessagesPerTask"`
	// PulsarMemoryLimitBytes bounds the bytes of the events that wait for their
	// acknowledgement, of all tables together; 16 MiB by default.
	PulsarMemoryLimitBytes int64 `yaml:"pulsarMemoryLimitBytes"`

	// HTTPAddress is where metrics, health and status are served: host:port, by default
	// 127.0.0.1:9842; "off" serves nothing.
	HTTPAddress string `yaml:"httpAddress"`
	// HTTPProfiles serves Go's profiles below /debug/pprof/ too.
	HTTPProfiles bool `yaml:"httpProfiles"`

	// MaxProcs bounds how many processors work for the agent at a time; 2 by default.
	MaxProcs int `yaml:"maxProcs"`
	// MemoryLimitBytes is the amount of memory near which the agent collects garbage more
	// often; by default 64 MiB and twice pulsarMemoryLimitBytes.
	MemoryLimitBytes int64 `yaml:"memoryLimitBytes"`
	// KeepIOPriority leaves the I/O priority as it was given; by default the agent reads
	// only when nobody else wants the disk (Linux's idle class).
	KeepIOPriority bool `yaml:"keepIOPriority"`
}

// DefaultHTTPAddress is where the agent serves its status unless it is told otherwise.
const DefaultHTTPAddress = "127.0.0.1:9842"

const (
	defaultInFlightEvents = 16384
	defaultInFlightBytes  = 16 << 20
)

func (c Config) inFlightEvents() int64 {
	if c.MaxInflightMessagesPerTask == 0 {
		return defaultInFlightEvents
	}
	return int64(c.MaxInflightMessagesPerTask)
}

func (c Config) inFlightBytes() int64 {
	if c.PulsarMemoryLimitBytes == 0 {
		return defaultInFlightBytes
	}
	return c.PulsarMemoryLimitBytes
}

// StatusAddress is host:port where the agent serves its status; "" where it does not.
func (c Config) StatusAddress() string {
	switch c.HTTPAddress {
	case "":
		return DefaultHTTPAddress
	case "off":
		return ""
	}
	return c.HTTPAddress
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
	for name, value := range map[string]int64{
		"maxInflightMessagesPerTask": int64(c.MaxInflightMessagesPerTask), "pulsarMemoryLimitBytes": c.PulsarMemoryLimitBytes,
		"maxProcs": int64(c.MaxProcs), "memoryLimitBytes": c.MemoryLimitBytes,
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it must not be negative", name, value))
		}
	}
	if address := c.StatusAddress(); address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			errs = append(errs, fmt.Errorf("httpAddress is not host:port: %w (off serves nothing)", err))
		}
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
