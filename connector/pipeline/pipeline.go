// Package pipeline is the heart of the connector: receive an event, read the row back,
// publish it, acknowledge the event.
//
// In come events with the key of a changed row, out go messages with the row as it is
// now. Events of one key share a lane: at most one read of a key is in flight, and
// events that arrive meanwhile are covered together by the next read. The package
// knows neither Pulsar nor Cassandra; it is given a source, a reader, a publisher and
// a place for what can never succeed.
package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Event is one message of the events topic.
type Event struct {
	Key        []byte        // in the form of the present table: events of one row have one
	Written    []byte        // the key as it was written, where that is another form; nil otherwise
	Writer     *event.Writer // what it was written with; nil where that is not known
	Digest     string        // of the mutation; "" when the event has none
	NodeID     string        // host id of the node that wrote it
	Properties event.Properties
	ID         string // of the message, for people
	Delivery   any    // what the source needs to acknowledge it
}

// Message is one message for the data topic.
type Message struct {
	Key        []byte // of the event, in the form that the format has
	Value      []byte // encoded row; nil for null, which in most formats is a row that is not there
	Schema     *registry.Schema
	Properties map[string]string
}

// Source gives events and takes their acknowledgement.
type Source interface {
	Receive(ctx context.Context) (*Event, error)
	Ack(*Event) error
}

// Reader reads a row as it is now.
type Reader interface {
	Read(ctx context.Context, r readback.Request) (readback.Row, error)
}

// Publisher publishes to the data topic. Messages of one key keep their order. done is
// called once, when the broker has persisted the message or refuses it.
type Publisher interface {
	Publish(ctx context.Context, m Message, done func(error))
}

// DeadLetters keeps an event that can never succeed, with the reason. It returns when
// the event is persisted there.
type DeadLetters interface {
	Bury(ctx context.Context, e *Event, reason error) error
}

// Class is what a failure calls for.
type Class uint8

// The classes.
const (
	Retry      Class = iota // hold the events and try again: the cluster or the broker has trouble
	Impossible              // give up on these events after a few attempts
	Fatal                   // stop: a setting or a permission needs a person
)

// EncodeError is a row that the data topic's format cannot hold.
type EncodeError struct{ Err error }

func (e *EncodeError) Error() string { return "encode a row: " + e.Err.Error() }
func (e *EncodeError) Unwrap() error { return e.Err }

// Config wires a pipeline. Zero numbers mean the defaults.
type Config struct {
	Source      Source
	Reader      Reader
	Publisher   Publisher
	DeadLetters DeadLetters
	// Classify says what to do about a failed read or publication; nil retries all.
	Classify func(error) Class

	Reads    int // reads at the same time; 64
	InFlight int // events received and not acknowledged; 2000

	Digests    int           // digests remembered for a key; 3
	Keys       int           // keys whose digests are remembered; 32767
	DigestLife time.Duration // how long; 60 s

	Observer Observer // nil for none

	Log *slog.Logger
}

// Pipeline runs events through lanes.
type Pipeline struct {
	cfg      Config
	reads    chan struct{} // a token for each read that may run
	inFlight chan struct{} // a token for each event that may be on its way
	seen     *seen
	retries  seldom.Line

	rangeDeletes atomic.Int64 // events that were passed over
	rangeLine    seldom.Line

	mu    sync.Mutex
	lanes map[string]*lane
	work  sync.WaitGroup
}

// New returns a pipeline.
func New(cfg Config) *Pipeline {
	for _, d := range []struct {
		value *int
		or    int
	}{{&cfg.Reads, 64}, {&cfg.InFlight, 2000}, {&cfg.Digests, 3}, {&cfg.Keys, 32767}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if cfg.DigestLife == 0 {
		cfg.DigestLife = time.Minute
	}
	if cfg.Observer == nil {
		cfg.Observer = nobody{}
	}
	if cfg.Classify == nil {
		cfg.Classify = func(error) Class { return Retry }
	}
	return &Pipeline{
		cfg: cfg, reads: make(chan struct{}, cfg.Reads), inFlight: make(chan struct{}, cfg.InFlight),
		seen: newSeen(cfg.Keys, cfg.Digests, cfg.DigestLife), lanes: map[string]*lane{},
	}
}

// Run runs until ctx ends or something fails that no retry can mend. Events that are
// not acknowledged then come again.
func (p *Pipeline) Run(ctx context.Context) error {
	caller := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer p.work.Wait()
	defer stop(nil)
	for {
		select {
		case p.inFlight <- struct{}{}:
		case <-ctx.Done():
			return ended(caller, ctx)
		}
		e, err := p.cfg.Source.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return ended(caller, ctx)
			}
			return fmt.Errorf("receive an event: %w", err)
		}
		p.add(ctx, stop, e)
	}
}

// ended tells a stop by the caller, which is in good order, from the failure of a
// lane, which may well wrap the end of some other context.
func ended(caller, ctx context.Context) error {
	if cause := context.Cause(ctx); cause != context.Cause(caller) {
		return cause
	}
	return nil
}

// lane holds the events of one key that wait for a read.
type lane struct {
	waiting []*Event
}

// add puts an event into its key's lane and sets the lane to work when it is new.
// Invariant 4: a key has one lane, and a lane one goroutine.
func (p *Pipeline) add(ctx context.Context, stop context.CancelCauseFunc, e *Event) {
	key := string(e.Key)
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[key]
	if l == nil {
		l = &lane{}
		p.lanes[key] = l
		p.work.Add(1)
		go func() {
			defer p.work.Done()
			if err := p.runLane(ctx, key, l); err != nil {
				stop(err)
			}
		}()
	}
	l.waiting = append(l.waiting, e)
}

// take empties the lane.
func (p *Pipeline) take(l *lane) []*Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.take()
}

// giveBack puts events at the front of the lane.
func (p *Pipeline) giveBack(l *lane, events []*Event) {
	if len(events) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.waiting = append(events, l.waiting...)
}

// takeOrClose empties the lane, and closes it when there is nothing in it.
func (p *Pipeline) takeOrClose(key string, l *lane) (events []*Event, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if events = l.take(); len(events) == 0 {
		delete(p.lanes, key)
	}
	return events, len(events) > 0
}

func (l *lane) take() []*Event {
	events := l.waiting
	l.waiting = nil
	return events
}

// ack acknowledges an event. Invariant 1: it is called only behind a publication that
// covers the event, when the event was proved covered before, or for one that no
// message can cover.
func (p *Pipeline) ack(e *Event) error {
	if err := p.cfg.Source.Ack(e); err != nil {
		return fmt.Errorf("acknowledge event %s: %w", e.ID, err)
	}
	<-p.inFlight
	return nil
}
