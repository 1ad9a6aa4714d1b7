// How far behind the subscription of a table is, asked for now and then.

package connector

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	backlogEvery   = 15 * time.Second
	backlogTimeout = 5 * time.Second
)

// backlog is the last answer; there is none while the web service does not tell.
type backlog struct {
	ask  func(context.Context) (int64, error)
	last atomic.Pointer[int64]
}

// follow asks until ctx ends.
func (b *backlog) follow(ctx context.Context) {
	for {
		short, cancel := context.WithTimeout(ctx, backlogTimeout)
		events, err := b.ask(short)
		cancel()
		if err == nil {
			b.last.Store(&events)
		} else {
			b.last.Store(nil)
		}
		if sleep(ctx, backlogEvery) != nil {
			return
		}
	}
}

func (b *backlog) now() (events int64, known bool) {
	if last := b.last.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
