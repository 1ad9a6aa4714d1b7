// A row that is on the topic already is not published again, where that is certain.

package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// other is an event that no digest connects with one of newEvent's: of a read repair, or
// of a mutation whose digest is forgotten.
func other(id, key string, writeTime int64) *pipeline.Event {
	e := newEvent(id, key, writeTime)
	e.Digest = "digest of " + id
	return e
}

func TestSameRowIsNotPublishedAgain(t *testing.T) {
	for name, gone := range map[string]bool{"a row": false, "a row that is gone": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				shows := "v"
				if gone {
					shows = ""
				}
				r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
					return r.row(shows, true, req), nil
				}
				r.start(newEvent("e1", "a", 100))
				r.steps()
				r.send(other("e2", "a", 100))
				r.wants("read a for 100", "ack e2")
				// Its digest stands for the publication from now on.
				e3 := other("e3", "a", 100)
				e3.Digest = "digest of e2"
				r.send(e3)
				r.wants("ack e3")
				if r.told.covered != [4]int{1, 1, 1, 0} || len(r.told.rows) != 1 {
					t.Errorf("told of %v by publication, digest, same row and rule; %d rows", r.told.covered, len(r.told.rows))
				}
				r.stop()
			})
		})
	}
}

// Where the last message of the key may be another one, or the event may be of a mutation
// that another consumer has published something before, the row is published.
func TestSameRowThatIsPublished(t *testing.T) {
	for name, c := range map[string]struct {
		second  *pipeline.Event
		between func(r *rig)
	}{
		"a write time that the message did not cover": {second: other("e2", "a", 99)},
		"a newer event":               {second: other("e2", "a", 101)},
		"an event without write time": {second: other("e2", "a", event.NoWriteTime)},
		"a stale row": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				return r.row("v", false, req), nil
			}
		}},
		"another value": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) { return r.row("w", true, req), nil }
		}},
		"a row that is gone meanwhile": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) { return r.row("", true, req), nil }
		}},
		"another schema": {between: func(r *rig) {
			s := registry.Plain(registry.Part{Type: registry.Avro, Schema: `"string"`})
			r.version = &readback.Version{Table: r.version.Table, Messages: r.version.Messages, Schema: s}
		}},
		"another row of the message key": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				row := r.row("v", true, req)
				row.ExactKey = "x"
				return row, nil
			}
		}},
		"another message since": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				if req.WriteTime == 50 {
					return r.row("w", true, req), nil
				}
				return r.row("v", true, req), nil
			}
			r.send(other("between", "a", 50))
		}},
		"a message since that may have arrived": {between: func(r *rig) {
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				if req.WriteTime == 50 {
					return r.row("w", true, req), nil
				}
				return r.row("v", true, req), nil
			}
			r.cfg.Classify = nil
			r.publish = func(m pipeline.Message, done func(error)) { done(errors.New("timeout")) }
			r.send(other("between", "a", 50))
			r.publish = func(_ pipeline.Message, done func(error)) { done(nil) }
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) { return r.row("v", true, req), nil }
			r.sleep(time.Second)
		}},
		"after a minute": {between: func(r *rig) { r.sleep(time.Minute) }},
		"a row that was stale when it was published": {between: func(r *rig) {
			fresh := r.read
			r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
				return r.row("s", false, req), nil
			}
			r.send(other("stale", "a", 100))
			r.sleep(11 * time.Second)
			r.read = func(ctx context.Context, req readback.Request) (readback.Row, error) {
				row, err := fresh(ctx, req)
				row.Values = [][]byte{[]byte("s")}
				return row, err
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.start(newEvent("e1", "a", 100))
				if c.between != nil {
					c.between(r)
				}
				r.steps()
				if c.second == nil {
					c.second = other("e2", "a", 100)
				}
				r.send(c.second)
				r.sleep(11 * time.Second)
				if steps := strings.Join(r.steps(), ", "); !strings.Contains(steps, "publish a=") || !strings.HasSuffix(steps, "ack e2") {
					t.Errorf("%s", steps)
				}
				r.stop()
			})
		})
	}
	t.Run("turned off", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cfg.Repeat = true
			r.start(newEvent("e1", "a", 100))
			r.send(other("e2", "a", 100))
			r.wants("read a for 100", "publish a=v", "ack e1", "read a for 100", "publish a=v", "ack e2")
			r.stop()
		})
	})
}

// Below a quorum a read for a late, older event may show less than was published before.
// What the newer events published stands for is not on the topic then: their copies must
// bring it back.
func TestOlderRowForgetsNewerMutations(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			if req.WriteTime < 100 {
				return r.row("old", true, req), nil
			}
			return r.row("new", true, req), nil
		}
		r.start(newEvent("e1", "a", 100))
		r.send(newEvent("late", "a", 50))
		r.send(newEvent("copy", "a", 100))
		r.wants("read a for 100", "publish a=new", "ack e1", "read a for 50", "publish a=old", "ack late",
			"read a for 100", "publish a=new", "ack copy")
		r.stop()
	})
}

// The events' key is no longer the table's: messages go out under another key than the
// lane's, and say nothing of it.
func TestSameRowUnderAnotherKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.read = func(_ context.Context, req readback.Request) (readback.Row, error) {
			row := r.row("v", true, req)
			row.Key = []byte("now")
			return row, nil
		}
		r.start(newEvent("e1", "then", 100))
		r.send(newEvent("e2", "now", 100))
		r.send(other("e3", "then", 100))
		r.send(other("e4", "now", 100))
		r.steps()
		if got := len(r.published()); got != 4 {
			t.Errorf("%d publications, want 4: each lane does not know of the other's", got)
		}
		r.stop()
	})
}

// What is remembered is bounded, and what there was no room for is counted.
func TestRemembered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Keys = 2
		r.start(newEvent("e1", "a", 100), newEvent("e2", "b", 100), newEvent("e3", "a", 101))
		if got := r.pipeline.Remembered(); got != (pipeline.Remembered{Keys: 2, Capacity: 2}) {
			t.Errorf("%+v of two keys", got)
		}
		r.send(newEvent("e4", "c", 100))
		if got := r.pipeline.Remembered(); got != (pipeline.Remembered{Keys: 2, Capacity: 2, Evicted: 1}) {
			t.Errorf("%+v of three keys", got)
		}
		r.stop()
	})
}
