// When an event may be acknowledged, and which events count as published already
// (invariants 1, 5 and 8).

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Invariant 1, and the second replica's event of the same mutation: it is acknowledged
// without a publication of its own, but not before the first one's is persisted.
func TestAckWaitsForTheBroker(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var persisted func(error)
		r.publish = func(_ pipeline.Message, done func(error)) { persisted = done }
		r.start(newEvent("e1", "a", 100))
		r.wants("read a for 100", "publish a=v")
		r.send(newEvent("e2", "a", 100))
		r.sleep(time.Hour)
		r.wants()
		persisted(nil)
		r.sleep(0)
		r.wants("read a for 100", "ack e1", "ack e2") // after an hour the row may be another one
		r.send(newEvent("e3", "a", 100))
		r.wants("ack e3")
		r.stop()
	})
}

func TestMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, gate := true, hold()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if first {
				first = false
				<-gate
				return r.row("", true, req), nil
			}
			return r.row("v", true, req), nil
		}
		r.start(newEvent("e1", "a", event.NoWriteTime))
		r.send(newEvent("e2", "a", 300), newEvent("e3", "a", 200))
		close(gate)
		r.sleep(0)
		r.wants("read a for -1", "publish a=null", "ack e1", "read a for 300", "publish a=v", "ack e2", "ack e3")
		gone, there := r.published()[0], r.published()[1]
		if gone.Value != nil || len(gone.Properties) != 0 {
			t.Errorf("a row that is gone, event without a write time: %+v", gone)
		}
		// The newest write time among the events that the message stands for.
		if there.Properties[event.WriteTimeProperty] != "300" || string(there.Key) != "a" {
			t.Errorf("got %+v", there)
		}
		// Invariant 8.
		if there.Schema != r.version.Schema {
			t.Error("the message has another schema than the version the row was read with")
		}
		r.stop()
	})
}

// Invariants 1 and 5: a publication that fails is tried again, and meanwhile stands
// for nothing, neither for its own event nor for the second replica's.
func TestFailedPublicationIsRetriedInPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var persisted func(error)
		r.publish = func(_ pipeline.Message, done func(error)) { persisted = done }
		reads := 0
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			reads++
			// The second read is a stale one, so that e2 is looked at while e1 is retried.
			return r.row(fmt.Sprint("v", reads), reads != 2, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.wants("read a for 100", "publish a=v1")
		persisted(errors.New("broker away"))
		r.send(newEvent("e2", "a", 100))
		r.sleep(time.Second)
		r.wants("read a for 100", "read a for 100", "publish a=v3") // the row as it is now
		persisted(nil)
		r.sleep(0)
		r.wants("ack e1", "ack e2")
		r.stop()
	})
}

// Invariant 5: what became a dead letter was not published.
func TestDeadLetterIsNotRemembered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tooLarge := errors.New("too large")
		r.cfg.Classify = func(error) pipeline.Class { return pipeline.Impossible }
		r.publish = func(_ pipeline.Message, done func(error)) { done(tooLarge) }
		r.start(newEvent("e1", "a", 100))
		r.sleep(time.Second)
		r.steps()
		r.publish = func(_ pipeline.Message, done func(error)) { done(nil) }
		r.send(newEvent("e2", "a", 100))
		r.wants("read a for 100", "publish a=v", "ack e2")
		r.stop()
	})
}

// A digest stands for a publication only where the row was certainly as new as the
// mutation, on the node that wrote it.
func TestWhatIsRemembered(t *testing.T) {
	for _, c := range []struct {
		name             string
		node, coordinate string
		fresh            bool
		digest           string
		remembered       bool
	}{
		{"fresh, from the event's node", "n1", "n1", true, "d", true},
		{"fresh, from another node", "n1", "n2", true, "d", false},
		{"fresh, from no one node", "", "", true, "d", false},
		{"stale to the end", "n1", "n1", false, "d", false},
		{"event without a digest", "n1", "n1", true, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.cfg.Repeat = true
				r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
					row := r.row("v", c.fresh, req)
					row.Coordinator = c.coordinate
					return row, nil
				}
				e1, e2 := newEvent("e1", "a", 100), newEvent("e2", "a", 100)
				e1.Digest, e2.Digest = c.digest, c.digest
				e1.NodeID, e2.NodeID = c.node, c.node
				r.start(e1)
				r.sleep(20 * time.Second)
				r.steps()
				r.send(e2)
				r.sleep(20 * time.Second)
				published := len(r.published()) == 2
				if published == c.remembered || r.count().acked != 2 {
					t.Errorf("%d publications and %d acknowledgements of two events", len(r.published()), r.count().acked)
				}
				r.stop()
			})
		})
	}
}

// The memory is bounded: digests a key, keys, time.
func TestBoundsOfTheMemory(t *testing.T) {
	// known says for which of the events a replica's copy is recognised now.
	known := func(r *rig, events ...*pipeline.Event) string {
		answer := ""
		for _, e := range events {
			r.steps()
			r.send(e)
			if steps := r.steps(); len(steps) == 1 {
				answer += "y"
			} else {
				answer += "n"
			}
		}
		return answer
	}
	t.Run("digests", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			e1, e2, e3, e4 := newEvent("e1", "a", 1), newEvent("e2", "a", 2), newEvent("e3", "a", 3), newEvent("e4", "a", 4)
			r.start()
			r.send(e1)
			r.send(e2)
			r.send(e3)
			r.send(e4)
			if got := known(r, e4, e3, e2, e1); got != "yyyn" {
				t.Errorf("by default the last three digests of a key are known: got %s", got)
			}
			r.stop()
		})
	})
	t.Run("keys", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cfg.Keys = 2
			a, b, c := newEvent("a", "a", 1), newEvent("b", "b", 1), newEvent("c", "c", 1)
			r.start()
			r.send(a)
			r.send(b)
			r.send(c)
			if got := known(r, c, b, a); got != "yyn" {
				t.Errorf("the last two keys are known: got %s", got)
			}
			r.stop()
		})
	})
	t.Run("time", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			a1, a2, b := newEvent("a1", "a", 1), newEvent("a2", "a", 2), newEvent("b", "b", 1)
			r.start(a1, b)
			r.sleep(time.Minute - 1)
			if got := known(r, a1, b); got != "yy" {
				t.Errorf("within the minute of the default: got %s", got)
			}
			r.sleep(1)
			// a2 makes the key known again, but not its old digest.
			if got := known(r, b, a2, a2, a1); got != "nnyn" {
				t.Errorf("after a minute: got %s", got)
			}
			r.stop()
		})
	})
}
