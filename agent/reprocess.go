// The directory errors of the working directory: segments that a person wants to have
// read again.

package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// reprocess moves the segments in errors to cdc_raw, each with its index. One that is in
// cdc_raw already stays where it is: Cassandra may be writing to that one.
func reprocess(errorsDir, cdcRaw string, log *slog.Logger) error {
	files, err := os.ReadDir(errorsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look for segments to read again: %w", err)
	}
	for _, f := range files {
		if _, ok := commitlog.ParseFileName(f.Name()); !ok {
			continue
		}
		from, to := filepath.Join(errorsDir, f.Name()), filepath.Join(cdcRaw, f.Name())
		if _, err := os.Lstat(to); err == nil {
			log.Warn("a segment to be read again is in cdc_raw already and stays where it is", "segment", from)
			continue
		}
		// The index last: it says that the segment is whole.
		if err := move(from, to); err != nil {
			return fmt.Errorf("move a segment back to cdc_raw: %w", err)
		}
		index := commitlog.IndexName(f.Name())
		if err := move(filepath.Join(errorsDir, index), filepath.Join(cdcRaw, index)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("move a segment's index back to cdc_raw: %w", err)
		}
		log.Info("a segment will be read again", "segment", to)
	}
	return nil
}

// move renames a file, or copies it where the directories are on different volumes.
func move(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	part := to + ".part" // no name of a segment
	out, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		os.Remove(part)
		return err
	}
	return os.Remove(from)
}
