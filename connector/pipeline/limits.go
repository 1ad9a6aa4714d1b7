// How much may be in flight: events that were received and are not acknowledged yet,
// by number and by bytes, of all pipelines together.

package pipeline

import (
	"context"
	"slices"
	"sync"
)

// Bounds where none are given.
const (
	DefaultInFlightEvents = 2000
	DefaultInFlightBytes  = 16 << 20
)

// eventOverhead is what an event takes in memory beside its message.
const eventOverhead = 512

// Limits bounds what is in flight in all pipelines that are given it. A pipeline receives
// while it holds less than four times what is left, and always while it holds nothing.
//
// So a table whose rows cannot be published does not take everything: one alone fills
// four fifths, two fill eight ninths together, and a table that comes later finds room.
// Since the size of an event shows only when it is there, each pipeline may hold one
// event more.
type Limits struct {
	events, bytes int // the bounds

	mu         sync.Mutex
	heldEvents int
	heldBytes  int
	waiting    []*share
}

// greed is how many times what is left a pipeline may hold.
const greed = 4

// NewLimits makes bounds for a number of events and for bytes of their keys, values and
// bookkeeping. Zero means the default.
func NewLimits(events, bytes int) *Limits {
	if events == 0 {
		events = DefaultInFlightEvents
	}
	if bytes == 0 {
		bytes = DefaultInFlightBytes
	}
	return &Limits{events: events, bytes: bytes}
}

// Held is what is in flight now.
func (l *Limits) Held() (events, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heldEvents, l.heldBytes
}

// share is what one pipeline holds of the limits. One goroutine waits and takes.
type share struct {
	of            *Limits
	events, bytes int
	room          chan struct{} // wakes the one who waits
}

func (l *Limits) share() *share { return &share{of: l, room: make(chan struct{}, 1)} }

// roomy says that the share may grow. of.mu is held.
func (s *share) roomy() bool {
	l := s.of
	return s.events == 0 || s.events < greed*(l.events-l.heldEvents) && s.bytes < greed*(l.bytes-l.heldBytes)
}

// wait waits until another event may be received, or ctx ends.
func (s *share) wait(ctx context.Context) error {
	l := s.of
	l.mu.Lock()
	if s.roomy() {
		l.mu.Unlock()
		return nil
	}
	l.waiting = append(l.waiting, s)
	l.mu.Unlock()
	select {
	case <-s.room:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = slices.DeleteFunc(l.waiting, func(w *share) bool { return w == s })
		return ctx.Err()
	}
}

// take holds an event that was received.
func (s *share) take(bytes int) { s.add(1, bytes) }

// giveBack lets events go.
func (s *share) giveBack(events, bytes int) { s.add(-events, -bytes) }

// close lets all go that is left.
func (s *share) close() { s.add(-s.events, -s.bytes) }

func (s *share) add(events, bytes int) {
	l := s.of
	l.mu.Lock()
	defer l.mu.Unlock()
	s.events += events
	s.bytes += bytes
	l.heldEvents += events
	l.heldBytes += bytes
	l.waiting = slices.DeleteFunc(l.waiting, func(w *share) bool {
		if !w.roomy() {
			return false
		}
		w.room <- struct{}{} // it is empty: w waits
		return true
	})
}
