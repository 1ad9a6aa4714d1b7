// This file receives messages of one subscription.

package pulsar

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/backoff"
)

// SubscriptionType is how the consumers of a subscription share its messages,
// in Pulsar's spelling.
type SubscriptionType string

// The subscription types.
const (
	Exclusive SubscriptionType = "Exclusive"
	Shared    SubscriptionType = "Shared"
	Failover  SubscriptionType = "Failover"
	KeyShared SubscriptionType = "Key_Shared"
)

var subscriptionTypes = map[SubscriptionType]client.SubscriptionType{
	Exclusive: client.Exclusive,
	Shared:    client.Shared,
	Failover:  client.Failover,
	KeyShared: client.KeyShared,
}

// ConsumerConfig says what a consumer receives.
type ConsumerConfig struct {
	// Topic, short or full name; all its partitions. Required.
	Topic string
	// Subscription is durable. The broker makes it at the earliest message of
	// the topic where it is new. Required.
	Subscription string
	// Type of the subscription. Empty: Exclusive.
	Type SubscriptionType
	// Name of the consumer in the broker's statistics. Empty: generated.
	Name string
	// ReceiverQueue is how many messages are fetched ahead. Zero: 1000.
	ReceiverQueue int
}

func (c ConsumerConfig) validate() error {
	var faults []error
	if c.Topic == "" {
		faults = append(faults, errors.New("topic is missing"))
	}
	if c.Subscription == "" {
		faults = append(faults, errors.New("subscription is missing"))
	}
	if _, ok := subscriptionTypes[c.Type]; !ok && c.Type != "" {
		faults = append(faults, fmt.Errorf("subscription type %q: use Exclusive, Shared, Failover or Key_Shared", c.Type))
	}
	if c.ReceiverQueue < 0 {
		faults = append(faults, errors.New("receiver queue cannot be negative"))
	}
	return errors.Join(faults...)
}

// Delivery is one received message.
type Delivery struct {
	// Key is KeyText decoded from Base64; nil where KeyText is not Base64. The
	// library does not show the message's own flag, so a plain text key that
	// happens to be Base64 is decoded as well.
	Key     []byte
	KeyText string
	// Value is the payload, nil for a null value.
	Value []byte
	// Null is set for a delete (null_value), which an empty payload is not.
	Null       bool
	Properties map[string]string
	// SchemaVersion of key and value in the topic's registry, -1 for none.
	SchemaVersion int64
	// ID is ledger:entry:partition:index in the batch; -1 for no partition.
	ID          string
	PublishTime time.Time
	// Redeliveries counts earlier deliveries the broker knows of.
	Redeliveries int

	id client.MessageID
}

// Consumer receives from one subscription. It is safe for concurrent use. The
// library reconnects it when the broker was away; what was not acknowledged is
// then delivered again.
type Consumer struct {
	inner  client.Consumer
	client *Client
	topic  string
	hook   *closeHook
}

// Subscribe makes a consumer. ctx bounds the making. Errors are *Error with Op
// "subscribe to".
func (c *Client) Subscribe(ctx context.Context, cfg ConsumerConfig) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("pulsar: consumer: %w", err)
	}
	if cfg.Type == "" {
		cfg.Type = Exclusive
	}
	hook := newCloseHook()
	inner, err := await(ctx, func() (client.Consumer, error) {
		return c.inner.Subscribe(client.ConsumerOptions{
			Topic:                       cfg.Topic,
			SubscriptionName:            cfg.Subscription,
			Type:                        subscriptionTypes[cfg.Type],
			Name:                        cfg.Name,
			ReceiverQueueSize:           cfg.ReceiverQueue,
			SubscriptionInitialPosition: client.SubscriptionPositionEarliest,
			// Java's agent may send batches: where the broker can, acknowledge
			// each message of one on its own.
			EnableBatchIndexAcknowledgment: true,
			BackOffPolicyFunc:              func() backoff.Policy { return new(reconnectDelay) },
			Interceptors:                   client.ConsumerInterceptors{hook},
		})
	}, func(late client.Consumer) { late.Close() })
	if err != nil {
		return nil, c.failure("subscribe to", cfg.Topic, nil, err)
	}
	return &Consumer{inner: inner, client: c, topic: cfg.Topic, hook: hook}, nil
}

// Receive waits for the next message, until ctx ends. When the consumer was
// closed, or the broker refuses it for good, the error is one of ErrClosed.
func (c *Consumer) Receive(ctx context.Context) (*Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case cm, ok := <-c.inner.Chan():
		if !ok {
			return nil, c.gone()
		}
		return delivery(cm.Message), nil
	case <-c.hook.closed:
		return nil, c.gone()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Consumer) gone() error {
	return &Error{Op: "receive from", Topic: c.topic, Kind: ErrClosed, Err: c.hook.cause()}
}

// Ack acknowledges one message. It does not wait for the broker: the library
// sends acknowledgements together every 100 ms, and one that is lost with the
// connection only brings the message again.
func (c *Consumer) Ack(d *Delivery) error {
	if err := c.inner.AckID(d.id); err != nil {
		return c.client.failure("acknowledge "+d.ID+" of", c.topic, nil, err)
	}
	return nil
}

// Close sends the acknowledgements that are still waiting and closes the
// consumer; messages without one go to another consumer, or come again. It may
// be called twice.
func (c *Consumer) Close() {
	c.inner.Close()
	c.hook.close(nil)
}

func delivery(m client.Message) *Delivery {
	d := &Delivery{
		KeyText:       m.Key(),
		Null:          m.IsNullValue(),
		Properties:    m.Properties(),
		SchemaVersion: -1,
		PublishTime:   m.PublishTime(),
		Redeliveries:  int(m.RedeliveryCount()),
		id:            m.ID(),
	}
	text := make([]byte, 0, 64)
	for i, n := range [...]int64{d.id.LedgerID(), d.id.EntryID(), int64(d.id.PartitionIdx()), int64(d.id.BatchIdx())} {
		if i > 0 {
			text = append(text, ':')
		}
		text = strconv.AppendInt(text, n, 10)
	}
	d.ID = string(text)
	if key, err := base64.StdEncoding.DecodeString(d.KeyText); err == nil && d.KeyText != "" {
		d.Key = key
	}
	if !d.Null {
		d.Value = m.Payload()
	}
	if v := m.SchemaVersion(); len(v) == 8 {
		d.SchemaVersion = int64(binary.BigEndian.Uint64(v))
	}
	return d
}

// closeHook learns that the library has closed a consumer, and why.
type closeHook struct {
	once   sync.Once
	closed chan struct{}
	err    error
}

func newCloseHook() *closeHook { return &closeHook{closed: make(chan struct{})} }

func (h *closeHook) close(err error) {
	h.once.Do(func() {
		h.err = err
		close(h.closed)
	})
}

// cause is read after closed.
func (h *closeHook) cause() error {
	select {
	case <-h.closed:
		return h.err
	default:
		return nil
	}
}

// OnConsumerClose is called by the library once per consumer.
func (h *closeHook) OnConsumerClose(_ client.Consumer, err error) { h.close(err) }

// BeforeConsume is part of the library's interface and does nothing.
func (*closeHook) BeforeConsume(client.ConsumerMessage) {}

// OnAcknowledge is part of the library's interface and does nothing.
func (*closeHook) OnAcknowledge(client.Consumer, client.MessageID) {}

// OnNegativeAcksSend is part of the library's interface and does nothing.
func (*closeHook) OnNegativeAcksSend(client.Consumer, []client.MessageID) {}
