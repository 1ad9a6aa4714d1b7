// The end of a segment: what must hold before it is deleted, and what is remembered of
// it afterwards.

package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// letGo deletes a segment that is finished, and reports whether it needs to be followed no
// more.
func (t *Tailer) letGo(s *segment) bool {
	// Invariant 3: a segment goes only when Cassandra is done with it, it was read to its
	// end, and every entry in it is acknowledged or in quarantine.
	if !s.drained || !s.watermark.Settled() {
		return false
	}
	s.close()
	if s.raw {
		if err := t.remove(s); err != nil {
			t.warn(&s.fault, "a published segment cannot be deleted, and takes space from cdc_total_space; trying again", "segment", s.id, "error", err)
			return false
		}
		s.raw, s.deleted = false, true
		t.cfg.Log.Debug("segment published and deleted", "segment", s.id)
	}
	// While Cassandra's own copy is there the segment may come back: when the node crashes
	// before it has flushed all tables, replay links the segment into cdc_raw again.
	return !s.live
}

// remove deletes a finished segment. Its checkpoint stays, so that also after a restart a
// segment that comes back is not published again.
func (t *Tailer) remove(s *segment) error {
	if err := t.cfg.Checkpoints.Save(s.id, max(s.watermark.Offset(), s.end)); err != nil {
		return err
	}
	path := filepath.Join(t.cfg.CDCRawDir, s.name)
	// The index first: a segment that is left without one is found again, and an index
	// without a segment would stay for ever.
	for _, path := range []string{commitlog.IndexName(path), path} {
		if err := t.cfg.Files.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a published segment: %w", err)
		}
	}
	return nil
}

// forget drops the checkpoints of segments that cannot come back: those that neither
// cdc_raw nor the commit log directory holds.
func (t *Tailer) forget(l listing) {
	if l.live == nil {
		return // what cannot be seen may be there
	}
	for _, id := range t.cfg.Checkpoints.Segments() {
		followed := slices.ContainsFunc(t.segments, func(s *segment) bool { return s.id == id })
		if followed || l.raw[id] != "" || l.live[id] != "" {
			continue
		}
		if err := t.cfg.Checkpoints.Remove(id); err != nil {
			t.warn(&t.forgetting, "the checkpoint of a segment that is gone cannot be removed; trying again", "segment", id, "error", err)
		}
	}
}
