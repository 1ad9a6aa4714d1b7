// Random runs against a small model of a cluster and a broker: whatever is slow, late
// or fails, no event is lost, and a row's last publication is its last state
// (invariants 1, 4, 5 and 7 together).

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	gone    bool          // a delete
	twice   bool          // the first event is delivered again
}

// answer is how a read or a publication goes.
type answer struct {
	takes     time.Duration
	fails     bool
	elsewhere bool // another coordinator
}

var plans = rapid.Custom(func(t *rapid.T) plan {
	ms := func(low, high int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(low, high), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
	}
	answers := func(slowest int) *rapid.Generator[[]answer] {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) answer {
			return answer{takes: ms(0, slowest).Draw(t, "takes"), fails: rapid.IntRange(0, 4).Draw(t, "fails") == 4, elsewhere: rapid.Bool().Draw(t, "elsewhere")}
		}), 1, 20)
	}
	p := plan{
		writes: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) write {
			return write{
				key:     rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
				row:     rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "row"),
				java:    rapid.IntRange(0, 3).Draw(t, "java") == 3,
				after:   ms(0, 8).Draw(t, "after"),
				visible: ms(-5, 95).Draw(t, "visible"),
				second:  ms(0, 100).Draw(t, "second"),
				gone:    rapid.IntRange(0, 4).Draw(t, "gone") == 4,
				twice:   rapid.IntRange(0, 9).Draw(t, "twice") == 9,
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
	events  chan *pipeline.Event

	mu      sync.Mutex
	read    map[*registry.Schema]int // write that a read showed, by the schema it was given
	reads   int
	sends   int
	reading map[string]bool // by message key
	topic   map[string]int  // write that the last message of a row shows; 0 for none
	order   map[string]int  // write that the last read of a row that was published shows
	unacked int
	faults  []string
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprint(time.Since(w.begun), " ", fmt.Sprintf(format, args...)))
}

// event is the event of a write, whose number, from 1, is its write time.
func (w *world) event(i int, node string, delivery int) *pipeline.Event {
	wr := w.plan.writes[i]
	e := &pipeline.Event{
		Key: []byte(wr.key), NodeID: node, Digest: fmt.Sprint("digest ", i+1), ID: fmt.Sprintf("write %d from %s, delivery %d", i+1, node, delivery),
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
	ended := make(chan error, 1)
	go func() {
		ended <- pipeline.New(pipeline.Config{
			Source: w, Reader: w, Publisher: w, DeadLetters: w, InFlight: w.plan.inBound, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}).Run(ctx)
	}()
	send := func(e *pipeline.Event, after time.Duration) {
		w.mu.Lock()
		w.unacked++
		w.mu.Unlock()
		go func() {
			time.Sleep(after)
			w.events <- e
		}()
	}
	for i, wr := range w.plan.writes {
		time.Sleep(wr.after)
		send(w.event(i, "n1", 1), 0)
		if wr.java {
			wr.second = max(wr.second, wr.visible)
		}
		send(w.event(i, "n2", 1), wr.second)
		if wr.twice {
			send(w.event(i, "n1", 2), 2*wr.second)
		}
	}
	time.Sleep(time.Hour)
	stop()
	return <-ended
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

func (w *world) Receive(ctx context.Context) (*pipeline.Event, error) {
	select {
	case e := <-w.events:
		return e, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) Ack(e *pipeline.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unacked--
	wr := w.plan.writes[e.Properties.WriteTime-1]
	if e.Properties.ExactKey != wr.row {
		return nil // of the Java agent: the other event covers the row
	}
	if shown := w.topic[rowOf(wr.key, wr.row)]; shown < int(e.Properties.WriteTime) {
		w.fault("%s is acknowledged; the topic shows write %d", e.ID, shown)
	}
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
		return readback.Row{}, errors.New("read timeout")
	}
	version := *w.version
	version.Schema = &registry.Schema{}
	w.read[version.Schema] = shown
	row := readback.Row{Version: &version, ExactKey: r.ExactKey, Coordinator: r.NodeID, Fresh: shown >= int(r.WriteTime)}
	if r.Operation == "" && shown == 0 {
		row.Fresh = true // of the Java agent's event, which never comes before its write is visible
	}
	if how.elsewhere {
		row.Coordinator = "n3"
	}
	if shown > 0 && !w.plan.writes[shown-1].gone {
		row.Values = [][]byte{[]byte(fmt.Sprint(shown))}
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
		if how.fails {
			done(errors.New("broker away"))
			return
		}
		w.mu.Lock()
		w.topic[row] = shown
		w.mu.Unlock()
		done(nil)
	}()
}

func (w *world) Bury(_ context.Context, e *pipeline.Event, reason error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault("%s is a dead letter: %v", e.ID, reason)
	return nil
}

func TestRandomRuns(t *testing.T) {
	version := version(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := plans.Draw(rt, "plan")
		var faults []string
		synctest.Test(t, func(t *testing.T) {
			w := &world{
				plan: p, version: version, begun: time.Now(), events: make(chan *pipeline.Event),
				read: map[*registry.Schema]int{}, reading: map[string]bool{}, topic: map[string]int{}, order: map[string]int{},
			}
			if err := w.run(t.Context()); err != nil {
				w.fault("Run returned %v", err)
			}
			if w.unacked != 0 {
				w.fault("%d events are not acknowledged", w.unacked)
			}
			for _, key := range []string{"a", "b", "c"} {
				for _, exact := range []string{"", "x", "y"} {
					row := rowOf(key, exact)
					if last := w.shows(row); w.topic[row] != last {
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
