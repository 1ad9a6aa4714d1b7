// The quarantine: a copy on disk of every stretch of the log that the agent had to
// pass over, so that nothing is lost in silence.

package agent

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

type quarantine struct {
	dir string
	log *slog.Logger
}

// keep stores bytes of the log and why they could not be published.
// Invariant 6: nothing is skipped without a log line and a copy.
func (q quarantine) keep(at commitlog.Position, reason error, raw []byte) error {
	name := filepath.Join(q.dir, fmt.Sprintf("%d-%d", at.Segment, at.Offset))
	err := os.MkdirAll(q.dir, 0o750)
	if err == nil {
		err = os.WriteFile(name+".entry", raw, 0o640)
	}
	if err == nil {
		err = os.WriteFile(name+".reason", []byte(reason.Error()+"\n"), 0o640)
	}
	if err != nil {
		return fmt.Errorf("put what lies at %s into quarantine: %w", at, err)
	}
	q.log.Error("part of the commit log could not be read and is in quarantine", "pos", at, "reason", reason, "file", name+".entry")
	return nil
}
