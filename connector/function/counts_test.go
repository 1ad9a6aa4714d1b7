// What the numbers of a function are, minute by minute.

package function

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Counts
		if s := c.now(); s.lastEventMillis() != 0 || s.total.averageLatency() != 0 {
			t.Errorf("nothing was counted: %+v", s)
		}
		began := time.Now()
		for range 3 {
			c.Received(nil)
		}
		c.Published(pipeline.Published{SinceEvent: 10 * time.Millisecond})
		c.Published(pipeline.Published{SinceEvent: 20 * time.Millisecond})
		c.Covered(2, pipeline.ByPublication)
		c.Buried(nil, errors.New("no key"))
		time.Sleep(window - time.Nanosecond)
		c.Failed(errors.New("no node"), pipeline.Retry)
		want := tally{received: 3, processed: 2, systemExceptions: 1, userExceptions: 1, rows: 2, latency: 30 * time.Millisecond}
		s := c.now()
		if s.total != want || s.minute != want || s.total.averageLatency() != 15 || s.lastEvent != began {
			t.Errorf("%+v, want %+v", s, want)
		}
		if diff := cmp.Diff([]exception{{"no key", began}}, s.user, cmp.AllowUnexported(exception{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		time.Sleep(time.Nanosecond)
		c.Covered(1, pipeline.ByDigest)
		want.processed++
		if s := c.now(); s.total != want || s.minute != (tally{processed: 1}) {
			t.Errorf("in the second minute: %+v", s)
		}
		c.resetMinute()
		if s := c.now(); s.total != want || s.minute != (tally{}) {
			t.Errorf("after a reset: %+v", s)
		}
	})
}

// The last exceptions are kept, and no more.
func TestExceptions(t *testing.T) {
	var c Counts
	for i := range 25 {
		c.Failed(fmt.Errorf("fault %d", i), pipeline.Retry)
	}
	s := c.now()
	if len(s.system) != keptExceptions || s.system[0].text != "fault 15" || s.system[keptExceptions-1].text != "fault 24" || s.total.systemExceptions != 25 {
		t.Errorf("%+v", s)
	}
}
