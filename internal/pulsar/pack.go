// This file lays out the messages that are stored together. The client library
// could do that too, at several times the cost: it makes the metadata of every
// message twice. To the library a batch of ours is one message; the hook puts the
// batch in that message's place.

package pulsar

import (
	"encoding/binary"
	"sync"

	client "github.com/apache/pulsar-client-go/pulsar"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Fields of SingleMessageMetadata, MessageMetadata and KeyValue in
// PulsarApi.proto.
const (
	singleProperties   protowire.Number = 1
	singlePartitionKey protowire.Number = 2
	singlePayloadSize  protowire.Number = 3
	singleKeyIsBase64  protowire.Number = 6
	singleOrderingKey  protowire.Number = 7
	singleSequenceID   protowire.Number = 8
	singleNullValue    protowire.Number = 9

	headProperties   protowire.Number = 4
	headPartitionKey protowire.Number = 6
	headKeyIsBase64  protowire.Number = 17
	headOrderingKey  protowire.Number = 18

	pairKey   protowire.Number = 1
	pairValue protowire.Number = 2
)

// batch is messages that are stored in one entry, on their way. It is laid out for
// the hook:
//
//	uint32 n | uint32 length | MessageMetadata | (uint32 length | SingleMessageMetadata | payload)*
//
// with big endian integers and n messages. The MessageMetadata has what the broker
// sees of the first message, like Java's: key, ordering key, and properties.
type batch struct {
	described
	p         *Producer
	pm        client.ProducerMessage
	schema    *registry.Schema
	partition int
	group     group
	data      []byte
	sequence  int64
	sealed    bool

	// Guarded by the producer's mu. A batch stays in the list of pending ones
	// until every done has returned; claimed says who calls them.
	dones      []func(Receipt, error)
	number     uint64 // of its first message
	claimed    bool
	prev, next *batch
}

// group is which messages may share a batch.
type group struct {
	partition int
	key       string // key or bucket, as the mode wants it
}

// layout is how the messages of a producer are written.
type layout struct {
	base64    bool // keys are Base64, and flagged so
	sequenced bool
}

// begin appends what precedes the messages of a batch. key is as it is on the
// wire.
func (l layout) begin(dst []byte, key []byte, bucket string, m *Message) []byte {
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	at := len(dst)
	dst = appendProperties(dst, headProperties, m.Properties)
	if len(key) > 0 {
		dst = appendBytes(dst, headPartitionKey, key)
		if l.base64 {
			dst = appendNumber(dst, headKeyIsBase64, 1)
		}
	}
	if bucket != "" {
		dst = appendText(dst, headOrderingKey, bucket)
	}
	binary.BigEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	return dst
}

// add appends a message to a batch.
func (l layout) add(dst []byte, key []byte, bucket string, m *Message) []byte {
	dst = append(dst, 0, 0, 0, 0)
	at := len(dst)
	dst = appendProperties(dst, singleProperties, m.Properties)
	if len(key) > 0 {
		dst = appendBytes(dst, singlePartitionKey, key)
	}
	dst = appendNumber(dst, singlePayloadSize, uint64(len(m.Value)))
	if len(key) > 0 && l.base64 {
		dst = appendNumber(dst, singleKeyIsBase64, 1)
	}
	if bucket != "" {
		dst = appendText(dst, singleOrderingKey, bucket)
	}
	if l.sequenced {
		dst = appendNumber(dst, singleSequenceID, uint64(m.Sequence))
	}
	if m.Value == nil {
		dst = appendNumber(dst, singleNullValue, 1)
	}
	binary.BigEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	return append(dst, m.Value...)
}

// finish writes the number of messages.
func finish(data []byte, n int) { binary.BigEndian.PutUint32(data, uint32(n)) }

// unpack is what begin, add and finish have written.
func unpack(data []byte) (n int, head, messages []byte, err error) {
	if len(data) < 8 {
		return 0, nil, nil, changed("a batch of %d bytes", len(data))
	}
	n = int(binary.BigEndian.Uint32(data))
	size := binary.BigEndian.Uint32(data[4:])
	if data = data[8:]; uint64(size) > uint64(len(data)) {
		return 0, nil, nil, changed("the metadata of a batch does not fit")
	}
	return n, data[:size], data[size:], nil
}

func appendProperties(dst []byte, field protowire.Number, properties map[string]string) []byte {
	for k, v := range properties {
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(2+protowire.SizeBytes(len(k))+protowire.SizeBytes(len(v))))
		dst = appendText(dst, pairKey, k)
		dst = appendText(dst, pairValue, v)
	}
	return dst
}

func appendBytes(dst []byte, field protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), b)
}

func appendText(dst []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), s)
}

func appendNumber(dst []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), n)
}

// batchBuffers keeps the buffers of batches that the library has copied. One that
// grew for a large message is not kept.
var batchBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (b *batch) takeBuffer() { b.data = (*batchBuffers.Get().(*[]byte))[:0] }

func (b *batch) giveBuffer() {
	if data := b.data; cap(data) <= 2*maxBatchBytes {
		batchBuffers.Put(&data)
	}
	b.data, b.pm.Payload = nil, nil
}

// batches is a list in the order of their first messages.
type batches struct{ root batch }

func (l *batches) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *batches) first() *batch { return l.after(&l.root) }

func (l *batches) after(b *batch) *batch {
	if b.next == &l.root {
		return nil
	}
	return b.next
}

func (l *batches) add(b *batch) {
	b.prev, b.next = l.root.prev, &l.root
	b.prev.next, b.next.prev = b, b
}

func (l *batches) remove(b *batch) {
	b.prev.next, b.next.prev = b.next, b.prev
	b.prev, b.next = nil, nil
}
