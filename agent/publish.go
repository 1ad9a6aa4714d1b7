// Publishing: an event for each change, to the table's events topic.

package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

type publisher struct {
	client     *pulsar.Client
	hostID     string
	prefix     string
	keyForm    event.KeyForm
	maxPending int
	log        *slog.Logger

	outputs   map[schema.ID]*output
	producers map[string]*pulsar.Producer // by topic
	failed    chan error                  // the first event that the broker did not take
}

// output is where the events of one version of a table go, and how they are encoded.
type output struct {
	table    *schema.Table
	key      *event.Key
	schema   *registry.Schema
	producer *pulsar.Producer

	partition [][]byte // scratch of message
}

// unpublishable is what is wrong with an entry that can never become events.
type unpublishable struct{ err error }

func (e unpublishable) Error() string { return e.err.Error() }

// publish sends the changes of the entry at that position. Its watermark moves when
// all of them are acknowledged. An error that is unpublishable concerns this entry
// alone, and none of its changes was sent.
func (p *publisher) publish(ctx context.Context, list []change, digest string, at commitlog.Position, w *checkpoint.Watermark) error {
	type send struct {
		to *pulsar.Producer
		m  *pulsar.Message
	}
	sends := make([]send, 0, len(list))
	payload := event.AppendMutation(nil, event.Mutation{Digest: digest, NodeID: p.hostID})
	for _, c := range list {
		out, err := p.output(ctx, c.table)
		if err != nil {
			return err
		}
		m, err := out.message(c, payload, at)
		if err != nil {
			return unpublishable{err}
		}
		sends = append(sends, send{out.producer, m})
	}
	mark := w.Add(at.Offset, len(sends))
	for _, s := range sends {
		s.to.Send(ctx, s.m, func(_ pulsar.Receipt, err error) {
			if err == nil {
				mark.Ack()
				return
			}
			select {
			case p.failed <- err:
			default: // one is enough to stop
			}
		})
	}
	return nil
}

// message is the event of a change that the entry at that position makes.
func (o *output) message(c change, payload []byte, at commitlog.Position) (*pulsar.Message, error) {
	partition, err := event.SplitPartitionKey(c.table, c.key, o.partition[:0])
	if err != nil {
		return nil, err
	}
	o.partition = partition
	key, err := o.key.Append(nil, partition, c.clustering)
	if err != nil {
		return nil, err
	}
	properties := event.Properties{
		Segment: at.Segment, Offset: at.Offset, Token: event.Token(c.key), WriteTime: c.writeTime,
		Operation: c.operation, KeyForm: o.key.Form(), ExactKey: o.key.ExactKey(partition, c.clustering),
	}
	if c.deleted != nil {
		properties.Range = c.deleted.String()
	}
	if c.writeTime == mutation.NoTimestamp {
		properties.WriteTime = event.NoWriteTime
	}
	return &pulsar.Message{Key: key, Value: payload, Schema: o.schema, Token: properties.Token, Properties: properties.Map()}, nil
}

func newPublisher(client *pulsar.Client, hostID string, cfg Config, log *slog.Logger) *publisher {
	return &publisher{
		client: client, hostID: hostID, prefix: cfg.topicPrefix(), keyForm: cfg.keyForm(), maxPending: cfg.PulsarMaxPendingMessages, log: log,
		outputs: map[schema.ID]*output{}, producers: map[string]*pulsar.Producer{}, failed: make(chan error, 1),
	}
}

func (p *publisher) output(ctx context.Context, t *schema.Table) (*output, error) {
	if out := p.outputs[t.ID]; out != nil && out.table == t {
		return out, nil
	}
	key, err := event.NewKeyIn(t, p.keyForm)
	if err != nil {
		return nil, unpublishable{err}
	}
	out := &output{table: t, key: key, schema: key.Registry(t)}
	topic := event.Topic(p.prefix, t)
	if out.producer = p.producers[topic]; out.producer == nil {
		if out.producer, err = p.connect(ctx, topic, t, out.schema); err != nil {
			return nil, err
		}
		p.producers[topic] = out.producer
	}
	p.outputs[t.ID] = out
	return out, nil
}

// connect makes the producer of a table's events topic, waiting for the broker as
// long as it takes.
func (p *publisher) connect(ctx context.Context, topic string, t *schema.Table, s *registry.Schema) (*pulsar.Producer, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		producer, err := p.client.Producer(ctx, pulsar.ProducerConfig{
			Topic: topic, Name: event.ProducerName(p.hostID, t), Schema: s, MaxPending: p.maxPending,
			Route: func(m *pulsar.Message, partitions int) int { return event.Partition(m.Token, partitions) },
		})
		var refused *pulsar.SchemaError
		switch {
		case err == nil:
			return producer, nil
		case errors.As(err, &refused), errors.Is(err, pulsar.ErrAuthentication), errors.Is(err, pulsar.ErrAuthorization), errors.Is(err, pulsar.ErrTopicTerminated), ctx.Err() != nil:
			return nil, err
		}
		p.log.Warn("the events topic is not there yet; trying again", "table", t, "topic", topic, "error", err)
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// flush waits for the acknowledgements that are still out.
func (p *publisher) flush(ctx context.Context) {
	for topic, producer := range p.producers {
		if err := producer.Flush(ctx); err != nil {
			p.log.Warn("not all events were acknowledged; they will be published again after the restart", "topic", topic, "error", err)
		}
	}
}
