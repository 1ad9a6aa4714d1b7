// After a break of the connection the broker sends again what is not acknowledged, also
// the events that still wait in a lane; and messages that are no events.

package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// However little may be in flight, all deliveries are acknowledged in the end: the limits
// hold those that come again until the first ones are done.
func TestRedeliveryOfEventsInALane(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const n = 8
		r.cfg.Limits = pipeline.NewLimits(10, 0)
		answers := make(chan func(error), n)
		r.publish = func(_ pipeline.Message, done func(error)) { answers <- done }
		all := func() (events []*pipeline.Event) {
			for i := range n {
				e := newEvent(fmt.Sprint("e", i), fmt.Sprint("k", i%4), event.NoWriteTime)
				e.Digest = ""
				events = append(events, e)
			}
			return events
		}
		r.start(all()...)
		r.send(all()...) // after a break
		r.send(all()...) // and another one
		for range n {
			for range len(answers) {
				(<-answers)(nil)
			}
			r.sleep(time.Second)
		}
		acks := slices.DeleteFunc(r.steps(), func(s string) bool { return !strings.HasPrefix(s, "ack") })
		if len(acks) != 3*n || r.told.settled() != 3*n {
			t.Errorf("%d acknowledgements for %d deliveries; told of %d", len(acks), 3*n, r.told.settled())
		}
		r.stop()
	})
}

// The client counts the deliveries that it has handed out, so each is acknowledged. The
// row is published once, also where neither digest nor write time tells that it is of the
// same mutation.
func TestRedeliveryIsPublishedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var persisted func(error)
		r.publish = func(_ pipeline.Message, done func(error)) { persisted = done }
		e := func() *pipeline.Event { e := newEvent("e1", "a", event.NoWriteTime); e.Digest = ""; return e }
		r.start(e())
		r.send(e(), e())
		persisted(nil)
		r.sleep(time.Minute)
		r.wants("read a for -1", "publish a=v", "ack e1", "ack e1", "ack e1")
		if r.told.covered[pipeline.ByPublication] != 3 || len(r.told.rows) != 1 {
			t.Errorf("told of %v", r.told.covered)
		}
		r.stop()
	})
}

// A message that is no event becomes a dead letter, when the dead letters take it.
func TestMessageThatIsNoEvent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.bury = func(*pipeline.Event, error) error {
			if tries++; tries < 3 {
				return errTrouble
			}
			return nil
		}
		foreign := &pipeline.Event{ID: "m1", Fault: errors.New("no Avro")}
		r.start(foreign, newEvent("e1", "a", 1))
		r.sleep(time.Minute)
		r.wantsInAnyOrder("bury m1: no Avro", "read a for 1", "publish a=v", "ack e1", "bury m1: no Avro", "bury m1: no Avro", "ack m1")
		if r.told.buried != 1 || !strings.Contains(r.log.String(), "event=m1") {
			t.Errorf("%d dead letters told; log: %s", r.told.buried, r.log.String())
		}
		r.stop()
	})
}
