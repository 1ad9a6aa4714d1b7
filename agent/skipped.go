// The account of changes that became no event, so that none is passed over in silence.

package agent

import (
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// skipped counts, and logs each reason at most every ten seconds.
type skipped struct {
	log    *slog.Logger
	total  [skipReasons]int
	logged [skipReasons]time.Time
}

const skippedLogPause = 10 * time.Second

// note counts what the entry at that position was passed over for.
// Invariant 6: a counter with a reason, and a log line with the position.
func (s *skipped) note(counts [skipReasons]int, at commitlog.Position) {
	for reason, n := range counts {
		if n == 0 {
			continue
		}
		s.total[reason] += n
		if now := time.Now(); now.Sub(s.logged[reason]) >= skippedLogPause {
			s.logged[reason] = now
			s.log.Warn("changes became no event", "reason", skipReason(reason), "pos", at, "total", s.total[reason])
		}
	}
}
