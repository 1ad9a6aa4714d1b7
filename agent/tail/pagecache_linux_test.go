// A segment that was read takes no page cache any more: mincore(2) says which pages of a
// file are in memory.

package tail_test

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// resident counts the pages of a file that are in memory.
func resident(t *testing.T, path string) (pages int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m) //nolint:errcheck // it is the end of the test
	in := make([]byte, (len(m)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&in[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, b := range in {
		pages += int(b & 1)
	}
	return pages
}

func TestAReadSegmentLeavesThePageCache(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 2000)...)
		// An event that is not acknowledged keeps the file where it can be looked at.
		r.hold = func(body string) bool { return body == "entry 002000" }
		s.complete()
		if err := s.file.Sync(); err != nil { // as Cassandra has when it completes a segment
			t.Fatal(err)
		}
		if resident(t, s.raw) == 0 {
			t.Fatal("this file system keeps nothing in the page cache, so nothing can be shown here")
		}
		r.start()
		r.wantFiles(first, firstIndex)
		if pages := resident(t, s.raw); pages > 0 {
			t.Errorf("%d pages of a segment that was read to its end are in memory", pages)
		}
	})
}
