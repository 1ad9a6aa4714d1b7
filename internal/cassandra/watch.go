// A driver that has lost all its nodes and does not find them again.

package cassandra

import (
	"context"
	"errors"
	"time"

	"github.com/gocql/gocql"
)

const (
	// The driver is asked for a connection so often, and replaced when it has none this
	// many times in a row.
	watchInterval = 5 * time.Second
	watchPatience = 2
)

// watcher looks after the driver of a session. gocql 1.7 may take a node that went and came
// back for one that is up, and hold no connection to it for ever: a connection that is made
// is told to the session by a goroutine of its own, which may come behind the news that
// the node is down.
type watcher struct {
	stop  context.CancelFunc
	ended chan struct{}
}

func (s *Session) watch(cfg Config) *watcher {
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for without := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if s.connected(ctx) {
				without = 0
			} else if without++; without >= watchPatience && s.replace(ctx, cfg) {
				without = 0
			}
		}
	}()
	return w
}

func (w *watcher) close() {
	w.stop()
	<-w.ended
}

// connected says whether the driver has a connection, whatever its node answers.
func (s *Session) connected(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, watchInterval)
	defer cancel()
	err := s.gocql().Query("SELECT key FROM system.local WHERE key='local'").WithContext(ctx).Consistency(gocql.One).Exec()
	return !errors.Is(err, gocql.ErrNoConnections) && !errors.Is(err, gocql.ErrSessionClosed)
}

// replace puts a new driver in the place of the present one. It fails while no node answers.
func (s *Session) replace(ctx context.Context, cfg Config) bool {
	made, err := cfg.open(ctx)
	if err != nil {
		return false
	}
	if cfg.Log != nil {
		cfg.Log.Info("the driver has found no node again and was replaced")
	}
	s.driver.Swap(made).Close()
	return true
}
