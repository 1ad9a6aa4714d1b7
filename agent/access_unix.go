//go:build unix

// Permissions, asked without writing anything.

package agent

import "golang.org/x/sys/unix"

// writable says whether files may be made and deleted in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
