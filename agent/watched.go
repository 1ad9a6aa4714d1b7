// Checkpoints that tell how they are.

package agent

import (
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// watchedCheckpoints remembers when they were last written or found to be up to date.
type watchedCheckpoints struct {
	tail.Checkpoints
	board *health.Board

	mu     sync.Mutex
	saved  time.Time // zero before the first
	latest commitlog.Position
}

// Save is that of tail.Checkpoints.
func (c *watchedCheckpoints) Save(segment, offset int64) error {
	if err := c.Checkpoints.Save(segment, offset); err != nil {
		c.board.SetError(health.CheckpointNotWritten, "", err)
		return err
	}
	c.board.Clear(health.CheckpointNotWritten, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = time.Now()
	if at := (commitlog.Position{Segment: segment, Offset: offset}); c.latest.Before(at) {
		c.latest = at
	}
	return nil
}

func (c *watchedCheckpoints) age() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.saved.IsZero() {
		return 0
	}
	return time.Since(c.saved)
}

// newest is the position stored that is furthest in the log; "" before the first.
func (c *watchedCheckpoints) newest() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.saved.IsZero() {
		return ""
	}
	return c.latest.String()
}
