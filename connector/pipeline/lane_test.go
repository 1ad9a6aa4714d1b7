// The order of reads and publications, within a key and across keys, and rows that
// are not as new as their event yet (invariants 4 and 7).

package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestKeysRunInParallel(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if string(req.Key) == "slow" {
				<-gate
			}
			return r.row("v", true, req), nil
		}
		r.start(newEvent("e1", "slow", 1), newEvent("e2", "b", 1), newEvent("e3", "c", 1))
		r.wantsInAnyOrder("read slow for 1", "read b for 1", "publish b=v", "ack e2", "read c for 1", "publish c=v", "ack e3")
		close(gate)
		r.sleep(0)
		r.wants("publish slow=v", "ack e1")
		r.stop()
	})
}

// Invariant 4. Events that arrive while a read of their key is in flight, or its
// publication, are not covered by it but together by the next read.
func TestEventsDuringAReadShareTheNext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		reads := 0
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			reads++
			row := r.row(fmt.Sprint("v", reads), true, req)
			<-gate
			return row, nil
		}
		var persisted func(error)
		r.publish = func(_ pipeline.Message, done func(error)) { persisted = done }
		r.start(newEvent("e1", "a", 1))
		r.send(newEvent("e2", "a", 2))
		r.wants("read a for 1")
		gate <- struct{}{}
		r.sleep(0)
		r.wants("publish a=v1")
		r.send(newEvent("e3", "a", 3))
		r.wants()
		persisted(nil)
		r.sleep(0)
		r.wants("ack e1", "read a for 3")
		close(gate)
		r.sleep(0)
		persisted(nil)
		r.sleep(0)
		r.wants("publish a=v2", "ack e2", "ack e3")
		r.stop()
	})
}

// What is received and not acknowledged is in memory: there is a bound to it.
func TestInFlightBoundHoldsReceive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			<-gate
			return r.row("v", true, req), nil
		}
		r.cfg.Limits = pipeline.NewLimits(3, 0)
		var events []*pipeline.Event
		for i := range 10 {
			events = append(events, newEvent(fmt.Sprint("e", i), fmt.Sprint("k", i), 1))
		}
		r.start(events...)
		if r.count().received != 3 {
			t.Errorf("%d events received, want 3", r.count().received)
		}
		gate <- struct{}{}
		r.sleep(0)
		if r.count().received != 4 {
			t.Errorf("%d events received after one acknowledgement, want 4", r.count().received)
		}
		close(gate)
		r.sleep(0)
		if r.count().acked != 10 || r.count().most != 3 {
			t.Errorf("%d events acknowledged, at most %d in flight", r.count().acked, r.count().most)
		}
		r.stop()
	})
}

// Invariant 7: a row that is not certainly as new as its event is read again, then published
// as it is, looked at for some time, and remembered as nothing.
func TestStaleRowIsReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.timed = true
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("old", false, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(11 * time.Second)
		r.wants("0s read a for 100", "2ms read a for 100", "10ms read a for 100", "40ms read a for 100", "100ms read a for 100",
			"100ms publish a=old",
			"200ms read a for 100", "400ms read a for 100", "800ms read a for 100", "1.6s read a for 100", "3.2s read a for 100", "6.4s read a for 100",
			"10.4s read a for 100", "10.4s ack e1")
		if r.told.last != 1 {
			t.Errorf("the observer was told of %d rows that stayed stale", r.told.last)
		}
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("new", true, req), nil
		}
		r.send(newEvent("e2", "a", 100))
		r.wants("11s read a for 100", "11s publish a=new", "11s ack e2")
		r.stop()
	})
}

// A node may take long until a read shows what its log has already: with commitlog_sync
// batch as long as the disk takes.
func TestWriteThatIsSeenLate(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.timed = true
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if time.Since(r.begun) < 5*time.Second {
				return r.row("", false, req), nil
			}
			return r.row("new", true, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(time.Minute)
		got := r.steps()
		if want := []string{"6.4s read a for 100", "6.4s publish a=new", "6.4s ack e1"}; len(r.published()) != 2 || !slices.Equal(got[len(got)-3:], want) {
			t.Errorf("steps %q", got)
		}
		r.stop()
	})
}

// A column that is added while a row is looked at is no reason to publish it again.
func TestColumnIsAddedToARowInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		table := capturetest.Table(t, "CREATE TABLE ks.t (k text PRIMARY KEY, u text, v text)")
		messages, err := row.NewMessages(table, row.KeyValueAvro)
		if err != nil {
			t.Fatal(err)
		}
		added := &readback.Version{Table: table, Messages: messages, Schema: registry.Plain(registry.Part{Name: "another"})}
		u := []byte(nil)
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			row := r.row("v", false, req)
			if time.Since(r.begun) > time.Second {
				row.Version, row.Values = added, [][]byte{u, []byte("v")}
			}
			return row, nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(3 * time.Second)
		if n := len(r.published()); n != 1 {
			t.Errorf("%d messages", n)
		}
		u = []byte("u")
		r.sleep(10 * time.Second)
		if n := len(r.published()); n != 2 || r.count().acked != 1 {
			t.Errorf("%d messages when the column has a value, %d events acknowledged", n, r.count().acked)
		}
		r.stop()
	})
}

// An event of a key whose row is looked at again and again is served at once, and has
// its own time.
func TestEventOfARowInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.timed = true
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row(fmt.Sprint(req.WriteTime), time.Since(r.begun) >= 4*time.Second && req.WriteTime == 200, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(4 * time.Second)
		r.steps()
		r.send(newEvent("e2", "a", 200))
		r.wants("4s read a for 200", "4s publish a=200", "4s ack e1", "4s ack e2")
		r.stop()
	})
}

// An event that joins when another one's time is over is not covered by what was
// published before it came.
func TestEventJoinsWhenAnotherLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.timed = true
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("v", req.WriteTime == 300, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(8 * time.Second)
		r.send(newEvent("e2", "a", 200))
		for r.count().acked == 0 { // e1 leaves
			r.sleep(10 * time.Millisecond)
		}
		r.steps()
		r.send(newEvent("e3", "a", 300))
		if got := strings.Join(r.steps(), ", "); !strings.Contains(got, "publish a=v") || r.count().acked != 3 {
			t.Errorf("%s", got)
		}
		r.stop()
	})
}

// Where the broker takes long to answer, the key may have gone to another consumer
// meanwhile: its row is read once more.
func TestLatePublication(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		after string // what the row is afterwards
		want  []string
	}{
		"soon":              {time.Second, "v", []string{"0s read a for 100", "0s publish a=v", "1s ack e1"}},
		"late":              {3 * time.Second, "v", []string{"0s read a for 100", "0s publish a=v", "3s read a for 100", "3s ack e1"}},
		"late, another row": {3 * time.Second, "w", []string{"0s read a for 100", "0s publish a=v", "3s read a for 100", "3s publish a=w", "3s ack e1"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.timed = true
				r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
					if time.Since(r.begun) > 0 {
						return r.row(c.after, true, req), nil
					}
					return r.row("v", true, req), nil
				}
				takes := c.takes
				r.publish = func(_ pipeline.Message, done func(error)) {
					time.AfterFunc(takes, func() { done(nil) })
					takes = 0
				}
				r.start(newEvent("e1", "a", 100))
				r.sleep(time.Minute)
				r.wants(c.want...)
				r.stop()
			})
		})
	}
}

func TestStaleRowThatTurnsFresh(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.timed = true
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if time.Since(r.begun) < 5*time.Millisecond {
				return r.row("old", false, req), nil
			}
			return r.row("new", true, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.sleep(time.Second)
		r.wants("0s read a for 100", "2ms read a for 100", "10ms read a for 100", "10ms publish a=new", "10ms ack e1")
		r.stop()
	})
}

// Events that arrive while a stale row waits for its next read join it: the read asks
// for the newest of them, and one publication covers all.
func TestEventJoinsAStaleRow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			attempt := 0
			if time.Since(r.begun) > 0 {
				attempt = 1
			}
			if req.Attempt != attempt {
				t.Errorf("attempt %d, want %d", req.Attempt, attempt)
			}
			return r.row([]string{"old", "new"}[attempt], attempt > 0, req), nil
		}
		r.start(newEvent("e1", "a", 200))
		r.sleep(time.Millisecond)
		r.send(newEvent("e2", "a", 300), newEvent("e3", "a", 100))
		r.sleep(time.Second)
		r.wants("read a for 200", "read a for 300", "publish a=new", "ack e1", "ack e2", "ack e3")
		r.stop()
	})
}

// Invariant 7 on a busy key: events that arrive one after the other must not use up
// the time that a stale row has to become fresh.
func TestEveryEventHasItsTime(t *testing.T) {
	for _, late := range []time.Duration{20 * time.Millisecond, 95 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				const last = 150
				// One write a millisecond; the node shows each so much later than its event.
				visible := func() int64 { return min(last, (time.Since(r.begun) - late).Milliseconds()) }
				r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
					return r.row(fmt.Sprint(visible()), visible() >= req.WriteTime, req), nil
				}
				r.start()
				for i := range int64(last + 1) {
					r.send(newEvent(fmt.Sprint("e", i), "a", i))
					r.sleep(time.Millisecond)
				}
				r.sleep(time.Second)
				if r.count().acked != last+1 {
					t.Errorf("%d events acknowledged", r.count().acked)
				}
				if got := value(r.published()[len(r.published())-1]); got != fmt.Sprint(last) {
					t.Errorf("the last publication shows write %s, the last write is %d", got, last)
				}
				r.stop()
			})
		})
	}
}

// A row that never turns fresh, on a key that never rests: every event is covered all
// the same, and the replica's copy of a mutation needs no second round.
func TestBusyKeyThatStaysStale(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("v", false, req), nil
		}
		r.start(newEvent("first", "a", 0))
		r.sleep(time.Millisecond)
		r.send(newEvent("its copy", "a", 0))
		for i := range int64(1000) {
			r.send(newEvent(fmt.Sprint("e", i), "a", i+1))
			r.sleep(time.Millisecond)
		}
		if n := len(r.published()); n < 9 {
			t.Errorf("%d publications in a second of one event a millisecond", n)
		}
		r.sleep(15 * time.Second)
		if r.count().acked != 1002 {
			t.Errorf("%d of 1002 events acknowledged", r.count().acked)
		}
		first, copied := -1, -1
		for i, step := range r.steps() {
			switch step {
			case "ack first":
				first = i
			case "ack its copy":
				copied = i
			}
		}
		if copied != first+1 {
			t.Errorf("steps %d and %d acknowledge a mutation and its copy: not by one publication", first, copied)
		}
		r.stop()
	})
}

// An event's row is read by the key as it was written, and published under the key of the
// table's present form, which is also what its lane goes by.
func TestKeyInAnotherForm(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var asked readback.Request
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			asked = req
			row := r.row("v", true, req)
			row.Key = []byte("now")
			return row, nil
		}
		e := newEvent("e1", "now", 1)
		e.Written, e.Writer = []byte("then"), &event.Writer{}
		r.start(e)
		r.wants("read then for 1", "publish now=v", "ack e1")
		if asked.Writer != e.Writer {
			t.Error("the read does not know what the key was written with")
		}
		same := newEvent("e2", "now", 1) // the same mutation, from an agent of the present form
		r.send(same)
		r.wants("ack e2")
		r.stop()
	})
}
