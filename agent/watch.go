// Looks, every few seconds, at what nobody tells of itself: the directories, the broker that
// is silent, the loop that does not turn.

package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

const (
	lookEvery = 2 * time.Second
	// silentAfter is how long a broker may take for an acknowledgement, while events wait,
	// before it is a condition.
	silentAfter = 10 * time.Second
	// stuckAfter is how long nothing may turn before the agent counts as stuck. A single
	// attempt to reach the broker takes up to half a minute.
	stuckAfter = 90 * time.Second
)

type watch struct {
	*operations

	finished uint64         // segments that were followed and are no longer
	followed map[int64]bool // at the last look
	turned   uint64         // turns of the tailer at the last look

	mu     sync.Mutex
	beaten uint64    // turns and beats when something moved last
	moved  time.Time // and when that was
}

// run looks until ctx ends. watchdog is within what time the service manager wants to hear
// that the agent is not stuck; 0: never.
func (w *watch) run(ctx context.Context, watchdog time.Duration) {
	every := lookEvery
	if watchdog > 0 {
		every = min(every, watchdog/2)
	}
	w.mu.Lock()
	w.moved = time.Now()
	w.mu.Unlock()
	for {
		w.listen()
		w.look()
		if watchdog > 0 && w.alive() == nil {
			w.notify("WATCHDOG=1")
		}
		if sleep(ctx, every) != nil {
			return
		}
	}
}

func (w *watch) look() {
	w.metrics.Sample()
	l := metrics.Log{RawLimit: w.space.limit, Quarantine: w.metrics.Log().Quarantine}
	if items, err := w.space.quarantine.Names(); err == nil {
		l.Quarantine = len(items)
	}
	if t := w.tailer.Load(); t != nil {
		state := t.State()
		w.lookAtSegments(state.Segments, &l)
		if state.Trouble != nil {
			w.board.SetError(health.LogUnreadable, w.space.cdcRaw, state.Trouble)
		} else {
			w.board.Clear(health.LogUnreadable, w.space.cdcRaw)
		}
	}
	if size, err := node.DirectorySize(w.space.cdcRaw); err == nil {
		l.RawBytes = size
	} else {
		l.RawBytes = w.metrics.Log().RawBytes
	}
	if w.checkpoints != nil {
		l.CheckpointAge = w.checkpoints.age()
	}
	l.Finished = w.finished
	w.metrics.SetLog(l)
	w.judgeSpace(l.RawBytes, l.RawLimit)
	w.judgeBroker(w.metrics.Flight())
	if l.Quarantine > 0 {
		w.board.Set(health.Quarantined, "", fmt.Sprintf("%d in %s", l.Quarantine, w.space.quarantine.Path))
	} else {
		w.board.Clear(health.Quarantined, "")
	}
}

// lookAtSegments fills in how far the segments are read and acknowledged.
func (w *watch) lookAtSegments(segments []tail.Progress, l *metrics.Log) {
	turns := w.turns.Load()
	turning := turns != w.turned
	w.turned = turns
	followed := map[int64]bool{}
	for _, p := range segments {
		followed[p.Segment] = true
		acknowledged := p.Watermark.Offset()
		read := max(p.Read, acknowledged)
		written := read
		// While the tailer turns it has read, a moment ago, all that is written; what the
		// index says lies a marker further even then.
		if !p.AtEnd || !turning {
			if index, ok := commitlog.ReadIndex(p.Path); ok {
				written = max(written, index.Offset)
			}
		}
		l.UnreadBytes += written - read
		l.UnackedBytes += read - acknowledged
		switch {
		case written > read:
			l.Waiting++
		case p.AtEnd:
			l.Done++
		}
	}
	l.Segments = len(segments)
	if len(segments) > 0 {
		l.OldestSegment = segments[0].Segment
		l.OldestAge = max(0, time.Since(time.UnixMilli(l.OldestSegment))) // ids are counted from the clock
	}
	for id := range w.followed {
		if !followed[id] {
			w.finished++
		}
	}
	w.followed = followed
}

// fills are the conditions of a cdc_raw that fills up, the worst first.
var fills = []struct {
	percent   int64
	condition *health.Condition
}{{95, health.CDCRawFull}, {80, health.CDCRawNearlyFull}, {50, health.CDCRawFilling}}

// judgeSpace sets the condition of the highest mark that is reached. A condition ends when
// use has fallen 5 % below its mark, or it would come and go with every segment.
// Invariant 9: it is told early that cdc_raw fills up, because a full one makes Cassandra
// reject writes.
func (w *watch) judgeSpace(used, limit int64) {
	if limit <= 0 {
		return
	}
	reached := false
	for _, f := range fills {
		mark := f.percent
		if w.board.Holds(f.condition, "") {
			mark -= 5
		}
		if reached || used*100 < mark*limit {
			w.board.Clear(f.condition, "")
			continue
		}
		reached = true
		w.board.Set(f.condition, "", fmt.Sprintf("%d of %d MiB, %d %%, in %s", used>>20, limit>>20, used*100/limit, w.space.cdcRaw))
	}
}

// judgeBroker sets a condition while events wait and none is acknowledged.
func (w *watch) judgeBroker(f metrics.Flight) {
	since := f.Oldest
	if f.LastAck.After(since) {
		since = f.LastAck
	}
	if f.Events == 0 || time.Since(since) < silentAfter {
		w.board.Clear(health.BrokerUnreachable, "")
		return
	}
	w.board.Set(health.BrokerUnreachable, "", fmt.Sprintf("%d events wait, and none was acknowledged for %s", f.Events, time.Since(since).Round(time.Second)))
}

// alive is nil unless the agent is stuck. One that waits for acknowledgements, or for the end
// of a condition that blocks it, is not: starting it again would not help.
func (w *watch) alive() error {
	beaten := w.turns.Load() + w.beats.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if beaten != w.beaten || w.moved.IsZero() || w.metrics.Flight().Events > 0 || !w.board.Ready() {
		w.beaten, w.moved = beaten, now
	}
	still := now.Sub(w.moved)
	if still < stuckAfter {
		return nil
	}
	return fmt.Errorf("stuck: nothing has moved for %s", still.Round(time.Second))
}
