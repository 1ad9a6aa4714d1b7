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
	"cmp"
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
	ID         string // of the message: a message that is delivered again has the same
	Size       int    // bytes of the message's key and value
	Delivery   any    // what the source needs to acknowledge it
	// Fault says why the message is no event. It becomes a dead letter.
	Fault error

	received time.Time
	again    []*Event // later deliveries of the same message
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

	Limits *Limits // what may be in flight, here and in other pipelines; the defaults, for this one

	Digests    int           // digests remembered for a key; 3
	Keys       int           // keys whose digests and last message are remembered; 32767
	DigestLife time.Duration // how long; 60 s
	// Repeat publishes a row also where the last message of its key is the same.
	Repeat bool

	FirstRetry   time.Duration // pause after a failure; 100 ms. It doubles, less up to a half by chance
	LongestRetry time.Duration // pause at most; 10 s

	Observer Observer // nil for none

	Log *slog.Logger
}

// Pipeline runs events through lanes.
type Pipeline struct {
	cfg     Config
	held    *share
	seen    *seen
	retries seldom.Line

	rangeDeletes atomic.Int64 // events that were passed over
	rangeLine    seldom.Line

	mu     sync.Mutex
	lanes  map[string]*lane
	flying map[string]*Event // received and not acknowledged, by message id
	work   sync.WaitGroup
}

// New returns a pipeline.
func New(cfg Config) *Pipeline {
	cfg.Digests = cmp.Or(cfg.Digests, 3)
	cfg.Keys = cmp.Or(cfg.Keys, 32767)
	cfg.DigestLife = cmp.Or(cfg.DigestLife, time.Minute)
	cfg.FirstRetry = cmp.Or(cfg.FirstRetry, 100*time.Millisecond)
	cfg.LongestRetry = max(cmp.Or(cfg.LongestRetry, 10*time.Second), cfg.FirstRetry)
	if cfg.Limits == nil {
		cfg.Limits = NewLimits(0, 0)
	}
	if cfg.Observer == nil {
		cfg.Observer = nobody{}
	}
	if cfg.Classify == nil {
		cfg.Classify = func(error) Class { return Retry }
	}
	return &Pipeline{
		cfg: cfg, held: cfg.Limits.share(), seen: newSeen(cfg.Keys, cfg.Digests, cfg.DigestLife),
		lanes: map[string]*lane{}, flying: map[string]*Event{},
	}
}

// Run runs until ctx ends or something fails that no retry can mend. Events that are
// not acknowledged then come again. It may be called once.
func (p *Pipeline) Run(ctx context.Context) error {
	caller := ctx
	ctx, stop := context.WithCancelCause(ctx)
	defer p.held.close()
	defer p.work.Wait()
	defer stop(nil)
	for {
		if p.held.wait(ctx) != nil {
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
	key       string
	waiting   []*Event
	persisted chan error    // the broker's answer to the message that is on its way
	arrived   chan struct{} // wakes a lane that waits to look at its row again
}

// add puts an event into its key's lane and sets the lane to work when it is new.
// Invariant 4: a key has one lane, and a lane one goroutine.
func (p *Pipeline) add(ctx context.Context, stop context.CancelCauseFunc, e *Event) {
	p.cfg.Observer.Received(e)
	p.held.take(e.size())
	e.received = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.flying[e.ID]; first != nil {
		// After a break of the connection the broker sends again what is not acknowledged.
		first.again = append(first.again, e)
		return
	}
	p.flying[e.ID] = e
	if e.Fault != nil {
		p.goWork(stop, func() error { return p.bury(ctx, []*Event{e}, e.Fault) })
		return
	}
	l := p.lanes[string(e.Key)]
	if l == nil {
		l = &lane{key: string(e.Key), persisted: make(chan error, 1), arrived: make(chan struct{}, 1)}
		p.lanes[l.key] = l
		p.goWork(stop, func() error { return p.runLane(ctx, l) })
	}
	l.waiting = append(l.waiting, e)
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// goWork works beside. An error ends the pipeline.
func (p *Pipeline) goWork(stop context.CancelCauseFunc, work func() error) {
	p.work.Go(func() {
		if err := work(); err != nil {
			stop(err)
		}
	})
}

// size is what an event counts against the limits.
func (e *Event) size() int { return eventOverhead + max(e.Size, len(e.Key)+len(e.Written)) }

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
func (p *Pipeline) takeOrClose(l *lane) (events []*Event, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if events = l.take(); len(events) == 0 {
		delete(p.lanes, l.key)
	}
	return events, len(events) > 0
}

func (l *lane) take() []*Event {
	events := l.waiting
	l.waiting = nil
	select {
	case <-l.arrived:
	default:
	}
	return events
}

// ack acknowledges an event, every delivery of it, and returns how many there were.
// Invariant 1: it is called only behind a publication that covers the event, when the
// event was proved covered before, for one that no message can cover, or behind its copy
// in the dead letters.
func (p *Pipeline) ack(e *Event) (deliveries int, err error) {
	p.mu.Lock()
	delete(p.flying, e.ID)
	again := e.again
	p.mu.Unlock()
	bytes := 0
	for d, rest := e, again; ; d, rest = rest[0], rest[1:] {
		if err := p.cfg.Source.Ack(d); err != nil {
			return 0, fmt.Errorf("acknowledge event %s: %w", e.ID, err)
		}
		bytes += d.size()
		if len(rest) == 0 {
			break
		}
	}
	p.held.giveBack(1+len(again), bytes)
	return 1 + len(again), nil
}
