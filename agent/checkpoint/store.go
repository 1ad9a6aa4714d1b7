// Package checkpoint remembers how far each commit log segment is safely published.
//
// A [Watermark] takes the acknowledgements of one segment in any order and knows the
// position up to which they are complete; a [Store] keeps such positions on disk in
// the files that DataStax's agent reads and writes too. The package knows no broker
// and reads no segment.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
)

// Store keeps one file a segment, "<segment id>_offset.dat", that holds the offset
// behind the last published entry in decimal digits. DataStax's agent
// (SegmentOffsetFileWriter) takes files of exactly such names, and fails where one holds
// anything else; other names in the directory it does not look at.
type Store struct {
	dir     string
	disk    files.System
	log     *slog.Logger
	offsets map[int64]int64
}

var fileName = regexp.MustCompile(`^(\d+)_offset\.dat$`)

// damagedSuffix ends the name of a file that is set aside.
const damagedSuffix = ".damaged"

// OpenStore makes the directory if need be and reads the offsets in it; disk nil means
// files.Disk. A file that holds no offset is set aside with a warning: its segment is then
// read from the start, which costs duplicates and loses nothing.
func OpenStore(dir string, disk files.System, log *slog.Logger) (*Store, error) {
	if disk == nil {
		disk = files.Disk
	}
	if err := disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make the working directory for checkpoints: %w", err)
	}
	list, err := disk.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	s := &Store{dir: dir, disk: disk, log: log, offsets: map[int64]int64{}}
	for _, f := range list {
		path := filepath.Join(dir, f.Name())
		if name, ok := strings.CutSuffix(f.Name(), files.TemporarySuffix); ok && fileName.MatchString(name) {
			if err := disk.Remove(path); err != nil { // a process died while it saved
				log.Warn("the rest of a checkpoint that was not finished cannot be removed", "file", path, "error", err)
			}
			continue
		}
		m := fileName.FindStringSubmatch(f.Name())
		if m == nil {
			continue
		}
		segment, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			s.setAside(path, "its name is no segment's")
			continue
		}
		data, err := files.Read(disk, path)
		if err != nil {
			s.setAside(path, err.Error())
			continue
		}
		offset, err := strconv.ParseInt(strings.TrimRight(string(data), "\r\n"), 10, 64)
		if err != nil || offset < 0 {
			s.setAside(path, fmt.Sprintf("it holds no offset but %.40q", data))
			continue
		}
		s.offsets[segment] = offset
	}
	return s, nil
}

// setAside renames a file that cannot be right, for a person to look at. Where even
// that fails it is overwritten by the next save.
func (s *Store) setAside(path, why string) {
	s.log.Warn("a checkpoint is set aside: its segment will be read from the start", "file", path, "reason", why)
	if err := s.disk.Rename(path, path+damagedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("a damaged checkpoint cannot be set aside", "file", path, "error", err)
	}
}

// Offset is how far a segment is published, 0 when nothing is known of it.
func (s *Store) Offset(segment int64) int64 { return s.offsets[segment] }

// Segments lists the segments that have a checkpoint.
func (s *Store) Segments() []int64 {
	var all []int64
	for id := range s.offsets {
		all = append(all, id)
	}
	return all
}

// Save stores the offset of a segment so that either the old or the new one is on
// disk at any moment, also when the power fails.
func (s *Store) Save(segment, offset int64) error {
	if have, ok := s.offsets[segment]; ok && have == offset {
		return nil
	}
	if err := files.Replace(s.disk, s.path(segment), strings.NewReader(strconv.FormatInt(offset, 10))); err != nil {
		return fmt.Errorf("save the checkpoint of segment %d: %w", segment, err)
	}
	s.offsets[segment] = offset
	return nil
}

// Remove forgets a segment.
func (s *Store) Remove(segment int64) error {
	if err := s.disk.Remove(s.path(segment)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the checkpoint of segment %d: %w", segment, err)
	}
	delete(s.offsets, segment)
	return nil
}

// SetAside forgets an offset that cannot be right, and keeps its file for a person to
// look at.
func (s *Store) SetAside(segment int64, why string) {
	s.setAside(s.path(segment), why)
	delete(s.offsets, segment)
}

func (s *Store) path(segment int64) string {
	return filepath.Join(s.dir, strconv.FormatInt(segment, 10)+"_offset.dat")
}
