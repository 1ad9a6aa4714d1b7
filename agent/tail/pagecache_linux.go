// The page cache of what has been read goes back to the node.

package tail

import (
	"os"

	"golang.org/x/sys/unix"
)

// giveBack tells the kernel that nobody here will read the file again, so that its pages
// make room for those that Cassandra reads. Pages that are not on the disk yet, or that
// Cassandra has mapped, stay. A file system that does not take the advice harms nobody.
func giveBack(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
