// Permissions, asked without writing anything.

package node

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// UsableDir says why a directory of Cassandra's cannot be read, or written to where
// segments are to be deleted. It writes nothing there.
func UsableDir(dir string, write bool) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	f.Close()
	if write && !writable(dir) {
		return fmt.Errorf("%s cannot be written to, so that no segment can be deleted", dir)
	}
	return nil
}

// writable says whether files may be made and deleted in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
