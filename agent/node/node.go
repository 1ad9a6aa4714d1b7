// What cassandra.yaml says of the node the agent runs beside, in the spellings of 3.11
// to 5.0.

// Package node knows the Cassandra node that the agent runs beside: where its files are
// (find.go), what its cassandra.yaml says (node.go), and how much cdc_raw may hold
// (space.go). It only looks: nothing is written, and no connection is made.
package node

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// Node is the part of cassandra.yaml that matters here. Where 4.1 renamed a setting,
// the old one has its unit in the name (class org.apache.cassandra.config.Config,
// annotation @Replaces).
type Node struct {
	Location `yaml:"-"`

	CDCEnabled         bool   `yaml:"cdc_enabled"`
	CDCRawDirectory    string `yaml:"cdc_raw_directory"`   // set also where cassandra.yaml leaves it to the default
	CommitLogDirectory string `yaml:"commitlog_directory"` // likewise
	CDCTotalSpace      string `yaml:"cdc_total_space"`
	CDCTotalSpaceInMB  int64  `yaml:"cdc_total_space_in_mb"`
	CDCBlockWrites     *bool  `yaml:"cdc_block_writes"` // 4.1 and later; true by default

	RPCAddress             string `yaml:"rpc_address"`
	RPCInterface           string `yaml:"rpc_interface"`
	RPCInterfacePreferIPv6 bool   `yaml:"rpc_interface_prefer_ipv6"`
	BroadcastRPCAddress    string `yaml:"broadcast_rpc_address"`
	ListenAddress          string `yaml:"listen_address"`
	NativeTransportPort    int    `yaml:"native_transport_port"`
	NativeTransportPortSSL int    `yaml:"native_transport_port_ssl"`
	ClientEncryption       struct {
		Enabled           bool   `yaml:"enabled"`
		Optional          bool   `yaml:"optional"`
		RequireClientAuth string `yaml:"require_client_auth"` // true, false, and optional of 5.0
	} `yaml:"client_encryption_options"`

	CommitLogSegmentSize     string  `yaml:"commitlog_segment_size"`
	CommitLogSegmentSizeInMB int64   `yaml:"commitlog_segment_size_in_mb"`
	CommitLogSync            string  `yaml:"commitlog_sync"`
	CommitLogSyncPeriod      string  `yaml:"commitlog_sync_period"`
	CommitLogSyncPeriodInMS  float64 `yaml:"commitlog_sync_period_in_ms"`
	CommitLogGroupWindow     string  `yaml:"commitlog_sync_group_window"`
	CommitLogGroupWindowInMS float64 `yaml:"commitlog_sync_group_window_in_ms"` // 4.0 takes a fraction
	CommitLogCompression     []struct {
		ClassName string `yaml:"class_name"`
	} `yaml:"commitlog_compression"`
	CommitLogDiskAccessMode  string     `yaml:"commitlog_disk_access_mode"` // 5.0 and later
	Encryption               encryption `yaml:"transparent_data_encryption_options"`
	Partitioner              string     `yaml:"partitioner"`
	StorageCompatibilityMode string     `yaml:"storage_compatibility_mode"` // 5.0 and later
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

// Read reads the cassandra.yaml of that place. The error is a [settings.Fault].
func Read(at Location) (Node, error) {
	n := Node{Location: at}
	if err := configfile.LoadForeign(at.YAML, &n); err != nil {
		return n, settings.Fault{Key: "cassandraYaml", Problem: "read cassandra.yaml: " + err.Error(), Hint: "it must name the node's own file, readable for this user"}
	}
	if n.CDCRawDirectory == "" {
		n.CDCRawDirectory = filepath.Join(at.StorageDir, "cdc_raw")
	}
	if n.CommitLogDirectory == "" {
		n.CommitLogDirectory = filepath.Join(at.StorageDir, "commitlog")
	}
	return n, nil
}

// Faults are all things in cassandra.yaml that keep the agent from working, each a
// [settings.Fault].
func (n Node) Faults() error {
	var errs []error
	fault := func(key, problem, hint string) {
		errs = append(errs, settings.Fault{Key: key, Origin: n.YAML, Problem: problem, Hint: hint})
	}
	if !n.CDCEnabled {
		fault("cdc_enabled", "it is not true, so Cassandra keeps no commit log for the agent", "set it to true and restart the node")
	}
	if p := n.Partitioner[strings.LastIndexByte(n.Partitioner, '.')+1:]; p != "" && p != "Murmur3Partitioner" {
		fault("partitioner", "the tokens of "+p+" are not known here", "only Murmur3Partitioner is supported, Cassandra's default")
	}
	if _, err := n.Keys(); err != nil {
		fault("transparent_data_encryption_options", err.Error(), "the agent needs the same keystore as the node")
	}
	if n.CDCEnabled {
		for _, d := range [][2]string{{"cdc_raw_directory", n.CDCRawDirectory}, {"commitlog_directory", n.CommitLogDirectory}} {
			if err := UsableDir(d[1], d[0] == "cdc_raw_directory"); err != nil {
				fault(d[0], err.Error(), "has the node been started, and may this user read and write there? Run the agent as Cassandra's user; "+
					"where cassandra.yaml does not set the directory, it lies in the setting cassandraStorageDir")
			}
		}
	}
	return errors.Join(errs...)
}

// Keys opens the keystore of a node that encrypts its commit log; nil of one that does not.
func (n Node) Keys() (commitlog.Keys, error) {
	if !n.Encryption.Enabled {
		return nil, nil
	}
	if len(n.Encryption.KeyProvider) != 1 || len(n.Encryption.KeyProvider[0].Parameters) != 1 {
		return nil, errors.New("one key_provider with its parameters is expected")
	}
	provider := n.Encryption.KeyProvider[0]
	if class := provider.ClassName; class[strings.LastIndexByte(class, '.')+1:] != "JKSKeyProvider" {
		return nil, fmt.Errorf("the keys of %s cannot be read, only those of JKSKeyProvider", class)
	}
	p := provider.Parameters[0]
	store, err := keystore.Open(p.Keystore, p.KeystorePassword, p.KeyPassword)
	if err != nil {
		return nil, err
	}
	return store, nil
}

// MayRemove says whether Cassandra deletes segments that nobody has read when there are
// too many, rather than to refuse writes.
func (n Node) MayRemove() bool { return n.CDCBlockWrites != nil && !*n.CDCBlockWrites }

// MaxSection is how large a section of the commit log can be, in bytes: as large as a
// segment, and never less than the reader's default.
func (n Node) MaxSection() int {
	return max(int(n.SegmentSize()), commitlog.DefaultMaxSection)
}

// SegmentSize is the size of a segment in bytes as cassandra.yaml says it, 0 where it
// leaves it to the default, 32 MiB.
func (n Node) SegmentSize() int64 {
	if size, ok := parseSize(n.CommitLogSegmentSize); ok {
		return size
	}
	return n.CommitLogSegmentSizeInMB << 20
}

// CDCSpace is how many bytes cdc_raw may hold before Cassandra rejects writes; 0
// where cassandra.yaml leaves it to the default, the smaller one of 4 GiB and an eighth
// of the volume.
func (n Node) CDCSpace() int64 {
	if size, ok := parseSize(n.CDCTotalSpace); ok {
		return size
	}
	return n.CDCTotalSpaceInMB << 20
}

// mapped says whether an entry can be read as soon as it is written, because the file is
// memory-mapped. Otherwise it comes with the sync.
func (n Node) mapped() bool {
	return len(n.CommitLogCompression) == 0 && !n.Encryption.Enabled && n.CommitLogDiskAccessMode != "direct"
}

// SyncDelay is how long an entry may stay unreadable because Cassandra has it in memory
// only: zero where the file is memory-mapped, and where writers wait for the disk.
func (n Node) SyncDelay() time.Duration {
	if n.mapped() || n.CommitLogSync != "periodic" {
		return 0
	}
	return delay(n.CommitLogSyncPeriod, n.CommitLogSyncPeriodInMS)
}

// CommitLog says how Cassandra writes its log, for a person.
func (n Node) CommitLog() string {
	text := "sync " + n.CommitLogSync
	switch n.CommitLogSync {
	case "periodic":
		text += " every " + delay(n.CommitLogSyncPeriod, n.CommitLogSyncPeriodInMS).String()
	case "group":
		text += " every " + delay(n.CommitLogGroupWindow, n.CommitLogGroupWindowInMS).String()
	case "":
		text = "sync not set"
	}
	switch {
	case n.Encryption.Enabled:
		text += ", encrypted"
	case len(n.CommitLogCompression) > 0:
		text += ", " + n.CommitLogCompression[0].ClassName
	case n.CommitLogDiskAccessMode == "direct":
		text += ", direct I/O"
	}
	if n.StorageCompatibilityMode != "" {
		text += ", storage compatibility " + n.StorageCompatibilityMode
	}
	return text
}

// delay reads a time as 4.1 and later write it, "10s", or else as a number of milliseconds.
func delay(text string, ms float64) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// parseSize reads a size as 4.1 and later write it: 32MiB.
func parseSize(text string) (bytes int64, ok bool) {
	for _, unit := range []struct {
		name string
		size int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}} {
		if number, cut := strings.CutSuffix(text, unit.name); cut {
			count, err := strconv.ParseInt(number, 10, 64) // Cassandra does not start with another
			return count * unit.size, err == nil
		}
	}
	return 0, false
}

// ContactPoint is host:port where the node's native transport listens, with or without TLS.
// The error is a [settings.Fault].
func (n Node) ContactPoint(tls bool) (string, error) {
	host, port := n.RPCAddress, n.NativeTransportPort
	if n.RPCInterface != "" {
		var err error
		if host, err = interfaceAddress(n.RPCInterface, n.RPCInterfacePreferIPv6); err != nil {
			return "", settings.Fault{Key: "rpc_interface", Origin: n.YAML, Problem: err.Error(), Hint: "set contactPoint to the node's address"}
		}
	}
	if host == "" { // Cassandra then listens where it listens for other nodes
		host = n.ListenAddress
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = n.BroadcastRPCAddress // listening everywhere; this one is an address
	}
	if host == "" {
		host = "localhost"
	}
	if tls && n.NativeTransportPortSSL != 0 {
		port = n.NativeTransportPortSSL
	}
	if port == 0 {
		port = 9042
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// interfaceAddress is the first address of a network interface, of the preferred
// family if it has one (Cassandra's DatabaseDescriptor.getNetworkInterfaceAddress).
func interfaceAddress(name string, prefer6 bool) (string, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return "", err
	}
	addrs, err := i.Addrs()
	if err != nil {
		return "", err
	}
	first := ""
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if is6 := ipnet.IP.To4() == nil; is6 == prefer6 {
			return ipnet.IP.String(), nil
		}
		if first == "" {
			first = ipnet.IP.String()
		}
	}
	if first == "" {
		return "", fmt.Errorf("the network interface %s has no address", name)
	}
	return first, nil
}
