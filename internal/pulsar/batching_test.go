// This file holds every way of batching and compressing against a real broker.

package pulsar_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/apache/pulsar-client-go/pulsar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

var modes = []pulsar.ProducerConfig{
	{},
	{Compression: pulsar.LZ4},
	{Batching: pulsar.BatchByKey},
	{Batching: pulsar.BatchByKey, Compression: pulsar.Snappy},
	{Batching: pulsar.BatchByBucket},
	{Batching: pulsar.BatchByBucket, Buckets: 3, Compression: pulsar.ZStd},
	{Batching: pulsar.BatchAny},
	{Batching: pulsar.BatchAny, Compression: pulsar.ZLib},
	{Batching: pulsar.BatchByBucket, TextKey: true, Compression: pulsar.LZ4},
	{Batching: pulsar.BatchByBucket, TextKey: true},
}

func modeName(cfg pulsar.ProducerConfig) string {
	return fmt.Sprintf("batching=%s,compression=%s,text=%v", cfg.Batching, cfg.Compression, cfg.TextKey)
}

func produce(t testing.TB, c *pulsar.Client, cfg pulsar.ProducerConfig) *pulsar.Producer {
	t.Helper()
	p, err := c.Producer(within(t, time.Minute), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Consumers see the same keys, flags, values, deletes, properties and schema
// versions in every mode, and those of one key in the order in which they were
// sent, also when the schema changes and changes back within a stream.
func TestModes(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connect(t, service)
	first, second := tableSchema("c int"), tableSchema("c int", "d string")
	const n, keys = 300, 7
	messages := make([]*pulsar.Message, n)
	versions := make([]int64, n)
	for i := range messages {
		m := &pulsar.Message{
			Key:        []byte{0x06, 0xc3, 0xa9, 0x30, 0x02, 0x90, byte(i % keys)},
			Value:      binary.BigEndian.AppendUint32(bytes.Repeat([]byte("value"), i%50), uint32(i)),
			Properties: map[string]string{"writetime": fmt.Sprint(i)},
		}
		switch i % 10 {
		case 3:
			m.Value = nil
		case 5:
			m.Value = []byte{}
		case 7:
			m.Properties = nil
		}
		if i/40%2 == 1 {
			m.Schema, versions[i] = second, 1
		}
		messages[i] = m
	}
	for _, cfg := range modes {
		t.Run(modeName(cfg), func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.Topic, cfg.Schema = newTopic(t), first
			if cfg.Batching != pulsar.BatchNone {
				cfg.BatchDelay = 20 * time.Millisecond
			}
			p := produce(t, c, cfg)
			l := newLedger(n)
			sent := make([]*pulsar.Message, n)
			for i, m := range messages {
				m := *m
				if cfg.TextKey {
					m.Key = fmt.Appendf(nil, `{"a":"é%d"}`, i%keys)
				}
				sent[i] = &m
				p.Send(t.Context(), &m, l.done(i))
			}
			if err := p.Flush(within(t, time.Minute)); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.errs...); err != nil {
				t.Fatal(err)
			}

			consumer, err := c.Subscribe(within(t, time.Minute), pulsar.ConsumerConfig{Topic: cfg.Topic, Subscription: "s", Type: pulsar.KeyShared})
			if err != nil {
				t.Fatal(err)
			}
			defer consumer.Close()
			next := make([]int, keys) // message of each key that must come now
			for k := range next {
				next[k] = k
			}
			for range n {
				d := receive(t, consumer, 1)[0]
				key := d.Key
				if cfg.TextKey {
					key = []byte(d.KeyText)
				}
				at := -1
				for k, i := range next {
					if i < n && bytes.Equal(sent[i].Key, key) {
						at, next[k] = i, i+keys
					}
				}
				if at < 0 {
					t.Fatalf("nobody waits for %+v", d)
				}
				m := sent[at]
				if !bytes.Equal(d.Value, m.Value) || d.Null != (m.Value == nil) || d.SchemaVersion != versions[at] ||
					len(d.Properties) != len(m.Properties) || d.Properties["writetime"] != m.Properties["writetime"] {
					t.Errorf("message %d: got %+v, want %+v version %d", at, d, m, versions[at])
				}
			}

			var stats struct {
				Messages int `json:"msgInCounter"`
			}
			if err := json.Unmarshal([]byte(call(t, "GET", admin+"/admin/v2/persistent/"+strings.TrimPrefix(cfg.Topic, "persistent://")+"/stats", "")), &stats); err != nil || stats.Messages != n {
				t.Errorf("the broker counted %d messages, %v", stats.Messages, err)
			}

			entries := storedEntries(t, admin, cfg.Topic, l.receipts)
			several, smaller := 0, 0
			for _, e := range entries {
				if len(e.messages) > 1 {
					several++
				}
				if e.metadata["compression"] != "" {
					smaller++
				}
				for _, m := range e.messages {
					if flag := m["partition_key_b64_encoded"] == "true"; flag == cfg.TextKey || flag != (e.metadata["partition_key_b64_encoded"] == "true") {
						t.Errorf("flag: %v in %v", m, e.metadata)
					}
					switch cfg.Batching {
					case pulsar.BatchByKey:
						if m["partition_key"] != e.messages[0]["partition_key"] {
							t.Errorf("an entry of two keys: %v", e.messages)
						}
					case pulsar.BatchByBucket:
						if m["ordering_key"] == "" || m["ordering_key"] != e.metadata["ordering_key"] {
							t.Errorf("ordering key: %v in %v", m, e.metadata)
						}
					default:
						if m["ordering_key"] != "" || e.metadata["ordering_key"] != "" {
							t.Errorf("ordering key: %v in %v", m, e.metadata)
						}
					}
				}
			}
			t.Logf("%d messages in %d entries, %d of them with several, %d compressed", n, len(entries), several, smaller)
			if (several > 0) != (cfg.Batching != pulsar.BatchNone) {
				t.Errorf("%d entries have several messages", several)
			}
			if (smaller > 0) != (cfg.Compression != pulsar.NoCompression) {
				t.Errorf("%d entries are compressed", smaller)
			}
		})
	}
}

// entry is what the broker stored.
type entry struct {
	metadata map[string]string
	messages []map[string]string
}

// storedEntries asks the broker for the entries of these receipts.
func storedEntries(t *testing.T, admin, topic string, receipts []pulsar.Receipt) []entry {
	t.Helper()
	var entries []entry
	seen := map[string]bool{}
	for _, r := range receipts {
		if seen[r.String()] {
			continue
		}
		seen[r.String()] = true
		local := strings.TrimPrefix(topic, "persistent://")
		resp, err := http.Get(fmt.Sprintf("%s/admin/v2/persistent/%s/ledger/%d/entry/%d", admin, local, r.Ledger, r.Entry))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("entry %s: %s %v", r, resp.Status, err)
		}
		h := resp.Header
		e := entry{metadata: map[string]string{
			"partition_key_b64_encoded": h.Get("X-Pulsar-Partition-Key-B64-Encoded"),
			"compression":               strings.TrimPrefix(h.Get("X-Pulsar-Compression"), "NONE"),
			"ordering_key":              h.Get("X-Pulsar-Base64-Ordering-Key"),
			"partition_key":             h.Get("X-Pulsar-partition-key"),
		}}
		if key, err := base64.StdEncoding.DecodeString(e.metadata["ordering_key"]); err == nil {
			e.metadata["ordering_key"] = string(key)
		}
		for len(body) > 0 {
			m, rest := storedSingle(t, body)
			e.messages = append(e.messages, m)
			body = rest
		}
		if fmt.Sprint(len(e.messages)) != h.Get("X-Pulsar-Num-Batch-Message") {
			t.Errorf("entry %s: %d messages, headers %v", r, len(e.messages), h)
		}
		entries = append(entries, e)
	}
	return entries
}

// storedSingle reads the first message of a batch: the fields that are set.
func storedSingle(t *testing.T, batch []byte) (fields map[string]string, rest []byte) {
	t.Helper()
	mt, err := protoregistry.GlobalTypes.FindMessageByName("pulsar.proto.SingleMessageMetadata")
	if err != nil {
		t.Fatal(err)
	}
	m := mt.New()
	end := 4 + int(binary.BigEndian.Uint32(batch))
	if err := proto.Unmarshal(batch[4:end], m.Interface()); err != nil {
		t.Fatal(err)
	}
	fields = map[string]string{}
	size := 0
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		fields[string(fd.Name())] = v.String()
		switch {
		case fd.Name() == "payload_size":
			size = int(v.Int())
		case fd.IsList():
			var all []string
			for i := range v.List().Len() {
				all = append(all, fmt.Sprint(v.List().Get(i).Message()))
			}
			fields[string(fd.Name())] = strings.ReplaceAll(fmt.Sprint(all), "  ", " ")
		case fd.Kind() == protoreflect.BytesKind:
			fields[string(fd.Name())] = string(v.Bytes())
		}
		return true
	})
	fields["payload"] = string(batch[end : end+size])
	return fields, batch[end+size:]
}

// Java's client reads what was batched and compressed.
func TestJavaReadsModes(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	schema := tableSchema("c int")
	var want []string
	for i, cfg := range []pulsar.ProducerConfig{
		{Batching: pulsar.BatchAny},
		{Batching: pulsar.BatchByBucket, Compression: pulsar.LZ4},
		{Batching: pulsar.BatchByBucket, Compression: pulsar.ZLib},
		{Batching: pulsar.BatchAny, Compression: pulsar.ZStd},
		{Batching: pulsar.BatchByKey, Compression: pulsar.Snappy},
		{Compression: pulsar.ZStd},
	} {
		cfg.Topic, cfg.Schema = topic, schema
		p := produce(t, c, cfg)
		l := newLedger(5)
		for j := range 5 {
			// "é<i>" and j as Avro, a long and repeated enough string to be compressed.
			text := fmt.Sprintf("é%d", i) + strings.Repeat("x", 50)
			key := append(append([]byte{byte(2 * len(text))}, text...), 2, byte(2*j))
			value := []byte{2, byte(2 * (10*i + j))}
			rendered := fmt.Sprintf("key={a=%s, b=%d}, value={c=%d}", text, j, 10*i+j)
			if j == 4 {
				value, rendered = nil, fmt.Sprintf("key={a=%s, b=%d}, value={value=NULL}", text, j)
			}
			want = append(want, rendered)
			p.Send(t.Context(), &pulsar.Message{Key: key, Value: value}, l.done(j))
		}
		if err := p.Flush(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.errs...); err != nil {
			t.Fatal(err)
		}
	}
	out, err := shared.broker.ClientCommand(within(t, 2*time.Minute), "consume", "-s", "java", "-n", fmt.Sprint(len(want)), "-p", "Earliest", "-st", "auto_consume", topic).Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("pulsar-client: %v\n%s", err, exit.Stderr)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("Java's client does not print %s:\n%s", w, out)
			break
		}
	}
}

// On a Key_Shared subscription the messages of a key stay in order, and with one
// consumer at a time, while a consumer joins and another leaves. Of batches of
// any keys the opposite is documented, which shows that the test would notice.
func TestKeyShared(t *testing.T) {
	t.Parallel()
	service, _ := broker(t)
	for _, tt := range []struct {
		cfg   pulsar.ProducerConfig
		holds bool
	}{
		{pulsar.ProducerConfig{}, true},
		{pulsar.ProducerConfig{Batching: pulsar.BatchByKey}, true},
		{pulsar.ProducerConfig{Batching: pulsar.BatchByBucket}, true},
		{pulsar.ProducerConfig{Batching: pulsar.BatchByBucket, Buckets: 64, Compression: pulsar.LZ4}, true},
		{pulsar.ProducerConfig{Batching: pulsar.BatchAny}, false},
	} {
		t.Run(modeName(tt.cfg), func(t *testing.T) {
			t.Parallel()
			a := &affinity{t: t, last: map[string]int{}, with: map[string]string{}, busy: map[string]string{}}
			c := connect(t, service)
			cfg := tt.cfg
			cfg.Topic, cfg.Schema = newTopic(t), tableSchema("c int")
			if cfg.Batching != pulsar.BatchNone {
				cfg.BatchDelay = 5 * time.Millisecond
			}
			p := produce(t, c, cfg)
			const keys, phase = 197, 4000 // a prime, so that batches of any keys begin with many
			sent := 0
			send := func(n int) {
				for range n {
					key := fmt.Appendf(nil, "\xff%d", sent%keys)
					p.Send(t.Context(), &pulsar.Message{Key: key, Value: binary.BigEndian.AppendUint32(nil, uint32(sent/keys))}, func(_ pulsar.Receipt, err error) {
						if err != nil {
							t.Error(err)
						}
					})
					sent++
				}
			}
			settle := func() {
				t.Helper()
				if err := p.Flush(within(t, time.Minute)); err != nil {
					t.Fatal(err)
				}
				a.wait(keys, sent)
			}
			one := a.consume(c, cfg.Topic, "one")
			two := a.consume(c, cfg.Topic, "two")
			send(phase)
			settle()
			stable := a.endPhase()

			send(phase / 4)
			three := a.consume(c, cfg.Topic, "three")
			send(phase / 2)
			one()
			send(phase / 4)
			settle()
			a.endPhase()

			send(phase)
			settle()
			stable += a.endPhase()
			two()
			three()
			t.Logf("out of order %d, two consumers at once %d, keys that moved in a stable phase %d", a.disorder, a.atOnce, stable)
			if broken := a.disorder + a.atOnce + stable; (broken == 0) != tt.holds {
				t.Errorf("out of order %d, two consumers at once %d, keys that moved in a stable phase %d", a.disorder, a.atOnce, stable)
			}
		})
	}
}

// The partition of a key does not depend on the batching, also where nobody
// routes.
func TestPartitionOfBucket(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connect(t, service)
	topic := newTopic(t)
	call(t, "PUT", admin+"/admin/v2/persistent/"+strings.TrimPrefix(topic, "persistent://")+"/partitions", "5")
	const n = 50
	var partitions [2][]int
	for i, batching := range []pulsar.Batching{pulsar.BatchNone, pulsar.BatchByBucket} {
		p := produce(t, c, pulsar.ProducerConfig{Topic: topic, Batching: batching})
		l := newLedger(n)
		for j := range n {
			p.Send(t.Context(), &pulsar.Message{Key: []byte{byte(j)}, Value: []byte("v")}, l.done(j))
		}
		if err := p.Flush(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.errs...); err != nil {
			t.Fatal(err)
		}
		for _, r := range l.receipts {
			partitions[i] = append(partitions[i], r.Partition)
		}
	}
	if !slices.Equal(partitions[0], partitions[1]) || len(slices.Compact(slices.Sorted(slices.Values(partitions[0])))) < 3 {
		t.Errorf("partitions without batching: %v\nby bucket: %v", partitions[0], partitions[1])
	}
}

// affinity watches which consumer gets which key.
type affinity struct {
	t *testing.T

	mu       sync.Mutex
	last     map[string]int    // highest number of each key that was received
	with     map[string]string // consumer of each key in this phase
	busy     map[string]string // consumer that works on the key now
	moved    int
	disorder int
	atOnce   int
}

// consume starts a consumer and returns what ends it.
func (a *affinity) consume(c *pulsar.Client, topic, name string) (stop func()) {
	a.t.Helper()
	consumer, err := c.Subscribe(within(a.t, time.Minute), pulsar.ConsumerConfig{Topic: topic, Subscription: "s", Type: pulsar.KeyShared})
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(a.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			d, err := consumer.Receive(ctx)
			if err != nil {
				return
			}
			a.work(name, d)
			if err := consumer.Ack(d); err != nil {
				a.t.Error(err)
			}
			a.done(d)
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-ended
			consumer.Close()
		})
	}
	a.t.Cleanup(stop)
	return stop
}

func (a *affinity) work(name string, d *pulsar.Delivery) {
	number := int(binary.BigEndian.Uint32(d.Value))
	a.mu.Lock()
	last, ok := a.last[d.KeyText]
	if !ok {
		last = -1
	}
	if number > last+1 {
		a.disorder++
	}
	a.last[d.KeyText] = max(last, number)
	if a.busy[d.KeyText] != "" {
		a.atOnce++
	}
	a.busy[d.KeyText] = name
	if with := a.with[d.KeyText]; with != "" && with != name {
		a.moved++
	}
	a.with[d.KeyText] = name
	a.mu.Unlock()
	time.Sleep(20 * time.Microsecond) // so that work takes a while
}

func (a *affinity) done(d *pulsar.Delivery) {
	a.mu.Lock()
	delete(a.busy, d.KeyText)
	a.mu.Unlock()
}

// wait until the last message of every key was received.
func (a *affinity) wait(keys, sent int) {
	a.t.Helper()
	ctx := within(a.t, time.Minute)
	for {
		a.mu.Lock()
		n := 0
		for _, last := range a.last {
			n += last + 1
		}
		complete := len(a.last) == keys && n == sent && len(a.busy) == 0
		a.mu.Unlock()
		if complete {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			a.t.Fatalf("%d of %d messages were received", n, sent)
		}
	}
}

// endPhase returns how often a key changed its consumer since the last call.
func (a *affinity) endPhase() (moved int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	moved, a.moved = a.moved, 0
	clear(a.with)
	return moved
}

// Packed batches are stored as the library's own batches are, but for the flag,
// which it cannot set, and the sequence ids of messages, which it counts.
func TestLikeTheLibrary(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	inner, err := client.NewClient(client.ClientOptions{URL: service})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	messages := []*pulsar.Message{
		{Key: []byte("k1"), Value: []byte("value"), Properties: map[string]string{"p": "v"}},
		{Key: []byte("k2"), Properties: map[string]string{"q": ""}},
		{Key: []byte("é"), Value: []byte{}},
		{Value: bytes.Repeat([]byte("v"), 200)},
	}
	theirs, ours := newTopic(t), newTopic(t)
	library, err := inner.CreateProducer(client.ProducerOptions{Topic: theirs, BatchingMaxPublishDelay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	l := newLedger(len(messages))
	for i, m := range messages {
		pm := &client.ProducerMessage{Key: string(m.Key), Payload: m.Value, Properties: m.Properties}
		library.SendAsync(t.Context(), pm, func(id client.MessageID, _ *client.ProducerMessage, err error) {
			l.done(i)(pulsar.Receipt{Ledger: id.LedgerID(), Entry: id.EntryID()}, err)
		})
	}
	if err := library.FlushWithCtx(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	want := storedEntries(t, admin, theirs, l.receipts)

	p := produce(t, connect(t, service), pulsar.ProducerConfig{Topic: ours, Batching: pulsar.BatchAny, BatchDelay: time.Second, TextKey: true})
	l = newLedger(len(messages))
	for i, m := range messages {
		p.Send(t.Context(), m, l.done(i))
	}
	if err := p.Flush(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := storedEntries(t, admin, ours, l.receipts)
	for _, e := range want {
		for _, m := range e.messages {
			delete(m, "sequence_id")
		}
	}
	if len(want) != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
