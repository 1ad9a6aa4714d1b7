// The page cache of what has been read goes back to the node.

package tail

import (
	"golang.org/x/sys/unix"

	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
)

// giveBack tells the kernel that nobody here will read the file again, so that its pages
// make room for those that Cassandra reads. Pages that are not on the disk yet, or that
// Cassandra has mapped, stay. A file system that does not take the advice harms nobody.
func giveBack(f files.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
