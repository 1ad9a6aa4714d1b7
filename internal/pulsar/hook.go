// This file finishes batches right before they are written. It sets what the
// client library has no option for, and compresses.
//
// The library calls ProducerOptions.Encryption.MessageCrypto with the metadata
// right before it serializes a batch. hook takes that place. It encrypts nothing
// and adds no key. To the library each batch of ours (pack.go) is a batch of one
// message; hook puts ours in the place of it. It compresses itself, since the
// library compresses before that call. It relies on unexported fields of the
// library, which selfCheck proves when a client is made, and commands.prove when a
// producer is.

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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	client "github.com/apache/pulsar-client-go/pulsar"
)

// hook finishes the batches of one producer. It needs a producer whose batches
// hold one message and are not compressed by the library.
type hook struct {
	*metadataFields
	compression Compression
	// command is the BaseCommand that goes out with the metadata at that address.
	command func(metadata unsafe.Pointer) (protoreflect.Message, error)
}

// metadataFields are the fields of MessageMetadata in PulsarApi.proto, and of the
// command.
type metadataFields struct {
	flagged, key, orderingKey, batchSize, size, compression protoreflect.FieldDescriptor
	send, sendSize                                          protoreflect.FieldDescriptor
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
	metadata := m.ProtoReflect().Descriptor()
	for name, fd := range map[protoreflect.Name]*protoreflect.FieldDescriptor{
		"partition_key_b64_encoded": &f.flagged,
		"partition_key":             &f.key,
		"ordering_key":              &f.orderingKey,
		"num_messages_in_batch":     &f.batchSize,
		"uncompressed_size":         &f.size,
		"compression":               &f.compression,
	} {
		if *fd = metadata.Fields().ByName(name); *fd == nil {
			return nil, changed("%s has no field %s", metadata.FullName(), name)
		}
	}
	command, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.BaseCommand")
	if err != nil {
		return nil, changed("%w", err)
	}
	if f.send = command.Descriptor().Fields().ByName("send"); f.send == nil || f.send.Message() == nil {
		return nil, changed("a command has no field send")
	}
	if f.sendSize = f.send.Message().Fields().ByName("num_messages"); f.sendSize == nil {
		return nil, changed("a command has no field num_messages")
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

// Encrypt finishes metadata and command and returns the payload to be written,
// which the library copies at once. The library calls it for several partitions at
// the same time.
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
	metadata := reflect.NewAt(reflect.TypeOf(held).Elem().Field(0).Type.Elem(), p).Interface().(proto.Message)
	m := metadata.ProtoReflect()
	if n := m.Get(h.batchSize).Int(); n != 1 {
		return nil, changed("a batch of %d in place of one", n)
	}

	// The library's own metadata of the message is left out.
	if len(payload) < 4 || uint64(binary.BigEndian.Uint32(payload)) > uint64(len(payload)-4) {
		return nil, changed("a batch is malformed")
	}
	n, head, plain, err := unpack(payload[4+binary.BigEndian.Uint32(payload):])
	if err != nil {
		return nil, err
	}
	// It uses one metadata for all batches of a partition: what was set stays from
	// the batch before.
	m.Clear(h.flagged)
	m.Clear(h.orderingKey)
	if err := (proto.UnmarshalOptions{Merge: true, AllowPartial: true}).Unmarshal(head, metadata); err != nil {
		return nil, changed("metadata of a batch: %w", err)
	}
	m.Set(h.batchSize, protoreflect.ValueOfInt32(int32(n)))
	m.Set(h.size, protoreflect.ValueOfUint32(uint32(len(plain))))
	command, err := h.command(p)
	if err != nil {
		return nil, err
	}
	command.Mutable(h.send).Message().Set(h.sendSize, protoreflect.ValueOfInt32(int32(n)))
	if h.compression == NoCompression {
		return plain, nil
	}

	b := compressed.Get().(*[]byte)
	defer compressed.Put(b)
	how := compressions[h.compression]
	out, err := how.encode((*b)[:0], plain)
	if err == nil {
		*b = out
	}
	if err != nil || len(out) >= len(plain) {
		m.Clear(h.metadataFields.compression)
		return plain, nil
	}
	m.Set(h.metadataFields.compression, protoreflect.ValueOfEnum(protoreflect.EnumNumber(how.number)))
	return bytes.Clone(out), nil
}

// compressed are buffers for work within Encrypt. What Encrypt returns is read
// after its end, while it may run for another partition, and is never of them.
var compressed = sync.Pool{New: func() any { return new([]byte) }}

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
