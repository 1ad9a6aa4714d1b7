// The quarantine: a copy on disk of every stretch of the log that the agent had to
// pass over, so that nothing is lost in silence.

package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

type quarantine struct {
	dir  string
	log  *slog.Logger
	line seldom.Line
}

// keep stores bytes of the log and why they could not be published.
// Invariant 6: nothing is skipped without a log line and a copy.
func (q *quarantine) keep(at commitlog.Position, reason error, raw []byte) error {
	name := filepath.Join(q.dir, fmt.Sprintf("%d-%d", at.Segment, at.Offset))
	var damage *commitlog.DamageError
	if errors.As(reason, &damage) {
		name += "-damage" // it begins where the entry of that position ends
	}
	err := os.MkdirAll(q.dir, 0o750)
	if err == nil {
		err = persist(name+".entry", raw)
	}
	if err == nil {
		err = persist(name+".reason", []byte(reason.Error()+"\n"))
	}
	if err != nil {
		return fmt.Errorf("put what lies at %s into quarantine: %w", at, err)
	}
	if leftOut, due := q.line.Due(); due {
		q.log.Error("part of the commit log could not be read and is in quarantine",
			"pos", at, "reason", reason, "file", name+".entry", "lines_left_out", leftOut)
	}
	return nil
}

// persist returns when the content is on the disk: the segment it comes from may be
// deleted next.
func persist(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
