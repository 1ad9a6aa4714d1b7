// This file holds sequence ids against a broker that drops duplicates.

package pulsar_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// A window that is sent again, with what comes after it, is stored once.
func TestDeduplication(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	call(t, "PUT", admin+"/admin/v2/namespaces/public/dedup", "{}")
	call(t, "POST", admin+"/admin/v2/namespaces/public/dedup/deduplication", "true")
	c := connect(t, service)
	topic := strings.Replace(newTopic(t), "/default/", "/dedup/", 1)
	local := strings.TrimPrefix(topic, "persistent://")
	call(t, "PUT", admin+"/admin/v2/persistent/"+local+"/partitions", "2")
	cfg := pulsar.ProducerConfig{
		Topic: topic, Name: "the-name", Schema: tableSchema("c int"), Sequenced: true,
		Route: func(m *pulsar.Message, n int) int { return int(m.Sequence/10) % n },
	}
	// Ids have gaps, as those from positions in a log.
	send := func(p *pulsar.Producer, from, to int) (duplicates int) {
		t.Helper()
		l := newLedger(to)
		for i := from; i < to; i++ {
			p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: binary.BigEndian.AppendUint32(nil, uint32(i)), Sequence: int64(10 * i)}, l.done(i))
		}
		if err := p.Flush(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		for i := from; i < to; i++ {
			if l.calls[i] != 1 || l.errs[i] != nil {
				t.Fatalf("message %d: %d calls, %v", i, l.calls[i], l.errs[i])
			}
			if l.receipts[i].Ledger < 0 {
				duplicates++
			}
		}
		return duplicates
	}
	p := produce(t, c, cfg)
	if d := send(p, 0, 1500); d != 0 {
		t.Errorf("%d duplicates of what is new", d)
	}
	p.Close()
	p = produce(t, c, cfg)
	if d := send(p, 900, 2100); d != 600 {
		t.Errorf("%d duplicates of 600", d)
	}
	// An id that does not grow would be lost.
	for _, id := range []int64{20990, 5} {
		var got error
		p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: []byte("late"), Sequence: id}, func(_ pulsar.Receipt, err error) { got = err })
		if got == nil || !strings.Contains(got.Error(), "after 20990") {
			t.Errorf("sequence id %d: %v", id, got)
		}
	}
	// A message that fails after it was taken ends the producer: the broker
	// would drop it when it comes again after later ones.
	errs := make(chan error, 2)
	p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Schema: tableSchema("c string"), Sequence: 30000}, func(_ pulsar.Receipt, err error) { errs <- err })
	p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Sequence: 30010}, func(_ pulsar.Receipt, err error) { errs <- err })
	var refused *pulsar.SchemaError
	if first, second := <-errs, <-errs; !errors.As(first, &refused) || second == nil || p.Err() == nil {
		t.Errorf("after a failure: %v, %v, %v", first, second, p.Err())
	}
	p.Close()

	consumer, err := c.Subscribe(within(t, time.Minute), pulsar.ConsumerConfig{Topic: topic, Subscription: "s", Type: pulsar.Failover})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	next := []int{0, 1}
	for range 2100 {
		d := receive(t, consumer, 1)[0]
		i := int(binary.BigEndian.Uint32(d.Value))
		if next[i%2] != i {
			t.Fatalf("message %d came, %d was next", i, next[i%2])
		}
		next[i%2] += 2
	}
}

func TestProducerConfigFaults(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]pulsar.ProducerConfig{
		"need a producer name":      {Topic: "t", Sequenced: true},
		"sees one of a batch alone": {Topic: "t", Name: "n", Sequenced: true, Batching: pulsar.BatchByKey},
		`batching "keys"`:           {Topic: "t", Batching: "keys"},
		"needs a batching":          {Topic: "t", BatchDelay: time.Second},
		"needs batching by bucket":  {Topic: "t", Batching: pulsar.BatchAny, Buckets: 64},
		"is at most":                {Topic: "t", Batching: pulsar.BatchByBucket, Buckets: 1 << 20},
		`compression "LZO"`:         {Topic: "t", Compression: "LZO"},
		"max pending cannot be neg": {Topic: "t", MaxPending: -1},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	for _, cfg := range modes {
		cfg.Topic = "t"
		if err := cfg.Validate(); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestParseCompression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pulsar.Compression{"": "", "none": "", "lz4": pulsar.LZ4, "zstd": pulsar.ZStd, "ZLIB": pulsar.ZLib, "Snappy": pulsar.Snappy} {
		if got, err := pulsar.ParseCompression(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := pulsar.ParseCompression("lzo"); err == nil {
		t.Error("lzo is accepted")
	}
}
