// The account of changes that became no event, so that none is passed over in silence.

package agent

import (
	"log/slog"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

// skipped counts, and logs each reason now and then.
type skipped struct {
	log     *slog.Logger
	metrics *metrics.Agent
	total   [skipReasons]int
	lines   [skipReasons]seldom.Line
}

// note counts what the entry at that position was passed over for.
// Invariant 6: a counter with a reason, and a log line with the position.
func (s *skipped) note(counts [skipReasons]int, at commitlog.Position) {
	for reason, n := range counts {
		if n == 0 {
			continue
		}
		s.total[reason] += n
		s.metrics.Skipped(skipReason(reason).String(), n)
		if skipReason(reason) == excludedTable {
			continue // as told: nothing to look at
		}
		if _, due := s.lines[reason].Due(); due {
			s.log.Warn("changes became no event", "reason", skipReason(reason), "pos", at, "total", s.total[reason])
		}
	}
}
