// What the work of an instance adds up to, in the terms of Pulsar's functions.

package function

import (
	"slices"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

// Counts counts what a pipeline tells of its work. It is safe for concurrent use; the
// zero value is ready.
//
// In the terms of functions an event is received, and then processed successfully or a
// user exception: a dead letter, whose event can never succeed. A system exception is a
// failure of Cassandra or Pulsar; its event is tried again.
type Counts struct {
	mu          sync.Mutex
	total       tally
	minute      tally // since minuteBegan
	minuteBegan time.Time
	lastEvent   time.Time
	system      []exception // the last ones
	user        []exception
}

// tally is what was counted in some time.
type tally struct {
	received, processed, systemExceptions, userExceptions int64

	rows    int64
	latency time.Duration // of all rows together
}

// averageLatency is from a row's event to the broker's acknowledgement, in milliseconds.
func (t tally) averageLatency() float64 {
	if t.rows == 0 {
		return 0
	}
	return float64(t.latency) / float64(t.rows) / float64(time.Millisecond)
}

type exception struct {
	text string
	at   time.Time
}

const (
	keptExceptions = 10 // of each kind, as Pulsar's own instances keep them
	// window is that of the metrics with _1min in their names: they begin anew after it.
	window = time.Minute
)

var _ pipeline.Observer = (*Counts)(nil)

// count changes both tallies, and gives the time.
func (c *Counts) count(change func(*tally)) (now time.Time) {
	now = c.turn()
	change(&c.total)
	change(&c.minute)
	return now
}

// turn begins a new minute when it is time, and gives the time.
func (c *Counts) turn() (now time.Time) {
	if now = time.Now(); now.Sub(c.minuteBegan) >= window {
		c.minute, c.minuteBegan = tally{}, now
	}
	return now
}

// Received counts an event.
func (c *Counts) Received(*pipeline.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastEvent = c.count(func(t *tally) { t.received++ })
}

// Published counts the time that a row took.
func (c *Counts) Published(p pipeline.Published) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(func(t *tally) {
		t.rows++
		t.latency += p.SinceEvent
	})
}

// Covered counts events that are done with.
func (c *Counts) Covered(events int, _ pipeline.Cover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(func(t *tally) { t.processed += int64(events) })
}

// Buried counts a dead letter.
func (c *Counts) Buried(_ *pipeline.Event, reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.count(func(t *tally) { t.userExceptions++ })
	c.user = remember(c.user, reason, now)
}

// Failed counts a failure.
func (c *Counts) Failed(err error, _ pipeline.Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.count(func(t *tally) { t.systemExceptions++ })
	c.system = remember(c.system, err, now)
}

// Stale is of no interest to a function.
func (c *Counts) Stale(bool) {}

func remember(kept []exception, err error, at time.Time) []exception {
	kept = append(kept, exception{err.Error(), at})
	if len(kept) > keptExceptions {
		kept = kept[1:]
	}
	return kept
}

// resetMinute begins a new minute at once.
func (c *Counts) resetMinute() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.minute, c.minuteBegan = tally{}, time.Now()
}

// snapshot is what was counted until now.
type snapshot struct {
	total, minute tally
	lastEvent     time.Time // zero when there was none
	system, user  []exception
}

func (c *Counts) now() snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	return snapshot{
		total: c.total, minute: c.minute, lastEvent: c.lastEvent,
		system: slices.Clone(c.system), user: slices.Clone(c.user),
	}
}

// lastEventMillis is the time of the last event in milliseconds since 1970, 0 for none.
func (s snapshot) lastEventMillis() int64 {
	if s.lastEvent.IsZero() {
		return 0
	}
	return s.lastEvent.UnixMilli()
}
