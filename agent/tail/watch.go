// Watch: inotify, which only makes the tailer prompt.

package tail

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

// rewatch is the time after which a watch that was lost is set up again: when the directory
// was replaced, or the system had no watches left.
const rewatch = 5 * time.Second

// Watch tells through the channel when something may have happened in the directories,
// until ctx ends. What it misses the tailer finds at its next look: an overflow, a
// directory that cannot be watched.
func Watch(ctx context.Context, log *slog.Logger, dirs ...string) <-chan struct{} {
	changed := make(chan struct{}, 1)
	go func() {
		var line seldom.Line
		for {
			err := watch(ctx, changed, dirs)
			if ctx.Err() != nil {
				return
			}
			if leftOut, due := line.Due(); due {
				log.Warn("the log's directories cannot be watched: new segments are seen a little later; trying again", "error", err, "lines_left_out", leftOut)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(rewatch):
			}
		}
	}()
	return changed
}

// watch watches until ctx ends or something is wrong.
func watch(ctx context.Context, changed chan<- struct{}, dirs []string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	again := time.NewTicker(rewatch)
	defer again.Stop()
	for {
		// Adding a directory that is watched changes nothing.
		for _, dir := range dirs {
			if err := w.Add(dir); err != nil {
				return err
			}
		}
		for adding := false; !adding; {
			select {
			case <-ctx.Done():
				return nil
			case <-again.C:
				adding = true
			case <-w.Events:
				tell(changed)
			case <-w.Errors: // an overflow: something has happened, who knows what
				tell(changed)
			}
		}
	}
}

func tell(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default: // it is told already
	}
}
