// What the agent takes of the machine it shares with the database.
// Invariant 9: the agent never makes Cassandra worse.

package agent

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
)

const (
	// baseMemory is what the agent needs beyond the events in flight.
	baseMemory = 64 << 20
	// flightFactor is how many bytes of memory a byte of the in-flight window takes: the
	// message here and the client's copies of it.
	flightFactor = 2
)

// beKind bounds processors and memory and steps back with reading. GOMAXPROCS and
// GOMEMLIMIT in the environment win, as whoever sets them expects.
func beKind(cfg Config, getenv func(string) string, log *slog.Logger) {
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(cfg.withDefaults().MaxProcs, runtime.GOMAXPROCS(0)))
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(cfg.memoryLimit())
	}
	if cfg.KeepIOPriority {
		return
	}
	if err := idleIO(); err != nil {
		log.Warn("reading competes with Cassandra's", "error", err)
	}
}

// memoryLimit is the soft limit of the Go runtime in bytes: near it, memory is collected
// more often. Nothing fails for it.
func (c Config) memoryLimit() int64 {
	if c.MemoryLimitBytes != 0 {
		return c.MemoryLimitBytes
	}
	return baseMemory + min(flightFactor*c.inFlightBytes(), math.MaxInt64/2)
}
