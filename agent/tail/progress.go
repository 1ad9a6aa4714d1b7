// What others may know of the tailer while it runs.

package tail

import (
	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
)

// Progress is how far one segment was read at the last look at the directory.
type Progress struct {
	Segment int64
	Path    string
	Read    int64 // offset behind the last entry that was read; 0 when none was
	// AtEnd says that everything Cassandra had written was read. In a live segment it may
	// have written more since.
	AtEnd     bool
	Watermark *checkpoint.Watermark
}

// Progress lists the segments that are followed, in the order of the log, as they were at
// the last look at the directory. It may be called from any goroutine.
func (t *Tailer) Progress() []Progress {
	if p := t.progress.Load(); p != nil {
		return *p
	}
	return nil
}

func (t *Tailer) noteProgress() {
	all := make([]Progress, len(t.segments))
	for i, s := range t.segments {
		all[i] = Progress{
			Segment: s.id, Path: s.path, Read: max(s.start, s.end), Watermark: s.watermark,
			AtEnd: s.drained || s.reader != nil && !s.more,
		}
	}
	t.progress.Store(&all)
}
