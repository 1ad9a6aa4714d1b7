// Package tail follows the commit log of one node: which segments exist, which bytes
// to read next, when a segment is finished and may be deleted.
//
// In comes the directory cdc_raw, out go entries with their positions, segment by
// segment in the order of the log, as soon as Cassandra has written them. The package
// decodes nothing and publishes nothing; it deletes a segment only when everything in
// it is acknowledged.
package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// Entry is one entry of the log.
type Entry struct {
	Version  int // log version, which the decoder needs
	Position commitlog.Position
	Body     []byte // valid during the call only
	// Watermark takes the entry's acknowledgement. Whoever handles the entry adds it
	// there exactly once.
	Watermark *checkpoint.Watermark
}

// Handler is given what the log holds, in order. An error ends the tailing.
type Handler interface {
	Entry(ctx context.Context, e Entry) error
	// Damage is given a stretch of a segment that cannot be read, with its bytes.
	Damage(d *commitlog.DamageError, raw []byte) error
}

// Checkpoints are the offsets up to which segments are published.
type Checkpoints interface {
	Offset(segment int64) int64
	Save(segment, offset int64) error
	Remove(segment int64) error
	Segments() []int64
}

// Config says where the log is and how often to look at it.
type Config struct {
	CDCRawDir    string // Cassandra's cdc_raw_directory
	CommitLogDir string // Cassandra's commitlog_directory

	// Rescan is the time between two looks at the directory; 0 means 200 ms.
	Rescan time.Duration
	// Poll is the longest time between two looks at the end of a live segment while
	// nothing is written, and so the latency that tailing adds; 0 means 5 ms. Writes
	// to a memory-mapped file raise no inotify event, so polling is the only way.
	Poll time.Duration
	// Save is the time between two checkpoints; 0 means 1 s.
	Save time.Duration

	Checkpoints Checkpoints
	Log         *slog.Logger

	// Turn, when set, is called with every turn of the loop: the tailer is not stuck.
	Turn func()

	Keys       commitlog.Keys // of encrypted segments; nil where the node encrypts none
	MaxSection int            // as in commitlog.Options
}

const (
	defaultRescan = 200 * time.Millisecond
	defaultPoll   = 5 * time.Millisecond
	defaultSave   = time.Second
	shortestPoll  = 500 * time.Microsecond
)

// Tailer follows one node's log. Run it once.
type Tailer struct {
	cfg      Config
	segments []*segment // in the order of the log
	progress atomic.Pointer[[]Progress]
}

// New returns a tailer.
func New(cfg Config) *Tailer {
	if cfg.Rescan == 0 {
		cfg.Rescan = defaultRescan
	}
	if cfg.Poll == 0 {
		cfg.Poll = defaultPoll
	}
	if cfg.Save == 0 {
		cfg.Save = defaultSave
	}
	return &Tailer{cfg: cfg}
}

// Run reads until ctx ends, or until reading, the handler or a checkpoint fails.
// Call Save once the last acknowledgements are in.
func (t *Tailer) Run(ctx context.Context, h Handler) error {
	defer func() {
		for _, s := range t.segments {
			s.close()
		}
	}()
	var scanned, saved time.Time
	pause := shortestPoll
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if t.cfg.Turn != nil {
			t.cfg.Turn()
		}
		now := time.Now()
		if now.Sub(scanned) >= t.cfg.Rescan {
			scanned = now
			if err := t.scan(); err != nil {
				return err
			}
		}
		read := false
		for _, s := range t.segments {
			some, err := s.read(ctx, h)
			if err != nil {
				return err
			}
			read = read || some
			if ctx.Err() != nil {
				return nil
			}
			if s.more {
				break // the order of the log: this one first
			}
		}
		if scanned == now {
			t.noteProgress()
		}
		if now.Sub(saved) >= t.cfg.Save {
			saved = now
			if err := t.Save(); err != nil {
				return err
			}
		}
		if pause = min(2*pause, t.cfg.Poll); read {
			pause = shortestPoll
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// scan brings the list of segments up to date with the directory: new ones are
// opened, finished and published ones are deleted.
func (t *Tailer) scan() error {
	files, err := os.ReadDir(t.cfg.CDCRawDir)
	if err != nil {
		return fmt.Errorf("list cdc_raw: %w", err)
	}
	present := map[int64]bool{}
	for _, f := range files {
		id, ok := commitlog.ParseFileName(f.Name())
		if !ok {
			continue
		}
		present[id] = true
		if !slices.ContainsFunc(t.segments, func(s *segment) bool { return s.id == id }) {
			start := t.cfg.Checkpoints.Offset(id)
			t.segments = append(t.segments, &segment{
				id: id, path: filepath.Join(t.cfg.CDCRawDir, f.Name()), start: start,
				watermark: checkpoint.NewWatermark(start),
				options:   commitlog.Options{Start: start, ReadAhead: true, Keys: t.cfg.Keys, MaxSection: t.cfg.MaxSection},
			})
		}
	}
	slices.SortFunc(t.segments, func(a, b *segment) int { return cmp.Compare(a.id, b.id) })

	var kept []*segment
	for _, s := range t.segments {
		if err := s.look(present[s.id]); err != nil {
			return err
		}
		// Invariant 3: a segment goes only when Cassandra is done with it, it was read
		// to its end, and every entry in it is acknowledged.
		if !s.drained || !s.watermark.Settled() {
			kept = append(kept, s)
			continue
		}
		s.close()
		if !present[s.id] {
			continue // Cassandra has removed it: it held no change of a table with CDC
		}
		if err := t.remove(s); err != nil {
			return err
		}
	}
	t.segments = kept
	return t.forget(present)
}

// remove deletes a finished segment. Its checkpoint stays: when Cassandra has not
// flushed all of its tables and crashes, the segment comes back (commit log replay
// links it into cdc_raw again), and must not be published again.
func (t *Tailer) remove(s *segment) error {
	if err := t.cfg.Checkpoints.Save(s.id, max(s.watermark.Offset(), s.end)); err != nil {
		return err
	}
	for _, path := range []string{s.path, commitlog.IndexName(s.path)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delete a published segment: %w", err)
		}
	}
	t.cfg.Log.Debug("segment published and deleted", "segment", s.id)
	return nil
}

// forget drops the checkpoints of segments that cannot come back: those that neither
// cdc_raw nor the commit log directory holds.
func (t *Tailer) forget(present map[int64]bool) error {
	var gone []int64
	for _, id := range t.cfg.Checkpoints.Segments() {
		if !present[id] && !slices.ContainsFunc(t.segments, func(s *segment) bool { return s.id == id }) {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	twins, err := os.ReadDir(t.cfg.CommitLogDir)
	if err != nil {
		return nil // what cannot be seen may be there
	}
	for _, f := range twins {
		if id, ok := commitlog.ParseFileName(f.Name()); ok {
			gone = slices.DeleteFunc(gone, func(g int64) bool { return g == id })
		}
	}
	for _, id := range gone {
		if err := t.cfg.Checkpoints.Remove(id); err != nil {
			return err
		}
	}
	return nil
}

// Save stores how far each segment is acknowledged.
func (t *Tailer) Save() error {
	for _, s := range t.segments {
		if offset := s.watermark.Offset(); offset > s.start {
			if err := t.cfg.Checkpoints.Save(s.id, offset); err != nil {
				return err
			}
		}
	}
	return nil
}
