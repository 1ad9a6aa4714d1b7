// This file ties a child's life to its parent's with what only Linux has.

package env

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the child a process group and has the kernel kill it when the
// thread that starts it ends.
func ownGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
}
