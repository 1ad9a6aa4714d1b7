// What cassandra.yaml says of the node the agent runs beside.

package agent

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
)

// node is the part of cassandra.yaml that matters here.
type node struct {
	CDCEnabled          bool   `yaml:"cdc_enabled"`
	CDCRawDirectory     string `yaml:"cdc_raw_directory"`
	CommitLogDirectory  string `yaml:"commitlog_directory"`
	CDCBlockWrites      *bool  `yaml:"cdc_block_writes"` // 4.1 and later; true by default
	RPCAddress          string `yaml:"rpc_address"`
	BroadcastRPCAddress string `yaml:"broadcast_rpc_address"`
	NativeTransportPort int    `yaml:"native_transport_port"`

	CommitLogSegmentSize     string     `yaml:"commitlog_segment_size"`       // 4.1 and later: 32MiB
	CommitLogSegmentSizeInMB int        `yaml:"commitlog_segment_size_in_mb"` // until 4.0
	Encryption               encryption `yaml:"transparent_data_encryption_options"`
}

// encryption is how Cassandra encrypts its commit log.
type encryption struct {
	Enabled     bool `yaml:"enabled"`
	KeyProvider []struct {
		ClassName  string `yaml:"class_name"`
		Parameters []struct {
			Keystore         string `yaml:"keystore"`
			KeystorePassword string `yaml:"keystore_password"`
			KeyPassword      string `yaml:"key_password"`
		} `yaml:"parameters"`
	} `yaml:"key_provider"`
}

// readNode reads cassandra.yaml and reports all that keeps the agent from working.
func readNode(path string) (node, error) {
	var n node
	if err := configfile.LoadForeign(path, &n); err != nil {
		return n, fmt.Errorf("read cassandra.yaml: %w (cassandraYaml must name the node's own file)", err)
	}
	var errs []error
	if !n.CDCEnabled {
		errs = append(errs, fmt.Errorf("%s: cdc_enabled is not true, so Cassandra keeps no commit log for the agent: set it to true and restart the node", path))
	}
	for _, d := range [][2]string{{"cdc_raw_directory", n.CDCRawDirectory}, {"commitlog_directory", n.CommitLogDirectory}} {
		key, dir := d[0], d[1]
		if dir == "" {
			errs = append(errs, fmt.Errorf("%s: %s is not set: name the directory there, as Cassandra's default depends on how it was started", path, key))
		} else if n.CDCEnabled {
			if info, err := os.Stat(dir); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w (has the node been started, and may the agent read it?)", path, key, err))
			} else if !info.IsDir() {
				errs = append(errs, fmt.Errorf("%s: %s: %s is no directory", path, key, dir))
			}
		}
	}
	return n, errors.Join(errs...)
}

// keys opens the keystore of a node that encrypts its commit log; nil of one that does not.
func (n node) keys() (commitlog.Keys, error) {
	if !n.Encryption.Enabled {
		return nil, nil
	}
	const setting = "cassandra.yaml, transparent_data_encryption_options"
	if len(n.Encryption.KeyProvider) != 1 || len(n.Encryption.KeyProvider[0].Parameters) != 1 {
		return nil, errors.New(setting + ": one key_provider with its parameters is expected")
	}
	provider := n.Encryption.KeyProvider[0]
	if class := provider.ClassName; class[strings.LastIndexByte(class, '.')+1:] != "JKSKeyProvider" {
		return nil, fmt.Errorf("%s: the keys of %s cannot be read, only those of JKSKeyProvider", setting, class)
	}
	p := provider.Parameters[0]
	store, err := keystore.Open(p.Keystore, p.KeystorePassword, p.KeyPassword)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return store, nil
}

// mayRemove says whether Cassandra deletes segments that nobody has read when there are
// too many, rather than to refuse writes.
func (n node) mayRemove() bool { return n.CDCBlockWrites != nil && !*n.CDCBlockWrites }

// maxSection is how large a section of the commit log can be, in bytes: as large as a
// segment, and never less than the reader's default.
func (n node) maxSection() int {
	size := n.CommitLogSegmentSizeInMB << 20
	for unit, bytes := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, ok := strings.CutSuffix(n.CommitLogSegmentSize, unit); ok {
			count, _ := strconv.Atoi(number) // what is no number Cassandra does not start with
			size = count * bytes
		}
	}
	return max(size, commitlog.DefaultMaxSection)
}

// contactPoint is where the node's native transport listens.
func (n node) contactPoint() string {
	host, port := n.RPCAddress, n.NativeTransportPort
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = n.BroadcastRPCAddress // listening everywhere; this one is an address
	}
	if host == "" {
		host = "localhost"
	}
	if port == 0 {
		port = 9042
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
