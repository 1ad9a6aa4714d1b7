// This file says which messages may share an entry of the topic, and keeps a
// batch below the broker's limit.

package pulsar

import (
	"fmt"
	"strconv"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// Batching is which messages of a producer may be stored together, in one entry.
// Larger entries cost the broker, the client and the network far less. But the
// broker dispatches an entry as a whole, so on a Key_Shared subscription the
// messages in it go to one consumer.
type Batching string

const (
	// BatchNone stores each message alone. Java's agent does, unless
	// pulsarBatchDelayInMs is set. Order per key holds on any subscription.
	BatchNone Batching = ""
	// BatchByKey stores messages of one key together, what Java's client calls
	// KEY_BASED. Order per key holds on any subscription. Where keys seldom
	// repeat it is slower than BatchNone: every key has a batch of its own.
	BatchByKey Batching = "key"
	// BatchByBucket spreads the keys over Buckets by their hash, stores messages
	// of one bucket together and gives them the bucket as ordering key: on a
	// Key_Shared subscription a whole bucket belongs to one consumer, so order
	// per key holds on any subscription.
	//
	// All producers of a topic must agree on it and on the number of buckets.
	// Java's agent writes no ordering keys: while one is among the producers, a
	// Key_Shared subscription must not have more than one consumer, or two of
	// them work on the same key at once.
	BatchByBucket Batching = "bucket"
	// BatchAny stores any messages together, as Java's client does by default.
	// It is the fastest. On a Key_Shared subscription the broker dispatches a
	// batch by the key of its first message, so order per key is lost: it is fit
	// for Exclusive and Failover subscriptions only.
	BatchAny Batching = "any"
)

// Limits of ProducerConfig.
const (
	// DefaultBuckets leaves each of a dozen consumers about five buckets. With
	// more of them batches are smaller.
	DefaultBuckets = 64
	maxBuckets     = 4096

	// DefaultBatchDelay is Java's for batches.
	DefaultBatchDelay = time.Millisecond
)

// The sizes at which a batch is sent without waiting. Of batches by key or bucket
// the library counts all that are being filled together.
const (
	maxBatchBytes       = 128 << 10
	maxBatchesBytes     = 1 << 20
	maxBatchMessages    = 1000
	maxBatchesMessages  = 8192
	batchShareOfPending = 2 // the other half is on its way meanwhile
)

// batching fills in the library's options. limit is the broker's, in bytes.
func (c ProducerConfig) batching(o *client.ProducerOptions, limit int) {
	// Without batching the library leaves the schema version out: a batch of one
	// is as good.
	o.BatchingMaxMessages = 1
	o.BatchingMaxPublishDelay = time.Hour // push sends what waits
	if c.Batching == BatchNone {
		return
	}
	messages, bytes := maxBatchMessages, maxBatchBytes
	if c.Batching != BatchAny {
		o.BatcherBuilderType = client.KeyBasedBatchBuilder
		messages, bytes = maxBatchesMessages, maxBatchesBytes
	}
	o.BatchingMaxMessages = uint(max(1, min(messages, c.MaxPending/batchShareOfPending)))
	o.BatchingMaxSize = uint(min(bytes, limit/batchShareOfLimit))
	if c.Batching == BatchByBucket {
		o.Interceptors = append(o.Interceptors, newBuckets(c.Buckets))
	}
}

// buckets gives each message with a key the ordering key of its bucket. It does
// so after the library has chosen the partition, which must not depend on it.
type buckets []string

func newBuckets(n int) buckets {
	b := make(buckets, n)
	for i := range b {
		b[i] = strconv.Itoa(i)
	}
	return b
}

// of is the bucket of a key as it is on the wire: the 32-bit FNV-1a hash modulo
// the number of buckets, in decimal digits. It is part of the wire: producers of
// different versions must agree on it.
func (b buckets) of(key string) string {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return b[h%uint32(len(b))]
}

// BeforeSend is called by the library for each message.
func (b buckets) BeforeSend(_ client.Producer, m *client.ProducerMessage) {
	if m.Key != "" {
		m.OrderingKey = b.of(m.Key)
	}
}

// OnSendAcknowledgement is part of the library's interface and does nothing.
func (buckets) OnSendAcknowledgement(client.Producer, *client.ProducerMessage, client.MessageID) {}

// A batch is closed when the next value does not fit into the batch's size; the
// key and the properties of that message are not counted, and neither is what the
// hook adds. So a batch is closed early, and a message whose key and properties
// take more than their share goes alone. Together, at most:
//
//	1/4      what was counted
//	1/16     key and properties of the last message
//	1/16     key and properties of the first, which are repeated for the batch
//	8192×2   the flags that the hook adds, in bytes
const (
	batchShareOfLimit = 4
	headShareOfLimit  = 16
)

// headSize bounds the bytes of a message's key and properties on the wire. key is
// the length of the key as it is on the wire.
func headSize(key int, properties map[string]string) int {
	const perProperty = 15 // three tags, three lengths of up to four bytes each
	n := key
	for k, v := range properties {
		n += len(k) + len(v) + perProperty
	}
	return n
}

// entrySize bounds the bytes of an entry with this message alone, as the library
// and the broker count them: key and properties are there twice, in the metadata
// of the message and in that of the batch.
func (p *Producer) entrySize(head, value int) int {
	const numbers = 160 // sequence id, times, sizes, versions, flags, ordering key, tags
	return value + 2*head + numbers + len(p.cfg.Name)
}

// checkSize returns an error for a message that the broker will never take.
func (p *Producer) checkSize(head, value int) error {
	limit := p.client.limit()
	size := p.entrySize(head, value)
	if size <= limit {
		return nil
	}
	return &Error{
		Op: "send to", Topic: p.cfg.Topic, Kind: ErrTooLarge,
		Err:  fmt.Errorf("the message takes %d bytes, of which its value takes %d, and the broker takes %d", size, value, limit),
		Hint: "raise maxMessageSize of the brokers, and nettyMaxFrameSizeBytes of the bookies with it",
	}
}

// mustBeAlone reports whether a message must not share a batch.
func (p *Producer) mustBeAlone(head int) bool {
	return p.cfg.Batching != BatchNone && head > p.client.limit()/headShareOfLimit
}
