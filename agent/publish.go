// Publishing: an event for each change, to the table's events topic.

package agent

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

type publisher struct {
	client   *pulsar.Client
	hostID   string
	suffix   string // of the producers' names, of which each has one owner
	prefix   string
	keyForm  event.KeyForm
	producer pulsar.ProducerConfig // what is the same for every topic
	ops      *operations
	window   *window

	outputs   map[schema.ID]*output
	producers map[string]*pulsar.Producer // by topic
	failed    chan error                  // the first event that the broker did not take

	sends   []outgoing // scratch of publish, and the payload of one entry's events
	payload []byte
}

// outgoing is an event that is about to be sent.
type outgoing struct {
	to      *output
	m       *pulsar.Message
	written int64
}

// output is where the events of one version of a table go, and how they are encoded.
type output struct {
	table    *schema.Table
	key      *event.Key
	schema   *registry.Schema
	producer *pulsar.Producer
	counts   *metrics.Table

	partition [][]byte // scratch of message
}

// unpublishable is what is wrong with an entry that can never become events.
type unpublishable struct{ err error }

func (e unpublishable) Error() string { return e.err.Error() }

// publish sends the changes of the entry at that position. Its watermark moves when
// all of them are acknowledged. An error that is unpublishable concerns this entry
// alone, and none of its changes was sent.
func (p *publisher) publish(ctx context.Context, list []change, digest string, at commitlog.Position, w *checkpoint.Watermark) error {
	sends := p.sends[:0]
	p.payload = event.AppendMutation(p.payload[:0], event.Mutation{Digest: digest, NodeID: p.hostID})
	for i, c := range list {
		out, err := p.output(ctx, c.table, written(c.writeTime, at.Segment))
		if err != nil {
			return err
		}
		m, err := out.message(c, p.payload, at)
		if err != nil {
			return unpublishable{err}
		}
		if p.producer.Sequenced {
			if m.Sequence, err = sequence(at, i, len(list)); err != nil {
				return err
			}
		}
		sends = append(sends, outgoing{out, m, written(c.writeTime, at.Segment)})
	}
	p.sends = sends
	mark := w.Add(at.Offset, len(sends))
	for _, s := range sends {
		if err := p.send(ctx, s.to, s.m, s.written, mark); err != nil {
			return err
		}
	}
	clear(sends) // the messages are copied: nobody needs them any more
	return nil
}

// send hands one message to the client when there is room for it. The error is the end of
// ctx.
func (p *publisher) send(ctx context.Context, to *output, m *pulsar.Message, written int64, mark *checkpoint.Mark) error {
	size := len(m.Key) + len(m.Value)
	number := to.counts.Ready(written, size)
	if err := p.window.enter(ctx, size); err != nil {
		to.counts.Withdrawn(number)
		return err
	}
	to.producer.Send(ctx, m, func(_ pulsar.Receipt, err error) {
		p.window.leave(size)
		if err == nil {
			mark.Ack()
			to.counts.Acknowledged(number)
			return
		}
		to.counts.Withdrawn(number)
		if ctx.Err() != nil {
			return // the end of the round; the event comes again
		}
		to.counts.Failed(reasonOf(err), err.Error())
		select {
		case p.failed <- err:
		default: // one is enough to end the round
		}
	})
	return nil
}

// written is the moment of a write in ns since 1970. A client may choose the write time as
// it likes, but no write is older than its segment, whose id begins with the clock's
// milliseconds.
func written(writeTime, segment int64) int64 {
	oldest := segment * int64(time.Millisecond)
	return max(oldest, min(max(writeTime, 0), math.MaxInt64/1000)*1000)
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

func newPublisher(client *pulsar.Client, hostID string, cfg config.Config, ops *operations) *publisher {
	cfg = cfg.WithDefaults()
	return &publisher{
		client: client, hostID: hostID, prefix: cfg.TopicPrefix, keyForm: cfg.KeyForm(), producer: cfg.Producer(), ops: ops,
		window:  newWindow(cfg.InFlightEvents(), cfg.InFlightBytes()),
		outputs: map[schema.ID]*output{}, producers: map[string]*pulsar.Producer{}, failed: make(chan error, 1),
	}
}

// output is where the events of a table go. written is that of the event that asks for it,
// which waits while the broker does not answer.
func (p *publisher) output(ctx context.Context, t *schema.Table, written int64) (*output, error) {
	if out := p.outputs[t.ID]; out != nil && out.table == t {
		return out, nil
	}
	key, err := event.NewKeyIn(t, p.keyForm)
	if err != nil {
		return nil, unpublishable{err}
	}
	out := &output{table: t, key: key, schema: key.Registry(t), counts: p.ops.metrics.Table(t.Keyspace, t.Name)}
	topic := event.Topic(p.prefix, t)
	waiting := out.counts.Ready(written, 0)
	if out.producer = p.producers[topic]; out.producer == nil {
		out.producer, err = p.connect(ctx, topic, out)
	} else {
		err = p.register(ctx, topic, out)
	}
	out.counts.Withdrawn(waiting)
	if err != nil {
		return nil, err
	}
	p.producers[topic] = out.producer
	p.outputs[t.ID] = out
	return out, nil
}

// connect makes the producer of a table's events topic. The error is the end of ctx.
func (p *publisher) connect(ctx context.Context, topic string, out *output) (producer *pulsar.Producer, err error) {
	err = p.try(ctx, topic, out, func() (err error) {
		config := p.producer
		config.Topic, config.Name, config.Schema = topic, event.ProducerName(p.hostID, out.table)+p.suffix, out.schema
		config.Route = func(m *pulsar.Message, partitions int) int { return event.Partition(m.Token, partitions) }
		producer, err = p.client.Producer(ctx, config)
		return err
	})
	return producer, err
}

// register makes sure that the topic takes the schema of another version of the table,
// before the first event needs it. The error is the end of ctx.
func (p *publisher) register(ctx context.Context, topic string, out *output) error {
	return p.try(ctx, topic, out, func() error { return p.client.Register(ctx, topic, out.schema) })
}

// try tries until it succeeds: it waits for the broker as long as it takes, and where the
// topic does not take the table's key, for a person. Meanwhile nothing is read on, so
// nothing is lost.
func (p *publisher) try(ctx context.Context, topic string, out *output, attempt func() error) error {
	return p.ops.try(ctx, brokerTroubles, topic, brokerTrouble, func() error {
		err := attempt()
		if err == nil || ctx.Err() != nil {
			return err
		}
		out.counts.Failed(reasonOf(err), err.Error())
		return p.client.Explain(ctx, err)
	})
}

// flush waits for the acknowledgements that are still out.
func (p *publisher) flush(ctx context.Context) {
	for topic, producer := range p.producers {
		if err := producer.Flush(ctx); err != nil {
			p.ops.log.Warn("not all events were acknowledged; they will be published again after the restart", "topic", topic, "error", err)
		}
	}
}

// close gives the producers up, before others take their names. It waits for them, though
// not beyond the end of ctx.
func (p *publisher) close(ctx context.Context) {
	var all sync.WaitGroup
	for _, producer := range p.producers {
		all.Go(producer.Close)
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
