// The pipeline's ends on Pulsar: the events topic, the data topic, the dead letters.

package connector

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// source receives events.
type source struct {
	consumer *pulsar.Consumer
	letters  *deadLetters
	writers  *writers
	table    func() *readback.Version // the present one, as far as it is known
	log      *slog.Logger
}

// Receive gives the next event. What is no event goes to the dead letters at once.
func (s source) Receive(ctx context.Context) (*pipeline.Event, error) {
	for {
		d, err := s.consumer.Receive(ctx)
		if err != nil {
			return nil, err
		}
		e, err := s.event(ctx, d)
		switch {
		case err == nil:
			return e, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		e = &pipeline.Event{Key: d.Key, ID: d.ID, Delivery: d}
		if err := s.letters.Bury(ctx, e, err); err != nil {
			return nil, err
		}
		s.log.Error("a message that is no event is a dead letter now", "message", d.ID, "reason", err)
		if err := s.Ack(e); err != nil {
			return nil, err
		}
	}
}

// event reads a message by the schema that it was written with.
func (s source) event(ctx context.Context, d *pulsar.Delivery) (*pipeline.Event, error) {
	w, err := s.writers.of(ctx, d)
	if err != nil {
		return nil, err
	}
	decode := event.DecodeMutation
	if w != nil {
		decode = w.DecodeMutation
	}
	m, err := decode(d.Value)
	if err != nil {
		return nil, err
	}
	p, err := event.ParseProperties(d.Properties)
	if err != nil {
		s.log.Warn("an event's properties are damaged; its row is published all the same", "event", d.ID, "error", err)
	}
	e := &pipeline.Event{Key: d.Key, Writer: w, Digest: m.Digest, NodeID: m.NodeID, Properties: p, ID: d.ID, Delivery: d}
	// Invariant 4: however its key was written, a row has one lane. Whether the key is
	// the table's is for the read to say: it knows the table as of after the event.
	if key, err := s.table().PresentKey(p.KeyForm, w, d.Key); err == nil && !bytes.Equal(key, d.Key) {
		e.Key, e.Written = key, d.Key
	}
	return e, nil
}

func (s source) Ack(e *pipeline.Event) error { return s.consumer.Ack(e.Delivery.(*pulsar.Delivery)) }

// publisher publishes rows.
type publisher struct {
	producer *pulsar.Producer
	explain  func(context.Context, error) error // completes a *pulsar.SchemaError, which takes a while
}

func (p publisher) Publish(ctx context.Context, m pipeline.Message, done func(error)) {
	p.producer.Send(ctx, &pulsar.Message{Key: m.Key, Value: m.Value, Schema: m.Schema, Properties: m.Properties},
		func(_ pulsar.Receipt, err error) {
			if refused := (*pulsar.SchemaError)(nil); errors.As(err, &refused) {
				go func() { done(p.explain(ctx, err)) }()
				return
			}
			done(err)
		})
}

// deadLetters publishes events that can never succeed, as they came, with the reason.
type deadLetters struct {
	client *pulsar.Client
	topic  string

	mu       sync.Mutex
	producer *pulsar.Producer
}

// Names of the properties of a dead letter: the first as Pulsar's clients call it.
const (
	originProperty = "ORIGIN_MESSAGE_ID"
	reasonProperty = "reason"
)

func (l *deadLetters) Bury(ctx context.Context, e *pipeline.Event, reason error) error {
	producer, err := l.open(ctx)
	if err != nil {
		return err
	}
	d := e.Delivery.(*pulsar.Delivery)
	properties := map[string]string{}
	maps.Copy(properties, d.Properties)
	properties[reasonProperty], properties[originProperty] = reason.Error(), d.ID
	persisted := make(chan error, 1)
	producer.Send(ctx, &pulsar.Message{Key: d.Key, Value: d.Value, Properties: properties},
		func(_ pulsar.Receipt, err error) { persisted <- err })
	select {
	case err := <-persisted:
		return err
	case <-ctx.Done(): // a broker that is away may take for ever
		return ctx.Err()
	}
}

func (l *deadLetters) open(ctx context.Context) (*pulsar.Producer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.producer == nil {
		p, err := l.client.Producer(ctx, pulsar.ProducerConfig{Topic: l.topic})
		if err != nil {
			return nil, err
		}
		l.producer = p
	}
	return l.producer, nil
}

func (l *deadLetters) close() {
	if l.producer != nil {
		l.producer.Close()
	}
}
