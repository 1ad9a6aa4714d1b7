// The connector's ends against a real broker: several schemas on one events topic, and a
// data topic that refuses the table's schema until a person changes the rule.

package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *lockedBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

type testBroker struct{ *env.Pulsar }

func (b testBroker) connect(ctx context.Context, t *testing.T, log *slog.Logger) *pulsar.Client {
	t.Helper()
	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: b.ServiceURL(), WebServiceURL: b.AdminURL(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (b testBroker) call(ctx context.Context, t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, b.AdminURL()+"/admin/v2/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// namespace makes one with a rule for schemas.
func (b testBroker) namespace(ctx context.Context, t *testing.T, name, rule string) string {
	t.Helper()
	b.call(ctx, t, "PUT", "namespaces/public/"+name, map[string]any{})
	b.rule(ctx, t, name, rule)
	return "persistent://public/" + name + "/"
}

func (b testBroker) rule(ctx context.Context, t *testing.T, namespace, rule string) {
	t.Helper()
	b.call(ctx, t, "PUT", "namespaces/public/"+namespace+"/schemaCompatibilityStrategy", rule)
}

func TestAgainstABroker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	p, err := envtest.ForTest(t).StartPulsar(ctx, env.PulsarOptions{WithoutFunctions: true})
	if err != nil {
		t.Fatal(err)
	}
	b := testBroker{p}
	t.Run("several schemas on one events topic", func(t *testing.T) { severalSchemas(ctx, t, b) })
	t.Run("a refused schema at the start", func(t *testing.T) { refusedAtStart(ctx, t, b) })
	t.Run("a refused schema while it runs", func(t *testing.T) { refusedWhileRunning(ctx, t, b) })
	t.Run("a row that is too large", func(t *testing.T) { tooLarge(ctx, t, b) })
}

// The table was made three times with other keys, and its agents wrote to one topic.
func severalSchemas(ctx context.Context, t *testing.T, b testBroker) {
	topic := b.namespace(ctx, t, "events", "ALWAYS_COMPATIBLE") + "events-ks.t"
	const present = `CREATE TABLE ks.t (id text, n text, PRIMARY KEY ((id, n)))`
	log := &lockedBuffer{}
	client := b.connect(ctx, t, log.logger())
	messages, err := row.NewMessages(capturetest.Table(t, present), row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	table := &readback.Version{Messages: messages}
	value := event.AppendMutation(nil, event.Mutation{Digest: "d", NodeID: "n"})
	send := func(s *registry.Schema, key []byte) {
		t.Helper()
		p, err := client.Producer(ctx, pulsar.ProducerConfig{Topic: topic, Schema: s})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		p.Send(ctx, &pulsar.Message{Key: key, Value: value}, func(_ pulsar.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
		})
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	now, current := newKey(t, present)
	swapped, before := newKey(t, `CREATE TABLE ks.t (n text, id text, PRIMARY KEY ((n, id)))`)
	other, dropped := newKey(t, oneColumn)
	send(before, appendKey(t, swapped, "y", "x"))
	send(current, appendKey(t, now, "x", "y"))
	send(registry.KeyValue(registry.Part{Type: registry.Avro, Schema: now.Schema()}, registry.Part{Type: registry.Avro, Schema: now.Schema()}), appendKey(t, now, "no", "event"))
	send(dropped, appendKey(t, other, "x"))
	send(before, appendKey(t, swapped, "y", "x"))

	consumer, err := client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	s := source{consumer, newWriters(func(ctx context.Context, version int64) (*registry.Schema, error) {
		return client.SchemaAt(ctx, topic, version)
	}, nil, func(error) {}, log.logger()), func() *readback.Version { return table }, log.logger()}
	want := appendKey(t, now, "x", "y")
	for i, key := range [][]byte{want, want, nil, nil, want} { // nil: no event, then not a key of this table
		e, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if e.Fault == nil || !strings.Contains(e.Fault.Error(), "schema version 2 of the events topic") || e.ID == "" || e.Delivery == nil {
				t.Errorf("a message that is no event: %+v", e)
			}
			continue
		}
		written := e.Key
		if e.Written != nil {
			written = e.Written
		}
		got, err := table.PresentKey(event.JavaForm, e.Writer, written)
		if e.Digest != "d" || e.Writer == nil || (err == nil) != (key != nil) || !bytes.Equal(got, key) || key != nil && !bytes.Equal(e.Key, key) {
			t.Errorf("event %d: %+v, in the present form %x, %v", i, e, got, err)
		}
	}
}

func dataSchema(t *testing.T, cql string) *readback.Version {
	t.Helper()
	table := capturetest.Table(t, cql)
	messages, err := row.NewMessages(table, row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	return &readback.Version{Table: table, Messages: messages, Schema: messages.Schema()}
}

const (
	intColumn  = `CREATE TABLE ks.t (id text PRIMARY KEY, v int)`
	textColumn = `CREATE TABLE ks.t (id text PRIMARY KEY, v text)`
)

// until waits for the log to have a text so many times.
func (b *lockedBuffer) until(ctx context.Context, t *testing.T, text string, times int) {
	t.Helper()
	for strings.Count(b.String(), text) < times {
		select {
		case <-ctx.Done():
			t.Fatalf("the log does not say %q %d times:\n%s", text, times, b)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func refusedAtStart(ctx context.Context, t *testing.T, b testBroker) {
	topic := b.namespace(ctx, t, "start", "FULL") + "data-ks.t"
	log := &lockedBuffer{}
	client := b.connect(ctx, t, log.logger())
	if err := client.Register(ctx, topic, dataSchema(t, intColumn).Schema); err != nil {
		t.Fatal(err)
	}
	c := &connector{client: client, Host: quiet(log.logger())}
	type opened struct {
		close func()
		error
	}
	done := make(chan opened, 1)
	go func() {
		_, closeRows, err := c.openData(ctx, topic, dataSchema(t, textColumn), "")
		done <- opened{closeRows, err}
	}()
	log.until(ctx, t, "schema-refused", 1)
	for _, says := range []string{"column v type changed from int or null to string or null", "table ks.t", "the rule is FULL"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q: %s", says, log)
		}
	}
	b.rule(ctx, t, "start", "ALWAYS_COMPATIBLE")
	got := <-done
	if got.error != nil {
		t.Fatal(got.error)
	}
	got.close()
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := c.openData(stopped, topic, dataSchema(t, intColumn), ""); err == nil {
		t.Error("no error at a stop")
	}
}

// fakeEnds is what the pipeline has on its other sides.
type fakeEnds struct {
	events  chan *pipeline.Event
	version func() *readback.Version
	acked   chan string
	buried  chan string
}

func (f *fakeEnds) Receive(ctx context.Context) (*pipeline.Event, error) {
	select {
	case e := <-f.events:
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeEnds) Ack(e *pipeline.Event) error {
	f.acked <- e.ID
	return nil
}

func (f *fakeEnds) Bury(_ context.Context, e *pipeline.Event, _ error) error {
	f.buried <- e.ID
	return nil
}

func (f *fakeEnds) Read(_ context.Context, r readback.Request) (readback.Row, error) {
	return readback.Row{Version: f.version(), Key: r.Key, Fresh: true, Values: [][]byte{[]byte("1234")}}, nil
}

// failures tells of attempts that failed, and of nothing else.
type failures struct {
	pipeline.Observers
	failed chan struct{}
}

func (f failures) Failed(error, pipeline.Class) { f.failed <- struct{}{} }

// Events whose row has a schema that is refused are held, and published when the rule
// was changed; rows of the old schema go on meanwhile.
func refusedWhileRunning(ctx context.Context, t *testing.T, b testBroker) {
	topic := b.namespace(ctx, t, "run", "FULL") + "data-ks.t"
	log := &lockedBuffer{}
	client := b.connect(ctx, t, log.logger())
	good, refused := dataSchema(t, intColumn), dataSchema(t, textColumn)
	producer, err := client.Producer(ctx, pulsar.ProducerConfig{Topic: topic, Schema: good.Schema})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	version := good
	var mu sync.Mutex
	ends := &fakeEnds{
		events: make(chan *pipeline.Event), acked: make(chan string, 100), buried: make(chan string, 100),
		version: func() *readback.Version {
			mu.Lock()
			defer mu.Unlock()
			return version
		},
	}
	failures := failures{failed: make(chan struct{}, 10000)}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- pipeline.New(pipeline.Config{
			Source: ends, Reader: ends, DeadLetters: ends, Publisher: publisher{producer, client.Explain}, Classify: classify, Log: log.logger(), Observer: failures,
		}).Run(running)
	}()
	send := func(id string) {
		ends.events <- &pipeline.Event{ID: id, Key: []byte("\x02" + id[:1]), Properties: event.Properties{WriteTime: event.NoWriteTime}}
	}
	send("a1")
	if got := <-ends.acked; got != "a1" {
		t.Fatal(got)
	}
	mu.Lock()
	version = refused
	mu.Unlock()
	const held = 50
	for i := range held {
		send(string(rune('A'+i)) + "1")
	}
	log.until(ctx, t, "a row could not be published", 1)
	for _, says := range []string{"column v type changed", "table ks.t", "the rule is FULL", "set-schema-compatibility-strategy"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q: %s", says, log)
		}
	}
	for range 3 * held { // several attempts of each lane
		select {
		case <-failures.failed:
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
	if len(ends.acked)+len(ends.buried) > 0 || len(ended) > 0 {
		t.Fatalf("%d acknowledged, %d dead letters, ended %d", len(ends.acked), len(ends.buried), len(ended))
	}
	if n := strings.Count(log.String(), "level=WARN") + strings.Count(log.String(), "level=ERROR"); n > 3 {
		t.Errorf("%d lines for %d events:\n%s", n, held, log)
	}
	b.rule(ctx, t, "run", "ALWAYS_COMPATIBLE")
	for range held {
		select {
		case <-ends.acked:
		case id := <-ends.buried:
			t.Fatalf("event %s became a dead letter", id)
		case <-ctx.Done():
			t.Fatalf("%v: %d of %d events acknowledged", ctx.Err(), len(ends.acked), held)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s, err := client.SchemaAt(ctx, topic, 1)
	if err != nil || s.Fingerprint() != refused.Schema.Fingerprint() {
		t.Errorf("version 1: %v, %v", s, err)
	}
}

// A row that no broker takes is a dead letter, with its reason, and the next row of the key
// goes on.
func tooLarge(ctx context.Context, t *testing.T, b testBroker) {
	topic := b.namespace(ctx, t, "large", "FULL") + "data-ks.t"
	client := b.connect(ctx, t, slog.New(slog.DiscardHandler))
	version := dataSchema(t, textColumn)
	producer, err := client.Producer(ctx, pulsar.ProducerConfig{Topic: topic, Schema: version.Schema})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	ends := &largeEnds{fakeEnds: &fakeEnds{
		events: make(chan *pipeline.Event), acked: make(chan string, 10), buried: make(chan string, 10), version: func() *readback.Version { return version },
	}}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- pipeline.New(pipeline.Config{
			Source: ends, Reader: ends, DeadLetters: ends, Publisher: publisher{producer, client.Explain}, Classify: classify, Log: slog.New(slog.DiscardHandler),
		}).Run(running)
	}()
	for _, c := range []struct {
		id     string
		buried bool
	}{{"large", true}, {"small", false}} {
		ends.events <- &pipeline.Event{ID: c.id, Key: []byte("\x02a"), Digest: c.id, Properties: event.Properties{WriteTime: event.NoWriteTime, ExactKey: c.id}}
		select {
		case got := <-ends.acked:
			if got != c.id {
				t.Errorf("%s is acknowledged, want %s", got, c.id)
			}
		case err := <-ended:
			t.Fatalf("the pipeline ended: %v", err)
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
		if (len(ends.buried) == 1) != c.buried {
			t.Errorf("%s: %d dead letters", c.id, len(ends.buried))
		}
		for len(ends.buried) > 0 {
			<-ends.buried
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// largeEnds reads a row of 6 MiB for the event that is called so.
type largeEnds struct{ *fakeEnds }

func (l *largeEnds) Read(ctx context.Context, r readback.Request) (readback.Row, error) {
	row, err := l.fakeEnds.Read(ctx, r)
	if r.ExactKey == "large" {
		row.Values = [][]byte{bytes.Repeat([]byte("x"), 6<<20)}
	}
	return row, err
}
