// What the pipeline itself costs an event, without readback and without a broker.

package pipeline_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// bench is a pipeline's other sides, which take no time: three replicas' events of each
// mutation, over so many keys.
type bench struct {
	keys    int
	version *readback.Version
	events  int64
	sent    int64
	acked   atomic.Int64
	reads   atomic.Int64
	done    chan struct{}
	values  [][]byte
}

var benchNodes = [3]string{"n1", "n2", "n3"}

func (b *bench) Receive(ctx context.Context) (*pipeline.Event, error) {
	if b.sent == b.events {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	i := b.sent
	b.sent++
	mutation := i / 3
	key := binary.BigEndian.AppendUint64(nil, uint64(mutation%int64(b.keys)))
	return &pipeline.Event{
		Key: key, ID: fmt.Sprint(i), NodeID: benchNodes[i%3], Digest: fmt.Sprint(mutation), Size: 100,
		Properties: event.Properties{WriteTime: mutation, Operation: event.Update},
	}, nil
}

func (b *bench) Ack(*pipeline.Event) error {
	if b.acked.Add(1) == b.events {
		close(b.done)
	}
	return nil
}

func (b *bench) Read(_ context.Context, r readback.Request) (readback.Row, error) {
	b.reads.Add(1)
	return readback.Row{Version: b.version, Key: r.Key, Values: b.values, Fresh: true, Coordinator: r.NodeID}, nil
}

func (b *bench) Publish(_ context.Context, _ pipeline.Message, done func(error)) { done(nil) }
func (b *bench) Bury(context.Context, *pipeline.Event, error) error              { return nil }

func BenchmarkPipeline(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int
	}{{"keys=1", 1}, {"keys=100", 100}, {"keys=1000000", 1000000}} {
		b.Run(c.name, func(b *testing.B) {
			f := &bench{keys: c.keys, version: version(b), events: int64(b.N), done: make(chan struct{}), values: [][]byte{[]byte("v")}}
			ctx, stop := context.WithCancel(b.Context())
			b.ReportAllocs()
			b.ResetTimer()
			ended := make(chan error, 1)
			go func() {
				ended <- pipeline.New(pipeline.Config{Source: f, Reader: f, Publisher: f, DeadLetters: f, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
			}()
			<-f.done
			b.StopTimer()
			b.ReportMetric(float64(f.reads.Load())/float64(b.N), "reads/op")
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}
