// The bounds of this process.

// Package kindness bounds what the agent takes of the machine that it shares with the database.
// Invariant 9: the agent never makes Cassandra worse.
package kindness

import (
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
)

// Apply bounds processors and memory of this process, and lets others read first. GOMAXPROCS and
// GOMEMLIMIT in the environment win, as whoever sets them expects.
func Apply(cfg config.Config, getenv func(string) string, log *slog.Logger) {
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(cfg.WithDefaults().MaxProcs, runtime.GOMAXPROCS(0)))
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(cfg.MemoryLimit())
	}
	if cfg.KeepIOPriority {
		return
	}
	if err := idleIO(); err != nil {
		log.Warn("reading competes with Cassandra's", "error", err)
	}
}
