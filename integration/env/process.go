// This file runs one child process that dies with its parent: the parts that
// are the same on every Unix.

package env

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// process is a child in a process group of its own.
type process struct {
	pid  int
	cmd  *exec.Cmd
	done chan struct{} // closed once the child was reaped and its group killed
	err  error         // result of Wait; valid after done
}

// startProcess starts cmd so that neither it nor what it starts outlives this
// process, however this process ends. Two things see to that: on Linux the
// kernel's parent death signal, which takes the child at once, and everywhere a
// guard (see startGuard), which takes the whole group.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	ownGroup(cmd)
	started := make(chan error, 1)
	go func() {
		// The parent death signal is sent when the thread ends that started
		// the child, not when the process does. So this goroutine keeps its
		// thread, and the thread lives in Wait for as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		release, err := startGuard(p.pid)
		if err != nil {
			_ = syscall.Kill(-p.pid, syscall.SIGKILL)
			_ = cmd.Wait()
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // what it left behind
		release()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// startGuard starts a shell that does nothing until this process is gone, then
// kills the group. The shell waits for the end of a pipe whose other end only
// this process holds. It must not be in the group, and release ends it.
func startGuard(group int) (release func(), err error) {
	cmd := exec.Command("sh", "-c", `read -r _; kill -s KILL -- "-$1"`, "sh", strconv.Itoa(group))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	held, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the guard of process group %d: %w", group, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard of process group %d: %w", group, err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = held.Close()
	}, nil
}

// running tells whether the child is alive.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends to the child alone, group to it and all it started.
func (p *process) signal(sig syscall.Signal) {
	if p.running() {
		_ = p.cmd.Process.Signal(sig)
	}
}

func (p *process) group(sig syscall.Signal) {
	if p.running() {
		_ = syscall.Kill(-p.pid, sig)
	}
}

// kill ends the group at once and waits until the child is reaped.
func (p *process) kill() {
	p.group(syscall.SIGKILL)
	<-p.done
}

// exitText says in a few words how the child ended; call it after done.
func (p *process) exitText() string {
	if p.err == nil {
		return "exited with status 0"
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return fmt.Sprintf("was ended by signal %d (%s)", int(ws.Signal()), ws.Signal())
		}
		return fmt.Sprintf("exited with status %d", exit.ExitCode())
	}
	return p.err.Error()
}
