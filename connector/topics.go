// The pipeline's ends on Pulsar: the events topic, the data topic, the dead letters.

package connector

import (
	"context"
	"log/slog"
	"maps"
	"sync"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// source receives events.
type source struct {
	consumer *pulsar.Consumer
	letters  *deadLetters
	log      *slog.Logger
}

// Receive gives the next event. What is no event goes to the dead letters at once.
func (s source) Receive(ctx context.Context) (*pipeline.Event, error) {
	for {
		d, err := s.consumer.Receive(ctx)
		if err != nil {
			return nil, err
		}
		m, err := event.DecodeMutation(d.Value)
		if err != nil {
			e := &pipeline.Event{Key: d.Key, ID: d.ID, Delivery: d}
			if err := s.letters.Bury(ctx, e, err); err != nil {
				return nil, err
			}
			s.log.Error("a message that is no event is a dead letter now", "message", d.ID, "reason", err)
			if err := s.Ack(e); err != nil {
				return nil, err
			}
			continue
		}
		p, err := event.ParseProperties(d.Properties)
		if err != nil {
			s.log.Warn("an event's properties are damaged; its row is published all the same", "event", d.ID, "error", err)
		}
		return &pipeline.Event{Key: d.Key, Digest: m.Digest, NodeID: m.NodeID, Properties: p, ID: d.ID, Delivery: d}, nil
	}
}

func (s source) Ack(e *pipeline.Event) error { return s.consumer.Ack(e.Delivery.(*pulsar.Delivery)) }

// publisher publishes rows.
type publisher struct{ producer *pulsar.Producer }

func (p publisher) Publish(ctx context.Context, m pipeline.Message, done func(error)) {
	p.producer.Send(ctx, &pulsar.Message{Key: m.Key, Value: m.Value, Schema: m.Schema, Properties: m.Properties},
		func(_ pulsar.Receipt, err error) { done(err) })
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
