// One segment while it is followed: from the moment it appears until it is read to
// its end.

package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

type segment struct {
	*Tailer
	id        int64
	name      string // of its file, in either directory
	watermark *checkpoint.Watermark
	options   commitlog.Options // Start is the offset of the checkpoint at which reading began

	// What the last look at the directories has found.
	raw, live bool // it is in cdc_raw; in the commit log directory
	index     bool // Cassandra has written an index, so it holds a change of a table with CDC

	file   files.File
	reader *commitlog.Reader
	begin  int64 // where its first entry begins

	complete bool      // Cassandra will not write to it any more
	failed   error     // why reading failed; the next scan tries again
	more     bool      // reading stopped before the end of what is written
	holds    bool      // something is written in it
	drained  bool      // complete, and read to its end
	deleted  bool      // the agent has deleted it in cdc_raw
	end      int64     // offset behind the last entry that was read
	last     time.Time // when an entry was read
	owed     []owed
	owing    bool // it could not be handed over; the next scan tries again
	fault    seldom.Line
}

// owed is damage that nobody has a copy of yet.
type owed struct {
	damage *commitlog.DamageError
	mark   *checkpoint.Mark
}

const (
	// readAtOnce bounds how many entries are read before the directory and the
	// checkpoints have their turn.
	readAtOnce = 4096
	// recently is for how long a segment that Cassandra has filled is looked at as often
	// as the one it writes to: entries are written concurrently, the last of the old may
	// come behind the first of the new.
	recently = 5 * time.Second
)

func newSegment(t *Tailer, id int64, name string) *segment {
	s := &segment{Tailer: t, id: id, name: name}
	s.startAt(t.cfg.Checkpoints.Offset(id))
	return s
}

func (s *segment) startAt(offset int64) {
	s.watermark = checkpoint.NewWatermark(offset)
	s.options = commitlog.Options{Start: offset, ReadAhead: true, Keys: s.cfg.Keys, MaxSection: s.cfg.MaxSection}
}

// look opens the segment and finds out whether Cassandra is done with it.
func (s *segment) look() {
	s.failed, s.owing = nil, false
	if s.complete {
		return
	}
	if s.file == nil && !s.open() {
		return
	}
	switch {
	case !s.raw && !s.live:
		// The open file stays readable after Cassandra has removed its names.
		s.complete = true
	case s.raw:
		s.complete = s.completed() || s.names() == 1
	}
	if s.complete && s.reader != nil {
		s.reader.SetComplete()
	}
}

// open opens the file where it is now.
func (s *segment) open() bool {
	path := filepath.Join(s.cfg.CommitLogDir, s.name)
	switch {
	case s.raw:
		path = filepath.Join(s.cfg.CDCRawDir, s.name)
	case !s.live:
		// Gone before it could be opened. Cassandra removes the segments that hold no change of a
		// table with CDC, which is no loss.
		if s.index {
			s.lost("a segment was removed from cdc_raw before the agent could read it: changes in it are lost (Cassandra does that where cdc_block_writes is false in cassandra.yaml)",
				"segment", s.id, "read_to", s.options.Start)
		}
		s.complete, s.drained = true, true
		return false
	}
	f, err := s.cfg.Files.Open(path)
	if err != nil {
		if !missing(err) { // the next look at the directory tells where it went
			s.failed = err
			s.warn(&s.fault, "a segment cannot be opened; trying again", "segment", s.id, "error", err)
		}
		return false
	}
	s.file = f
	return true
}

// completed says whether the index beside the segment has Cassandra's word that it is
// finished.
func (s *segment) completed() bool {
	if !s.index {
		return false
	}
	content, err := files.Read(s.cfg.Files, commitlog.IndexName(filepath.Join(s.cfg.CDCRawDir, s.name)))
	return err == nil && commitlog.ParseIndex(content).Completed
}

// names is the number of hard links of a segment in cdc_raw: two while the commit log
// directory holds it too, one when Cassandra has removed its own name there, or has moved
// the file, as 3.11 does. 0: it cannot be told.
func (s *segment) names() int {
	info, err := s.file.Stat()
	if err != nil {
		return 0
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(sys.Nlink)
	}
	return 0
}

// recent says whether something was read not long ago.
func (s *segment) recent() bool { return !s.last.IsZero() && time.Since(s.last) < recently }

// read hands what is new to h and reports whether there was something. An error is one
// of h; one of the file is told, and the next scan tries again.
func (s *segment) read(ctx context.Context, h Handler) (some bool, err error) {
	s.more = false
	if s.file == nil {
		return false, nil
	}
	s.settle(h)
	if s.drained || s.failed != nil {
		return false, nil
	}
	if s.reader == nil && !s.begun(h) {
		return false, nil
	}
	r, version := s.reader, s.reader.Descriptor().Version
	complete := s.complete // before the last look at the bytes
	for range readAtOnce {
		if ctx.Err() != nil {
			return some, nil
		}
		if !r.Next() {
			var damage *commitlog.DamageError
			switch {
			case r.Err() == nil:
				s.atEnd(complete)
				return some, nil
			case errors.As(r.Err(), &damage):
				s.owe(damage)
				s.settle(h)
				continue
			}
			s.fail(r.Err())
			return some, nil
		}
		some = true
		s.end = r.Position().Offset
		err := h.Entry(ctx, Entry{Version: version, Position: r.Position(), Body: r.Entry(), Watermark: s.watermark})
		if err != nil {
			return some, err
		}
		s.last, s.holds = time.Now(), true
	}
	s.more = true
	return some, nil
}

// begun makes the reader, from where reading has come to. It reports false when there is
// nothing to read, or not yet.
func (s *segment) begun(h Handler) bool {
	options := s.options
	options.Start = max(options.Start, s.end)
	r, err := commitlog.NewReader(sharedFile{s.file}, options)
	var noDescriptor *commitlog.DescriptorError
	switch {
	case err == nil:
		s.reader, s.begin = r, r.Reached().Offset
		if s.complete {
			r.SetComplete()
		}
		return true
	case commitlog.NotReady(err) && !s.complete:
	case commitlog.NotReady(err) && s.blank():
		s.drained = true
	case s.complete && (commitlog.NotReady(err) || errors.As(err, &noDescriptor)):
		s.unreadable(h, err)
	default:
		s.fail(err)
	}
	return false
}

// blank says whether the file holds nothing but zeros: made ahead of need, and left when
// the node was stopped.
func (s *segment) blank() bool {
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := s.file.ReadAt(buf, at)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if at += int64(n); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// unreadable hands the whole file over as damage: without a descriptor nothing in it can
// be read, and Cassandra will not write one any more.
func (s *segment) unreadable(h Handler, reason error) {
	info, err := s.file.Stat()
	if err != nil {
		s.fail(err)
		return
	}
	s.owe(&commitlog.DamageError{Position: commitlog.Position{Segment: s.id}, To: info.Size(), Reason: reason.Error()})
	s.drained = true
	s.settle(h)
}

// atEnd is called when there is nothing more to read, for ever if the segment was
// complete before the last look at it.
func (s *segment) atEnd(complete bool) {
	reached := s.reader.Reached().Offset
	s.holds = s.holds || reached > s.begin
	if s.options.Start > reached {
		// Reading from there on would pass over everything that comes before it.
		s.cfg.Checkpoints.SetAside(s.id, fmt.Sprintf("it is %d, and the segment ends at %d", s.options.Start, reached))
		s.startAt(0)
		s.reader = nil
		return
	}
	if s.drained = complete; complete {
		s.reader = nil // it holds a whole section where the log is compressed or encrypted
		giveBack(s.file)
	}
}

// rest gives the reader's buffers back.
func (s *segment) rest() {
	if s.reader != nil {
		s.reader.Rest()
	}
}

// fail tells of an error of the file; the next scan begins again behind the last entry.
func (s *segment) fail(err error) {
	s.failed, s.reader = err, nil
	s.warn(&s.fault, "a segment cannot be read; trying again", "file", s.name, "error", err)
}

// owe notes damage. Invariant 2: its mark keeps the checkpoint in front of it.
func (s *segment) owe(d *commitlog.DamageError) {
	s.owed = append(s.owed, owed{d, s.watermark.Add(max(d.Position.Offset, s.end), 1)})
}

// settle hands over the damage that nobody has a copy of.
func (s *segment) settle(h Handler) {
	for len(s.owed) > 0 && !s.owing {
		o := s.owed[0]
		raw := io.NewSectionReader(s.file, o.damage.From, max(o.damage.To-o.damage.From, 0))
		if err := h.Damage(o.damage, raw); err != nil {
			s.owing = true
			return
		}
		o.mark.Ack()
		s.owed = s.owed[1:]
	}
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// sharedFile lets a reader that fails leave the file open: the segment owns it.
type sharedFile struct{ files.File }

func (sharedFile) Close() error { return nil }
