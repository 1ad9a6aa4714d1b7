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
	// Batching is which messages may be stored together. Zero: none.
	Batching Batching
	// BatchDelay is how long a message waits for others at most. Zero:
	// DefaultBatchDelay.
	BatchDelay time.Duration
	// Buckets is for BatchByBucket. Zero: DefaultBuckets.
	Buckets int
	// Compression of what is stored together. Zero: none.
	Compression Compression
	// Sequenced gives each message its Sequence as Pulsar's sequence id. A
	// namespace with deduplication on then drops what it has stored already, of
	// this producer's name and partition: the id is not larger than the last one
	// stored. It needs a Name, and BatchNone: in larger batches the library loses
	// and doubles messages.
	Sequenced bool
}

// Validate reports every fault of the settings at once.
func (c ProducerConfig) Validate() error {
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
	switch c.Batching {
	case BatchNone, BatchByKey, BatchByBucket, BatchAny:
	default:
		faults = append(faults, fmt.Errorf("batching %q is not known: use key, bucket or any, or nothing", c.Batching))
	}
	if c.BatchDelay < 0 || c.BatchDelay > 0 && c.Batching == BatchNone {
		faults = append(faults, errors.New("a batch delay needs a batching, and cannot be negative"))
	}
	if c.Buckets < 0 || c.Buckets > maxBuckets || c.Buckets > 0 && c.Batching != BatchByBucket {
		faults = append(faults, fmt.Errorf("a number of buckets needs batching by bucket, and is at most %d", maxBuckets))
	}
	if _, ok := compressions[c.Compression]; !ok {
		faults = append(faults, fmt.Errorf("compression %q is not known", c.Compression))
	}
	if c.Sequenced && c.Name == "" {
		faults = append(faults, errors.New("sequence ids need a producer name: the broker remembers them by it"))
	}
	if c.Sequenced && c.Batching != BatchNone {
		faults = append(faults, fmt.Errorf("sequence ids cannot go with batching by %q: the client library loses and doubles messages", c.Batching))
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
	// Sequence is for a producer with Sequenced: not negative, and larger than
	// that of the Send before.
	Sequence int64
}

// Receipt says where the broker persisted a message. Of a message that the
// broker's deduplication had already, Ledger and Entry are -1.
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
	// does not bear to be closed meanwhile, and locked for one that must not
	// share a batch. alone: the last one must not; changed while it is locked.
	sending sync.RWMutex
	alone   bool
	// order keeps the order of sequence ids up to the library; sequence is the
	// last one.
	order    sync.Mutex
	sequence int64

	mu      sync.Mutex
	pending sends
	sent    uint64        // number of the last message
	err     error         // why it is dead
	dead    chan struct{} // closed when err is set
	waiters []waiter

	// dirty wakes push after a message was handed to the library; full ends its
	// pause, since no more messages can come.
	dirty  chan struct{}
	full   chan struct{}
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
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("pulsar: producer: %w", err)
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = defaultMaxPending
	}
	if cfg.BatchDelay == 0 && cfg.Batching != BatchNone {
		cfg.BatchDelay = DefaultBatchDelay
	}
	if cfg.Buckets == 0 {
		cfg.Buckets = DefaultBuckets
	}
	if cfg.Batching == BatchAny {
		c.mixed.Do(func() {
			c.log.Warn("batches mix keys: a Key_Shared subscription of these topics loses the order per key; use Exclusive or Failover", "topic", cfg.Topic)
		})
	}
	p := &Producer{
		cfg: cfg, client: c, schemas: newSchemas(),
		slots: make(chan struct{}, cfg.MaxPending), dead: make(chan struct{}),
		dirty: make(chan struct{}, 1), full: make(chan struct{}, 1), pushed: make(chan struct{}),
	}
	p.pending.init()
	p.sequence = -1
	options := client.ProducerOptions{
		Topic: cfg.Topic,
		Name:  cfg.Name,
		// The library counts per partition: it never has to wait.
		MaxPendingMessages: cfg.MaxPending,
		// Without end: what is in flight waits for the broker to come back.
		SendTimeout:       -1,
		HashingScheme:     client.Murmur3_32Hash,
		BackOffPolicyFunc: func() backoff.Policy { return new(reconnectDelay) },
	}
	cfg.batching(&options, c.limit())
	if cfg.Schema != nil {
		info, err := p.schemas.info(cfg.Schema)
		if err != nil {
			return nil, fmt.Errorf("pulsar: producer of %s: %w", cfg.Topic, err)
		}
		options.Schema = described{info}
	}
	if h := (&hook{c.fields, !cfg.TextKey, cfg.Batching, cfg.Compression}); h.flag || h.batching == BatchByBucket || h.compression != NoCompression {
		h.install(&options)
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
// and some of them may nevertheless be persisted. A producer with Sequenced dies
// of every error but ErrTooLarge and the end of ctx, before the next message.
func (p *Producer) Send(ctx context.Context, m *Message, done func(Receipt, error)) {
	s := &send{p: p, m: m, done: done, schema: m.Schema}
	if s.schema == nil {
		s.schema = p.cfg.Schema
	}
	if s.schema != nil {
		info, err := p.schemas.info(s.schema)
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
	head := headSize(len(s.pm.Key), m.Properties)
	if err := p.checkSize(head, len(m.Value)); err != nil {
		done(Receipt{}, err)
		return
	}

	if err := p.admit(ctx); err != nil {
		done(Receipt{}, err)
		return
	}
	if err := p.hand(ctx, s, p.mustBeAlone(head)); err != nil {
		<-p.slots
		done(Receipt{}, err)
		return
	}
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// admit waits until there is room for a message in flight.
func (p *Producer) admit(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.full <- struct{}{}:
	default:
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-p.dead:
		return p.Err()
	case <-ctx.Done():
		return p.client.failure("send to", p.cfg.Topic, nil, ctx.Err())
	}
}

// hand gives s to the library, or returns why not.
func (p *Producer) hand(ctx context.Context, s *send, alone bool) error {
	if p.cfg.Sequenced {
		p.order.Lock()
		defer p.order.Unlock()
		if s.m.Sequence <= p.sequence {
			return fmt.Errorf("pulsar: message to %s: sequence id %d comes after %d", p.cfg.Topic, s.m.Sequence, p.sequence)
		}
		s.pm.SequenceID = &s.m.Sequence
	}
	p.sending.RLock()
	if !alone && !p.alone {
		defer p.sending.RUnlock()
	} else {
		p.sending.RUnlock()
		p.sending.Lock()
		defer p.sending.Unlock()
		if err := p.empty(ctx); err != nil {
			return p.client.failure("send to", p.cfg.Topic, s.schema, err)
		}
	}

	p.mu.Lock()
	if err := p.err; err != nil {
		p.mu.Unlock()
		return err
	}
	p.sent++
	s.number = p.sent
	p.pending.add(s)
	p.mu.Unlock()
	if p.cfg.Sequenced {
		p.sequence = s.m.Sequence
	}
	if alone != p.alone {
		p.alone = alone
	}
	if err := s.sendAsync(); err != nil {
		s.complete(nil, nil, err)
	}
	return nil
}

// empty waits until no message waits in the library for others. p.sending is
// locked, so that it stays so.
func (p *Producer) empty(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	// That a message failed meanwhile its own callback tells.
	_ = safely(func() error { return p.inner.FlushWithCtx(ctx) })
	return ctx.Err()
}

// complete is called by the library.
func (s *send) complete(id client.MessageID, _ *client.ProducerMessage, err error) {
	p := s.p
	if err != nil {
		err = p.client.failure("send to", p.cfg.Topic, s.schema, err)
		var e *Error
		switch {
		case errors.As(err, &e) && final(e.Kind):
			p.die(err)
			return
		case errors.Is(err, ErrTooLarge) && p.cfg.Batching != BatchNone:
			// A batch, not this message; and the library forgets the batches
			// after it that were to be sent with it. The next producer knows the
			// limit and finds the message.
			p.client.state.noteRefusal(err)
			p.die(&Error{Op: "send to", Topic: p.cfg.Topic, Kind: ErrClosed, Err: fmt.Errorf("a batch was refused: %s", err)})
			return
		case p.cfg.Sequenced:
			// If a later message were stored, this one could never be: its
			// sequence id would be one that the broker has passed.
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

// push keeps messages from waiting in the library, which by itself sends a batch
// only when the next message does not fit, and finds out when the library has
// given a producer up. It pushes again when what it pushed was acknowledged: the
// busier the broker, the larger the batches.
func (p *Producer) push() {
	defer close(p.pushed)
	for {
		select {
		case <-p.dirty:
		case <-p.ctx.Done():
			return
		}
		if !p.pause(p.cfg.BatchDelay) {
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

// pause lets messages come together for d, and reports whether p is still open.
func (p *Producer) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.full:
		return true
	case <-p.ctx.Done():
		return false
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
	p.cancel()
	p.sending.Lock()
	p.sending.Unlock() //nolint:staticcheck // empty on purpose: it waits for the Sends that were let in
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
	defer recoverClosed(&err)
	return call()
}

// recoverClosed is for a defer.
func recoverClosed(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if e, ok := r.(runtime.Error); ok && strings.Contains(e.Error(), "closed channel") {
		*err = client.ErrProducerClosed
		return
	}
	panic(r)
}

// send is one message on its way. It is also the message's schema to the
// library, so that Route finds its message again.
type send struct {
	described
	p      *Producer
	pm     client.ProducerMessage
	m      *Message
	schema *registry.Schema
	done   func(Receipt, error)
	number uint64

	// Guarded by the producer's mu. A send stays in the list until done has
	// returned; claimed says who calls it.
	claimed    bool
	prev, next *send
}

// sendAsync hands s to the library, which calls complete.
func (s *send) sendAsync() (err error) {
	defer recoverClosed(&err)
	s.p.inner.SendAsync(context.Background(), &s.pm, s.complete)
	return nil
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
