// This file finishes batches right before they are written: it sets the flag
// partition_key_b64_encoded and the batch's ordering key, for which the client
// library has no option, and compresses.
//
// The library calls ProducerOptions.Encryption.MessageCrypto with the metadata
// right before it serializes a batch. hook takes that place. It encrypts nothing
// and adds no key. It compresses itself, since the library compresses before that
// call and the messages of the batch could not be changed any more. It relies on
// one unexported field of the library, which selfCheck proves when a client is
// made.

package pulsar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/apache/pulsar-client-go/pulsar/crypto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// Fields of SingleMessageMetadata in PulsarApi.proto.
const (
	fieldPartitionKey           protowire.Number = 2
	fieldPayloadSize            protowire.Number = 3
	fieldPartitionKeyB64Encoded protowire.Number = 6
	fieldOrderingKey            protowire.Number = 7
)

// hook finishes the batches of one producer. It needs a producer whose batches
// are not compressed by the library.
type hook struct {
	*metadataFields
	flag        bool // every message that has a key is flagged
	batching    Batching
	compression Compression
}

// metadataFields are the fields of MessageMetadata in PulsarApi.proto.
type metadataFields struct {
	flagged, key, orderingKey, batchSize, size, compression protoreflect.FieldDescriptor
}

// findFields finds them, or says what the library changed.
func findFields() (*metadataFields, error) {
	t := reflect.TypeFor[crypto.MessageMetadata]()
	if t.NumField() != 1 || t.Field(0).Name != "messageMetadata" || t.Field(0).Type.Kind() != reflect.Pointer {
		return nil, changed("crypto.MessageMetadata no longer holds just a pointer messageMetadata")
	}
	m, ok := reflect.New(t.Field(0).Type.Elem()).Interface().(proto.Message)
	if !ok {
		return nil, changed("%v is no protobuf message", t.Field(0).Type)
	}
	var f metadataFields
	for name, fd := range map[protoreflect.Name]*protoreflect.FieldDescriptor{
		"partition_key_b64_encoded": &f.flagged,
		"partition_key":             &f.key,
		"ordering_key":              &f.orderingKey,
		"num_messages_in_batch":     &f.batchSize,
		"uncompressed_size":         &f.size,
		"compression":               &f.compression,
	} {
		if *fd = m.ProtoReflect().Descriptor().Fields().ByName(name); *fd == nil {
			return nil, changed("%s has no field %s", m.ProtoReflect().Descriptor().FullName(), name)
		}
	}
	return &f, nil
}

func changed(format string, args ...any) error {
	return fmt.Errorf("pulsar-client-go changed: "+format, args...)
}

// install puts h into a producer's options.
func (h *hook) install(o *client.ProducerOptions) {
	o.Encryption = &client.ProducerEncryptionInfo{
		KeyReader: h, MessageCrypto: h,
		Keys:                        []string{"none"}, // an empty list would leave MessageCrypto out
		ProducerCryptoFailureAction: crypto.ProducerCryptoFailureActionFail,
	}
}

// Encrypt finishes the metadata and returns the payload to be written, which the
// library copies at once. The library calls it for several partitions at the same
// time.
func (h *hook) Encrypt(_ []string, _ crypto.KeyReader, s crypto.MessageMetadataSupplier, payload []byte) ([]byte, error) {
	held, ok := s.(*crypto.MessageMetadata)
	if !ok || held == nil {
		return nil, changed("the metadata supplier is a %T", s)
	}
	// findFields has seen that this field is all there is in the struct.
	p := *(*unsafe.Pointer)(unsafe.Pointer(held))
	if p == nil {
		return nil, changed("no metadata")
	}
	m := reflect.NewAt(reflect.TypeOf(held).Elem().Field(0).Type.Elem(), p).Interface().(proto.Message).ProtoReflect()

	// The library uses one metadata for all batches of a producer: what was set
	// stays from the batch before.
	if has := h.flag && m.Has(h.key); has != m.Get(h.flagged).Bool() {
		m.Set(h.flagged, protoreflect.ValueOfBool(has))
	}
	if !m.Has(h.batchSize) {
		return payload, nil
	}
	n := int(m.Get(h.batchSize).Int())
	if h.compression == NoCompression {
		if !h.flag {
			_, err := h.finish(nil, m, payload, n)
			return payload, err
		}
		out, err := h.finish(make([]byte, 0, len(payload)+n*len(flagBytes)), m, payload, n)
		if err == nil {
			m.Set(h.size, protoreflect.ValueOfUint32(uint32(len(out))))
		}
		return out, err
	}

	b := buffers.Get().(*twoBuffers)
	defer buffers.Put(b)
	var err error
	if b.plain, err = h.finish(b.plain[:0], m, payload, n); err != nil {
		return nil, err
	}
	plain := b.plain
	if !h.flag {
		plain = payload
	}
	m.Set(h.size, protoreflect.ValueOfUint32(uint32(len(plain))))
	how := compressions[h.compression]
	out, err := how.encode(b.compressed[:0], plain)
	if err == nil {
		b.compressed = out
	}
	if err != nil || len(out) >= len(plain) {
		m.Clear(h.metadataFields.compression)
		return bytes.Clone(plain), nil
	}
	m.Set(h.metadataFields.compression, protoreflect.ValueOfEnum(protoreflect.EnumNumber(how.number)))
	return bytes.Clone(out), nil
}

// twoBuffers are for work within Encrypt. What Encrypt returns is read after its
// end, while it may run for another partition, and is never of them.
type twoBuffers struct{ plain, compressed []byte }

var buffers = sync.Pool{New: func() any { return new(twoBuffers) }}

var flagBytes = protowire.AppendVarint(protowire.AppendTag(nil, fieldPartitionKeyB64Encoded, protowire.VarintType), 1)

// finish reads a batch of n messages and sets the ordering key of its metadata.
// Where keys are flagged it appends to dst a copy with the flag in each message
// that has a key.
//
//	(uint32 big endian: length | SingleMessageMetadata | payload)*
//
// A batch by key or by bucket that mixes them is an error: the broker would
// dispatch it by its first message.
func (h *hook) finish(dst []byte, m protoreflect.Message, batch []byte, n int) ([]byte, error) {
	var first single
	for i := range n {
		if len(batch) < 4 {
			return nil, changed("message %d of a batch has no length", i)
		}
		size := binary.BigEndian.Uint32(batch)
		if uint64(size) > uint64(len(batch)-4) {
			return nil, changed("message %d of a batch does not fit", i)
		}
		meta := batch[4 : 4+size]
		s, err := scan(meta)
		if err != nil {
			return nil, err
		}
		end := 4 + int(size) + s.payload
		if end > len(batch) {
			return nil, changed("payload %d of a batch does not fit", i)
		}
		switch {
		case i == 0:
			first = s
		case h.batching == BatchByKey && (s.keyed != first.keyed || !bytes.Equal(s.key, first.key)):
			return nil, changed("a batch by key holds two keys")
		case h.batching == BatchByBucket && (s.ordered != first.ordered || !bytes.Equal(s.orderingKey, first.orderingKey)):
			return nil, changed("a batch by bucket holds two buckets")
		}
		if h.flag {
			if s.keyed && !s.flagged {
				dst = binary.BigEndian.AppendUint32(dst, size+uint32(len(flagBytes)))
				dst = append(append(dst, meta...), flagBytes...)
				dst = append(dst, batch[4+size:end]...)
			} else {
				dst = append(dst, batch[:end]...)
			}
		}
		batch = batch[end:]
	}
	if len(batch) > 0 {
		return nil, changed("%d bytes after a batch", len(batch))
	}
	if h.batching == BatchByBucket {
		if first.ordered {
			m.Set(h.orderingKey, protoreflect.ValueOfBytes(bytes.Clone(first.orderingKey)))
		} else {
			m.Clear(h.orderingKey)
		}
	}
	return dst, nil
}

// single is what matters here of a SingleMessageMetadata. Its slices are of the
// batch.
type single struct {
	payload        int // bytes
	key            []byte
	keyed, flagged bool
	orderingKey    []byte
	ordered        bool
}

func scan(meta []byte) (s single, err error) {
	for len(meta) > 0 {
		num, typ, n := protowire.ConsumeTag(meta)
		if n < 0 {
			return single{}, changed("metadata of a message: %w", protowire.ParseError(n))
		}
		value := meta[n:]
		n = protowire.ConsumeFieldValue(num, typ, value)
		if n < 0 {
			return single{}, changed("metadata of a message: %w", protowire.ParseError(n))
		}
		switch num {
		case fieldPartitionKey:
			s.key, _ = protowire.ConsumeBytes(value[:n])
			s.keyed = true
		case fieldOrderingKey:
			s.orderingKey, _ = protowire.ConsumeBytes(value[:n])
			s.ordered = true
		case fieldPartitionKeyB64Encoded:
			s.flagged = true
		case fieldPayloadSize:
			v, vn := protowire.ConsumeVarint(value[:n])
			if vn < 0 || int32(v) < 0 {
				return single{}, changed("size of a payload is %d", int32(v))
			}
			s.payload = int(v)
		}
		meta = value[n:]
	}
	return s, nil
}

// The rest of crypto.MessageCrypto and crypto.KeyReader: there are no keys.

func (*hook) AddPublicKeyCipher([]string, crypto.KeyReader) error { return nil }
func (*hook) RemoveKeyCipher(string) bool                         { return true }
func (*hook) Decrypt(_ crypto.MessageMetadataSupplier, payload []byte, _ crypto.KeyReader) ([]byte, error) {
	return payload, nil
}

var errNoKeys = errors.New("no encryption keys")

func (*hook) PublicKey(string, map[string]string) (*crypto.EncryptionKeyInfo, error) {
	return nil, errNoKeys
}
func (*hook) PrivateKey(string, map[string]string) (*crypto.EncryptionKeyInfo, error) {
	return nil, errNoKeys
}
