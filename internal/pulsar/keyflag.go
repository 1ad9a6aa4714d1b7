// This file sets the flag partition_key_b64_encoded, which the client library
// has no option for, where messages are written.
//
// The library calls ProducerOptions.Encryption.MessageCrypto with the metadata
// right before it serializes a batch. keyFlag takes that place. It encrypts
// nothing and adds no key; it sets the flag in the metadata and in the metadata
// of each message of the batch. It relies on one unexported field of the
// library, which checkKeyFlag proves when a client is made.

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
	"google.golang.org/protobuf/reflect/protoregistry"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// Fields of SingleMessageMetadata in PulsarApi.proto.
const (
	fieldPartitionKey           protowire.Number = 2
	fieldPayloadSize            protowire.Number = 3
	fieldPartitionKeyB64Encoded protowire.Number = 6
)

// keyFlag flags every message that has a key. It needs a producer whose batches
// are not compressed by the client.
type keyFlag struct {
	flag, key, batchSize, size protoreflect.FieldDescriptor
}

// newKeyFlag finds the fields of MessageMetadata, or says what the library
// changed.
func newKeyFlag() (*keyFlag, error) {
	t := reflect.TypeFor[crypto.MessageMetadata]()
	if t.NumField() != 1 || t.Field(0).Name != "messageMetadata" || t.Field(0).Type.Kind() != reflect.Pointer {
		return nil, changed("crypto.MessageMetadata no longer holds just a pointer messageMetadata")
	}
	m, ok := reflect.New(t.Field(0).Type.Elem()).Interface().(proto.Message)
	if !ok {
		return nil, changed("%v is no protobuf message", t.Field(0).Type)
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	k := &keyFlag{
		flag:      fields.ByName("partition_key_b64_encoded"),
		key:       fields.ByName("partition_key"),
		batchSize: fields.ByName("num_messages_in_batch"),
		size:      fields.ByName("uncompressed_size"),
	}
	if k.flag == nil || k.key == nil || k.batchSize == nil || k.size == nil {
		return nil, changed("fields of %s are missing", m.ProtoReflect().Descriptor().FullName())
	}
	return k, nil
}

func changed(format string, args ...any) error {
	return fmt.Errorf("pulsar-client-go changed: "+format, args...)
}

// options is what installs k in a producer.
func (k *keyFlag) options() *client.ProducerEncryptionInfo {
	return &client.ProducerEncryptionInfo{
		KeyReader: k, MessageCrypto: k,
		Keys:                        []string{"none"}, // an empty list would leave MessageCrypto out
		ProducerCryptoFailureAction: crypto.ProducerCryptoFailureActionFail,
	}
}

// Encrypt sets the flag in the metadata and returns the payload with the flag
// set in each message of the batch. The library copies the result at once.
func (k *keyFlag) Encrypt(_ []string, _ crypto.KeyReader, s crypto.MessageMetadataSupplier, payload []byte) ([]byte, error) {
	held, ok := s.(*crypto.MessageMetadata)
	if !ok || held == nil {
		return nil, changed("the metadata supplier is a %T", s)
	}
	// checkKeyFlag has seen that this field is all there is in the struct.
	p := *(*unsafe.Pointer)(unsafe.Pointer(held))
	if p == nil {
		return nil, changed("no metadata")
	}
	m := reflect.NewAt(reflect.TypeOf(held).Elem().Field(0).Type.Elem(), p).Interface().(proto.Message).ProtoReflect()

	// The library uses one metadata for all batches of a producer: the flag
	// stays from the batch before.
	if has := m.Has(k.key); has != m.Get(k.flag).Bool() {
		m.Set(k.flag, protoreflect.ValueOfBool(has))
	}
	if !m.Has(k.batchSize) {
		return payload, nil
	}
	out, err := flagBatch(payload, int(m.Get(k.batchSize).Int()))
	if err != nil {
		return nil, err
	}
	m.Set(k.size, protoreflect.ValueOfUint32(uint32(len(out))))
	return out, nil
}

var flagBytes = protowire.AppendVarint(protowire.AppendTag(nil, fieldPartitionKeyB64Encoded, protowire.VarintType), 1)

// flagBatch copies a batch of n messages and sets the flag in those with a key.
//
//	(uint32 big endian: length | SingleMessageMetadata | payload)*
func flagBatch(batch []byte, n int) ([]byte, error) {
	out := make([]byte, 0, len(batch)+n*len(flagBytes))
	for i := range n {
		if len(batch) < 4 {
			return nil, changed("message %d of a batch has no length", i)
		}
		size := binary.BigEndian.Uint32(batch)
		if uint64(size) > uint64(len(batch)-4) {
			return nil, changed("message %d of a batch does not fit", i)
		}
		meta := batch[4 : 4+size]
		batch = batch[4+size:]
		payload, keyed, flagged, err := scan(meta)
		if err != nil {
			return nil, err
		}
		if payload > len(batch) {
			return nil, changed("payload %d of a batch does not fit", i)
		}
		if keyed && !flagged {
			out = binary.BigEndian.AppendUint32(out, size+uint32(len(flagBytes)))
			out = append(out, meta...)
			out = append(out, flagBytes...)
		} else {
			out = binary.BigEndian.AppendUint32(out, size)
			out = append(out, meta...)
		}
		out = append(out, batch[:payload]...)
		batch = batch[payload:]
	}
	if len(batch) > 0 {
		return nil, changed("%d bytes after a batch", len(batch))
	}
	return out, nil
}

// scan reads of a SingleMessageMetadata the payload's size in bytes, whether
// there is a key, and whether the flag is there.
func scan(meta []byte) (payload int, keyed, flagged bool, err error) {
	for len(meta) > 0 {
		num, typ, n := protowire.ConsumeTag(meta)
		if n < 0 {
			return 0, false, false, changed("metadata of a message: %w", protowire.ParseError(n))
		}
		value := meta[n:]
		n = protowire.ConsumeFieldValue(num, typ, value)
		if n < 0 {
			return 0, false, false, changed("metadata of a message: %w", protowire.ParseError(n))
		}
		switch num {
		case fieldPartitionKey:
			keyed = true
		case fieldPartitionKeyB64Encoded:
			flagged = true
		case fieldPayloadSize:
			v, vn := protowire.ConsumeVarint(value[:n])
			if vn < 0 || int32(v) < 0 {
				return 0, false, false, changed("size of a payload is %d", int32(v))
			}
			payload = int(v)
		}
		meta = value[n:]
	}
	return payload, keyed, flagged, nil
}

// The rest of crypto.MessageCrypto and crypto.KeyReader: there are no keys.

func (*keyFlag) AddPublicKeyCipher([]string, crypto.KeyReader) error { return nil }
func (*keyFlag) RemoveKeyCipher(string) bool                         { return true }
func (*keyFlag) Decrypt(_ crypto.MessageMetadataSupplier, payload []byte, _ crypto.KeyReader) ([]byte, error) {
	return payload, nil
}

var errNoKeys = errors.New("no encryption keys")

func (*keyFlag) PublicKey(string, map[string]string) (*crypto.EncryptionKeyInfo, error) {
	return nil, errNoKeys
}
func (*keyFlag) PrivateKey(string, map[string]string) (*crypto.EncryptionKeyInfo, error) {
	return nil, errNoKeys
}

// checkKeyFlag runs a batch of one through the library's own types, without a
// broker, and reads back what a consumer would see. It returns the hook, or an
// error that begins with "pulsar-client-go changed". It works once per process.
var checkKeyFlag = sync.OnceValues(func() (*keyFlag, error) {
	k, err := newKeyFlag()
	if err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	return k, nil
})

func (k *keyFlag) check() error {
	// The metadata's type is in an internal package: take it from the function
	// that the library itself calls.
	supplier := reflect.ValueOf(crypto.NewMessageMetadataSupplier)
	meta := reflect.New(supplier.Type().In(0).Elem())
	mm, ok := meta.Interface().(proto.Message)
	if !ok {
		return changed("%v is no protobuf message", meta.Type())
	}
	single, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		return changed("%w", err)
	}
	const key, value = "AgQ=", "value"
	sm := single.New()
	if err := set(sm, map[protoreflect.Name]any{"partition_key": key, "payload_size": int32(len(value))}); err != nil {
		return err
	}
	smBytes, err := proto.Marshal(sm.Interface())
	if err != nil {
		return changed("%w", err)
	}
	batch := binary.BigEndian.AppendUint32(nil, uint32(len(smBytes)))
	batch = append(append(batch, smBytes...), value...)
	if err := set(mm.ProtoReflect(), map[protoreflect.Name]any{
		"partition_key": key, "num_messages_in_batch": int32(1), "uncompressed_size": uint32(len(batch)),
	}); err != nil {
		return err
	}

	want := proto.Clone(mm)

	s, ok := supplier.Call([]reflect.Value{meta})[0].Interface().(crypto.MessageMetadataSupplier)
	if !ok {
		return changed("NewMessageMetadataSupplier returns another type")
	}
	out, err := k.Encrypt(nil, k, s, batch)
	if err != nil {
		return err
	}

	if err := set(want.ProtoReflect(), map[protoreflect.Name]any{
		"partition_key_b64_encoded": true, "uncompressed_size": uint32(len(out)),
	}); err != nil {
		return err
	}
	if !proto.Equal(mm, want) {
		return changed("the metadata reads back as %v", mm)
	}
	if len(out) < 4 || int(binary.BigEndian.Uint32(out)) > len(out)-4 {
		return changed("the batch is malformed after the flag was set")
	}
	n := binary.BigEndian.Uint32(out)
	got := single.New()
	if err := proto.Unmarshal(out[4:4+n], got.Interface()); err != nil {
		return changed("%w", err)
	}
	if err := set(sm, map[protoreflect.Name]any{"partition_key_b64_encoded": true}); err != nil {
		return err
	}
	if !proto.Equal(got.Interface(), sm.Interface()) || !bytes.Equal(out[4+n:], []byte(value)) {
		return changed("a flagged message reads back as %v", got)
	}
	return nil
}

func set(m protoreflect.Message, fields map[protoreflect.Name]any) error {
	for name, v := range fields {
		fd := m.Descriptor().Fields().ByName(name)
		if fd == nil {
			return changed("%s has no field %s", m.Descriptor().FullName(), name)
		}
		m.Set(fd, protoreflect.ValueOf(v))
	}
	return nil
}
