// This file runs the short-lived programs that fetch things. They die with
// this process just like servers do.

package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// run runs cmd to its end and returns how it failed, if it did: "exited with
// status 1". When ctx ends first, cmd and all it started is killed.
func run(ctx context.Context, cmd *exec.Cmd) error {
	cmd.WaitDelay = 5 * time.Second
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
	if p.err != nil {
		return errors.New(p.exitText())
	}
	return nil
}

// runOutput is run with standard output and errors together.
func runOutput(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := run(ctx, cmd)
	return out.String(), err
}

// findTool finds a program on PATH, or says which package has it.
func findTool(name, purpose, debianPackage string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", problem(ErrNoTool, fmt.Sprintf("install it, e.g. `apt-get install %s`", debianPackage),
			"%s is not on PATH and is needed to %s", name, purpose)
	}
	return path, nil
}

// lineWriter hands on what is written to it line by line, and keeps it all.
type lineWriter struct {
	mu   sync.Mutex
	all  bytes.Buffer
	rest string
	line func(string)
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(b)
	w.rest += string(b)
	for {
		line, rest, ok := strings.Cut(w.rest, "\n")
		if !ok {
			return len(b), nil
		}
		w.rest = rest
		w.line(strings.TrimRight(line, "\r"))
	}
}

// text is everything written so far.
func (w *lineWriter) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}
