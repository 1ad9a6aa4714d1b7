// This file tells the broker how many messages a batch has where the client
// library would say one: in the command that carries it. The broker's counters,
// its rate limits and the index of an entry count by it.

package pulsar

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	client "github.com/apache/pulsar-client-go/pulsar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// commands finds, by the metadata that the hook gets, the command that goes out
// with it. Both belong to a partition's batch container in the library, as long as
// the producer lives.
type commands struct {
	inner client.Producer
	known sync.Map // of metadata's address, to the BaseCommand
}

// prove returns an error where the library keeps its commands otherwise.
func (c *commands) prove() error {
	return c.each(func(unsafe.Pointer, protoreflect.Message) {})
}

func (c *commands) of(metadata unsafe.Pointer) (protoreflect.Message, error) {
	if m, ok := c.known.Load(metadata); ok {
		return m.(protoreflect.Message), nil
	}
	if err := c.each(func(metadata unsafe.Pointer, m protoreflect.Message) { c.known.Store(metadata, m) }); err != nil {
		return nil, err
	}
	m, ok := c.known.Load(metadata)
	if !ok {
		return nil, changed("no command belongs to a batch")
	}
	return m.(protoreflect.Message), nil
}

// each visits the partitions. Their batch containers are made before a partition
// is listed, and stay.
func (c *commands) each(visit func(metadata unsafe.Pointer, command protoreflect.Message)) error {
	list, err := field(reflect.ValueOf(c.inner), "producers")
	if err != nil {
		return err
	}
	if list.Type() != reflect.TypeFor[atomic.Value]() {
		return changed("a producer keeps its partitions in a %v", list.Type())
	}
	partitions, ok := (*atomic.Value)(unsafe.Pointer(list.UnsafeAddr())).Load().([]client.Producer)
	if !ok {
		return changed("the partitions of a producer are of another type")
	}
	for _, partition := range partitions {
		builder, err := field(reflect.ValueOf(partition), "batchBuilder")
		if err != nil {
			return err
		}
		metadata, err := field(builder, "msgMetadata")
		if err != nil {
			return err
		}
		command, err := field(builder, "cmdSend")
		if err != nil {
			return err
		}
		if metadata.Kind() != reflect.Pointer || command.Kind() != reflect.Pointer || command.IsNil() {
			return changed("a batch has no pointer to its command")
		}
		m, ok := reflect.NewAt(command.Type().Elem(), command.UnsafePointer()).Interface().(proto.Message)
		if !ok || m.ProtoReflect().Descriptor().FullName() != "pulsar.proto.BaseCommand" {
			return changed("the command of a batch is a %v", command.Type())
		}
		visit(metadata.UnsafePointer(), m.ProtoReflect())
	}
	return nil
}

// field is the field of the struct that v points to.
func field(v reflect.Value, name string) (reflect.Value, error) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return reflect.Value{}, changed("no %s", name)
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, changed("a %v in place of a struct with %s", v.Kind(), name)
	}
	f := v.FieldByName(name)
	if !f.IsValid() {
		return reflect.Value{}, changed("%v has no field %s", v.Type(), name)
	}
	return f, nil
}
