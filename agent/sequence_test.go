// Sequence ids along a log.

package agent

import (
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// Along the log ids grow, whatever number of events an entry has.
func TestSequenceGrowsAlongTheLog(t *testing.T) {
	last := int64(-1)
	for _, e := range []struct {
		segment, offset int64
		events          int
	}{
		{firstSegment, 60, 1}, {firstSegment, 120, 10}, {firstSegment, 180, 1}, {firstSegment, 32 << 20, 3},
		{firstSegment + 1, 60, 2}, {1795623279977, 67206, 1}, {1795623279977, 67266, 50}, {1795623279978, 60, 1}, {firstSegment + 1<<38 - 1, 32 << 20, 1},
	} {
		for i := range e.events {
			id, err := sequence(commitlog.Position{Segment: e.segment, Offset: e.offset}, i, e.events)
			if err != nil || id <= last {
				t.Errorf("event %d at %d:%d has the id %d behind %d, %v", i, e.segment, e.offset, id, last, err)
			}
			last = id
		}
	}
	for _, at := range []commitlog.Position{{Segment: firstSegment - 1, Offset: 60}, {Segment: firstSegment + 1<<38, Offset: 60}, {Segment: firstSegment, Offset: 32<<20 + 1}} {
		if _, err := sequence(at, 0, 1); err == nil || !strings.Contains(err.Error(), at.String()) || !strings.Contains(err.Error(), "32 MiB") {
			t.Errorf("%s: %v", at, err)
		}
	}
}
