// This file checks the hook on the library's own metadata types, without a broker.

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

func singleMetadata(t testing.TB, f fields) protoreflect.Message {
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

func TestSelfCheck(t *testing.T) {
	t.Parallel()
	if _, err := selfCheck(); err != nil {
		t.Fatal(err)
	}
}

// A self-check that cannot fail proves nothing: it does in each mode when
// something goes to a wrong field, and when a batch mixes what it must not.
func TestSelfCheckFails(t *testing.T) {
	t.Parallel()
	good, err := findFields()
	if err != nil {
		t.Fatal(err)
	}
	of := func(name protoreflect.Name) protoreflect.FieldDescriptor {
		return good.flagged.ContainingMessage().Fields().ByName(name)
	}
	flag, order, size, compression := *good, *good, *good, *good
	flag.flagged = of("null_value")
	order.orderingKey = of("schema_version")
	size.size = of("num_chunks_from_msg")
	compression.compression = of("producer_name")
	for _, h := range checkedHooks(good) {
		for broken, breaks := range map[*metadataFields]bool{
			&flag:        h.flag,
			&order:       h.batching == BatchByBucket,
			&compression: h.compression != NoCompression,
			&size:        h.flag || h.compression != NoCompression,
		} {
			func() {
				defer func() {
					if r := recover(); r != nil && breaks { // protoreflect, of a wrong type
						breaks = false
					}
				}()
				h := *h
				h.metadataFields = broken
				if err := h.check(); (err != nil) != breaks || err != nil && !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
					t.Errorf("%s: got %v, want an error: %v", &h, err, breaks)
				}
			}()
		}
	}
}

// A batch that mixes keys or buckets would be dispatched by its first message.
func TestHookMixedBatch(t *testing.T) {
	t.Parallel()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		batching Batching
		messages []fields
		mixed    bool
	}{
		{BatchByKey, []fields{{"partition_key": "AgQ="}, {"partition_key": "AgQ="}}, false},
		{BatchByKey, []fields{{"partition_key": "AgQ="}, {"partition_key": "BgQ="}}, true},
		{BatchByKey, []fields{{"partition_key": "AgQ="}, {}}, true},
		{BatchByBucket, []fields{{"partition_key": "AgQ=", "ordering_key": []byte("1")}, {"partition_key": "BgQ=", "ordering_key": []byte("1")}}, false},
		{BatchByBucket, []fields{{"partition_key": "AgQ=", "ordering_key": []byte("1")}, {"partition_key": "AgQ=", "ordering_key": []byte("2")}}, true},
		{BatchByBucket, []fields{{"ordering_key": []byte{}}, {}}, true},
		{BatchAny, []fields{{"partition_key": "AgQ="}, {"partition_key": "BgQ="}}, false},
	} {
		var in []protoreflect.Message
		for _, f := range tt.messages {
			m := singleMetadata(t, fields{"payload_size": int32(1)})
			if err := set(m, f); err != nil {
				t.Fatal(err)
			}
			in = append(in, m)
		}
		_, s := metadata(t, fields{"num_messages_in_batch": int32(len(in))})
		h := &hook{f, true, tt.batching, NoCompression}
		if _, err := h.Encrypt(nil, h, s, batch(t, in...)); (err != nil) != tt.mixed {
			t.Errorf("%s, %v: %v", h, tt.messages, err)
		}
	}
}

// The ordering key of a batch does not stay for the next one, nor does its
// compression.
func TestHookForgets(t *testing.T) {
	t.Parallel()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{f, true, BatchByBucket, LZ4}
	m, s := metadata(t, fields{"partition_key": "AgQ=", "num_messages_in_batch": int32(1)})
	if _, err := h.Encrypt(nil, h, s, batch(t, singleMetadata(t, fields{"partition_key": "AgQ=", "ordering_key": []byte("17"), "payload_size": int32(1000)}))); err != nil {
		t.Fatal(err)
	}
	if !m.Has(f.compression) || string(m.Get(f.orderingKey).Bytes()) != "17" {
		t.Errorf("a batch that becomes smaller: %v", m)
	}
	m.Clear(f.key)
	small := batch(t, singleMetadata(t, fields{"payload_size": int32(1)}))
	out, err := h.Encrypt(nil, h, s, small)
	if err != nil {
		t.Fatal(err)
	}
	if m.Has(f.compression) || m.Has(f.orderingKey) || !bytes.Equal(out, small) || m.Get(f.size).Uint() != uint64(len(small)) {
		t.Errorf("a batch that does not, without a key: %v, %x", m, out)
	}
}

func TestHookBatch(t *testing.T) {
	t.Parallel()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	k := &hook{f, true, BatchAny, NoCompression}
	messages := []fields{
		{"partition_key": "AgQ=", "payload_size": int32(3), "sequence_id": uint64(7)},
		{"partition_key": "AgQ=", "payload_size": int32(0), "null_value": true},
		{"payload_size": int32(2)}, // no key, no flag
		{"partition_key": "AgQ=", "payload_size": int32(300), "partition_key_b64_encoded": true},
	}
	var in, want []protoreflect.Message
	for _, f := range messages {
		in = append(in, singleMetadata(t, f))
		w := singleMetadata(t, f)
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
	if !m.Get(k.flagged).Bool() || m.Get(k.size).Uint() != uint64(len(out)) {
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
	if _, err := k.Encrypt(nil, k, s, batch(t, singleMetadata(t, fields{"payload_size": int32(1)}))); err != nil || m.Get(k.flagged).Bool() {
		t.Errorf("flag without a key: %v, %v", m, err)
	}
}

// A message that is not in a batch has its key in the metadata alone.
func TestHookUnbatched(t *testing.T) {
	t.Parallel()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	k := &hook{f, true, BatchAny, NoCompression}
	m, s := metadata(t, fields{"partition_key": "AgQ="})
	out, err := k.Encrypt(nil, k, s, []byte("v"))
	if err != nil || string(out) != "v" || !m.Get(k.flagged).Bool() {
		t.Errorf("%q, %v, %v", out, m, err)
	}
}

func TestHookMalformed(t *testing.T) {
	t.Parallel()
	f, err := selfCheck()
	if err != nil {
		t.Fatal(err)
	}
	k := &hook{f, true, BatchAny, NoCompression}
	good := batch(t, singleMetadata(t, fields{"partition_key": "AgQ=", "payload_size": int32(3)}))
	for cut := range len(good) {
		if _, err := k.finish(nil, nil, good[:cut], 1); err == nil || !strings.HasPrefix(err.Error(), "pulsar-client-go changed") {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	if _, err := k.finish(nil, nil, append(good, 0), 1); err == nil {
		t.Error("a byte too many")
	}
	if _, err := k.Encrypt(nil, k, nil, good); err == nil {
		t.Error("no supplier")
	}
	if _, err := k.Encrypt(nil, k, crypto.NewMessageMetadataSupplier(nil), good); err == nil {
		t.Error("no metadata")
	}
}

func BenchmarkHook(b *testing.B) {
	f, err := selfCheck()
	if err != nil {
		b.Fatal(err)
	}
	k := &hook{f, true, BatchNone, NoCompression}
	payload := batch(b, singleMetadata(b, fields{"partition_key": "AgQ=", "payload_size": int32(100)}))
	_, s := metadata(b, fields{"partition_key": "AgQ=", "num_messages_in_batch": int32(1)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Encrypt(nil, k, s, payload); err != nil {
			b.Fatal(err)
		}
	}
}
