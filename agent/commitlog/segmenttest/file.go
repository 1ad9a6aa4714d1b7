// A segment file in memory that a test fills, breaks and cuts off.

package segmenttest

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// File is a file that package commitlog can read.
type File struct {
	Data   []byte
	Closed bool
	// Fault, when set, is asked before each read. With an error from it the read fails, with a
	// Short it gives some bytes first.
	Fault func(off int64, n int) error
}

// Apply makes a change of the file, which grows where need be.
func (f *File) Apply(w Write) {
	if missing := w.At + len(w.Data) - len(f.Data); missing > 0 {
		f.Data = append(f.Data, make([]byte, missing)...)
	}
	copy(f.Data[w.At:], w.Data)
}

// ReadAt makes File an io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if f.Closed {
		return 0, fs.ErrClosed
	}
	if f.Fault != nil {
		err := f.Fault(off, len(p))
		if short := (*Short)(nil); errors.As(err, &short) {
			return copy(p[:short.N], f.Data[off:]), short.Err
		}
		if err != nil {
			return 0, err
		}
	}
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	if off > int64(len(f.Data)) {
		return 0, io.EOF
	}
	n := copy(p, f.Data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close makes File an io.Closer.
func (f *File) Close() error { f.Closed = true; return nil }

// Stat tells the size.
func (f *File) Stat() (fs.FileInfo, error) { return info(len(f.Data)), nil }

// Short is a fault of a read that gives N bytes before it fails.
type Short struct {
	N   int
	Err error
}

func (s *Short) Error() string { return s.Err.Error() }

type info int

func (i info) Size() int64      { return int64(i) }
func (info) Name() string       { return "segment" }
func (info) Mode() fs.FileMode  { return 0o444 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }
