// What the settings mean for those who are told them: the clients of Pulsar and of
// Cassandra; and what the settings leave to the machine.

package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/javastore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// Pulsar is how to reach the Pulsar cluster.
func (c Config) Pulsar(log *slog.Logger) pulsar.Config {
	c = c.WithDefaults()
	p := pulsar.Config{
		ServiceURL: c.PulsarServiceURL, WebServiceURL: c.PulsarWebServiceURL, AuthPlugin: c.PulsarAuthPluginClassName, AuthParams: c.PulsarAuthParams,
		TLSProtocols: c.SSLEnabledProtocols, TLSCipherSuites: c.SSLCipherSuites,
		AllowInsecure: c.SSLAllowInsecureConnection, HostnameVerification: c.SSLHostnameVerificationEnable, Log: log,
	}
	if c.PulsarAuthParamsFile != "" && pulsar.BareToken(c.PulsarAuthPluginClassName, c.PulsarAuthParams) {
		p.AuthParams = "file:" + c.PulsarAuthParamsFile
	}
	if !c.UseKeyStoreTLS {
		p.TLSTrustCertsFile = c.TLSTrustCertsFilePath
		return p
	}
	if p.TLSTrustStore = c.trustStore(); c.SSLKeystorePassword != "" {
		p.TLSKeyStore = pulsar.StoreFile{Path: c.SSLKeystorePath, Password: c.SSLKeystorePassword}
	}
	return p
}

// trustStore is the store of trusted certificates: the one that is called so, and else
// the one that DataStax's agent takes for it.
func (c Config) trustStore() pulsar.StoreFile {
	store := pulsar.StoreFile{Path: c.SSLTruststorePath, Password: c.SSLTruststorePassword}
	if store.Path == "" {
		store.Path = c.SSLKeystorePath
	}
	if store.Password == "" && store.Path == c.SSLKeystorePath {
		store.Password = c.SSLKeystorePassword
	}
	return store
}

// batching is what pulsarBatching says, and without it what DataStax's agent does.
func (c Config) batching() pulsar.Batching {
	switch {
	case c.PulsarBatching == "none":
		return pulsar.BatchNone
	case c.PulsarBatching != "":
		return pulsar.Batching(c.PulsarBatching)
	case c.PulsarBatchDelayInMs <= 0:
		return pulsar.BatchNone
	case c.PulsarKeyBasedBatcher:
		return pulsar.BatchByKey
	}
	return pulsar.BatchAny
}

// Producer is how to publish, but for what depends on the topic.
func (c Config) Producer() pulsar.ProducerConfig {
	c = c.WithDefaults()
	p := pulsar.ProducerConfig{MaxPending: c.PulsarMaxPendingMessages, Batching: c.batching(), Sequenced: c.PulsarDeduplication}
	if p.Batching != pulsar.BatchNone && c.PulsarBatchDelayInMs > 0 {
		p.BatchDelay = time.Duration(c.PulsarBatchDelayInMs) * time.Millisecond
	}
	if p.Batching == pulsar.BatchByBucket {
		p.Buckets = c.PulsarBatchBuckets
	}
	p.Compression, _ = pulsar.ParseCompression(c.PulsarCompression) // one of those that there are
	return p
}

// Settle fills in what the settings leave to the machine: where the node is, and what
// follows from that. The error holds every fault of the settings and of cassandra.yaml.
func (c Config) Settle(m node.Machine) (Config, node.Node, error) {
	invalid := c.Validate()
	c, n, err := c.Place(m)
	if err != nil {
		return c, n, errors.Join(invalid, err)
	}
	c, err = c.Meet(n)
	return c, n, errors.Join(invalid, n.Faults(), err)
}

// Place is the first half of [Config.Settle], without looking for faults: it finds the
// node's files and reads cassandra.yaml.
func (c Config) Place(m node.Machine) (Config, node.Node, error) {
	c = c.WithDefaults()
	at, err := m.Locate(c.CassandraYAML, c.CassandraStorageDir)
	if err != nil {
		return c, node.Node{}, err
	}
	c.CassandraYAML, c.CassandraStorageDir = at.YAML, at.StorageDir
	if c.CDCWorkingDir == "" {
		c.CDCWorkingDir = filepath.Join(at.StorageDir, "cdc")
	}
	n, err := node.Read(at)
	return c, n, err
}

// maxSequenced is the largest size of a segment, in bytes, whose positions make sequence ids.
const maxSequenced = 32 << 20

// Meet is the second half of [Config.Settle]: it fills in how the node wants to be asked,
// and says what it demands and the settings do not have.
func (c Config) Meet(n node.Node) (Config, error) {
	var errs []error
	if n.ClientEncryption.RequireClientAuth == "true" && c.cassandraTLS(n) && c.CassandraTLSCertificateFilePath == "" && c.CassandraTLSKeystorePath == "" {
		errs = append(errs, settings.Fault{
			Key: "cassandraTlsCertificateFilePath", Problem: "it is missing: " + n.YAML + " has require_client_auth",
			Hint: "set it with cassandraTlsKeyFilePath, or set cassandraTlsKeystorePath",
		})
	}
	if c.PulsarDeduplication && n.SegmentSize() > maxSequenced {
		errs = append(errs, settings.Fault{
			Key: "pulsarDeduplication", Problem: fmt.Sprintf("the segments of the commit log have %d MiB (%s): events in them cannot be numbered", n.SegmentSize()>>20, n.YAML),
			Hint: "commitlog_segment_size must be 32 MiB, Cassandra's default, or less",
		})
	}
	if c.ContactPoint == "" {
		var err error
		c.ContactPoint, err = n.ContactPoint(c.cassandraTLS(n))
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

func (c Config) cassandraTLS(n node.Node) bool {
	told := c.CassandraTLSTrustCertsFilePath != "" || c.CassandraTLSTruststorePath != ""
	return c.CassandraTLS == "true" || c.CassandraTLS == "auto" && n.ClientEncryption.Enabled && (told || !n.ClientEncryption.Optional)
}

// Cassandra is how to reach the node, of a configuration that is settled.
func (c Config) Cassandra(n node.Node, log *slog.Logger) cassandra.Config {
	cfg := cassandra.Config{
		ContactPoints: []string{c.ContactPoint}, OnlyContactPoints: true,
		Username: c.CassandraUsername, Password: c.CassandraPassword, PasswordFile: c.CassandraPasswordFile, Log: log,
	}
	if c.cassandraTLS(n) {
		files := c.cassandraTLSFiles()
		cfg.TLS = &files
		if files.ServerName == "" {
			files.ServerName, _, _ = net.SplitHostPort(c.ContactPoint)
		}
	}
	return cfg
}

func (c Config) cassandraTLSFiles() cassandra.TLS {
	return cassandra.TLS{
		TrustCertsFile: c.CassandraTLSTrustCertsFilePath, TrustStore: javastore.File{Path: c.CassandraTLSTruststorePath, Password: c.CassandraTLSTruststorePassword},
		CertificateFile: c.CassandraTLSCertificateFilePath, KeyFile: c.CassandraTLSKeyFilePath,
		KeyStore:   javastore.File{Path: c.CassandraTLSKeystorePath, Password: c.CassandraTLSKeystorePassword},
		ServerName: c.CassandraTLSServerName, AnyName: c.CassandraTLSHostnameVerificationDisable, Insecure: c.CassandraTLSAllowInsecureConnection,
	}
}
