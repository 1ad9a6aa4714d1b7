// Package checkpoint remembers how far each commit log segment is safely published.
//
// A [Watermark] takes the acknowledgements of one segment in any order and knows the
// position up to which they are complete; a [Store] keeps such positions on disk in
// the files that DataStax's agent reads and writes too. The package knows no broker
// and reads no segment.
package checkpoint

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Store keeps one file a segment, "<segment id>_offset.dat", that holds the offset
// behind the last published entry in decimal digits.
type Store struct {
	dir     string
	offsets map[int64]int64
}

var fileName = regexp.MustCompile(`^(\d+)_offset\.dat$`)

// OpenStore makes the directory if need be and reads the offsets in it. A file that
// holds no offset is set aside as "….damaged" with a warning: its segment is then
// read from the start, which costs duplicates and loses nothing.
func OpenStore(dir string, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the working directory for checkpoints: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	s := &Store{dir: dir, offsets: map[int64]int64{}}
	for _, f := range files {
		m := fileName.FindStringSubmatch(f.Name())
		if m == nil {
			continue
		}
		path := filepath.Join(dir, f.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a checkpoint: %w", err)
		}
		segment, err1 := strconv.ParseInt(m[1], 10, 64)
		offset, err2 := strconv.ParseInt(string(data), 10, 64)
		if err1 != nil || err2 != nil || offset < 0 {
			log.Warn("a checkpoint holds no offset and is set aside: its segment will be read from the start",
				"file", path, "content", fmt.Sprintf("%.40q", data))
			if err := os.Rename(path, path+".damaged"); err != nil {
				return nil, fmt.Errorf("set a damaged checkpoint aside: %w", err)
			}
			continue
		}
		s.offsets[segment] = offset
	}
	return s, nil
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
	if err := s.write(s.path(segment), strconv.FormatInt(offset, 10)); err != nil {
		return fmt.Errorf("save the checkpoint of segment %d: %w", segment, err)
	}
	s.offsets[segment] = offset
	return nil
}

// Remove forgets a segment.
func (s *Store) Remove(segment int64) error {
	if err := os.Remove(s.path(segment)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove the checkpoint of segment %d: %w", segment, err)
	}
	delete(s.offsets, segment)
	return nil
}

func (s *Store) path(segment int64) string {
	return filepath.Join(s.dir, strconv.FormatInt(segment, 10)+"_offset.dat")
}

func (s *Store) write(path, content string) error {
	f, err := os.CreateTemp(s.dir, filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing to remove once it is renamed
	if _, err = f.WriteString(content); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
