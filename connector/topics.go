// The pipeline's ends on Pulsar: the events topic and the data topic.

package connector

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// source receives events.
type source struct {
	consumer *pulsar.Consumer
	writers  *writers
	table    func() *readback.Version // the present one, as far as it is known
	log      *slog.Logger
}

// Receive gives the next event, or message that is none.
func (s source) Receive(ctx context.Context) (*pipeline.Event, error) {
	d, err := s.consumer.Receive(ctx)
	if err != nil {
		return nil, err
	}
	e, err := s.event(ctx, d)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		e = &pipeline.Event{Key: d.Key, ID: d.ID, Size: size(d), Delivery: d, Fault: err}
	}
	return e, nil
}

// size is what a message takes in memory, in bytes.
func size(d *pulsar.Delivery) int {
	n := len(d.KeyText) + len(d.Key) + len(d.Value)
	for name, value := range d.Properties {
		n += len(name) + len(value)
	}
	return n
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
	e := &pipeline.Event{Key: d.Key, Writer: w, Digest: m.Digest, NodeID: m.NodeID, Properties: p, ID: d.ID, Size: size(d), Delivery: d}
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
