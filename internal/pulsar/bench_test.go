// This file measures the way of a message to a real broker:
//
//	go test -run '^$' -bench Publish -benchtime 500000x ./internal/pulsar

package pulsar_test

import (
	"encoding/binary"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const benchKeys = 200_000

// BenchmarkPublish sends messages like the agent's, about 100 bytes with their
// properties, and reports messages per second and the CPU seconds of this
// process, not of the broker, per million.
func BenchmarkPublish(b *testing.B) {
	service, _ := broker(b)
	for _, mode := range []struct {
		name string
		cfg  pulsar.ProducerConfig
	}{
		{"none", pulsar.ProducerConfig{}},
		{"key", pulsar.ProducerConfig{Batching: pulsar.BatchByKey}},
		{"bucket", pulsar.ProducerConfig{Batching: pulsar.BatchByBucket}},
		{"bucket-10ms", pulsar.ProducerConfig{Batching: pulsar.BatchByBucket, BatchDelay: 10 * time.Millisecond}},
		{"bucket-10ms-10000-pending", pulsar.ProducerConfig{Batching: pulsar.BatchByBucket, BatchDelay: 10 * time.Millisecond, MaxPending: 10_000}},
		{"bucket-10ms-10000-pending-LZ4", pulsar.ProducerConfig{Batching: pulsar.BatchByBucket, BatchDelay: 10 * time.Millisecond, MaxPending: 10_000, Compression: pulsar.LZ4}},
		{"any", pulsar.ProducerConfig{Batching: pulsar.BatchAny}},
		{"any-10ms-LZ4", pulsar.ProducerConfig{Batching: pulsar.BatchAny, BatchDelay: 10 * time.Millisecond, Compression: pulsar.LZ4}},
		{"any-10ms-ZSTD", pulsar.ProducerConfig{Batching: pulsar.BatchAny, BatchDelay: 10 * time.Millisecond, Compression: pulsar.ZStd}},
	} {
		b.Run(mode.name, func(b *testing.B) {
			c := connect(b, service)
			cfg := mode.cfg
			cfg.Topic, cfg.Schema = newTopic(b), tableSchema("c int")
			if cfg.MaxPending == 0 {
				cfg.MaxPending = 1000
			}
			p, err := c.Producer(within(b, time.Minute), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			value := make([]byte, 60)
			var failed atomic.Pointer[error]
			before := cpu(b)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				key := binary.BigEndian.AppendUint64(nil, uint64(i)*0x9E3779B97F4A7C15%benchKeys)
				p.Send(b.Context(), &pulsar.Message{
					Key: key, Value: value,
					Properties: map[string]string{"segpos": "1700000000000:123456", "token": "-1234567890123456789", "writetime": "1700000000000000"},
				}, func(_ pulsar.Receipt, err error) {
					if err != nil {
						failed.Store(&err)
					}
				})
			}
			if err := p.Flush(within(b, 5*time.Minute)); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := failed.Load(); err != nil {
				b.Fatal(*err)
			}
			n := float64(b.N)
			b.ReportMetric(n/b.Elapsed().Seconds(), "msg/s")
			b.ReportMetric((cpu(b)-before).Seconds()/n*1e6, "cpu-s/million")
		})
	}
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
