// Package files is what the agent asks of a disk: a seam behind which tests let a disk
// be full, a file vanish, a process die in the middle of a write.
package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// System is a file system. Errors are those of package os.
type System interface {
	Open(path string) (File, error)
	Create(path string) (File, error) // empties the file when there is one
	ReadDir(path string) ([]os.DirEntry, error)
	MkdirAll(path string) error
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir returns when the names in a directory are on the disk.
	SyncDir(path string) error
}

// File is an open file. *os.File is one.
type File interface {
	io.ReadWriteCloser
	io.ReaderAt
	Stat() (os.FileInfo, error)
	Sync() error
	Fd() uintptr
}

// Disk is the file system of this machine.
var Disk System = disk{}

type disk struct{}

func (disk) Open(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // a nil *os.File in an interface is not nil
	}
	return f, nil
}

func (disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (disk) ReadDir(path string) ([]os.DirEntry, error) { return os.ReadDir(path) }
func (disk) MkdirAll(path string) error                 { return os.MkdirAll(path, 0o750) }
func (disk) Rename(from, to string) error               { return os.Rename(from, to) }
func (disk) Remove(path string) error                   { return os.Remove(path) }

func (disk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read reads a whole file.
func Read(s System, path string) ([]byte, error) {
	f, err := s.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// TemporarySuffix ends the names under which Replace writes. What has such a name was
// left by a process that died, and nobody needs it.
const TemporarySuffix = ".tmp"

// Replace writes a file so that at any moment, also when the process dies or the power
// fails, either the old content is there or the new one. It returns when the new one is
// on the disk. Only one process may replace a file at a time.
func Replace(s System, path string, content io.Reader) error {
	temporary := path + TemporarySuffix
	err := Write(s, temporary, content)
	if err == nil {
		err = s.Rename(temporary, path)
	}
	if err == nil {
		return s.SyncDir(filepath.Dir(path))
	}
	if removed := s.Remove(temporary); removed != nil && !errors.Is(removed, os.ErrNotExist) {
		err = fmt.Errorf("%w (and %w)", err, removed)
	}
	return err
}

// Write writes a file and returns when its content is on the disk. Until then it may be there
// in part, or not at all.
func Write(s System, path string, content io.Reader) error {
	f, err := s.Create(path)
	if err != nil {
		return err
	}
	// Not all at once: what is copied may be a whole segment.
	_, err = io.Copy(struct{ io.Writer }{f}, struct{ io.Reader }{content})
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
