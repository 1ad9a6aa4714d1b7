// What the tests of this package share: a pipeline between fakes that write down, in
// one journal, every step in its order. Tests run in a synctest bubble: time is fake,
// and a goroutine that outlives its test fails it.

package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a pipeline between fakes. A test replaces the functions before start.
type rig struct {
	t       *testing.T
	cfg     pipeline.Config
	version *readback.Version

	read    func(ctx context.Context, r readback.Request) (readback.Row, error)
	publish func(m pipeline.Message, done func(error))
	bury    func(e *pipeline.Event, reason error) error
	ackErr  error

	pipeline *pipeline.Pipeline
	backlog  chan *pipeline.Event // the events topic
	cancel   context.CancelFunc
	ended    chan error
	begun    time.Time
	timed    bool // the journal has the times
	log      bytes.Buffer

	told tally

	mu       sync.Mutex
	journal  []string
	messages []pipeline.Message
	sums     sums
}

// sums counts events.
type sums struct {
	received, acked int
	most            int // received and not acknowledged, at one time
}

// inBubble runs a test with a rig that is not started yet.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, version: version(t), backlog: make(chan *pipeline.Event, 1000), ended: make(chan error, 1), begun: time.Now()}
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) { return r.row("v", true, req), nil }
		r.publish = func(_ pipeline.Message, done func(error)) { done(nil) }
		r.bury = func(*pipeline.Event, error) error { return nil }
		test(t, r)
	})
}

func version(t testing.TB) *readback.Version {
	t.Helper()
	table := capturetest.Table(t, "CREATE TABLE ks.t (k text PRIMARY KEY, v text)")
	messages, err := row.NewMessages(table, row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	return &readback.Version{Table: table, Messages: messages, Schema: &registry.Schema{Name: "t"}}
}

// start runs the pipeline on the events until the test ends.
func (r *rig) start(events ...*pipeline.Event) {
	r.t.Helper()
	for _, e := range events {
		r.backlog <- e
	}
	r.cfg.Source, r.cfg.Reader, r.cfg.Publisher, r.cfg.DeadLetters = r, r, r, r
	r.cfg.Log, r.cfg.Observer = slog.New(slog.NewTextHandler(&r.log, nil)), &r.told
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel = cancel
	r.pipeline = pipeline.New(r.cfg)
	go func() { r.ended <- r.pipeline.Run(ctx) }()
	r.t.Cleanup(cancel)
	synctest.Wait()
}

// send gives events to a running pipeline and waits until it rests.
func (r *rig) send(events ...*pipeline.Event) {
	for _, e := range events {
		r.backlog <- e
	}
	synctest.Wait()
}

// sleep lets fake time pass, and all that happens in it.
func (r *rig) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// stop ends the pipeline in good order.
func (r *rig) stop() {
	r.t.Helper()
	r.cancel()
	synctest.Wait()
	if len(r.ended) == 0 {
		r.sleep(3 * time.Second) // messages may be on their way
	}
	if err := r.result(); err != nil {
		r.t.Errorf("Run returned %v at a stop in good order", err)
	}
	if told, sums := &r.told, r.count(); told.received != sums.received || told.settled() != sums.acked {
		r.t.Errorf("the observer was told of %d events received and %d settled, of %d and %d", told.received, told.settled(), sums.received, sums.acked)
	}
}

// result is what Run returned.
func (r *rig) result() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	default:
		r.t.Fatalf("Run has not returned; journal: %q", r.journal)
		return nil
	}
}

// wants compares the journal since the last call.
func (r *rig) wants(steps ...string) {
	r.t.Helper()
	if diff := cmp.Diff(steps, r.steps()); diff != "" {
		r.t.Fatalf("steps (-want +got):\n%s", diff)
	}
}

// wantsInAnyOrder is for steps of several keys.
func (r *rig) wantsInAnyOrder(steps ...string) {
	r.t.Helper()
	got := r.steps()
	slices.Sort(got)
	slices.Sort(steps)
	if diff := cmp.Diff(steps, got); diff != "" {
		r.t.Fatalf("steps (-want +got):\n%s", diff)
	}
}

func (r *rig) steps() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.journal
	r.journal = nil
	return got
}

func (r *rig) count() sums {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sums
}

func (r *rig) published() []pipeline.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

func (r *rig) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := fmt.Sprintf(format, args...)
	if r.timed {
		step = fmt.Sprint(time.Since(r.begun), " ", step)
	}
	r.journal = append(r.journal, step)
}

func (r *rig) Receive(ctx context.Context) (*pipeline.Event, error) {
	select {
	case e, open := <-r.backlog:
		if !open {
			return nil, errors.New("the subscription is gone")
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sums.received++
		r.sums.most = max(r.sums.most, r.sums.received-r.sums.acked)
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *rig) Ack(e *pipeline.Event) error {
	r.note("ack %s", e.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums.acked++
	return r.ackErr
}

func (r *rig) Read(ctx context.Context, req readback.Request) (readback.Row, error) {
	key := string(req.Key)
	if req.ExactKey != "" {
		key += " " + req.ExactKey
	}
	r.note("read %s for %d", key, req.WriteTime)
	return r.read(ctx, req)
}

func (r *rig) Publish(_ context.Context, m pipeline.Message, done func(error)) {
	r.note("publish %s=%s", m.Key, value(m))
	r.mu.Lock()
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	r.publish(m, done)
}

func (r *rig) Bury(_ context.Context, e *pipeline.Event, reason error) error {
	r.note("bury %s: %v", e.ID, reason)
	return r.bury(e, reason)
}

// tally is an observer that counts.
type tally struct {
	mu          sync.Mutex
	received    int
	covered     [4]int // by Cover
	buried      int
	rows        []pipeline.Published
	failed      []pipeline.Class
	lastFailure string
	stale, last int
}

func (o *tally) settled() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.buried
	for _, c := range o.covered {
		n += c
	}
	return n
}

func (o *tally) Received(*pipeline.Event)         { o.note(func() { o.received++ }) }
func (o *tally) Published(p pipeline.Published)   { o.note(func() { o.rows = append(o.rows, p) }) }
func (o *tally) Covered(n int, by pipeline.Cover) { o.note(func() { o.covered[by] += n }) }
func (o *tally) Buried(*pipeline.Event, error)    { o.note(func() { o.buried++ }) }
func (o *tally) Failed(err error, class pipeline.Class) {
	o.note(func() {
		o.failed = append(o.failed, class)
		o.lastFailure = err.Error()
	})
}
func (o *tally) Stale(last bool) {
	o.note(func() {
		if o.stale++; last {
			o.last++
		}
	})
}

func (o *tally) note(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

// row is an answer of the node that the request asks for; "" is no row.
func (r *rig) row(v string, fresh bool, req readback.Request) readback.Row {
	row := readback.Row{Version: r.version, Key: req.Key, Fresh: fresh, Coordinator: req.NodeID, ExactKey: req.ExactKey}
	if v != "" {
		row.Values = [][]byte{[]byte(v)}
	}
	return row
}

// value is the column v of a published row.
func value(m pipeline.Message) string {
	if m.Value == nil {
		return "null"
	}
	return string(m.Value[2:]) // behind the branch of the union and the length
}

// newEvent is the event of node n1 for the mutation with that write time; its digest
// is the mutation's.
func newEvent(id, key string, writeTime int64) *pipeline.Event {
	return &pipeline.Event{
		Key: []byte(key), ID: id, NodeID: "n1", Digest: fmt.Sprintf("mutation of %s at %d", key, writeTime),
		Properties: event.Properties{WriteTime: writeTime, Operation: event.Update},
	}
}

// hold makes a channel that keeps the fake waiting that receives from it.
func hold() chan struct{} { return make(chan struct{}) }
