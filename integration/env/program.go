// This file runs a program of the project beside the servers: in a directory of
// its own, with a log, and with the same bond to the parent's life.

package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ProgramOptions say what to run and how to see that it works.
type ProgramOptions struct {
	// Name is the program's name in messages and the folder that holds its log.
	Name string
	Path string
	Args []string
	// Ready is a text that the program logs once it does its work.
	Ready string
}

// Program is a program of the project, running or not.
type Program struct {
	*server
	opts ProgramOptions
}

// StartProgram starts a program and returns when its log says that it is ready.
// When it returns an error nothing is left running; the error has the end of the
// program's log.
func (e *Env) StartProgram(ctx context.Context, opts ProgramOptions) (*Program, error) {
	s, err := e.newServer(opts.Name, "", opts.Name)
	if err != nil {
		return nil, err
	}
	p := &Program{server: s, opts: opts}
	if err := p.Start(ctx); err != nil {
		e.forget(s)
		return nil, err
	}
	return p, nil
}

// Path is the program's binary.
func (p *Program) Path() string { return p.opts.Path }

// Start starts the program again after Stop, Kill or its end. Nothing happens if
// it runs.
func (p *Program) Start(ctx context.Context) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.Running() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p.LogFile()), 0o755); err != nil {
		return err
	}
	before := 0
	if log, err := os.ReadFile(p.LogFile()); err == nil {
		before = len(log)
	}
	return p.launch(ctx, exec.Command(p.opts.Path, p.opts.Args...), func(context.Context) error {
		log, err := os.ReadFile(p.LogFile())
		if err != nil {
			return err
		}
		if !strings.Contains(string(log[before:]), p.opts.Ready) {
			return errors.New("its log does not say so")
		}
		return nil
	})
}

// Build builds one of the project's commands (a folder below cmd) with the Go tool and
// returns the binary's path.
func (e *Env) Build(ctx context.Context, command string) (path string, err error) {
	path = filepath.Join(e.workDir, "bin", command)
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/cassandra-cdc/cassandra-cdc/cmd/"+command)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return path, nil
}
