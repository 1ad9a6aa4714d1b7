// The bytes of the file that the reader looks at: read in large pieces, kept as long as
// they cannot have changed.

package commitlog

import (
	"errors"
	"fmt"
	"io"
)

// minRead is how much a read of the file asks for at least once there is something
// to read; a poll that finds nothing reads a few bytes.
const minRead = 128 << 10

func (r *Reader) fileSize() int64 {
	info, err := r.file.Stat()
	if err != nil {
		r.fail("look at the size", err)
		return 0
	}
	return info.Size()
}

// bytes gives n bytes at a logical offset, fewer when there are not so many. With fill it
// reads on beyond them.
func (r *Reader) bytes(offset int64, n int, fill bool) []byte {
	if r.codec == nil {
		return r.fileBytes(offset, n, fill)
	}
	rest := r.plain[min(offset-r.start, int64(len(r.plain))):]
	return rest[:min(n, len(rest))]
}

// fileBytes gives n bytes at an offset of the file, as bytes does.
func (r *Reader) fileBytes(offset int64, n int, fill bool) []byte {
	if offset >= r.bufStart && offset+int64(n) <= r.bufStart+int64(len(r.buf)) {
		return r.buf[offset-r.bufStart:][:n]
	}
	want := n
	if fill && want < minRead {
		want = minRead
	}
	if cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	r.buf, r.bufStart = r.buf[:want], offset
	got, err := r.file.ReadAt(r.buf, offset)
	r.buf = r.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		r.fail(fmt.Sprintf("read %d bytes at %d", want, offset), err)
		return nil
	}
	return r.buf[:min(n, got)]
}

// forget drops what was read of the file, so that the next look sees what Cassandra
// has written since.
func (r *Reader) forget() { r.buf = r.buf[:0] }
