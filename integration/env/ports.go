// This file chooses free TCP ports, and tells a taken port from other failures.

package env

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"sync"
	"syscall"
)

// Ports are chosen below the range from which systems take the local port of
// outgoing connections, so that a stopped server finds its port free again.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// givenPorts are those that this process has handed out: two servers that
// start at the same time must not both find the same port free.
var givenPorts struct {
	sync.Mutex
	taken map[int]bool
}

// freePorts chooses n different ports on which nobody listens at host.
func freePorts(host string, n int) ([]int, error) {
	givenPorts.Lock()
	defer givenPorts.Unlock()
	if givenPorts.taken == nil {
		givenPorts.taken = make(map[int]bool)
	}
	ports := make([]int, 0, n)
	var last error
	for tries := 0; len(ports) < n; tries++ {
		if tries == 500 {
			return nil, fmt.Errorf("find %d free ports on %s: %w", n, host, last)
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if givenPorts.taken[port] {
			continue
		}
		if last = portFree(host, port); last != nil {
			continue
		}
		givenPorts.taken[port] = true
		ports = append(ports, port)
	}
	return ports, nil
}

// portFree returns nil if one could listen on host:port now.
func portFree(host string, port int) error {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return problem(ErrPortTaken, "end that process or choose another port",
				"port %s is in use by another process", address)
		}
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	return l.Close()
}

// portTakenText is how Cassandra, Pulsar and the JVM word it in their logs.
var portTakenText = regexp.MustCompile(`(?i)address already in use|in use by another process|port already in use|failed to bind`)
