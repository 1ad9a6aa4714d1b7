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
	last  atomic.Pointer[int64]
	stop  context.CancelFunc
	ended chan struct{}
}

// followBacklog asks until it is closed.
func followBacklog(ctx context.Context, ask func(context.Context) (int64, error)) *backlog {
	ctx, stop := context.WithCancel(ctx)
	b := &backlog{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		for {
			short, cancel := context.WithTimeout(ctx, backlogTimeout)
			events, err := ask(short)
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
	}()
	return b
}

func (b *backlog) close() {
	b.stop()
	<-b.ended
}

func (b *backlog) now() (events int64, known bool) {
	if last := b.last.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
