// Permissions, asked without writing anything.

package agent

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// writable says whether files may be made and deleted in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// ownedByRoot says whether a file or directory belongs to root; true when that is not known.
func ownedByRoot(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid == 0
}
