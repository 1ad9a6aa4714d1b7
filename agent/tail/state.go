// What others may know of the tailer while it runs.

package tail

import (
	"fmt"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
)

// State is the tailer's at the last look at the directories.
type State struct {
	Segments []Progress // those that are followed, in the order of the log
	Trouble  error      // what could not be read and is tried again; nil when all was
}

// Progress is how far one segment is read.
type Progress struct {
	Segment int64
	Path    string // its name in cdc_raw, where it may be, and Cassandra's index beside it
	Read    int64  // offset behind the last entry that was read; that of the checkpoint before the first
	// AtEnd says that everything Cassandra had written was read. In a live segment it may
	// have written more since.
	AtEnd     bool
	Watermark *checkpoint.Watermark
}

// State may be called from any goroutine. Before the first look it is empty.
func (t *Tailer) State() State {
	if s := t.state.Load(); s != nil {
		return *s
	}
	return State{}
}

func (t *Tailer) noteState() {
	state := State{Trouble: t.unlisted}
	for _, s := range t.segments {
		if s.deleted {
			continue // it may come back, and until then there is nothing of it to read
		}
		state.Segments = append(state.Segments, Progress{
			Segment: s.id, Path: filepath.Join(t.cfg.CDCRawDir, s.name), Read: max(s.options.Start, s.end), Watermark: s.watermark,
			AtEnd: s.drained || s.reader != nil && !s.more,
		})
		if s.failed != nil && state.Trouble == nil {
			state.Trouble = fmt.Errorf("segment %d: %w", s.id, s.failed)
		}
	}
	t.state.Store(&state)
}
