// Package faults is a file system for tests: the real one, with faults where a test
// wants them.
package faults

import (
	"io/fs"
	"os"
	"sync"

	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
)

// Disk passes everything to the real file system that its hook lets pass. It is safe for
// concurrent use.
type Disk struct {
	mu   sync.Mutex
	hook func(op, path string) error
}

// Set replaces the hook, which is asked before each operation: "open", "create", "readdir",
// "mkdir", "rename" (with the old path), "remove", "syncdir", and of open files "read",
// "write", "stat" and "sync". What it returns is what the operation returns, as an
// *fs.PathError; nil lets it pass.
func (d *Disk) Set(hook func(op, path string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

func (d *Disk) ask(op, path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hook == nil {
		return nil
	}
	if err := d.hook(op, path); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// Open opens a file for reading.
func (d *Disk) Open(path string) (files.File, error) {
	return d.file(d.ask("open", path), path, files.Disk.Open)
}

// Create makes or empties a file.
func (d *Disk) Create(path string) (files.File, error) {
	return d.file(d.ask("create", path), path, files.Disk.Create)
}

func (d *Disk) file(err error, path string, open func(string) (files.File, error)) (files.File, error) {
	if err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return &file{f, d, path}, nil
}

// ReadDir lists a directory.
func (d *Disk) ReadDir(path string) ([]os.DirEntry, error) {
	if err := d.ask("readdir", path); err != nil {
		return nil, err
	}
	return files.Disk.ReadDir(path)
}

// MkdirAll makes a directory.
func (d *Disk) MkdirAll(path string) error {
	return d.pass("mkdir", path, func() error { return files.Disk.MkdirAll(path) })
}

// Rename renames a file.
func (d *Disk) Rename(from, to string) error {
	return d.pass("rename", from, func() error { return files.Disk.Rename(from, to) })
}

// Remove removes a file.
func (d *Disk) Remove(path string) error {
	return d.pass("remove", path, func() error { return files.Disk.Remove(path) })
}

// SyncDir makes the names in a directory durable.
func (d *Disk) SyncDir(path string) error {
	return d.pass("syncdir", path, func() error { return files.Disk.SyncDir(path) })
}

func (d *Disk) pass(op, path string, do func() error) error {
	if err := d.ask(op, path); err != nil {
		return err
	}
	return do()
}

type file struct {
	files.File
	disk *Disk
	path string
}

func (f *file) Read(b []byte) (int, error) {
	if err := f.disk.ask("read", f.path); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.disk.ask("read", f.path); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

// Write writes half of what it is given where the hook lets it fail, as a disk does that
// runs full.
func (f *file) Write(b []byte) (int, error) {
	if err := f.disk.ask("write", f.path); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *file) Stat() (os.FileInfo, error) {
	if err := f.disk.ask("stat", f.path); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *file) Sync() error {
	return f.disk.pass("sync", f.path, f.File.Sync)
}
