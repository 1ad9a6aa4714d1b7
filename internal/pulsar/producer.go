// This file publishes messages of one topic and accounts for each of them.

package pulsar

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/backoff"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// ProducerConfig says what a producer publishes where.
type ProducerConfig struct {
	// Topic, short or full name. Required.
	Topic string
	// Name is unique among the producers connected to the topic. Empty: the
	// broker's choice.
	Name string
	// Schema is registered when the producer is made, and that of messages that
	// name none. Nil: messages without a schema, unless they name one.
	Schema *registry.Schema
	// Route picks the partition of a message, from 0 to partitions-1. Nil: the
	// Murmur3 hash of the key as it is on the wire, like Pulsar's function sink.
	// It needs a Schema.
	Route func(m *Message, partitions int) int
	// MaxPending bounds the messages in flight; Send waits while there are as
	// many. Zero: 1000.
	MaxPending int
	// TextKey sends keys as the text that they are, without Base64 and without
	// the flag: the output format "json".
	TextKey bool
}

func (c ProducerConfig) validate() error {
	var faults []error
	if c.Topic == "" {
		faults = append(faults, errors.New("topic is missing"))
	}
	if c.Route != nil && c.Schema == nil {
		faults = append(faults, errors.New("a route needs a schema"))
	}
	if c.MaxPending < 0 {
		faults = append(faults, errors.New("max pending cannot be negative"))
	}
	return errors.Join(faults...)
}

// Message is one message to publish. Neither it nor its slices and map may be
// changed until done was called.
type Message struct {
	// Key is the encoded key: Avro binary or JSON text.
	Key []byte
	// Value is the encoded value. Nil is a delete: null_value and no payload.
	Value []byte
	// Schema describes Key and Value. Nil: the producer's.
	Schema *registry.Schema
	// Properties of the message; may be nil.
	Properties map[string]string
	// Token is the partition's token, for Route.
	Token int64
}

// Receipt says where the broker persisted a message.
type Receipt struct {
	Ledger, Entry int64
	Partition     int
}

// String is ledger:entry:partition.
func (r Receipt) String() string { return fmt.Sprintf("%d:%d:%d", r.Ledger, r.Entry, r.Partition) }

// Producer publishes to one topic. It is safe for concurrent use; messages of
// one goroutine reach a partition in the order of Send. The library reconnects
// it when the broker was away and sends again what was not acknowledged.
type Producer struct {
	inner   client.Producer
	client  *Client
	cfg     ProducerConfig
	schemas *schemas

	// slots holds one element per message in flight. It is ours and not the
	// library's, so that Close need not wait for a Send that waits.
	slots chan struct{}
	// sending is read-locked while a message is handed to the library, which
	// does not bear to be closed meanwhile.
	sending sync.RWMutex

	mu      sync.Mutex
	pending sends
	sent    uint64        // number of the last message
	err     error         // why it is dead
	dead    chan struct{} // closed when err is set
	waiters []waiter

	// dirty wakes push after a message was handed to the library.
	dirty  chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	pushed chan struct{} // push has ended
}

type waiter struct {
	until uint64
	ch    chan struct{}
}

const defaultMaxPending = 1000

// pushTimeout is how long push waits for the broker before it looks whether the
// library's producer is still alive.
const pushTimeout = 30 * time.Second

// Producer makes a producer, and the topic where the broker allows that. ctx
// bounds the making. Errors are *SchemaError where the broker refuses
// cfg.Schema, otherwise *Error with Op "create producer".
func (c *Client) Producer(ctx context.Context, cfg ProducerConfig) (*Producer, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("pulsar: producer: %w", err)
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = defaultMaxPending
	}
	p := &Producer{
		cfg: cfg, client: c, schemas: newSchemas(),
		slots: make(chan struct{}, cfg.MaxPending), dead: make(chan struct{}),
		dirty: make(chan struct{}, 1), pushed: make(chan struct{}),
	}
	p.pending.init()
	options := client.ProducerOptions{
		Topic: cfg.Topic,
		Name:  cfg.Name,
		// The library counts per partition: it never has to wait.
		MaxPendingMessages: cfg.MaxPending,
		// Without end: what is in flight waits for the broker to come back.
		SendTimeout:   -1,
		HashingScheme: client.Murmur3_32Hash,
		// Batches of one. Without batching the library leaves the schema version
		// out; and the broker dispatches a batch of several by its first key,
		// which breaks the order of a Key_Shared subscription.
		BatchingMaxMessages: 1,
		BackOffPolicyFunc:   func() backoff.Policy { return new(reconnectDelay) },
	}
	if cfg.Schema != nil {
		info, err := p.schemas.info(cfg.Schema)
		if err != nil {
			return nil, fmt.Errorf("pulsar: producer of %s: %w", cfg.Topic, err)
		}
		options.Schema = described{info}
	}
	if !cfg.TextKey {
		options.Encryption = c.flag.options()
	}
	if cfg.Route != nil {
		options.MessageRouter = func(pm *client.ProducerMessage, t client.TopicMetadata) int {
			n := int(t.NumPartitions())
			i := cfg.Route(pm.Schema.(*send).m, n) % n
			if i < 0 {
				i += n
			}
			return i
		}
	}
	inner, err := await(ctx,
		func() (client.Producer, error) { return c.inner.CreateProducer(options) },
		func(late client.Producer) { late.Close() })
	if err != nil {
		return nil, c.failure("create producer", cfg.Topic, cfg.Schema, err)
	}
	p.inner = inner
	p.ctx, p.cancel = context.WithCancel(context.Background())
	go p.push()
	c.mu.Lock()
	c.producers[p] = struct{}{}
	c.mu.Unlock()
	return p, nil
}

func (c *Client) failure(op, topic string, schema *registry.Schema, err error) error {
	return failure(op, topic, schema, c.creds.redact(err))
}

// Name is the producer's name, the broker's choice where the config had none.
func (p *Producer) Name() string { return p.inner.Name() }

// Err is nil while the producer can publish, and then why it cannot any more.
func (p *Producer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Send publishes m. It returns when m is queued; while too many messages are in
// flight it waits, until ctx ends. done is called exactly once: with the
// receipt when the broker has persisted m, or with the error. For messages of
// one partition that succeed it is called in the order of Send. It may be called
// before Send returns; it must not block and must not call Send.
//
// An error concerns m alone (*SchemaError, ErrTooLarge, the end of ctx, a broken
// connection while a new schema was being registered), and later messages may
// succeed, unless Err is set: then the producer is dead, all its messages fail,
// and some of them may nevertheless be persisted.
func (p *Producer) Send(ctx context.Context, m *Message, done func(Receipt, error)) {
	s := &send{m: m, done: done}
	schema := m.Schema
	if schema == nil {
		schema = p.cfg.Schema
	}
	if schema != nil {
		info, err := p.schemas.info(schema)
		if err != nil {
			done(Receipt{}, fmt.Errorf("pulsar: message to %s: %w", p.cfg.Topic, err))
			return
		}
		s.described = described{info}
		s.pm.Schema = s
	}
	if p.cfg.TextKey {
		s.pm.Key = string(m.Key)
	} else {
		s.pm.Key = base64.StdEncoding.EncodeToString(m.Key)
	}
	s.pm.Payload = m.Value // nil: the library sets null_value
	s.pm.Properties = m.Properties

	select {
	case p.slots <- struct{}{}:
	case <-p.dead:
		done(Receipt{}, p.Err())
		return
	case <-ctx.Done():
		done(Receipt{}, p.client.failure("send to", p.cfg.Topic, schema, ctx.Err()))
		return
	}
	p.sending.RLock()
	defer p.sending.RUnlock()
	p.mu.Lock()
	if err := p.err; err != nil {
		p.mu.Unlock()
		<-p.slots
		done(Receipt{}, err)
		return
	}
	p.sent++
	s.number = p.sent
	p.pending.add(s)
	p.mu.Unlock()

	if err := safely(func() error {
		p.inner.SendAsync(context.Background(), &s.pm, func(id client.MessageID, _ *client.ProducerMessage, err error) {
			p.complete(s, schema, id, err)
		})
		return nil
	}); err != nil {
		p.complete(s, schema, nil, err)
	}
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

func (p *Producer) complete(s *send, schema *registry.Schema, id client.MessageID, err error) {
	if err != nil {
		err = p.client.failure("send to", p.cfg.Topic, schema, err)
		if e := (*Error)(nil); errors.As(err, &e) && final(e.Kind) {
			p.die(err)
			return
		}
	}
	p.mu.Lock()
	claimed := s.claimed
	s.claimed = true
	p.mu.Unlock()
	if claimed {
		return // failed already, with the producer
	}
	if err != nil {
		s.done(Receipt{}, err)
	} else {
		s.done(Receipt{Ledger: id.LedgerID(), Entry: id.EntryID(), Partition: max(0, int(id.PartitionIdx()))}, nil)
	}
	p.forget(s)
}

// forget drops messages whose done has returned.
func (p *Producer) forget(done ...*send) {
	p.mu.Lock()
	for _, s := range done {
		p.pending.remove(s)
		<-p.slots
	}
	p.wake()
	p.mu.Unlock()
}

// die fails every pending message and those to come. The library forgets
// messages that were queued when its producer closed.
func (p *Producer) die(err error) {
	p.mu.Lock()
	p.kill(err)
	err = p.err
	var dead []*send
	for s := p.pending.first(); s != nil; s = p.pending.after(s) {
		if !s.claimed {
			s.claimed = true
			dead = append(dead, s)
		}
	}
	p.mu.Unlock()
	for _, s := range dead {
		s.done(Receipt{}, err)
	}
	p.forget(dead...)
}

// kill lets no more messages in. p.mu is held.
func (p *Producer) kill(err error) {
	if p.err == nil {
		p.err = err
		close(p.dead)
	}
}

// wake lets those go whose messages are done. p.mu is held.
func (p *Producer) wake() {
	first := p.pending.first()
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if first == nil || first.number > w.until {
			close(w.ch)
		} else {
			kept = append(kept, w)
		}
	}
	clear(p.waiters[len(kept):])
	p.waiters = kept
}

// push keeps messages from waiting in the library, which sends a batch only
// when the next message comes or its ticker fires, and finds out when the
// library has given a producer up.
func (p *Producer) push() {
	defer close(p.pushed)
	for {
		select {
		case <-p.dirty:
		case <-p.ctx.Done():
			return
		}
		for p.waiting() {
			ctx, cancel := context.WithTimeout(p.ctx, pushTimeout)
			err := safely(func() error { return p.inner.FlushWithCtx(ctx) })
			cancel()
			if p.ctx.Err() != nil {
				return
			}
			if err != nil && final(kindOf(err)) {
				p.die(p.client.failure("send to", p.cfg.Topic, nil, err))
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				break
			}
		}
	}
}

func (p *Producer) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending.first() != nil
}

// Flush waits until every message whose Send has begun is done, well or not. It
// returns an error when ctx ends first.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	if p.pending.first() == nil {
		p.mu.Unlock()
		return nil
	}
	w := waiter{p.sent, make(chan struct{})}
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pulsar: flush %s: %w", p.cfg.Topic, ctx.Err())
	}
}

// Close closes the producer; messages in flight fail with ErrClosed: call Flush
// before. It takes at most the operation timeout, and may be called twice.
func (p *Producer) Close() {
	err := &Error{Op: "send to", Topic: p.cfg.Topic, Kind: ErrClosed}
	p.mu.Lock()
	p.kill(err)
	p.mu.Unlock()
	p.sending.Lock()
	p.sending.Unlock() //nolint:staticcheck // empty on purpose: it waits for the Sends that were let in
	p.cancel()
	<-p.pushed
	_ = safely(func() error { p.inner.Close(); return nil })
	p.die(err)
	p.client.mu.Lock()
	delete(p.client.producers, p)
	p.client.mu.Unlock()
}

// safely turns the panic of the library that meets a producer while it is being
// closed into an error.
func safely(call func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if e, ok := r.(runtime.Error); ok && strings.Contains(e.Error(), "closed channel") {
			err = client.ErrProducerClosed
			return
		}
		panic(r)
	}()
	return call()
}

// send is one message on its way. It is also the message's schema to the
// library, so that Route finds its message again.
type send struct {
	described
	pm     client.ProducerMessage
	m      *Message
	done   func(Receipt, error)
	number uint64

	// Guarded by the producer's mu. A send stays in the list until done has
	// returned; claimed says who calls it.
	claimed    bool
	prev, next *send
}

// sends is a list in the order of Send.
type sends struct{ root send }

func (l *sends) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *sends) first() *send { return l.after(&l.root) }

func (l *sends) after(s *send) *send {
	if s.next == &l.root {
		return nil
	}
	return s.next
}

func (l *sends) add(s *send) {
	s.prev, s.next = l.root.prev, &l.root
	s.prev.next, s.next.prev = s, s
}

func (l *sends) remove(s *send) {
	s.prev.next, s.next.prev = s.next, s.prev
	s.prev, s.next = nil, nil
}

// reconnectDelay doubles from 100 ms to 10 s. The library's own ends at 60 s,
// long for a broker that is back.
type reconnectDelay struct{ last time.Duration }

const (
	minReconnectDelay = 100 * time.Millisecond
	maxReconnectDelay = 10 * time.Second
)

// Next is the delay before the next attempt, with up to a fifth added.
func (d *reconnectDelay) Next() time.Duration {
	d.last = min(max(2*d.last, minReconnectDelay), maxReconnectDelay)
	return d.last + rand.N(d.last/5)
}

// IsMaxBackoffReached is for the library's metrics.
func (d *reconnectDelay) IsMaxBackoffReached() bool { return d.last >= maxReconnectDelay }

// Reset starts again at the shortest delay.
func (d *reconnectDelay) Reset() { d.last = 0 }
