// Rows that may change behind their events: what was published is not the end yet.

package pipeline

import (
	"context"
	"time"
)

// staleDelays are the pauses before a row is read again that is not certainly as new as its
// event, until it is published as it is.
var staleDelays = []time.Duration{2 * time.Millisecond, 8 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond}

const (
	// doubtTime is how long an event is held whose row is not certainly as new as it is,
	// since it was received. An event may come before the node's memtable has the write: as
	// long as a busy disk takes for the commit log where commitlog_sync is batch. A write that
	// leaves nothing behind that has a time, as a column set to null, is held so long too.
	doubtTime = 10 * time.Second
	// A row in doubt is looked at again when its newest event is twice as old, within these.
	shortestLook = 50 * time.Millisecond
	longestLook  = 4 * time.Second

	// lateAfter is how long a publication may take. One that takes longer may have waited for
	// a broker, and meanwhile the key may have gone to another consumer, whose newer row is
	// on the topic before ours then: the row is read once more.
	lateAfter = time.Second
	// lastWords is how long the end of the pipeline waits for the broker's answers, so that
	// no message of ours comes behind those of the next consumer of its key.
	lastWords = 2 * time.Second
)

// doubt goes on with events whose row was read at that time and is published, but was not
// certainly as new as they are. Those that were held long enough are acknowledged. For the others
// it waits until it is time to look again, or another event of the lane comes, and tells
// whether that joined them. Nothing is left when ctx has ended.
//
// Invariant 7.
func (p *Pipeline) doubt(ctx context.Context, l *lane, read time.Time, batch []*Event) (left []*Event, joined bool, err error) {
	old, left := partition(batch, func(e *Event) bool { return read.Sub(e.received) >= doubtTime })
	if len(old) > 0 {
		p.cfg.Observer.Stale(true)
		if err := p.covered(ByPublication, old...); err != nil {
			return nil, false, err
		}
	}
	if len(left) == 0 {
		return nil, false, nil
	}
	newest := left[0].received
	for _, e := range left {
		if e.received.After(newest) {
			newest = e.received
		}
	}
	timer := time.NewTimer(min(max(time.Since(newest), shortestLook), longestLook))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.arrived:
	case <-ctx.Done():
		return nil, false, nil
	}
	all, err := p.joined(l, left)
	return all, len(all) > len(left), err
}

// joined is the batch with those events that have come meanwhile and are of its row.
func (p *Pipeline) joined(l *lane, batch []*Event) ([]*Event, error) {
	more, err := p.unseen(l, p.take(l))
	if err != nil {
		return batch, err
	}
	batch, others := join(batch, more)
	p.giveBack(l, others)
	return batch, nil
}
