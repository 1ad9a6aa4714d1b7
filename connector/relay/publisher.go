// Rows on their way to Pulsar's sink, and their acknowledgements.

package relay

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// ErrRefused is a record that Pulsar's sink could not publish. The sink does not say
// why to the source.
var ErrRefused = errors.New("the sink of Pulsar could not publish the record; the log of the instance has its reason")

// Publisher writes rows to the launcher. It is safe for concurrent use.
type Publisher struct {
	writing sync.Mutex
	out     *bufio.Writer
	buf     []byte
	schemas map[numbered]int32
	written int64 // number of the next record
	err     error // why nothing can be written any more

	dirty chan struct{} // wakes the flush

	mu      sync.Mutex
	waiting map[int64]func(error) // by the record's number
}

// numbered is a schema together with the topic that its records are for.
type numbered struct {
	topic  string
	schema *registry.Schema
}

// NewPublisher returns a publisher that writes to the launcher.
func NewPublisher(launcher io.Writer) *Publisher {
	return &Publisher{
		out:     bufio.NewWriterSize(launcher, 1<<16),
		schemas: map[numbered]int32{}, dirty: make(chan struct{}, 1), waiting: map[int64]func(error){},
	}
}

// Topic is a data topic, whose rows go to the launcher.
type Topic struct {
	publisher *Publisher
	name      string
}

// Topic is the data topic of that name; "" is the destination that the source has.
func (p *Publisher) Topic(name string) Topic { return Topic{p, name} }

// Publish hands a row to the launcher. done is called when Pulsar has persisted it, or
// refused it; never when the launcher ends before, and the program with it.
func (t Topic) Publish(_ context.Context, m pipeline.Message, done func(error)) {
	p := t.publisher
	if err := p.write(t.name, m, done); err != nil {
		done(err)
		return
	}
	p.flushSoon()
}

func (p *Publisher) flushSoon() {
	select {
	case p.dirty <- struct{}{}:
	default: // a flush is due already
	}
}

// Record hands an observation for a user metric of the source to the launcher. What cannot
// be written is dropped: a row will tell.
func (p *Publisher) Record(name string, value float64) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.err != nil {
		return
	}
	b := appendText(append(p.buf[:0], 'M'), name)
	p.buf = binary.BigEndian.AppendUint64(b, math.Float64bits(value))
	if _, err := p.out.Write(p.buf); err != nil {
		p.err = fmt.Errorf("hand a user metric to Pulsar's launcher: %w", err)
	}
	p.flushSoon()
}

// write puts the record, and its schema before the first time, into the buffer. The
// record waits from before it is written: its acknowledgement may be fast.
func (p *Publisher) write(topic string, m pipeline.Message, done func(error)) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.err != nil {
		return p.err
	}
	b := p.buf[:0]
	schema, known := p.schemas[numbered{topic, m.Schema}]
	if !known {
		schema = int32(len(p.schemas))
		var err error
		if b, err = appendSchema(b, schema, topic, m.Schema); err != nil {
			return err
		}
		p.schemas[numbered{topic, m.Schema}] = schema
	}
	number := p.written
	p.written++
	p.wait(number, done)

	b = binary.BigEndian.AppendUint32(append(b, 'R'), uint32(schema))
	b = binary.BigEndian.AppendUint64(b, uint64(number))
	b = appendBytes(appendBytes(b, m.Key), m.Value)
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Properties)))
	for _, name := range slices.Sorted(maps.Keys(m.Properties)) {
		b = appendText(appendText(b, name), m.Properties[name])
	}
	p.buf = b
	if _, err := p.out.Write(b); err != nil {
		p.err = fmt.Errorf("hand a row to Pulsar's launcher: %w", err)
		p.taken(number)
		return p.err
	}
	return nil
}

func appendSchema(b []byte, number int32, topic string, s *registry.Schema) ([]byte, error) {
	parts := []registry.Part{{Name: s.Name, Type: s.Type, Schema: string(s.Data)}}
	if s.Type == registry.KeyValueType {
		key, value, err := s.Split()
		if err != nil {
			return b, err
		}
		parts = []registry.Part{key, value}
	}
	b = binary.BigEndian.AppendUint32(append(b, 'S'), uint32(number))
	b = append(appendText(b, topic), byte(len(parts)))
	for _, part := range parts {
		b = appendText(appendText(b, string(part.Type)), part.Name)
		b = appendText(b, part.Schema)
	}
	return b, nil
}

// Fail tells the launcher why the program is about to end, so that the status of the
// source shows it.
func (p *Publisher) Fail(reason string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = p.out.Write(appendText([]byte{'F'}, reason))
	_ = p.out.Flush() // a launcher that is gone needs no reason
}

// Flush writes out what is buffered whenever there is something, until ctx ends.
func (p *Publisher) Flush(ctx context.Context) {
	for {
		select {
		case <-p.dirty:
		case <-ctx.Done():
			return
		}
		p.writing.Lock()
		if err := p.out.Flush(); err != nil && p.err == nil {
			p.err = fmt.Errorf("hand rows to Pulsar's launcher: %w", err)
		}
		p.writing.Unlock()
	}
}

// Acknowledge reads the launcher's answers until its stream ends, which says that the
// program has to leave, and returns nil then.
func (p *Publisher) Acknowledge(launcher io.Reader) error {
	in := bufio.NewReader(launcher)
	var b [8]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return fmt.Errorf("read the launcher's acknowledgements: %w", err)
		}
		number, refused := int64(binary.BigEndian.Uint64(b[:])), error(nil)
		if number < 0 {
			number, refused = -1-number, ErrRefused
		}
		done := p.taken(number)
		if done == nil {
			return fmt.Errorf("the launcher acknowledges record %d, which is not on its way", number)
		}
		done(refused)
	}
}

func (p *Publisher) wait(number int64, done func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[number] = done
}

// taken takes a record off those that wait.
func (p *Publisher) taken(number int64) func(error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.waiting[number]
	delete(p.waiting, number)
	return done
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// appendBytes writes nil as null.
func appendBytes(b, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(b, math.MaxUint32)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}
