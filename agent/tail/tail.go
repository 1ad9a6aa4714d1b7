// Package tail follows the commit log of one node: which segments exist, which bytes
// to read next, when a segment is finished and may be deleted.
//
// In come the directories commitlog and cdc_raw, out go entries with their positions,
// segment by segment in the order of the log, as soon as Cassandra has written them. The
// package decodes nothing and publishes nothing; it deletes a segment only in cdc_raw, and
// only when everything in it is acknowledged. What goes wrong with a file or a directory is
// told and tried again, and stops nothing else.
//
// scan.go finds the segments, segment.go reads one, delete.go lets go of the finished,
// watch.go says when to look again.
package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
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

// Handler is given what the log holds, in order.
type Handler interface {
	// Entry is given one entry. An error ends the tailing.
	Entry(ctx context.Context, e Entry) error
	// Damage is given a stretch of a segment that cannot be read, with its bytes, and
	// returns nil when it has a copy of them on the disk. After an error, of which it tells
	// itself, it is called again later; until then the segment stays and the checkpoint
	// stands before it.
	Damage(d *commitlog.DamageError, raw io.Reader) error
}

// Checkpoints are the offsets up to which segments are published.
type Checkpoints interface {
	Offset(segment int64) int64
	Save(segment, offset int64) error
	Remove(segment int64) error
	Segments() []int64
	// SetAside forgets an offset that cannot be right, for a person to look at.
	SetAside(segment int64, why string)
}

// Config says where the log is and how often to look at it.
type Config struct {
	CDCRawDir    string // Cassandra's cdc_raw_directory
	CommitLogDir string // Cassandra's commitlog_directory

	// Changed tells that something has happened in the directories (see Watch). It makes
	// the tailer prompt; nothing depends on it.
	Changed <-chan struct{}
	// Rescan is the time between two looks at the directories when nothing is told;
	// 0 means 2 s.
	Rescan time.Duration
	// Poll is the longest time between two looks at the end of the log while nothing is
	// written, and so the most that tailing adds to the latency; 0 means 20 ms. While
	// something is written it is much shorter. Writes to a memory-mapped file raise no
	// inotify event, so polling is the only way.
	Poll time.Duration
	// Save is the time between two checkpoints; 0 means 1 s.
	Save time.Duration
	// MayRemove says that Cassandra deletes segments in cdc_raw that nobody has read when
	// there are too many (cdc_block_writes: false, from 4.1 on).
	MayRemove bool

	// Turn, when set, is called with every turn of the loop: the tailer is not stuck.
	Turn func()
	// Lost, when set, is told of segments that vanished before they were read.
	Lost func(what string)

	Checkpoints Checkpoints
	Log         *slog.Logger
	Files       files.System // nil means files.Disk

	Keys       commitlog.Keys // of encrypted segments; nil where the node encrypts none
	MaxSection int            // as in commitlog.Options
}

const (
	defaultRescan = 2 * time.Second
	defaultPoll   = 20 * time.Millisecond
	defaultSave   = time.Second
	shortestPoll  = 500 * time.Microsecond
	// idlePolls is how many looks at the end of the log fit into the time since the last
	// entry: an entry waits for less than a sixteenth of the silence before it.
	idlePolls = 16
	// scanPause is the least time between two looks at the directories: in batch mode
	// Cassandra rewrites the index with each write.
	scanPause = 100 * time.Millisecond
)

// Tailer follows one node's log. Run it once.
type Tailer struct {
	cfg      Config
	segments []*segment      // in the order of the log
	newest   int64           // id of the newest segment that was ever seen
	foreign  map[string]bool // files in cdc_raw that were told of

	listing, saving, forgetting seldom.Line

	unlisted error // why the directories could not be listed
	state    atomic.Pointer[State]
}

// New returns a tailer.
func New(cfg Config) *Tailer {
	cfg.Rescan = cmp.Or(cfg.Rescan, defaultRescan)
	cfg.Poll = cmp.Or(cfg.Poll, defaultPoll)
	cfg.Save = cmp.Or(cfg.Save, defaultSave)
	if cfg.Files == nil {
		cfg.Files = files.Disk
	}
	return &Tailer{cfg: cfg}
}

// Run reads until ctx ends, or until the handler refuses an entry. Call Save once the last
// acknowledgements are in.
func (t *Tailer) Run(ctx context.Context, h Handler) error {
	defer func() {
		for _, s := range t.segments {
			s.close()
		}
	}()
	var scanned, saved time.Time
	changed, wrote := true, time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if t.cfg.Turn != nil {
			t.cfg.Turn()
		}
		now := time.Now()
		all := now.Sub(scanned) >= t.cfg.Rescan || changed && now.Sub(scanned) >= scanPause
		if all {
			scanned, changed = now, false
			t.scan()
		}
		read, err := t.read(ctx, h, all)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if all {
			t.noteState()
		}
		if now.Sub(saved) >= t.cfg.Save {
			saved = now
			if err := t.Save(); err != nil {
				t.warn(&t.saving, "a checkpoint cannot be saved: a restart will publish again what is published since; trying again", "error", err)
			}
		}
		now = time.Now()
		if read {
			wrote = now
		}
		pause := min(max(now.Sub(wrote)/idlePolls, shortestPoll), t.cfg.Poll)
		if changed {
			pause = min(pause, max(scanPause-now.Sub(scanned), 0))
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return nil
		case <-t.cfg.Changed:
			changed = true
		case <-timer.C:
		}
	}
}

// read hands out what is new: in all segments, or only in those that Cassandra writes to
// by all appearance. It reports whether there was something.
func (t *Tailer) read(ctx context.Context, h Handler, all bool) (read bool, err error) {
	current := t.current()
	for _, s := range t.segments {
		live := s.id >= current || s.recent()
		if !live && !all {
			continue
		}
		some, err := s.read(ctx, h)
		if err != nil || ctx.Err() != nil {
			return read, err
		}
		read = read || some
		if s.more {
			break // the order of the log: this one first
		}
		if !live {
			s.rest()
		}
	}
	return read, nil
}

// current is the id of the newest segment with something in it: the one that Cassandra
// writes to. Those before it are full, those behind it are made ahead of need.
func (t *Tailer) current() (id int64) {
	for _, s := range t.segments {
		if s.holds {
			id = s.id
		}
	}
	return id
}

// Save stores how far each segment is acknowledged.
func (t *Tailer) Save() error {
	var errs []error
	for _, s := range t.segments {
		if offset := s.watermark.Offset(); offset > s.options.Start && !s.deleted {
			errs = append(errs, t.cfg.Checkpoints.Save(s.id, offset))
		}
	}
	return errors.Join(errs...)
}

// lost tells of changes that nobody will ever see.
func (t *Tailer) lost(message string, args ...any) {
	t.cfg.Log.Error(message, args...)
	if t.cfg.Lost != nil {
		t.cfg.Lost(message + fmt.Sprintf(" %v", args))
	}
}

// warn tells of a fault that may repeat.
func (t *Tailer) warn(line *seldom.Line, message string, args ...any) {
	if leftOut, due := line.Due(); due {
		t.cfg.Log.Warn(message, append(args, "lines_left_out", leftOut)...)
	}
}
