// Rows of one message key, which exact keys tell apart: each is read and published for
// itself, and no event is acknowledged for another row than its own.

package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// ofRow makes an event one of the row with that exact key.
func ofRow(e *pipeline.Event, exact string) *pipeline.Event {
	e.Properties.ExactKey = exact
	return e
}

// byJava makes an event one of the Java agent's.
func byJava(e *pipeline.Event) *pipeline.Event {
	e.Properties.Operation, e.Properties.ExactKey = "", ""
	return e
}

// eachRow answers with the row that is asked for.
func eachRow(r *rig) func(context.Context, readback.Request) (readback.Row, error) {
	return func(_ context.Context, req readback.Request) (readback.Row, error) {
		return r.row("row "+req.ExactKey, true, req), nil
	}
}

// Events that wait together are covered together only where they are of one row. The
// row that was written last is published last.
func TestRowsOfOneKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if req.WriteTime == 1 {
				<-gate
			}
			return r.row("row "+req.ExactKey, true, req), nil
		}
		r.start(newEvent("first", "a", 1))
		r.send(ofRow(newEvent("x1", "a", 20), "x"), newEvent("e1", "a", 30), ofRow(newEvent("y1", "a", 10), "y"),
			ofRow(newEvent("x2", "a", 40), "x"), ofRow(newEvent("y2", "a", 15), "y"))
		close(gate)
		r.sleep(0)
		r.wants(
			"read a for 1", "publish a=row ", "ack first",
			"read a y for 15", "publish a=row y", "ack y1", "ack y2",
			"read a for 30", "publish a=row ", "ack e1",
			"read a x for 40", "publish a=row x", "ack x1", "ack x2",
		)
		for i, want := range []string{"", "y", "", "x"} {
			if got := r.published()[i].Properties[event.ExactKeyProperty]; got != want {
				t.Errorf("message %d has the exact key %q, want %q", i, got, want)
			}
		}
		r.stop()
	})
}

// A row that waits to become fresh is joined by events of its own only.
func TestEventOfAnotherRowDoesNotJoinAStaleRow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			return r.row("row "+req.ExactKey, req.ExactKey != "x" || time.Since(r.begun) > 5*time.Millisecond, req), nil
		}
		r.start(ofRow(newEvent("x1", "a", 100), "x"))
		r.sleep(time.Millisecond)
		r.send(newEvent("e1", "a", 200), ofRow(newEvent("y1", "a", 300), "y"), ofRow(newEvent("x2", "a", 50), "x"))
		r.sleep(time.Second)
		r.wants("read a x for 100", "read a x for 100", "read a x for 100", "publish a=row x", "ack x1", "ack x2",
			"read a for 200", "publish a=row ", "ack e1",
			"read a y for 300", "publish a=row y", "ack y1")
		r.stop()
	})
}

// The same bytes in another form are the key of another row.
func TestFormsOfOneKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Repeat = true // the messages of the forms differ in their schema, which the fake does not
		var forms []event.KeyForm
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			forms = append(forms, req.KeyForm)
			return r.row("v", true, req), nil
		}
		old, faithful := newEvent("old", "a", 1), newEvent("new", "a", 1)
		faithful.Properties.KeyForm = event.FaithfulForm
		r.start(old)
		r.send(faithful)
		again := newEvent("again", "a", 1)
		again.Properties.KeyForm = event.FaithfulForm
		r.send(again)
		r.wants("read a for 1", "publish a=v", "ack old", "read a for 1", "publish a=v", "ack new", "ack again")
		if len(forms) != 2 || forms[0] != event.JavaForm || forms[1] != event.FaithfulForm {
			t.Errorf("read as %q", forms)
		}
		r.stop()
	})
}

// A row whose publication fails holds its own events, and the others of its key, whose
// messages would overtake it.
func TestTroubleWithOneRowOfAKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify = classify
		r.read = eachRow(r)
		refuse := true
		r.publish = func(_ pipeline.Message, done func(error)) {
			if refuse {
				done(errTrouble)
			} else {
				done(nil)
			}
		}
		r.start(ofRow(newEvent("x", "a", 1), "x"), ofRow(newEvent("y", "a", 2), "y"))
		r.sleep(time.Second)
		for _, step := range r.steps() {
			if strings.HasPrefix(step, "ack") || strings.HasPrefix(step, "read a y") {
				t.Errorf("%s while the row x is not published", step)
			}
		}
		refuse = false
		r.sleep(time.Minute)
		r.wants("read a x for 1", "publish a=row x", "ack x", "read a y for 2", "publish a=row y", "ack y")
		r.stop()
	})
}

// One mutation of several rows of one key: each is published, and each known again.
func TestMutationOfRowsOfOneKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = eachRow(r)
		r.start(newEvent("e1", "a", 1))
		r.send(ofRow(newEvent("x1", "a", 1), "x"))
		r.send(ofRow(newEvent("x2", "a", 1), "x"))
		r.send(newEvent("e2", "a", 1))
		r.wants("read a for 1", "publish a=row ", "ack e1", "read a x for 1", "publish a=row x", "ack x1", "ack x2", "ack e2")
		r.stop()
	})
}

// The Java agent does not say which of the rows its event is of. Where another replica's
// agent does, the event must not be taken for one of the row of the cut key, which may
// not be there: that would publish null in the place of the row.
func TestJavaAgentsCopy(t *testing.T) {
	onlyX := func(r *rig) func(context.Context, readback.Request) (readback.Row, error) {
		return func(_ context.Context, req readback.Request) (readback.Row, error) {
			if req.ExactKey != "x" {
				return r.row("", true, req), nil
			}
			return r.row("row x", true, req), nil
		}
	}
	t.Run("behind ours", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.read = onlyX(r)
			r.start(ofRow(newEvent("ours", "a", 1), "x"))
			r.send(byJava(newEvent("java", "a", 1)))
			r.wants("read a x for 1", "publish a=row x", "ack ours", "ack java")
			r.stop()
		})
	})
	t.Run("while a read is in flight", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			gate := hold()
			r.read = func(ctx context.Context, req readback.Request) (readback.Row, error) {
				if req.WriteTime == 1 {
					<-gate
				}
				return onlyX(r)(ctx, req)
			}
			r.start(ofRow(newEvent("first", "a", 1), "x"))
			r.send(byJava(newEvent("java", "a", 2)), ofRow(newEvent("ours", "a", 2), "x"), byJava(newEvent("of no other", "a", 3)))
			close(gate)
			r.sleep(0)
			r.wants("read a x for 1", "publish a=row x", "ack first", "read a x for 2", "publish a=row x", "ack java", "ack ours",
				"read a for 3", "publish a=null", "ack of no other")
			r.stop()
		})
	})
	t.Run("before ours", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.read = onlyX(r)
			r.start(byJava(newEvent("java", "a", 1)))
			r.send(ofRow(newEvent("ours", "a", 1), "x"))
			// What is known of the Java agent's event says nothing of the row x.
			r.wants("read a for 1", "publish a=null", "ack java", "read a x for 1", "publish a=row x", "ack ours")
			r.stop()
		})
	})
}

// A row that is not there is no news to the Java agent's event, and is to an older one
// of ours that is covered together with it.
func TestRequestForEventsOfBothAgents(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := hold()
		var last readback.Request
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if last = req; req.WriteTime == 1 {
				<-gate
			}
			return r.row("v", true, req), nil
		}
		r.start(newEvent("first", "a", 1))
		ours, older := newEvent("ours", "a", 2), newEvent("older", "a", 1)
		ours.Properties.Operation, older.Properties.Operation = event.Insert, event.Delete
		java := byJava(newEvent("java", "a", 3))
		java.NodeID = "n3"
		r.send(older, java, ours, byJava(newEvent("old and java", "a", 0)))
		close(gate)
		r.sleep(0)
		want := readback.Request{Key: []byte("a"), NodeID: "n3", WriteTime: 3, Operation: event.Insert}
		if diff := cmp.Diff(want, last); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		r.stop()
	})
}

// Where a row is gone and another one of its message key is there, the reader gives the
// other one: the message says whose value it has.
func TestMessageOfTheRowThatIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			row := r.row("row y", true, req)
			row.ExactKey = "y"
			return row, nil
		}
		r.start(ofRow(newEvent("x", "a", 1), "x"))
		r.wants("read a x for 1", "publish a=row y", "ack x")
		if got := r.published()[0].Properties[event.ExactKeyProperty]; got != "y" {
			t.Errorf("the message has the exact key %q", got)
		}
		r.stop()
	})
}

// An exact key that cannot be read is no reason to publish the row of the message key:
// it is another one.
func TestExactKeyThatCannotBeRead(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Classify = func(err error) pipeline.Class {
			if e := (*readback.KeyError)(nil); errors.As(err, &e) {
				return pipeline.Impossible
			}
			return pipeline.Retry
		}
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if req.ExactKey == "?" {
				return readback.Row{}, &readback.KeyError{Err: errors.New("no exact key")}
			}
			return r.row("v", true, req), nil
		}
		r.start(ofRow(newEvent("bad", "a", 1), "?"), newEvent("good", "a", 2))
		r.sleep(time.Minute)
		steps := r.steps()
		if got := steps[len(steps)-5:]; got[0] != "bury bad: the event's key: no exact key" || got[1] != "ack bad" || got[3] != "publish a=v" || got[4] != "ack good" {
			t.Errorf("%q", steps)
		}
		r.stop()
	})
}
