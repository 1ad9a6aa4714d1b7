// This file checks the key flag on the library's own metadata types, without a
// broker.

package pulsar

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/pulsar-client-go/pulsar/crypto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

type fields = map[protoreflect.Name]any

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

func single(t testing.TB, f fields) protoreflect.Message {
	t.Helper()
	mt, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		t.Fatal(err)
	}
	m := mt.New()
	if err := set(m, f); err != nil {
		t.Fatal(err)
	}
	return m
}

// batch lays messages out as the library does; each payload has the size that
// its metadata says.
func batch(t testing.TB, messages ...protoreflect.Message) []byte {
	t.Helper()
	var b []byte
	for i, m := range messages {
		meta, err := proto.Marshal(m.Interface())
		if err != nil {
			t.Fatal(err)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(meta)))
		b = append(b, meta...)
		size := m.Get(m.Descriptor().Fields().ByName("payload_size")).Int()
		b = append(b, bytes.Repeat([]byte{byte('a' + i)}, int(size))...)
	}
	return b
}

func TestKeyFlagSelfCheck(t *testing.T) {
	t.Parallel()
	if _, err := checkKeyFlag(); err != nil {
		t.Fatal(err)
	}
}

// A self-check that cannot fail proves nothing: it does when the flag goes to a
// wrong field.
func TestKeyFlagSelfCheckFails(t *testing.T) {
	t.Parallel()
	k, err := newKeyFlag()
	if err != nil {
		t.Fatal(err)
	}
	broken := *k
	broken.flag = k.flag.ContainingMessage().Fields().ByName("null_value")
	if err := broken.check(); err == nil || !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
		t.Errorf("got %v", err)
	}
}

func TestKeyFlagBatch(t *testing.T) {
	t.Parallel()
	k, err := checkKeyFlag()
	if err != nil {
		t.Fatal(err)
	}
	messages := []fields{
		{"partition_key": "AgQ=", "payload_size": int32(3), "sequence_id": uint64(7)},
		{"partition_key": "AgQ=", "payload_size": int32(0), "null_value": true},
		{"payload_size": int32(2)}, // no key, no flag
		{"partition_key": "AgQ=", "payload_size": int32(300), "partition_key_b64_encoded": true},
	}
	var in, want []protoreflect.Message
	for _, f := range messages {
		in = append(in, single(t, f))
		w := single(t, f)
		if f["partition_key"] != nil {
			if err := set(w, fields{"partition_key_b64_encoded": true}); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, w)
	}
	payload := batch(t, in...)
	m, s := metadata(t, fields{"partition_key": "AgQ=", "num_messages_in_batch": int32(len(in)), "uncompressed_size": uint32(len(payload))})
	out, err := k.Encrypt(nil, k, s, payload)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Get(k.flag).Bool() || m.Get(k.size).Uint() != uint64(len(out)) {
		t.Errorf("metadata: %v, size %d", m, len(out))
	}
	rest := out
	for i, w := range want {
		n := binary.BigEndian.Uint32(rest)
		got := w.New()
		if err := proto.Unmarshal(rest[4:4+n], got.Interface()); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got.Interface(), w.Interface()) {
			t.Errorf("message %d: got %v, want %v", i, got, w)
		}
		size := int(w.Get(w.Descriptor().Fields().ByName("payload_size")).Int())
		if payload := rest[4+n:][:size]; !bytes.Equal(payload, bytes.Repeat([]byte{byte('a' + i)}, size)) {
			t.Errorf("message %d: payload %q", i, payload)
		}
		rest = rest[4+int(n)+size:]
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes left", len(rest))
	}

	// The library keeps the metadata for the next batch: its flag follows the key.
	if err := set(m, fields{"num_messages_in_batch": int32(1)}); err != nil {
		t.Fatal(err)
	}
	m.Clear(k.key)
	if _, err := k.Encrypt(nil, k, s, batch(t, single(t, fields{"payload_size": int32(1)}))); err != nil || m.Get(k.flag).Bool() {
		t.Errorf("flag without a key: %v, %v", m, err)
	}
}

// A message that is not in a batch has its key in the metadata alone.
func TestKeyFlagUnbatched(t *testing.T) {
	t.Parallel()
	k, err := checkKeyFlag()
	if err != nil {
		t.Fatal(err)
	}
	m, s := metadata(t, fields{"partition_key": "AgQ="})
	out, err := k.Encrypt(nil, k, s, []byte("v"))
	if err != nil || string(out) != "v" || !m.Get(k.flag).Bool() {
		t.Errorf("%q, %v, %v", out, m, err)
	}
}

func TestKeyFlagMalformed(t *testing.T) {
	t.Parallel()
	k, err := checkKeyFlag()
	if err != nil {
		t.Fatal(err)
	}
	good := batch(t, single(t, fields{"partition_key": "AgQ=", "payload_size": int32(3)}))
	for cut := range len(good) {
		if _, err := flagBatch(good[:cut], 1); err == nil || !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	if _, err := flagBatch(append(good, 0), 1); err == nil {
		t.Error("a byte too many")
	}
	if _, err := k.Encrypt(nil, k, nil, good); err == nil {
		t.Error("no supplier")
	}
	if _, err := k.Encrypt(nil, k, crypto.NewMessageMetadataSupplier(nil), good); err == nil {
		t.Error("no metadata")
	}
}

func BenchmarkKeyFlag(b *testing.B) {
	k, err := checkKeyFlag()
	if err != nil {
		b.Fatal(err)
	}
	payload := batch(b, single(b, fields{"partition_key": "AgQ=", "payload_size": int32(100)}))
	_, s := metadata(b, fields{"partition_key": "AgQ=", "num_messages_in_batch": int32(1)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Encrypt(nil, k, s, payload); err != nil {
			b.Fatal(err)
		}
	}
}
