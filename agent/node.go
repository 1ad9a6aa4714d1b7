// What cassandra.yaml says of the node the agent runs beside.

package agent

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
)

// node is the part of cassandra.yaml that matters here.
type node struct {
	CDCEnabled          bool   `yaml:"cdc_enabled"`
	CDCRawDirectory     string `yaml:"cdc_raw_directory"`
	CommitLogDirectory  string `yaml:"commitlog_directory"`
	RPCAddress          string `yaml:"rpc_address"`
	BroadcastRPCAddress string `yaml:"broadcast_rpc_address"`
	NativeTransportPort int    `yaml:"native_transport_port"`
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
