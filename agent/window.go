// The window of events that are on their way to the broker: bounded by number and by bytes.
// Invariant 9: memory is bounded, also while the broker is away.

package agent

import (
	"context"

	"golang.org/x/sync/semaphore"
)

type window struct {
	events, bytes *semaphore.Weighted
	maxBytes      int64
}

// messageOverhead is what an event takes beyond key and value: properties, the message and
// the client's copy of its head.
const messageOverhead = 1 << 10

func newWindow(events, bytes int64) *window {
	return &window{semaphore.NewWeighted(events), semaphore.NewWeighted(bytes), bytes}
}

// enter waits for room for an event whose key and value have that size, until ctx ends.
func (w *window) enter(ctx context.Context, size int) error {
	if err := w.events.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := w.bytes.Acquire(ctx, w.weight(size)); err != nil {
		w.events.Release(1)
		return err
	}
	return nil
}

// leave gives the room back.
func (w *window) leave(size int) {
	w.bytes.Release(w.weight(size))
	w.events.Release(1)
}

// weight lets one that is larger than the whole window go alone.
func (w *window) weight(size int) int64 { return min(int64(size)+messageOverhead, w.maxBytes) }
