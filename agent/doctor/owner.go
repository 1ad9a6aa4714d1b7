// Whose a file is.

package doctor

import (
	"os"
	"syscall"
)

// ownedByRoot says whether a file or directory belongs to root; true when that is not known.
func ownedByRoot(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid == 0
}
