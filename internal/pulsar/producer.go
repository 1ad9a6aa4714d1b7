// This file publishes messages of one topic and accounts for each of them.

package pulsar

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
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
	// Compression of what is stored together. Zero: none. A message that is too
	// large without it is refused nevertheless.
	Compression Compression
	// Sequenced gives each message its Sequence as Pulsar's sequence id. A
	// namespace with deduplication on then drops what it has stored already, of
	// this producer's name and partition: the id is not larger than the last one
	// stored. It needs a Name, and BatchNone: of a larger batch the broker sees one
	// id alone.
	Sequenced bool
}

// Validate reports every fault of the settings at once.
func (c ProducerConfig) Validate() error {
	var faults []error
	if c.Topic == "" {
		faults = append(faults, errors.New("topic is missing"))
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
		faults = append(faults, fmt.Errorf("sequence ids cannot go with batching by %q: the broker sees one of a batch alone", c.Batching))
	}
	return errors.Join(faults...)
}

// Message is one message to publish. It is copied: when Send has returned, it, its
// slices and its map may be used again.
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

// Producer publishes to one topic. It is safe for concurrent use; messages of one
// goroutine with one key reach a partition in the order of Send, and without
// batching all of them do. The library reconnects it when the broker was away and
// sends again what was not acknowledged.
type Producer struct {
	inner   client.Producer
	topic   client.TopicMetadata // its number of partitions
	client  *Client
	cfg     ProducerConfig
	schemas *schemas
	name    int // length of the producer's name

	// slots holds one element per message in flight. It is ours and not the
	// library's, so that Close need not wait for a Send that waits.
	slots chan struct{}

	// packing is held while messages are put into batches and batches are handed to
	// the library, which keeps the order of both. The library does not bear to be
	// closed meanwhile.
	packing  sync.Mutex
	layout   layout
	buckets  buckets
	open     map[group]*batch
	filling  []*batch // those of open in their order, and some that are sealed
	messages int      // in those of open
	bytes    int
	sequence int64  // the last one
	turn     int    // partition of the last message that had no key and no route
	next     int    // partition of the batch that the library gets now
	key      []byte // the key of a message as it is on the wire

	mu      sync.Mutex
	pending batches
	sent    uint64        // number of the last message
	err     error         // why it is dead
	dead    chan struct{} // closed when err is set
	waiters []waiter

	// dirty wakes push after a message was sent; hurried ends its pause, when no
	// more messages can come or somebody waits for all.
	dirty   chan struct{}
	hurried chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	pushed  chan struct{} // push has ended
}

type waiter struct {
	until uint64
	ch    chan struct{}
}

const defaultMaxPending = 1000

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
		dirty: make(chan struct{}, 1), hurried: make(chan struct{}, 1), pushed: make(chan struct{}),
	}
	p.pending.init()
	p.sequence = -1
	p.layout, p.open = layout{base64: !cfg.TextKey, sequenced: cfg.Sequenced}, map[group]*batch{}
	if cfg.Batching == BatchByBucket {
		p.buckets = newBuckets(cfg.Buckets)
	}
	options := client.ProducerOptions{
		Topic: cfg.Topic,
		Name:  cfg.Name,
		// The library counts per partition: it never has to wait.
		MaxPendingMessages: cfg.MaxPending,
		// Without end: what is in flight waits for the broker to come back.
		SendTimeout:       -1,
		BackOffPolicyFunc: func() backoff.Policy { return new(reconnectDelay) },
		// A batch of ours is one message. (Without batching the library leaves the
		// schema version out.)
		BatchingMaxMessages: 1,
		MessageRouter:       func(*client.ProducerMessage, client.TopicMetadata) int { return p.next },
	}
	if cfg.Schema != nil {
		info, err := p.schemas.info(cfg.Schema)
		if err != nil {
			return nil, fmt.Errorf("pulsar: producer of %s: %w", cfg.Topic, err)
		}
		options.Schema = described{info}
	}
	var commands commands
	(&hook{c.fields, cfg.Compression, commands.of}).install(&options)
	inner, err := await(ctx,
		func() (client.Producer, error) { return c.inner.CreateProducer(options) },
		func(late client.Producer) { late.Close() })
	if err != nil {
		return nil, c.failure("create producer", cfg.Topic, cfg.Schema, err)
	}
	commands.inner = inner
	err = commands.prove()
	topic, ok := inner.(client.TopicMetadata)
	if !ok && err == nil {
		err = changed("a producer does not tell the number of partitions")
	}
	if err != nil {
		inner.Close()
		return nil, fmt.Errorf("pulsar: producer of %s: %w", cfg.Topic, err)
	}
	p.inner, p.topic, p.name = inner, topic, len(inner.Name())
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
// one key that succeed it is called in the order of Send. It may be called
// before Send returns; it must not block and must not call Send.
//
// An error concerns m alone, or those that share its batch (*SchemaError,
// ErrTooLarge, the end of ctx, a broken connection while a new schema was being
// registered), and later messages may succeed, unless Err is set: then the producer
// is dead, all its messages fail, and some of them may nevertheless be persisted. A
// producer with Sequenced dies of every error but ErrTooLarge and the end of ctx,
// before the next message.
func (p *Producer) Send(ctx context.Context, m *Message, done func(Receipt, error)) {
	key := len(m.Key)
	if p.layout.base64 {
		key = base64.StdEncoding.EncodedLen(key)
	}
	head := headSize(key, m.Properties)
	if err := p.checkSize(head, len(m.Value)); err != nil {
		done(Receipt{}, err)
		return
	}
	if err := p.admit(ctx); err != nil {
		done(Receipt{}, err)
		return
	}
	if err := p.put(m, head, done); err != nil {
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
	p.hurry()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-p.dead:
		return p.Err()
	case <-ctx.Done():
		return p.client.failure("send to", p.cfg.Topic, nil, ctx.Err())
	}
}

// put puts m into a batch, or returns why not. head is its headSize.
func (p *Producer) put(m *Message, head int, done func(Receipt, error)) error {
	p.packing.Lock()
	defer p.packing.Unlock()
	schema := m.Schema
	if schema == nil {
		schema = p.cfg.Schema
	}
	var described described
	if schema != nil {
		info, err := p.schemas.info(schema)
		if err != nil {
			return fmt.Errorf("pulsar: message to %s: %w", p.cfg.Topic, err)
		}
		described.info = info
	}
	if p.cfg.Sequenced && m.Sequence <= p.sequence {
		return fmt.Errorf("pulsar: message to %s: sequence id %d comes after %d", p.cfg.Topic, m.Sequence, p.sequence)
	}
	if p.layout.base64 {
		p.key = base64.StdEncoding.AppendEncode(p.key[:0], m.Key)
	} else {
		p.key = append(p.key[:0], m.Key...)
	}
	partition, bucket := p.partition(m), p.buckets.of(p.key)
	var b *batch
	if p.cfg.Batching == BatchByKey {
		b = p.open[group{partition, string(p.key)}]
	} else {
		b = p.open[group{partition, bucket}]
	}
	if b != nil && (b.info != described.info || !p.fits(b, head, len(m.Value))) {
		p.seal(b)
		b = nil
	}
	opened := b == nil
	if opened {
		b = &batch{described: described, p: p, schema: schema, partition: partition, group: group{partition, bucket}}
		if p.cfg.Batching == BatchByKey {
			b.group.key = string(p.key)
		}
		b.takeBuffer()
		b.data = p.layout.begin(b.data, p.key, bucket, m)
	}

	p.mu.Lock()
	if err := p.err; err != nil {
		p.mu.Unlock()
		return err
	}
	p.sent++
	if opened {
		b.number = p.sent
		p.pending.add(b)
	}
	b.dones = append(b.dones, done)
	n := len(b.dones)
	p.mu.Unlock()

	before := len(b.data)
	if opened {
		before = 0
		p.open[b.group] = b
		if p.cfg.Batching != BatchNone { // where it is sealed below
			p.filling = append(p.filling, b)
		}
	}
	b.data = p.layout.add(b.data, p.key, bucket, m)
	p.messages++
	p.bytes += len(b.data) - before
	if p.cfg.Sequenced {
		p.sequence = m.Sequence
		b.pm.SequenceID = &b.sequence
		b.sequence = m.Sequence
	}
	share := max(1, p.cfg.MaxPending/batchShareOfPending)
	switch {
	case p.cfg.Batching == BatchNone, n >= min(maxBatchMessages, share), len(b.data) >= maxBatchBytes:
		p.seal(b)
	case p.messages >= min(maxBatchesMessages, share), p.bytes >= maxBatchesBytes:
		p.sealAll()
	}
	return nil
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
	p.hurry()
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
	p.packing.Lock()
	p.packing.Unlock() //nolint:staticcheck // empty on purpose: it waits for the Sends that were let in
	p.cancel()
	<-p.pushed
	_ = safely(func() error { p.inner.Close(); return nil })
	p.die(err)
	p.client.mu.Lock()
	delete(p.client.producers, p)
	p.client.mu.Unlock()
}
