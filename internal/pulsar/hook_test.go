// This file checks the hook on the library's own metadata types, without a broker.

package pulsar

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/crypto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

type fields = setFields

// metadata is a MessageMetadata of the library and its supplier.
func metadata(t testing.TB, f fields) (protoreflect.Message, crypto.MessageMetadataSupplier) {
	t.Helper()
	make := reflect.ValueOf(crypto.NewMessageMetadataSupplier)
	v := reflect.New(make.Type().In(0).Elem())
	m := v.Interface().(proto.Message).ProtoReflect()
	if err := set(m, f); err != nil {
		t.Fatal(err)
	}
	return m, make.Call([]reflect.Value{v})[0].Interface().(crypto.MessageMetadataSupplier)
}

// wrapped is a batch as the library gives it to the hook: a batch of one message
// with metadata of its own.
func wrapped(t testing.TB, data []byte) []byte {
	t.Helper()
	mt, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		t.Fatal(err)
	}
	m := mt.New()
	if err := set(m, fields{"payload_size": int32(len(data)), "sequence_id": uint64(3)}); err != nil {
		t.Fatal(err)
	}
	meta, err := proto.Marshal(m.Interface())
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(meta))), meta...), data...)
}

// packed is a batch of ours.
func packed(l layout, bucket string, messages ...*Message) []byte {
	data := l.begin(nil, messages[0].Key, bucket, messages[0])
	for _, m := range messages {
		data = l.add(data, m.Key, bucket, m)
	}
	finish(data, len(messages))
	return data
}

// newHook is a hook, and the command that it is to finish.
func newHook(t testing.TB, c Compression) (*hook, protoreflect.Message) {
	t.Helper()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	command := f.send.ContainingMessage().FullName()
	mt, err := protoregistry.GlobalTypes.FindMessageByName(command)
	if err != nil {
		t.Fatal(err)
	}
	m := mt.New()
	return &hook{f, c, func(unsafe.Pointer) (protoreflect.Message, error) { return m, nil }}, m
}

func TestSelfCheck(t *testing.T) {
	t.Parallel()
	if _, err := selfCheck(); err != nil {
		t.Fatal(err)
	}
}

// A self-check that cannot fail proves nothing: it does in each mode when
// something goes to a wrong field.
func TestSelfCheckFails(t *testing.T) {
	t.Parallel()
	good, err := findFields()
	if err != nil {
		t.Fatal(err)
	}
	of := func(name protoreflect.Name) protoreflect.FieldDescriptor {
		return good.flagged.ContainingMessage().Fields().ByName(name)
	}
	flag, order, number, size, compression, command := *good, *good, *good, *good, *good, *good
	flag.flagged = of("null_value")
	order.orderingKey = of("schema_version")
	number.batchSize = of("num_chunks_from_msg")
	size.size = of("chunk_id")
	compression.compression = of("producer_name")
	command.sendSize = good.send.Message().Fields().ByName("producer_id")
	for _, m := range checkedModes(good) {
		for broken, breaks := range map[*metadataFields]bool{
			&flag:        !m.layout.base64, // the flag of the batch before stays
			&order:       m.bucket == "",   // so does its ordering key
			&number:      true,
			&size:        true,
			&compression: m.compression != NoCompression,
			&command:     true,
		} {
			func() {
				defer func() {
					if r := recover(); r != nil && breaks { // protoreflect, of a wrong type
						breaks = false
					}
				}()
				m := m
				m.metadataFields = broken
				if err := m.check(); (err != nil) != breaks || err != nil && !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
					t.Errorf("%s: got %v, want an error: %v", m, err, breaks)
				}
			}()
		}
	}
}

// Nothing of a batch stays for the next one, nor does its compression.
func TestHookForgets(t *testing.T) {
	t.Parallel()
	h, _ := newHook(t, LZ4)
	m, s := metadata(t, fields{"num_messages_in_batch": int32(1)})
	large := packed(layout{base64: true}, "17", &Message{Key: []byte("AgQ="), Value: make([]byte, 1000)})
	if _, err := h.Encrypt(nil, h, s, wrapped(t, large)); err != nil {
		t.Fatal(err)
	}
	if !m.Has(h.metadataFields.compression) || string(m.Get(h.orderingKey).Bytes()) != "17" || !m.Get(h.flagged).Bool() {
		t.Errorf("a batch that becomes smaller: %v", m)
	}
	m.Clear(h.key) // as the library does, of a message without one
	m.Set(h.batchSize, protoreflect.ValueOfInt32(1))
	data := packed(layout{base64: true}, "", &Message{Value: []byte("v")})
	_, _, small, err := unpack(data)
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Encrypt(nil, h, s, wrapped(t, data))
	if err != nil {
		t.Fatal(err)
	}
	if m.Has(h.metadataFields.compression) || m.Has(h.orderingKey) || m.Has(h.flagged) || !bytes.Equal(out, small) || m.Get(h.size).Uint() != uint64(len(small)) {
		t.Errorf("a batch that does not, without a key: %v, %x", m, out)
	}
}

// What the library or we laid out otherwise is an error, and nothing is sent.
func TestHookMalformed(t *testing.T) {
	t.Parallel()
	h, _ := newHook(t, NoCompression)
	_, s := metadata(t, fields{"num_messages_in_batch": int32(1)})
	data := packed(layout{base64: true}, "", &Message{Key: []byte("AgQ="), Value: []byte("abc")})
	good := wrapped(t, data)
	_, _, messages, err := unpack(data)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(good) - len(messages) {
		if _, err := h.Encrypt(nil, h, s, good[:cut]); err == nil || !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	if _, err := h.Encrypt(nil, h, nil, good); err == nil {
		t.Error("no supplier")
	}
	if _, err := h.Encrypt(nil, h, crypto.NewMessageMetadataSupplier(nil), good); err == nil {
		t.Error("no metadata")
	}
	_, two := metadata(t, fields{"num_messages_in_batch": int32(2)})
	if _, err := h.Encrypt(nil, h, two, good); err == nil {
		t.Error("two messages of the library in one batch")
	}
	h.command = func(unsafe.Pointer) (protoreflect.Message, error) { return nil, changed("no command") }
	_, s = metadata(t, fields{"num_messages_in_batch": int32(1)})
	if _, err := h.Encrypt(nil, h, s, good); err == nil {
		t.Error("no command")
	}
}

// A library that keeps its batches otherwise is found out before anything is sent.
func TestCommandsProve(t *testing.T) {
	t.Parallel()
	for _, inner := range []client.Producer{nil, struct{ client.Producer }{}, &struct {
		client.Producer
		producers []client.Producer
	}{}} {
		if err := (&commands{inner: inner}).prove(); err == nil || !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
			t.Errorf("%T: %v", inner, err)
		}
	}
}

func BenchmarkHook(b *testing.B) {
	h, _ := newHook(b, NoCompression)
	m, s := metadata(b, fields{"num_messages_in_batch": int32(1)})
	payload := wrapped(b, packed(layout{base64: true}, "", &Message{Key: []byte("AgQ="), Value: make([]byte, 100)}))
	b.ReportAllocs()
	for b.Loop() {
		m.Set(h.batchSize, protoreflect.ValueOfInt32(1))
		if _, err := h.Encrypt(nil, h, s, payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPack lays out a message like the agent's.
func BenchmarkPack(b *testing.B) {
	l := layout{base64: true}
	key := []byte("AgQGCAoMDg==")
	m := &Message{Value: make([]byte, 60), Properties: map[string]string{"segpos": "1700000000000:123456", "token": "-1234567890123456789", "writetime": "1700000000000000"}}
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		data = l.add(data[:0], key, "17", m)
	}
}
