// This file is what all servers have in common: one directory, one process that
// is started, watched until it answers, stopped, killed and started again.

package env

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// server is one server's directory and, while it runs, its process.
type server struct {
	env     *Env
	name    string
	kind    string // cassandra, pulsar
	release string
	dir     string

	end   syscall.Signal // asks it to end in good order; zero: SIGTERM
	ended func()         // removes what its end leaves; may be nil

	starting sync.Mutex // held by launch

	mu   sync.Mutex
	proc *process
}

// Name is what the server is called here; its directory has the same name.
func (s *server) Name() string { return s.name }

// Release is the exact release, such as "5.0.6".
func (s *server) Release() string { return s.release }

// Dir holds all of the server's files. It stays when the server stops.
func (s *server) Dir() string { return s.dir }

// LogFile is where the server's output goes; a restart appends.
func (s *server) LogFile() string { return filepath.Join(s.dir, "logs", s.kind+".log") }

// PID is the process id, or 0 when the server does not run.
func (s *server) PID() int {
	if p := s.current(); p != nil && p.running() {
		return p.pid
	}
	return 0
}

// Running tells whether the process is alive.
func (s *server) Running() bool { return s.PID() != 0 }

// Exited is closed when the process that runs now has ended, for whatever
// reason; it is closed already when none runs. Ask again after a restart.
func (s *server) Exited() <-chan struct{} {
	if p := s.current(); p != nil {
		return p.done
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

// Wait waits until the process has ended and returns how, nil if with status 0.
func (s *server) Wait() error {
	p := s.current()
	if p == nil {
		return nil
	}
	<-p.done
	if p.err != nil {
		return fmt.Errorf("%s %s", s.label(), p.exitText())
	}
	return nil
}

// Stop asks the server to end in good order and waits. If it takes longer than
// Options.StopTimeout, or ctx ends, it is killed and the error says so. Nothing
// happens if it does not run.
func (s *server) Stop(ctx context.Context) error {
	p := s.current()
	if p == nil || !p.running() {
		return nil
	}
	began := time.Now()
	if s.ended != nil {
		defer s.ended()
	}
	p.signal(cmp.Or(s.end, syscall.SIGTERM))
	p.group(syscall.SIGCONT) // a paused process sees the signal only when it goes on
	timeout := time.NewTimer(s.env.opts.StopTimeout)
	defer timeout.Stop()
	select {
	case <-p.done:
		s.env.Say("%s: stopped in %s", s.label(), seconds(time.Since(began)))
		return nil
	case <-timeout.C:
		p.kill()
		return fmt.Errorf("stop %s: still running after %s, killed", s.label(), s.env.opts.StopTimeout)
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("stop %s: killed: %w", s.label(), ctx.Err())
	}
}

// Kill ends the server and all it started at once, as a crash would, and
// returns when it is gone.
func (s *server) Kill() {
	if p := s.current(); p != nil && p.running() {
		p.kill()
		if s.ended != nil {
			s.ended()
		}
		s.env.Say("%s: killed", s.label())
	}
}

// Pause stops the server's clock without ending it; Resume lets it go on.
func (s *server) Pause() {
	if p := s.current(); p != nil {
		p.group(syscall.SIGSTOP)
	}
}

// Resume undoes Pause.
func (s *server) Resume() {
	if p := s.current(); p != nil {
		p.group(syscall.SIGCONT)
	}
}

func (s *server) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// label is the server's name in messages.
func (s *server) label() string {
	switch {
	case s.release == "":
		return s.name // a program of ours
	case s.name == s.kind:
		return s.kind + " " + s.release
	}
	return fmt.Sprintf("%s %s (%s)", s.kind, s.release, s.name)
}

// onFreePorts calls start, which chooses ports, and once more if by the time
// the server bound one of them it was somebody else's.
func (s *server) onFreePorts(start func() error) error {
	err := start()
	var lost *portLostError
	if errors.As(err, &lost) {
		s.env.Say("%s: another process took one of its ports, choosing others", s.label())
		err = start()
	}
	return err
}

// launch starts cmd and returns when ready does without an error. While
// it waits it watches the process, ctx and the time; when it gives up, the
// process is gone.
func (s *server) launch(ctx context.Context, cmd *exec.Cmd, ready func(context.Context) error) error {
	if err := os.MkdirAll(filepath.Dir(s.LogFile()), 0o755); err != nil {
		return fmt.Errorf("start %s: %w", s.label(), err)
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: open its log: %w", s.label(), err)
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return fmt.Errorf("start %s: open its log: %w", s.label(), err)
	}
	logStart := info.Size()

	began := time.Now()
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.label(), err)
	}
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()

	why, cause := s.await(ctx, p, began, ready)
	if why == "" {
		s.env.Say("%s: ready in %s", s.label(), seconds(time.Since(began)))
		return nil
	}
	p.kill()
	if cause != nil {
		return fmt.Errorf("start %s: %w", s.label(), cause)
	}
	failed := &NotReadyError{Server: s.label(), Why: why, Log: s.LogFile(), Tail: tail(s.LogFile(), logStart, 30)}
	if portTakenText.MatchString(strings.Join(tail(s.LogFile(), logStart, 1000), "\n")) {
		return &portLostError{failed}
	}
	return failed
}

// await returns an empty why once the server answers; else why it does not, and
// the context's error if that was the reason.
func (s *server) await(ctx context.Context, p *process, began time.Time, ready func(context.Context) error) (why string, cause error) {
	limit := s.env.opts.ReadyTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooSlow)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	speak := time.NewTicker(10 * time.Second)
	defer speak.Stop()
	last := errors.New("not asked yet")
	for {
		select {
		case <-p.done:
			return p.exitText(), nil
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errTooSlow) {
				return fmt.Sprintf("it did not answer within %s (%v)", limit, last), nil
			}
			return "cancelled", ctx.Err()
		case <-speak.C:
			s.env.Say("%s: starting, %s", s.label(), seconds(time.Since(began)))
		case <-poll.C:
			if last = ready(ctx); last == nil && p.running() {
				return "", nil
			}
		}
	}
}

var errTooSlow = errors.New("not ready in time")

// portLostError is a server that failed because a port that was free when it
// was chosen is in use by now.
type portLostError struct{ *NotReadyError }

func (e *portLostError) Unwrap() []error { return []error{ErrPortTaken, e.NotReadyError} }

// seconds prints a duration as "6.2 s".
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
