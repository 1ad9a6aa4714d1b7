// This file runs producers and consumers against a real broker.

package pulsar_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/log"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, service string) *pulsar.Client {
	t.Helper()
	c, err := pulsar.Connect(within(t, time.Minute), pulsar.Config{ServiceURL: service, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newTopic(t testing.TB) string {
	return fmt.Sprintf("persistent://public/default/%s-%x", strings.ReplaceAll(t.Name(), "/", "-"), rand.Uint64())
}

func call(t testing.TB, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, time.Minute), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %s %v", method, url, resp.Status, b, err)
	}
	return string(b)
}

// tableSchema is what the connector registers for a table with the primary key
// (a text, b int) and the given regular columns, "name type".
func tableSchema(columns ...string) *registry.Schema {
	var fields []string
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null",%q],"default":null}`, name, typ))
	}
	const head = `{"type":"record","name":"t","namespace":"ks","doc":"Table ks.t","fields":[`
	return registry.KeyValue(
		registry.Part{Name: "t", Type: registry.Avro, Schema: head + `{"name":"a","type":"string"},{"name":"b","type":["null","int"],"default":null}]}`},
		registry.Part{Name: "t", Type: registry.Avro, Schema: head + strings.Join(fields, ",") + `]}`},
	)
}

// ledger keeps the outcome of each message, by its number.
type ledger struct {
	mu       sync.Mutex
	calls    []int
	order    []int
	receipts []pulsar.Receipt
	errs     []error
}

func newLedger(n int) *ledger {
	return &ledger{calls: make([]int, n), receipts: make([]pulsar.Receipt, n), errs: make([]error, n)}
}

func (l *ledger) done(i int) func(pulsar.Receipt, error) {
	return func(r pulsar.Receipt, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.calls[i]++
		l.receipts[i] = r
		l.order = append(l.order, i)
		l.errs[i] = err
	}
}

func receive(t *testing.T, c *pulsar.Consumer, n int) []*pulsar.Delivery {
	t.Helper()
	ctx := within(t, time.Minute)
	var got []*pulsar.Delivery
	for range n {
		d, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(got), n, err)
		}
		got = append(got, d)
	}
	return got
}

// Keys that are not UTF-8, a delete, an empty value and two schemas on one
// producer arrive as they were sent.
func TestKeyValue(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	first, second := tableSchema("c int"), tableSchema("c int", "d string")
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Name: "the-name", Schema: first})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Name() != "the-name" {
		t.Errorf("the producer is called %q", p.Name())
	}

	sub := pulsar.ConsumerConfig{Topic: topic, Subscription: "s", Type: pulsar.KeyShared}
	key := []byte{0x06, 0xc3, 0xa9, 0x30, 0x02, 0x90, 0x03} // "é0", 200
	messages := []*pulsar.Message{
		{Key: key, Value: []byte{2, 2}, Properties: map[string]string{"writetime": "17"}},
		{Key: key, Value: []byte{2, 4, 0}, Schema: second},
		{Key: key},
		{Key: key, Value: []byte{}},
		{Key: []byte{0xff}, Value: []byte{0}, Schema: first},
	}
	versions := []int64{0, 1, 0, 0, 0}
	l := newLedger(len(messages))
	for i, m := range messages {
		p.Send(t.Context(), m, l.done(i))
	}
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.errs...); err != nil || fmt.Sprint(l.calls, l.order) != "[1 1 1 1 1] [0 1 2 3 4]" {
		t.Fatalf("calls %v in order %v: %v", l.calls, l.order, err)
	}

	consumer, err := c.Subscribe(within(t, time.Minute), sub)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range receive(t, consumer, len(messages)) {
		m := messages[i]
		if !bytes.Equal(d.Key, m.Key) || !bytes.Equal(d.Value, m.Value) || d.Null != (m.Value == nil) || (d.Value == nil) != d.Null ||
			d.SchemaVersion != versions[i] || len(d.Properties) != len(m.Properties) || d.Properties["writetime"] != m.Properties["writetime"] || d.Redeliveries != 0 {
			t.Errorf("message %d: got %+v, want %+v version %d", i, d, m, versions[i])
		}
		if err := consumer.Ack(d); err != nil {
			t.Error(err)
		}
	}
	consumer.Close()
	consumer.Close()

	// What was acknowledged does not come again: the next one is new.
	p.Send(t.Context(), &pulsar.Message{Key: []byte("last"), Value: []byte{0}}, func(pulsar.Receipt, error) {})
	consumer, err = c.Subscribe(within(t, time.Minute), sub)
	if err != nil {
		t.Fatal(err)
	}
	if d := receive(t, consumer, 1)[0]; string(d.Key) != "last" {
		t.Errorf("received %q again", d.Key)
	}

	// The registry holds what was presented to it.
	local := strings.TrimPrefix(topic, "persistent://")
	want, err := second.RESTData()
	if err != nil {
		t.Fatal(err)
	}
	if got := call(t, "GET", admin+"/admin/v2/schemas/"+local+"/schema/1", ""); !strings.Contains(got, fmt.Sprintf("%q", want)) {
		t.Errorf("the registry has %s, want %s", got, want)
	}

	// The entries as the broker stored them: one message each, flagged in both
	// places.
	for i, m := range messages {
		r := l.receipts[i]
		resp, err := http.Get(fmt.Sprintf("%s/admin/v2/persistent/%s/ledger/%d/entry/%d", admin, local, r.Ledger, r.Entry))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if h := resp.Header; h.Get("X-Pulsar-Num-Batch-Message") != "1" || h.Get("X-Pulsar-Partition-Key-B64-Encoded") != "true" {
			t.Errorf("message %d: %s %v %q", i, resp.Status, h, body)
			continue
		}
		got := storedMessage(t, body)
		if key := base64.StdEncoding.EncodeToString(m.Key); got["partition_key"] != key || got["partition_key_b64_encoded"] != "true" || got["null_value"] != fmt.Sprint(m.Value == nil) {
			t.Errorf("message %d is stored as %v", i, got)
		}
	}
}

// storedMessage is the metadata of the one message of a batch.
func storedMessage(t *testing.T, batch []byte) map[string]string {
	t.Helper()
	mt, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		t.Fatal(err)
	}
	m := mt.New()
	if err := proto.Unmarshal(batch[4:4+binary.BigEndian.Uint32(batch)], m.Interface()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		got[string(fd.Name())] = fmt.Sprint(m.Get(fd))
	}
	return got
}

// Java's agent may send batches. A part of one that is acknowledged does not
// lose the rest, and when all of it is, none of it comes again, although this
// broker does not keep acknowledgements within a batch.
func TestBatchOfAnotherProducer(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	topic := newTopic(t)
	other, err := client.NewClient(client.ClientOptions{URL: service, Logger: log.DefaultNopLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p, err := other.CreateProducer(client.ProducerOptions{Topic: topic, BatchingMaxMessages: 3, BatchingMaxPublishDelay: time.Minute, SendTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	send := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			p.SendAsync(t.Context(), &client.ProducerMessage{Key: k, Payload: []byte(k)}, func(_ client.MessageID, _ *client.ProducerMessage, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := p.FlushWithCtx(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	send("AA==", "not base64", "AQ==")

	c := connect(t, service)
	sub := pulsar.ConsumerConfig{Topic: topic, Subscription: "s", Type: pulsar.Shared}
	subscribe := func() *pulsar.Consumer {
		t.Helper()
		consumer, err := c.Subscribe(within(t, time.Minute), sub)
		if err != nil {
			t.Fatal(err)
		}
		return consumer
	}
	ack := func(consumer *pulsar.Consumer, d *pulsar.Delivery) {
		t.Helper()
		if err := consumer.Ack(d); err != nil {
			t.Error(err)
		}
	}
	consumer := subscribe()
	got := receive(t, consumer, 3)
	for i, want := range []pulsar.Delivery{
		{Key: []byte{0}, KeyText: "AA=="}, {KeyText: "not base64"}, {Key: []byte{1}, KeyText: "AQ=="},
	} {
		d := got[i]
		if !bytes.Equal(d.Key, want.Key) || d.KeyText != want.KeyText || string(d.Value) != want.KeyText || d.SchemaVersion != -1 || !strings.HasSuffix(d.ID, fmt.Sprintf(":0:%d", i)) {
			t.Errorf("message %d: %+v", i, d)
		}
	}
	ack(consumer, got[0])
	ack(consumer, got[1])
	consumer.Close()

	consumer = subscribe()
	for {
		d := receive(t, consumer, 1)[0]
		ack(consumer, d)
		if d.KeyText == "AQ==" {
			break
		}
	}
	consumer.Close()

	send("Ag==")
	consumer = subscribe()
	if d := receive(t, consumer, 1)[0]; d.KeyText != "Ag==" {
		t.Errorf("received %+v again", d)
	}
}

// A refused schema fails its message alone and says why.
func TestIncompatibleSchema(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	good, bad := tableSchema("c int"), tableSchema("c string")
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: good})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l := newLedger(3)
	for i, s := range []*registry.Schema{good, bad, good} {
		p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: []byte{0}, Schema: s}, l.done(i))
	}
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if l.errs[0] != nil || l.errs[2] != nil || p.Err() != nil {
		t.Errorf("the messages around failed: %v, %v; producer: %v", l.errs[0], l.errs[2], p.Err())
	}
	_, made := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: bad})
	for _, err := range []error{l.errs[1], made} {
		var refused *pulsar.SchemaError
		if !errors.As(err, &refused) {
			t.Fatalf("got %T %v", err, err)
		}
		t.Log(err)
		if refused.Topic != topic || refused.Schema != bad || !strings.Contains(refused.Reason, "ncompatible") {
			t.Errorf("got %+v", refused)
		}
	}
}

func TestNameAndSubscriptionInUse(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Name: "n"}); !errors.Is(err, pulsar.ErrProducerBusy) {
		t.Errorf("second producer of one name: %v", err)
	}
	sub := pulsar.ConsumerConfig{Topic: topic, Subscription: "s"}
	consumer, err := c.Subscribe(within(t, time.Minute), sub)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	if _, err := c.Subscribe(within(t, time.Minute), sub); !errors.Is(err, pulsar.ErrConsumerBusy) {
		t.Errorf("second consumer of an exclusive subscription: %v", err)
	}
}

// Every message goes where Route says, on a topic with partitions.
func TestRoute(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	local := strings.TrimPrefix(topic, "persistent://")
	if n, err := c.Partitions(within(t, time.Minute), topic); n != 1 || err != nil {
		t.Errorf("a topic that is not there: %d, %v", n, err)
	}
	call(t, "PUT", admin+"/admin/v2/persistent/"+local+"/partitions", "3")
	if n, err := c.Partitions(within(t, time.Minute), topic); n != 3 || err != nil {
		t.Errorf("partitions: %d, %v", n, err)
	}
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{
		Topic: topic, Schema: tableSchema("c int"),
		Route: func(m *pulsar.Message, n int) int { return int(m.Token) % n },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const n = 60
	var mu sync.Mutex
	for i := range n {
		p.Send(t.Context(), &pulsar.Message{Key: []byte{byte(i)}, Value: []byte{0}, Token: int64(i)}, func(r pulsar.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil || r.Partition != i%3 {
				t.Errorf("message %d: %v %v", i, r, err)
			}
		})
	}
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// When the broker gives a producer up, every message is accounted for once and
// the producer says that it is dead.
func TestTopicTerminated(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: tableSchema("c int"), MaxPending: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: []byte{0}}, func(_ pulsar.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	// Not while messages are being written: the broker can then leave the topic
	// fenced for good, and asks its producers to try again.
	call(t, "POST", admin+"/admin/v2/persistent/"+strings.TrimPrefix(topic, "persistent://")+"/terminate", "")
	ctx := within(t, time.Minute)
	var mu sync.Mutex
	sent, done, failed := 0, 0, 0
	for p.Err() == nil && ctx.Err() == nil {
		sent++
		p.Send(ctx, &pulsar.Message{Key: []byte("k"), Value: []byte{0}}, func(_ pulsar.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			done++
			if err != nil {
				failed++
			}
		})
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(p.Err(), pulsar.ErrTopicTerminated) {
		t.Errorf("the producer's error: %v", p.Err())
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("%d sent, %d failed", sent, failed)
	if done != sent || failed == 0 {
		t.Errorf("%d sent, %d accounted for, %d failed", sent, done, failed)
	}
}

// Close in the middle of sending fails what is left, once each.
func TestCloseWhileSending(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	c := connect(t, service)
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: newTopic(t), Schema: tableSchema("c int"), MaxPending: 10})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	counts := map[int]int{}
	sent := 0
	halfway := make(chan struct{})
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-halfway
		p.Close()
		p.Close()
	}()
	var last error
	for p.Err() == nil || sent < 200 {
		i := sent
		sent++
		if i == 100 {
			close(halfway)
		}
		p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: []byte{0}}, func(_ pulsar.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			counts[i]++
			last = err
		})
	}
	<-closed
	mu.Lock()
	defer mu.Unlock()
	if len(counts) != sent {
		t.Errorf("%d of %d messages accounted for", len(counts), sent)
	}
	for i, n := range counts {
		if n != 1 {
			t.Errorf("message %d: %d calls", i, n)
		}
	}
	if last != nil && !errors.Is(last, pulsar.ErrClosed) {
		t.Errorf("the last error: %v", last)
	}
	calls := 0
	p.Send(t.Context(), &pulsar.Message{Key: []byte("k")}, func(_ pulsar.Receipt, err error) {
		if calls++; !errors.Is(err, pulsar.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
	if calls != 1 {
		t.Errorf("after Close: %d calls", calls)
	}
}

// While the broker is away messages wait, and a schema that could not be
// registered is not a refused one; when it is back everything goes on.
func TestBrokerRestart(t *testing.T) {
	t.Parallel()
	e := envtest.ForTest(t)
	b, err := e.StartPulsar(within(t, 5*time.Minute), env.PulsarOptions{WithoutFunctions: true, ZooKeeper: true})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, b.ServiceURL())
	topic := newTopic(t)
	schema := tableSchema("c int")
	consumer, err := c.Subscribe(within(t, time.Minute), pulsar.ConsumerConfig{Topic: topic, Subscription: "s", Type: pulsar.KeyShared})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Name: "n", Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const n = 30
	l := newLedger(n)
	send := func(from, to int) {
		for i := from; i < to; i++ {
			p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Value: []byte{byte(i)}}, l.done(i))
		}
	}
	send(0, 10)
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	b.Kill()
	send(10, 20)
	failed := make(chan error, 1)
	p.Send(t.Context(), &pulsar.Message{Key: []byte("k"), Schema: tableSchema("c int", "d int")}, func(_ pulsar.Receipt, err error) { failed <- err })
	if err := <-failed; !errors.Is(err, pulsar.ErrUnreachable) {
		t.Errorf("a new schema while the broker is away: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush while the broker is away: %v", err)
	}
	if err := b.Start(within(t, 5*time.Minute)); err != nil {
		t.Fatal(err)
	}
	send(20, n)
	if err := p.Flush(within(t, 2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.errs...); err != nil || p.Err() != nil {
		t.Errorf("messages: %v; producer: %v", err, p.Err())
	}
	ctx := within(t, 2*time.Minute)
	for next := 0; next < n; {
		d, err := consumer.Receive(ctx)
		if err != nil {
			t.Fatalf("waiting for message %d: %v", next, err)
		}
		// What was not acknowledged before the broker went away comes again.
		if got := int(d.Value[0]); got == next {
			next++
		} else if got > next {
			t.Fatalf("message %d came before %d", got, next)
		}
	}
}
