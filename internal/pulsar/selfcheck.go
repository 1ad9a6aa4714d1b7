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
	"unsafe"

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
	for _, m := range checkedModes(f) {
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("%w (mode: %s)", err, m)
		}
	}
	return f, nil
})

// mode is one way of laying out and finishing batches.
type mode struct {
	*metadataFields
	layout      layout
	bucket      string
	compression Compression
}

// checkedModes are every layout, with ordering keys and without, and every
// compression.
func checkedModes(f *metadataFields) []mode {
	modes := []mode{{metadataFields: f, layout: layout{base64: true, sequenced: true}}}
	for c := range compressions {
		for _, base64 := range []bool{true, false} {
			for _, bucket := range []string{"", "17"} {
				modes = append(modes, mode{f, layout{base64: base64}, bucket, c})
			}
		}
	}
	return modes
}

// String is the mode in the words of ProducerConfig.
func (m mode) String() string {
	words := []string{"batching"}
	if m.bucket != "" {
		words[0] = "batching by bucket"
	}
	if m.layout.sequenced {
		words = append(words, "sequence ids")
	}
	if !m.layout.base64 {
		words = append(words, "text keys")
	}
	if m.compression != NoCompression {
		words = append(words, string(m.compression))
	}
	return strings.Join(words, ", ")
}

type setFields = map[protoreflect.Name]any

// checkValue repeats itself, so that every compression makes it smaller.
var checkValue = bytes.Repeat([]byte("value"), 20)

// checkMessages are a value, a delete and an empty value without a key.
var checkMessages = []*Message{
	{Key: []byte("AgQ="), Value: checkValue, Properties: map[string]string{"p": "v"}, Sequence: 7},
	{Key: []byte("BgQ="), Sequence: 8},
	{Value: []byte{}, Sequence: 9},
}

func (m mode) check() error {
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
	var types [3]protoreflect.MessageType
	for i, name := range []protoreflect.FullName{"pulsar.proto.SingleMessageMetadata", "pulsar.proto.KeyValue", "pulsar.proto.BaseCommand"} {
		var err error
		if types[i], err = protoregistry.GlobalTypes.FindMessageByName(name); err != nil {
			return changed("%w", err)
		}
	}
	single, pair, command := types[0], types[1], types[2].New()

	// The batch, and what is to come out.
	data := m.layout.begin(nil, checkMessages[0].Key, m.bucket, checkMessages[0])
	empty := len(data)
	var want []proto.Message
	for _, cm := range checkMessages {
		data = m.layout.add(data, cm.Key, m.bucket, cm)
		fields := setFields{"payload_size": int32(len(cm.Value))}
		if cm.Key != nil {
			fields["partition_key"] = string(cm.Key)
			if m.layout.base64 {
				fields["partition_key_b64_encoded"] = true
			}
		}
		if m.bucket != "" {
			fields["ordering_key"] = []byte(m.bucket)
		}
		if m.layout.sequenced {
			fields["sequence_id"] = uint64(cm.Sequence)
		}
		if cm.Value == nil {
			fields["null_value"] = true
		}
		w := single.New()
		if err := setAll(w, fields, cm.Properties, pair); err != nil {
			return err
		}
		want = append(want, w.Interface())
	}
	finish(data, len(want))
	size := len(data) - empty
	fields := setFields{"sequence_id": uint64(7), "partition_key": "AgQ=", "num_messages_in_batch": int32(len(want)), "uncompressed_size": uint32(size)}
	if m.layout.base64 {
		fields["partition_key_b64_encoded"] = true
	}
	if m.bucket != "" {
		fields["ordering_key"] = []byte(m.bucket)
	}
	if m.compression != NoCompression {
		fields["compression"] = protoreflect.EnumNumber(compressions[m.compression].number)
	}
	wantMetadata := metadata.ProtoReflect().New()
	if err := setAll(wantMetadata, fields, checkMessages[0].Properties, pair); err != nil {
		return err
	}

	// What the library gives to the hook, with what is left of the batch before.
	if err := set(metadata.ProtoReflect(), setFields{
		"sequence_id": uint64(7), "num_messages_in_batch": int32(1), "uncompressed_size": uint32(size + 100),
		"partition_key_b64_encoded": true, "ordering_key": []byte("16"),
	}); err != nil {
		return err
	}
	own := single.New()
	if err := set(own, setFields{"payload_size": int32(len(data)), "sequence_id": uint64(7)}); err != nil {
		return err
	}
	payload, err := proto.Marshal(own.Interface())
	if err != nil {
		return changed("%w", err)
	}
	payload = append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
	payload = append(payload, data...)

	s, ok := supplier.Call([]reflect.Value{pointer})[0].Interface().(crypto.MessageMetadataSupplier)
	if !ok {
		return changed("NewMessageMetadataSupplier returns another type")
	}
	h := &hook{m.metadataFields, m.compression, func(unsafe.Pointer) (protoreflect.Message, error) { return command, nil }}
	out, err := h.Encrypt(nil, h, s, payload)
	if err != nil {
		return err
	}
	if !proto.Equal(metadata, wantMetadata.Interface()) {
		return changed("the metadata reads back as %v", metadata)
	}
	if n := command.Get(h.send).Message().Get(h.sendSize).Int(); n != int64(len(want)) {
		return changed("the command counts %d messages", n)
	}
	if out, err = decompress(m.compression, out, size); err != nil {
		return changed("the batch cannot be decompressed: %w", err)
	}
	for i, w := range want {
		if len(out) < 4 || uint64(binary.BigEndian.Uint32(out)) > uint64(len(out)-4) {
			return changed("message %d of the batch is malformed", i)
		}
		size := binary.BigEndian.Uint32(out)
		got := single.New().Interface()
		if err := proto.Unmarshal(out[4:4+size], got); err != nil {
			return changed("message %d of the batch: %w", i, err)
		}
		if value := checkMessages[i].Value; !proto.Equal(got, w) || !bytes.HasPrefix(out[4+size:], value) {
			return changed("message %d of the batch reads back as %v", i, got)
		}
		out = out[4+int(size)+len(checkMessages[i].Value):]
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

// setAll sets the properties too, whose type is pair.
func setAll(m protoreflect.Message, fields setFields, properties map[string]string, pair protoreflect.MessageType) error {
	if err := set(m, fields); err != nil || len(properties) == 0 {
		return err
	}
	fd := m.Descriptor().Fields().ByName("properties")
	if fd == nil || !fd.IsList() {
		return changed("%s has no list of properties", m.Descriptor().FullName())
	}
	list := m.Mutable(fd).List()
	for k, v := range properties {
		p := pair.New()
		if err := set(p, setFields{"key": k, "value": v}); err != nil {
			return err
		}
		list.Append(protoreflect.ValueOfMessage(p))
	}
	return nil
}
