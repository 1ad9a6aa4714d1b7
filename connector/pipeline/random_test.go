// Random runs against a small model of a cluster, a broker and two connectors between
// which keys move: whatever is slow, late or fails, no event is lost, a row's last
// publication is its last state, and every event is told of once when it comes and once
// when it is done with (invariants 1, 4, 5, 6 and 7 together).

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// plan is all that chance decides in a run. Lists are used in turn, from the start
// again at their end.
type plan struct {
	writes  []write
	reads   []answer
	sends   []answer
	inBound int
}

// write is one mutation and its two events, one a replica.
type write struct {
	key     string
	row     string        // exact key, where the key stands for several rows
	java    bool          // the second event is of the Java agent, which does not know of that
	after   time.Duration // after the write before
	visible time.Duration // after the write; before the first event where it is negative
	second  time.Duration // event after the first
	value   int           // that the row has then; few, so that a row becomes what it was
	gone    bool          // a delete
	twice   bool          // the first event is delivered again, unless it is acknowledged by then
	moves   bool          // the key goes to the other connector, with this write's events
}

// answer is how a read or a publication goes.
type answer struct {
	takes     time.Duration
	fails     bool
	never     bool // and could not succeed
	arrives   bool // a message that is persisted all the same
	elsewhere bool // another coordinator
}

var plans = rapid.Custom(func(t *rapid.T) plan {
	ms := func(low, high int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(low, high), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
	}
	answers := func(slowest int) *rapid.Generator[[]answer] {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) answer {
			a := answer{takes: ms(0, slowest).Draw(t, "takes"), fails: rapid.IntRange(0, 4).Draw(t, "fails") == 4, elsewhere: rapid.Bool().Draw(t, "elsewhere")}
			a.never = rapid.IntRange(0, 9).Draw(t, "never") == 9
			a.arrives = rapid.Bool().Draw(t, "arrives")
			return a
		}), 1, 20)
	}
	p := plan{
		writes: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) write {
			return write{
				key:     rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
				row:     rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "row"),
				java:    rapid.IntRange(0, 3).Draw(t, "java") == 3,
				after:   ms(0, 8).Draw(t, "after"),
				visible: rapid.OneOf(ms(-5, 95), ms(-5, 95), ms(95, 9000)).Draw(t, "visible"),
				second:  ms(0, 100).Draw(t, "second"),
				value:   rapid.IntRange(1, 2).Draw(t, "value"),
				gone:    rapid.IntRange(0, 4).Draw(t, "gone") == 4,
				twice:   rapid.IntRange(0, 9).Draw(t, "twice") == 9,
				moves:   rapid.IntRange(0, 4).Draw(t, "moves") == 4,
			}
		}), 1, 60).Draw(t, "writes"),
		reads:   answers(10).Draw(t, "reads"),
		sends:   answers(30).Draw(t, "sends"),
		inBound: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "events in flight"),
	}
	// One that does not fail, or there is no end.
	p.reads, p.sends = append(p.reads, answer{}), append(p.sends, answer{})
	return p
})

// world is the cluster, the events topic and the data topic.
type world struct {
	plan    plan
	version *readback.Version
	begun   time.Time
	ends    [2]*end

	mu      sync.Mutex
	keys    map[string]*key
	read    map[*registry.Schema]int // write that a read showed, by the schema it was given
	reads   int
	sends   int
	reading map[string]bool // by message key
	topic   map[string]int  // write that the last message of a row shows; 0 for none
	order   map[string]int  // write that the last read of a row that was published shows
	acked   map[string]bool // by the event's id
	unacked int
	buried  map[string]bool // by row
	told    tally
	faults  []string
}

// end is one connector's end of the subscription.
type end struct {
	*world
	events chan *pipeline.Event
}

// key is a message key in a Key_Shared subscription: it goes to another connector when
// what the one before has of it is acknowledged.
type key struct {
	at, next int
	unacked  int
	queue    []*pipeline.Event
}

// deliver sends an event to the connector that has its key.
func (w *world) deliver(e *pipeline.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unacked++
	k := w.keys[string(e.Key)]
	k.queue = append(k.queue, e)
	w.hand(k)
}

// hand gives what is queued to the connector that may have it. mu is held.
func (w *world) hand(k *key) {
	if k.unacked > 0 && k.at != k.next {
		return
	}
	k.at = k.next
	for _, e := range k.queue {
		w.ends[k.at].events <- e
	}
	k.unacked, k.queue = k.unacked+len(k.queue), nil
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprint(time.Since(w.begun), " ", fmt.Sprintf(format, args...)))
}

// event is the event of a write, whose number, from 1, is its write time.
func (w *world) event(i int, node string) *pipeline.Event {
	wr := w.plan.writes[i]
	e := &pipeline.Event{
		Key: []byte(wr.key), NodeID: node, Digest: fmt.Sprint("digest ", i+1), ID: fmt.Sprintf("write %d from %s", i+1, node),
		Properties: event.Properties{WriteTime: int64(i + 1), Operation: event.Update, ExactKey: wr.row},
	}
	if wr.gone {
		e.Properties.Operation = event.Delete
	}
	if wr.java && node == "n2" {
		return byJava(e)
	}
	return e
}

// run writes and sends, and returns when all events are acknowledged.
func (w *world) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(w.ends))
	limits := pipeline.NewLimits(w.plan.inBound, 0)
	for _, end := range w.ends {
		go func() {
			ended <- pipeline.New(pipeline.Config{
				Source: end, Reader: w, Publisher: w, DeadLetters: w, Limits: limits, Observer: &w.told, Classify: classify,
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			}).Run(ctx)
		}()
	}
	for i, wr := range w.plan.writes {
		time.Sleep(wr.after)
		if k := w.keys[wr.key]; wr.moves {
			w.mu.Lock()
			k.next = 1 - k.next
			w.mu.Unlock()
		}
		first := w.event(i, "n1")
		w.deliver(first)
		if wr.java {
			wr.second = max(wr.second, wr.visible)
		}
		time.AfterFunc(wr.second, func() { w.deliver(w.event(i, "n2")) })
		if wr.twice {
			time.AfterFunc(wr.second/2, func() { w.again(w.event(i, "n1")) })
		}
	}
	time.Sleep(time.Hour)
	if held, _ := limits.Held(); held > 0 {
		w.fault("%d events are held by the limits at the end", held)
	}
	stop()
	return errors.Join(<-ended, <-ended)
}

// again delivers an event again to the connector that has it.
func (w *world) again(e *pipeline.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keys[string(e.Key)]
	if w.acked[e.ID] || slices.ContainsFunc(k.queue, func(q *pipeline.Event) bool { return q.ID == e.ID }) {
		return
	}
	w.unacked++
	k.unacked++
	w.ends[k.at].events <- e
}

// rowOf is a row in the maps of the world.
func rowOf(key, exact string) string { return strings.TrimSpace(key + " " + exact) }

// shows is the last write of a row that a read shows now.
func (w *world) shows(row string) int {
	var at time.Duration
	last := 0
	for i, wr := range w.plan.writes {
		at += wr.after
		if rowOf(wr.key, wr.row) == row && time.Since(w.begun) >= at+wr.visible {
			last = i + 1
		}
	}
	return last
}

// content is what a row shows after a write.
func (w *world) content(number int) int {
	if number == 0 || w.plan.writes[number-1].gone {
		return 0
	}
	return w.plan.writes[number-1].value
}

func (e *end) Receive(ctx context.Context) (*pipeline.Event, error) {
	select {
	case e := <-e.events:
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) Ack(e *pipeline.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unacked--
	w.acked[e.ID] = true
	k := w.keys[string(e.Key)]
	k.unacked--
	w.hand(k)
	wr := w.plan.writes[e.Properties.WriteTime-1]
	if e.Properties.ExactKey != wr.row {
		return nil // of the Java agent: the other event covers the row
	}
	row := rowOf(wr.key, wr.row)
	if w.buried[row] {
		return nil
	}
	shown := w.topic[row]
	for n := int(e.Properties.WriteTime); n <= w.shows(row); n++ {
		if o := w.plan.writes[n-1]; rowOf(o.key, o.row) == row && w.content(n) == w.content(shown) {
			return nil
		}
	}
	w.fault("%s is acknowledged; the topic shows write %d", e.ID, shown)
	return nil
}

func (w *world) Read(_ context.Context, r readback.Request) (readback.Row, error) {
	key := string(r.Key)
	w.mu.Lock()
	if w.reading[key] {
		w.fault("two reads of %s", key)
	}
	w.reading[key] = true
	how := w.plan.reads[w.reads%len(w.plan.reads)]
	w.reads++
	shown := w.shows(rowOf(key, r.ExactKey))
	w.mu.Unlock()
	time.Sleep(how.takes)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading[key] = false
	if how.fails && w.reads < 300 { // a row that stays stale takes reads without a failure between them
		if how.never {
			return readback.Row{}, errImpossible
		}
		return readback.Row{}, errors.New("read timeout")
	}
	version := &readback.Version{Table: w.version.Table, Messages: w.version.Messages, Schema: &registry.Schema{}}
	w.read[version.Schema] = shown
	row := readback.Row{Version: version, Key: r.Key, ExactKey: r.ExactKey, Coordinator: r.NodeID, Fresh: shown >= int(r.WriteTime)}
	if r.Operation == "" && shown == 0 {
		row.Fresh = true // of the Java agent's event, which never comes before its write is visible
	}
	if how.elsewhere {
		row.Coordinator = "n3"
	}
	if value := w.content(shown); value > 0 {
		row.Values = [][]byte{[]byte(fmt.Sprint(value))}
	}
	return row, nil
}

// Publish keeps a message some time and then persists or refuses it.
func (w *world) Publish(_ context.Context, m pipeline.Message, done func(error)) {
	row := rowOf(string(m.Key), m.Properties[event.ExactKeyProperty])
	w.mu.Lock()
	shown := w.read[m.Schema]
	if shown < w.order[row] {
		w.fault("write %d of %s is published after write %d", shown, row, w.order[row])
	}
	w.order[row] = shown
	how := w.plan.sends[w.sends%len(w.plan.sends)]
	w.sends++
	w.mu.Unlock()
	go func() {
		time.Sleep(how.takes)
		if !how.fails || how.arrives {
			w.mu.Lock()
			w.topic[row] = shown
			w.mu.Unlock()
		}
		if how.fails {
			done(errors.New("broker away"))
			return
		}
		done(nil)
	}()
}

func (w *world) Bury(_ context.Context, e *pipeline.Event, _ error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buried[rowOf(string(e.Key), w.plan.writes[e.Properties.WriteTime-1].row)] = true
	return nil
}

func TestRandomRuns(t *testing.T) {
	version := version(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := plans.Draw(rt, "plan")
		var faults []string
		synctest.Test(t, func(t *testing.T) {
			w := &world{
				plan: p, version: version, begun: time.Now(), keys: map[string]*key{"a": {}, "b": {}, "c": {}}, acked: map[string]bool{}, buried: map[string]bool{},
				read: map[*registry.Schema]int{}, reading: map[string]bool{}, topic: map[string]int{}, order: map[string]int{},
			}
			for i := range w.ends {
				w.ends[i] = &end{w, make(chan *pipeline.Event, 1000)}
			}
			if err := w.run(t.Context()); err != nil {
				w.fault("Run returned %v", err)
			}
			if w.told.received != w.told.settled() {
				w.fault("the observer was told of %d events and of %d that are done with", w.told.received, w.told.settled())
			}
			if w.unacked != 0 {
				w.fault("%d events are not acknowledged", w.unacked)
			}
			for _, key := range []string{"a", "b", "c"} {
				for _, exact := range []string{"", "x", "y"} {
					row := rowOf(key, exact)
					if last := w.shows(row); w.content(w.topic[row]) != w.content(last) && !w.buried[row] {
						w.fault("the topic shows write %d of %s, the table write %d", w.topic[row], row, last)
					}
				}
			}
			faults = w.faults
		})
		if len(faults) > 0 {
			rt.Fatalf("%d faults, first: %s", len(faults), faults[0])
		}
	})
}
