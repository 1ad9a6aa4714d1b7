// One segment while it is followed: from the moment it appears until it is read to
// its end.

package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

type segment struct {
	id        int64
	path      string
	start     int64 // offset of the checkpoint at which reading began
	watermark *checkpoint.Watermark
	options   commitlog.Options

	file   *os.File
	reader *commitlog.Reader

	complete bool  // Cassandra will not write to it any more
	more     bool  // reading stopped before the end of what is written
	drained  bool  // complete, and read to its end
	end      int64 // offset behind the last entry that was read
}

// readAtOnce bounds how many entries are read before the directory and the checkpoints
// have their turn.
const readAtOnce = 4096

// look finds out whether Cassandra is done with the segment; present says whether
// its file is still in cdc_raw.
func (s *segment) look(present bool) error {
	if s.complete {
		return nil
	}
	if s.file == nil {
		f, err := os.Open(s.path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			// Gone before it was opened: Cassandra removes segments that hold no change of
			// a table with CDC.
			s.complete, s.drained = true, true
			return nil
		case err != nil:
			return fmt.Errorf("open a segment: %w", err)
		}
		s.file = f
	}
	// The open file stays readable after Cassandra has removed its name.
	index, _ := commitlog.ReadIndex(s.path)
	s.complete = !present || index.Completed || s.names() == 1
	if s.complete && s.reader != nil {
		s.reader.SetComplete()
	}
	return nil
}

// names is the number of hard links: two while the commit log directory holds the
// segment too, one when Cassandra has removed its own name there.
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

// read hands what is new to h and reports whether there was something.
func (s *segment) read(ctx context.Context, h Handler) (some bool, err error) {
	s.more = false
	if s.drained || s.file == nil {
		return false, nil
	}
	if s.reader == nil {
		s.reader, err = commitlog.NewReader(sharedFile{s.file}, s.options)
		switch {
		case commitlog.NotReady(err):
			s.drained = s.complete
			return false, nil
		case err != nil:
			return false, fmt.Errorf("commit log segment %s: %w", s.path, err)
		}
		if s.complete {
			s.reader.SetComplete()
		}
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
				if s.drained = complete; complete {
					s.reader = nil // it holds a whole section where the log is compressed or encrypted
					giveBack(s.file)
				}
				return some, nil
			case !errors.As(r.Err(), &damage):
				return some, r.Err()
			}
			if err := s.damaged(h, damage); err != nil {
				return some, err
			}
			continue
		}
		some = true
		s.end = r.Position().Offset
		err := h.Entry(ctx, Entry{Version: version, Position: r.Position(), Body: r.Entry(), Watermark: s.watermark})
		if err != nil {
			return some, err
		}
	}
	s.more = true
	return some, nil
}

func (s *segment) damaged(h Handler, d *commitlog.DamageError) error {
	raw := make([]byte, d.To-d.From)
	n, err := s.file.ReadAt(raw, d.From)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("copy a damaged stretch of %s: %w", s.path, err)
	}
	return h.Damage(d, raw[:n])
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// sharedFile lets a reader that fails leave the file open: the segment owns it.
type sharedFile struct{ *os.File }

func (sharedFile) Close() error { return nil }
