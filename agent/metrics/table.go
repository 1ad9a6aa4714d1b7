// One table: its events from the moment they are ready to their acknowledgement.

package metrics

import (
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

// Table counts the events of one table. It is safe for concurrent use.
type Table struct {
	agent *Agent
	name  tableName

	mu    sync.Mutex
	ring  []event // events in flight and a few behind the oldest; its length is a power of two
	first uint64  // number of the oldest in flight
	next  uint64  // number of the next
	state State

	rate show.Rate // of state.Events
}

// event is one in flight.
type event struct {
	written, ready int64 // ns since 1970
	size           int
	done           bool
}

// State is what is known of a table.
type State struct {
	Events        uint64        // acknowledged since the start
	Bytes         uint64        // key and value of them
	Errors        uint64        // failures since the start
	InFlight      int           // events
	InFlightBytes int64         // key and value of them
	Lag           time.Duration // age of the oldest event in flight, counted from its write; 0 with none
	Rate          float64       // events acknowledged a second, over the last half minute or so
	LastAck       time.Time     // zero before the first
	LastError     string        // "" without one
	LastErrorAt   time.Time

	oldest time.Time // when the oldest in flight was ready
}

// Name is keyspace and table.
func (t *Table) Name() (keyspace, table string) { return t.name.keyspace, t.name.table }

// Ready counts an event that is ready for the broker and returns its number. written is the
// moment of its write in ns since 1970, size that of its key and value in bytes. Exactly
// one of Acknowledged and Withdrawn follows.
func (t *Table) Ready(written int64, size int) (number uint64) {
	now := time.Now().UnixNano()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next-t.first == uint64(len(t.ring)) {
		t.grow()
	}
	number = t.next
	t.next++
	t.ring[number&uint64(len(t.ring)-1)] = event{written: min(written, now), ready: now, size: size}
	t.state.InFlight++
	t.state.InFlightBytes += int64(size)
	return number
}

func (t *Table) grow() {
	larger := make([]event, 2*len(t.ring))
	for n := t.first; n != t.next; n++ {
		larger[n&uint64(len(larger)-1)] = t.ring[n&uint64(len(t.ring)-1)]
	}
	t.ring = larger
}

// Acknowledged counts the event of that number as persisted by the broker.
func (t *Table) Acknowledged(number uint64) {
	now := time.Now()
	t.mu.Lock()
	e := t.end(number)
	t.state.Events++
	t.state.Bytes += uint64(e.size)
	t.state.LastAck = now
	t.mu.Unlock()
	t.agent.publish.Observe(float64(now.UnixNano()-e.ready) / 1e9)
	t.agent.writeToAck.Observe(float64(max(0, now.UnixNano()-e.written)) / 1e9)
}

// Withdrawn takes an event back: it failed, or was only announced.
func (t *Table) Withdrawn(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(number)
}

func (t *Table) end(number uint64) event {
	mask := uint64(len(t.ring) - 1)
	e := &t.ring[number&mask]
	e.done = true
	t.state.InFlight--
	t.state.InFlightBytes -= int64(e.size)
	ended := *e
	for t.first != t.next && t.ring[t.first&mask].done {
		t.first++
	}
	return ended
}

// Failed counts a failure to publish. The text must hold no secret.
func (t *Table) Failed(reason, text string) {
	t.agent.errors.WithLabelValues(t.name.keyspace, t.name.table, reason).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Errors++
	t.state.LastError, t.state.LastErrorAt = text, time.Now()
}

// State is what is known now.
func (t *Table) State() State {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	if t.first != t.next {
		e := t.ring[t.first&uint64(len(t.ring)-1)]
		s.Lag, s.oldest = now.Sub(time.Unix(0, e.written)), time.Unix(0, e.ready)
	}
	return s
}

func (t *Table) sample(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rate.Sample(t.state.Events, now)
	t.state.Rate = t.rate.PerSecond()
}
