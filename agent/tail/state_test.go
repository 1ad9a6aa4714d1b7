// What others are told of the tailer while it runs.

package tail_test

import (
	"context"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
)

func TestStateOfSegments(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if s := (&tail.Tailer{}).State(); s.Segments != nil || s.Trouble != nil {
			t.Errorf("before the start: %+v", s)
		}
		r.hold = func(body string) bool { return body == "entry 000002" }
		s := r.segment(1, entries(1, 3)...)
		s.complete()
		live := r.segment(2, entries(4, 5)...)
		r.create(3)
		r.start()
		p := r.tailer.State().Segments
		if len(p) != 3 {
			t.Fatalf("%d segments, want those of which one waits for an acknowledgement, one is live, one is a spare: %+v", len(p), p)
		}
		if p[0].Segment != 1 || p[0].Read != s.marker || !p[0].AtEnd || p[0].Watermark.Offset() >= p[0].Read {
			t.Errorf("%+v, want it read to %d and acknowledged to before that", p[0], s.marker)
		}
		if p[1].Segment != 2 || p[1].Read != live.end || !p[1].AtEnd || p[1].Watermark.Offset() != live.end {
			t.Errorf("%+v, want it read and acknowledged to %d", p[1], live.end)
		}
		if p[2].Segment != 3 || p[2].Read != 0 || p[2].AtEnd {
			t.Errorf("%+v, want a spare of which nothing is known", p[2])
		}
		r.ack("entry 000002")
		r.pass()
		if p := r.tailer.State().Segments; len(p) != 2 || p[0].Segment != 2 {
			t.Errorf("after the acknowledgement: %+v", p)
		}
	})
}

// A tailer whose handler does not return is not turning.
func TestTurnsAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		turns := 0
		r.turn = func() { turns++ }
		r.segment(1, entries(1, 1)...)
		r.onEntry = func(_ context.Context, _ string) error {
			time.Sleep(time.Minute)
			return nil
		}
		r.start()
		during := turns
		r.pass()
		if turns != during {
			t.Errorf("%d turns while the handler does not return", turns-during)
		}
		time.Sleep(time.Minute)
		r.pass()
		if turns < during+100 {
			t.Errorf("%d turns in seconds", turns-during)
		}
	})
}
