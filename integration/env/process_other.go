//go:build !linux

// This file is for systems without a parent death signal: there the guard
// alone ends a child whose parent was killed.

package env

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the child a process group.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
