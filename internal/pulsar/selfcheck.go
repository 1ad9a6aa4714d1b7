// This file proves, when a client is made, that the hook still fits the client
// library, for every way in which a producer may batch and compress.

package pulsar

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/apache/pulsar-client-go/pulsar/crypto"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// selfCheck runs batches through the library's own types, without a broker, and
// reads back what a consumer would see. It returns the fields for hooks, or an
// error that begins with "pulsar-client-go changed" and names the mode. It works
// once per process.
var selfCheck = sync.OnceValues(func() (*metadataFields, error) {
	f, err := findFields()
	if err != nil {
		return nil, err
	}
	for _, h := range checkedHooks(f) {
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("%w (mode: %s)", err, h)
		}
	}
	return f, nil
})

// checkedHooks are every way of batching, flagged and not, and every compression.
func checkedHooks(f *metadataFields) []*hook {
	var hooks []*hook
	for _, b := range []Batching{BatchNone, BatchByKey, BatchByBucket, BatchAny} {
		hooks = append(hooks, &hook{f, true, b, NoCompression}, &hook{f, false, b, NoCompression})
	}
	for _, c := range []Compression{LZ4, ZLib, ZStd, Snappy} {
		hooks = append(hooks, &hook{f, true, BatchByBucket, c}, &hook{f, false, BatchAny, c})
	}
	return hooks
}

// String is the mode in the words of ProducerConfig.
func (h *hook) String() string {
	words := []string{"batching none"}
	if h.batching != BatchNone {
		words[0] = "batching by " + string(h.batching)
	}
	if h.batching == BatchAny {
		words[0] = "batching of any keys"
	}
	if !h.flag {
		words = append(words, "text keys")
	}
	if h.compression != NoCompression {
		words = append(words, string(h.compression))
	}
	return strings.Join(words, ", ")
}

type setFields = map[protoreflect.Name]any

// checkMessages are what the mode may find in one batch.
func (h *hook) checkMessages() []setFields {
	value := int32(len(checkValue))
	switch h.batching {
	case BatchByKey:
		return []setFields{
			{"partition_key": "AgQ=", "payload_size": value, "sequence_id": uint64(7)},
			{"partition_key": "AgQ=", "payload_size": int32(0), "null_value": true},
		}
	case BatchByBucket:
		return []setFields{
			{"partition_key": "AgQ=", "payload_size": value, "ordering_key": []byte("17")},
			{"partition_key": "BgQ=", "payload_size": value, "ordering_key": []byte("17")},
		}
	case BatchAny:
		return []setFields{
			{"partition_key": "AgQ=", "payload_size": value},
			{"payload_size": value},
			{"partition_key": "BgQ=", "payload_size": value},
		}
	}
	return []setFields{{"partition_key": "AgQ=", "payload_size": value}}
}

// checkValue repeats itself, so that every compression makes it smaller.
var checkValue = bytes.Repeat([]byte("value"), 20)

func (h *hook) check() error {
	// The metadata's type is in an internal package: take it from the function
	// that the library itself calls.
	supplier := reflect.ValueOf(crypto.NewMessageMetadataSupplier)
	if supplier.Kind() != reflect.Func || supplier.Type().NumIn() != 1 || supplier.Type().In(0).Kind() != reflect.Pointer {
		return changed("NewMessageMetadataSupplier is another function")
	}
	pointer := reflect.New(supplier.Type().In(0).Elem())
	metadata, ok := pointer.Interface().(proto.Message)
	if !ok {
		return changed("%v is no protobuf message", pointer.Type())
	}
	singles, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		return changed("%w", err)
	}

	// The batch, and what is to come out.
	messages := h.checkMessages()
	var batch []byte
	var want []proto.Message
	added := 0
	for _, fields := range messages {
		m := singles.New()
		if err := set(m, fields); err != nil {
			return err
		}
		meta, err := proto.Marshal(m.Interface())
		if err != nil {
			return changed("%w", err)
		}
		batch = append(binary.BigEndian.AppendUint32(batch, uint32(len(meta))), meta...)
		batch = append(batch, checkValue[:fields["payload_size"].(int32)]...)
		if _, keyed := fields["partition_key"]; keyed && h.flag {
			if err := set(m, setFields{"partition_key_b64_encoded": true}); err != nil {
				return err
			}
			added += 2 // a tag below 16 and the number 1
		}
		want = append(want, m.Interface())
	}
	if err := set(metadata.ProtoReflect(), setFields{
		"partition_key": "AgQ=", "num_messages_in_batch": int32(len(messages)), "uncompressed_size": uint32(len(batch)),
	}); err != nil {
		return err
	}
	wantMetadata := proto.Clone(metadata)
	if err := set(wantMetadata.ProtoReflect(), setFields{"uncompressed_size": uint32(len(batch) + added)}); err != nil {
		return err
	}
	if h.flag {
		if err := set(wantMetadata.ProtoReflect(), setFields{"partition_key_b64_encoded": true}); err != nil {
			return err
		}
	}
	if key, ok := messages[0]["ordering_key"]; ok {
		if err := set(wantMetadata.ProtoReflect(), setFields{"ordering_key": key}); err != nil {
			return err
		}
	}
	if h.compression != NoCompression {
		if err := set(wantMetadata.ProtoReflect(), setFields{"compression": protoreflect.EnumNumber(compressions[h.compression].number)}); err != nil {
			return err
		}
	}

	s, ok := supplier.Call([]reflect.Value{pointer})[0].Interface().(crypto.MessageMetadataSupplier)
	if !ok {
		return changed("NewMessageMetadataSupplier returns another type")
	}
	out, err := h.Encrypt(nil, h, s, batch)
	if err != nil {
		return err
	}
	if !proto.Equal(metadata, wantMetadata) {
		return changed("the metadata reads back as %v", metadata)
	}
	if out, err = decompress(h.compression, out, len(batch)+added); err != nil {
		return changed("the batch cannot be decompressed: %w", err)
	}
	for i, w := range want {
		if len(out) < 4 || uint64(binary.BigEndian.Uint32(out)) > uint64(len(out)-4) {
			return changed("message %d of the batch is malformed", i)
		}
		size := binary.BigEndian.Uint32(out)
		got := singles.New().Interface()
		if err := proto.Unmarshal(out[4:4+size], got); err != nil {
			return changed("message %d of the batch: %w", i, err)
		}
		value := checkValue[:messages[i]["payload_size"].(int32)]
		if !proto.Equal(got, w) || !bytes.HasPrefix(out[4+size:], value) {
			return changed("message %d of the batch reads back as %v", i, got)
		}
		out = out[4+int(size)+len(value):]
	}
	if len(out) > 0 {
		return changed("%d bytes after the batch", len(out))
	}
	return nil
}

// decompress is what a consumer does, with size from the metadata.
func decompress(c Compression, data []byte, size int) ([]byte, error) {
	switch c {
	case LZ4:
		out := make([]byte, size)
		n, err := lz4.UncompressBlock(data, out)
		return out[:max(0, n)], err
	case ZLib:
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		_, err = out.ReadFrom(r)
		return out.Bytes(), err
	case ZStd:
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.DecodeAll(data, nil)
	case Snappy:
		return snappy.Decode(nil, data)
	}
	return data, nil
}

func set(m protoreflect.Message, fields setFields) error {
	for name, v := range fields {
		fd := m.Descriptor().Fields().ByName(name)
		if fd == nil {
			return changed("%s has no field %s", m.Descriptor().FullName(), name)
		}
		m.Set(fd, protoreflect.ValueOf(v))
	}
	return nil
}
