// Package deadletter keeps messages of an events topic that can never be published, with
// the reason, on a topic beside it, and gives them back.
//
// In comes a message as it was received; on the dead letter topic it has the same key,
// value and properties, and some properties more. A person lists the letters, and replays
// them when the cause is mended: they go to the events topic as they came from there. The
// package drops nothing: a letter is acknowledged behind its replay.
package deadletter

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/connector/failure"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Topic is the name that Pulsar's own clients give the dead letters of a subscription.
func Topic(events, subscription string) string { return events + "-" + subscription + "-DLQ" }

// Subscription is the durable one that keeps the letters: Pulsar deletes what no
// subscription waits for.
const Subscription = "cassandra-cdc"

// Properties of a letter: the first two as Pulsar's Java client calls them.
const (
	originProperty = "ORIGIN_MESSAGE_ID"
	eventsProperty = "REAL_TOPIC"

	prefix           = "deadletter."
	reasonProperty   = prefix + "reason"
	classProperty    = prefix + "class"
	keyspaceProperty = prefix + "keyspace"
	tableProperty    = prefix + "table"
	timeProperty     = prefix + "time"    // RFC 3339, UTC
	versionProperty  = prefix + "version" // of the connector
	schemaProperty   = prefix + "schema"  // version of the events topic's schema; none for a message without
)

// longestReason is how much of a reason a letter has, in bytes.
const longestReason = 2000

// Config says whose letters a writer writes, and where.
type Config struct {
	Topic           string // of the letters
	Events          string // topic that the messages come from
	Keyspace, Table string
	Version         string // of the connector
}

// Writer writes letters. The first one makes the topic and its subscription. It is safe
// for concurrent use.
type Writer struct {
	client *pulsar.Client
	cfg    Config

	mu       sync.Mutex
	producer *pulsar.Producer
}

// NewWriter returns a writer. The client stays the caller's.
func NewWriter(client *pulsar.Client, cfg Config) *Writer { return &Writer{client: client, cfg: cfg} }

// Bury stores an event, whose Delivery is a *pulsar.Delivery. It returns when the letter is
// persisted. Errors are those of package pulsar.
func (w *Writer) Bury(ctx context.Context, e *pipeline.Event, reason error) error {
	m := w.letter(e.Delivery.(*pulsar.Delivery), e.Fault != nil, reason)
	err := w.send(ctx, m)
	if errors.Is(err, pulsar.ErrClosed) && ctx.Err() == nil { // a producer that was given up
		w.Close()
		err = w.send(ctx, m)
	}
	return err
}

func (w *Writer) letter(d *pulsar.Delivery, foreign bool, reason error) *pulsar.Message {
	p := map[string]string{}
	maps.Copy(p, d.Properties)
	p[originProperty], p[eventsProperty] = d.ID, w.cfg.Events
	p[reasonProperty], p[classProperty] = shorten(reason.Error()), classOf(foreign, reason)
	p[keyspaceProperty], p[tableProperty] = w.cfg.Keyspace, w.cfg.Table
	p[timeProperty], p[versionProperty] = time.Now().UTC().Format(time.RFC3339), w.cfg.Version
	if d.SchemaVersion >= 0 {
		p[schemaProperty] = strconv.FormatInt(d.SchemaVersion, 10)
	}
	return &pulsar.Message{Key: []byte(d.KeyText), Value: valueOf(d), Properties: p}
}

// valueOf is the value of a message, which is nil for null alone.
func valueOf(d *pulsar.Delivery) []byte {
	if d.Value == nil && !d.Null {
		return []byte{}
	}
	return d.Value
}

func shorten(text string) string {
	if len(text) <= longestReason {
		return text
	}
	for text = text[:longestReason]; !utf8.ValidString(text); {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// NoEvent is the class of a message that is no event. The others are the kinds of failures.
const NoEvent = "no-event"

func classOf(foreign bool, reason error) string {
	if foreign {
		return NoEvent
	}
	return string(failure.KindOf(reason))
}

func (w *Writer) send(ctx context.Context, m *pulsar.Message) error {
	producer, err := w.open(ctx)
	if err != nil {
		return err
	}
	persisted := make(chan error, 1)
	producer.Send(ctx, m, func(_ pulsar.Receipt, err error) { persisted <- err })
	select {
	case err := <-persisted:
		return err
	case <-ctx.Done(): // a broker that is away may take for ever
		return ctx.Err()
	}
}

func (w *Writer) open(ctx context.Context) (*pulsar.Producer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		return w.producer, nil
	}
	s, err := w.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: w.cfg.Topic, Subscription: Subscription, Type: pulsar.Exclusive, ReceiverQueue: 1})
	switch {
	case err == nil:
		s.Close() // the broker keeps it
	case !errors.Is(err, pulsar.ErrConsumerBusy): // then it is there, and a person uses it
		return nil, err
	}
	w.producer, err = w.client.Producer(ctx, pulsar.ProducerConfig{Topic: w.cfg.Topic, TextKey: true})
	return w.producer, err
}

// Close closes the writer. A letter that comes later opens it again.
func (w *Writer) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		w.producer.Close()
		w.producer = nil
	}
}
