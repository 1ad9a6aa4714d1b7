// This file starts the first process of a system of its own, with what only Linux has.

package env

import "syscall"

// ownNamespaces gives a process, and all it starts, processes, mounts and a name of
// their own.
func ownNamespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
}
