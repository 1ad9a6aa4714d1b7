// This file says which messages may share an entry of the topic, and keeps a
// batch below the broker's limit.

package pulsar

import (
	"fmt"
	"strconv"
	"time"
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
	// All producers of a topic must agree on it and on the number of buckets:
	// while they do not, a Key_Shared subscription must not have more than one
	// consumer, or two of them work on the same key at once. Java's agent writes
	// no ordering keys: it never agrees.
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

// The sizes at which a batch is sent without waiting, and all that are being
// filled together.
const (
	maxBatchBytes       = 128 << 10
	maxBatchesBytes     = 1 << 20
	maxBatchMessages    = 1000
	maxBatchesMessages  = 8192
	batchShareOfPending = 2 // the other half is on its way meanwhile

	slowTick = 50 * time.Millisecond
)

// buckets are the ordering keys of buckets. The partition does not depend on it.
type buckets []string

func newBuckets(n int) buckets {
	b := make(buckets, n)
	for i := range b {
		b[i] = strconv.Itoa(i)
	}
	return b
}

// of is the bucket of a key as it is on the wire: the 32-bit FNV-1a hash modulo
// the number of buckets, in decimal digits; none without a key. It is part of the
// wire: producers of different versions must agree on it.
func (b buckets) of(key []byte) string {
	if len(key) == 0 || len(b) == 0 {
		return ""
	}
	h := uint32(2166136261)
	for _, c := range key {
		h = (h ^ uint32(c)) * 16777619
	}
	return b[h%uint32(len(b))]
}

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

// entryNumbers bounds what an entry takes beyond its messages and the first one's
// key and properties: sequence id, times, sizes, versions, flags, ordering key,
// tags.
const entryNumbers = 128

// entrySize bounds the bytes of an entry with this message alone, as the library
// and the broker count them: key and properties are there twice, in the metadata
// of the message and in that of the batch.
func (p *Producer) entrySize(head, value int) int {
	return value + 2*head + entryNumbers + p.name
}

// fits says whether there is room in b for one more message, without passing the
// broker's limit or the size of a batch.
func (p *Producer) fits(b *batch, head, value int) bool {
	const numbers = 40 // length, size of the payload, flags, ordering key, tags
	limit := min(maxBatchBytes, p.client.limit()-entryNumbers-p.name)
	return len(b.data)+head+numbers+value <= limit
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
