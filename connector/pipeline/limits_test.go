// What may be in flight is bounded by number and by bytes, for all tables together, and
// a table that cannot be published leaves room for the others.

package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

// stuck makes a rig whose rows are never persisted, with so many events that wait.
func stuck(r *rig, limits *pipeline.Limits, size, events int) {
	r.cfg.Limits = limits
	r.publish = func(pipeline.Message, func(error)) {}
	r.start()
	for i := range events {
		e := newEvent(fmt.Sprint("e", i), fmt.Sprint("k", i), 1)
		e.Size = size
		r.send(e)
	}
}

func TestBoundOfBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		limits := pipeline.NewLimits(0, 10<<20)
		stuck(r, limits, 1<<20, 20)
		events, bytes := limits.Held()
		if events != r.count().received || events < 7 || events > 10 || bytes < events<<20 || bytes > events<<20+events*1024 {
			t.Errorf("%d events of 1 MiB and a little are in flight, %d bytes, %d received; the bound is 10 MiB", events, bytes, r.count().received)
		}
		r.stop()
		if events, bytes := limits.Held(); events != 0 || bytes != 0 {
			t.Errorf("after the end %d events and %d bytes are held", events, bytes)
		}
	})
}

// An event that is larger than the bound comes through, alone.
func TestEventLargerThanTheBound(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cfg.Limits = pipeline.NewLimits(0, 1000)
		var events []*pipeline.Event
		for i := range 5 {
			e := newEvent(fmt.Sprint("e", i), "a", 1)
			e.Size = 5000
			events = append(events, e)
		}
		r.start(events...)
		if r.count().acked != 5 || r.count().most != 1 {
			t.Errorf("%d events acknowledged, at most %d in flight", r.count().acked, r.count().most)
		}
		r.stop()
	})
}

func TestStuckTablesLeaveRoom(t *testing.T) {
	for _, c := range []struct{ limit, stuck int }{{2000, 1}, {2000, 3}, {10, 20}} {
		t.Run(fmt.Sprintf("%d of %d", c.stuck, c.limit), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				limits := pipeline.NewLimits(c.limit, 0)
				var others []*rig
				for range c.stuck {
					o := &rig{t: t, version: r.version, read: r.read, backlog: make(chan *pipeline.Event, 3000), ended: make(chan error, 1)}
					stuck(o, limits, 0, c.limit)
					others = append(others, o)
				}
				if held, _ := limits.Held(); held < c.limit*4/5 || held > c.limit+c.stuck {
					t.Errorf("%d events of stuck tables are in flight; the bound is %d", held, c.limit)
				}
				// The healthy table comes last, and everything of it gets through.
				r.cfg.Limits = limits
				r.start()
				for i := range 100 {
					r.send(newEvent(fmt.Sprint("e", i), "a", int64(i)))
				}
				if r.count().acked != 100 {
					t.Errorf("%d of 100 events of the healthy table acknowledged", r.count().acked)
				}
				// What a stuck table holds is free again when it goes on.
				for _, o := range others {
					o.stop()
				}
				if held, _ := limits.Held(); held != 0 {
					t.Errorf("%d events are held at the end", held)
				}
				r.stop()
			})
		})
	}
}

// A pipeline that waits for room ends at once, and takes none later.
func TestStopWhileWaitingForRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		limits := pipeline.NewLimits(5, 0)
		stuck(r, limits, 0, 20)
		o := &rig{t: t, version: r.version, read: r.read, backlog: make(chan *pipeline.Event, 100), ended: make(chan error, 1)}
		stuck(o, limits, 0, 20)
		o.stop()
		r.stop()
		if held, _ := limits.Held(); held != 0 {
			t.Errorf("%d events are held at the end", held)
		}
	})
}
