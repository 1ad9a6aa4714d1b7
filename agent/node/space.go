// How much cdc_raw holds, and how much it may.

package node

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CDCLimit is the size of cdc_raw in bytes at which Cassandra refuses writes to tables with
// CDC: what cassandra.yaml says, or Cassandra's own default, the smaller of 4096 MiB and an
// eighth of the volume (DatabaseDescriptor). 0: not known.
func (n Node) CDCLimit() int64 {
	if size := n.CDCSpace(); size > 0 {
		return size
	}
	var volume unix.Statfs_t
	if err := unix.Statfs(n.CDCRawDirectory, &volume); err != nil {
		return 0
	}
	return defaultCDCLimit(int64(volume.Blocks) * int64(volume.Bsize)) //nolint:unconvert // other types on other systems
}

func defaultCDCLimit(volume int64) int64 { return min(4096, volume>>20/8) << 20 }

// DirectorySize sums up the sizes of the files in a directory, as Cassandra does for its
// limit.
func DirectorySize(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if path == dir {
				return err
			}
			return nil // what has just been deleted takes no room
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, err
}
