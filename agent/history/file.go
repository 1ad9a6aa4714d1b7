// The history in a file: what a restart goes on from.

package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// file is the file: the history and the checksum of its bytes.
type file struct {
	Format  int             `json:"format"`
	CRC32   uint32          `json:"crc32"`
	History json.RawMessage `json:"history"`
}

// format changes when older programs must not read the file.
const format = 1

type savedHistory struct {
	Head    commitlog.Position `json:"head"`
	Catalog *schema.Catalog    `json:"catalog"`
	Past    []savedVersion     `json:"past,omitempty"` // of each table oldest first
}

type savedVersion struct {
	Until commitlog.Position `json:"until"`
	Table schema.Rows        `json:"table"`
}

// Open reads the history that Save wrote to path; it returns nil when there is none. A
// file that is damaged is set aside as "….damaged" with a warning: what it knew of
// tables of the past is lost, and entries of them will be unknown.
func Open(path string, log *slog.Logger) (*History, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the schema history: %w", err)
	}
	h, err := decode(data)
	if err != nil {
		log.Warn("the schema history cannot be read and is set aside: the schema is taken from the node as it is now", "file", path, "error", err)
		if err := os.Rename(path, path+".damaged"); err != nil {
			return nil, fmt.Errorf("set the damaged schema history aside: %w", err)
		}
		return nil, nil
	}
	return h, nil
}

func decode(data []byte) (*History, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Format != format {
		return nil, fmt.Errorf("a file of format %d: this version reads format %d", f.Format, format)
	}
	if crc32.ChecksumIEEE(f.History) != f.CRC32 {
		return nil, errors.New("the checksum is wrong")
	}
	saved := savedHistory{Catalog: &schema.Catalog{}}
	if err := json.Unmarshal(f.History, &saved); err != nil {
		return nil, err
	}
	if saved.Catalog == nil {
		return nil, errors.New("the file holds no catalog")
	}
	h := newHistory(saved.Catalog)
	h.head, h.saved = saved.Head, saved.Catalog.Revision()
	for _, v := range saved.Past {
		s, err := schema.NewSnapshot(v.Table)
		if err != nil {
			return nil, err
		}
		for _, t := range s.Tables() {
			h.past[t.ID] = append(h.past[t.ID], version{t, v.Until})
		}
	}
	return h, nil
}

// Save writes the history to path when there is something new in it. Either the old or
// the new history is on disk at any moment, also when the power fails.
func (h *History) Save(path string) error {
	if h.saved == h.catalog.Revision() {
		return nil
	}
	saved := savedHistory{Head: h.head, Catalog: h.catalog}
	for _, all := range h.past {
		for _, v := range all {
			saved.Past = append(saved.Past, savedVersion{v.until, v.table.Rows()})
		}
	}
	content, err := json.Marshal(saved)
	if err == nil {
		content, err = json.Marshal(file{format, crc32.ChecksumIEEE(content), content})
	}
	if err == nil {
		err = replace(path, content)
	}
	if err != nil {
		return fmt.Errorf("save the schema history: %w", err)
	}
	h.saved = h.catalog.Revision()
	return nil
}

// replace writes a file so that it is whole or not there.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing to remove once it is renamed
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
