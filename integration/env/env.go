// This file is the entrance of the package: an Env, its options, and the end
// of everything that was started through it.

// Package env fetches, starts and stops real servers (Apache Cassandra and
// Apache Pulsar) as processes of this machine, for the demo and for tests.
//
// In come a release and a few settings; out goes a running server that answers,
// with the addresses and directories a caller needs. What is fetched comes
// through the machine's own package clients (mvn, pip, apt-get) into one cache
// folder, is checked against the sums in versions.go, and is shared by all
// runs. A server's directory holds its configuration, data and log.
//
// It can also boot a clean Debian system, for what is installed and not only started.
//
// It needs no container engine, never listens beyond loopback (but see
// PulsarOptions.ZooKeeper), never changes anything outside the cache and the work directory, and never lets a server
// outlive the process that started it.
package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options says where an Env keeps things. The zero value is usable.
type Options struct {
	// CacheDir is where fetched software is kept between runs. Default:
	// cassandra-cdc in $XDG_CACHE_HOME or the user's cache folder.
	CacheDir string
	// WorkDir is where each server gets a directory of its own. Default: a
	// new folder in the temporary directory, removed by Close.
	WorkDir string
	// Keep leaves a WorkDir that New made in place, for a look at the logs.
	Keep bool
	// Progress gets one line, without a newline, for each long step; calls do
	// not overlap. Default: lines are dropped.
	Progress func(line string)
	// ReadyTimeout bounds how long a server may take until it answers.
	// Default: 240 s, because a loaded machine needs more than half a minute.
	ReadyTimeout time.Duration
	// StopTimeout bounds an orderly stop before the server is killed.
	// Default: 60 s.
	StopTimeout time.Duration
}

// Env fetches, starts and at the end stops servers. Its methods may be called
// from several goroutines.
type Env struct {
	opts    Options
	cache   *cache
	java    javaFinder
	workDir string
	ownWork bool

	sayMu sync.Mutex

	mu      sync.Mutex
	servers []*server
	names   map[string]bool
	closed  bool
}

// New makes an Env; nothing is fetched or started yet.
func New(opts Options) (*Env, error) {
	if opts.ReadyTimeout <= 0 {
		opts.ReadyTimeout = 240 * time.Second
	}
	if opts.StopTimeout <= 0 {
		opts.StopTimeout = 60 * time.Second
	}
	if opts.CacheDir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			return nil, err
		}
		opts.CacheDir = dir
	}
	e := &Env{opts: opts, java: machineJava(), names: make(map[string]bool)}
	root, err := filepath.Abs(opts.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("cache folder %s: %w", opts.CacheDir, err)
	}
	e.cache = &cache{root: root, say: e.Say}

	if opts.WorkDir == "" {
		e.workDir, err = os.MkdirTemp("", "cassandra-cdc-")
		if err != nil {
			return nil, fmt.Errorf("make the work directory: %w", err)
		}
		e.ownWork = true
	} else {
		if e.workDir, err = filepath.Abs(opts.WorkDir); err != nil {
			return nil, fmt.Errorf("work directory %s: %w", opts.WorkDir, err)
		}
		if err = os.MkdirAll(e.workDir, 0o755); err != nil {
			return nil, fmt.Errorf("make the work directory: %w", err)
		}
	}
	return e, nil
}

// DefaultCacheDir is where fetched software goes unless Options say otherwise.
func DefaultCacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("find the cache folder (set XDG_CACHE_HOME or HOME): %w", err)
		}
	}
	return filepath.Join(base, "cassandra-cdc"), nil
}

// WorkDir is the folder that holds the servers' directories.
func (e *Env) WorkDir() string { return e.workDir }

// Close stops every server, all at the same time, and removes the work
// directory if New made it. It is safe to call twice.
func (e *Env) Close() error {
	e.mu.Lock()
	servers := e.servers
	e.servers, e.closed = nil, true
	e.mu.Unlock()

	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { errs[i] = s.Stop(context.Background()) })
	}
	wg.Wait()
	if e.ownWork && !e.opts.Keep {
		if err := os.RemoveAll(e.workDir); err != nil {
			errs = append(errs, fmt.Errorf("remove the work directory: %w", err))
		}
	}
	return errors.Join(errs...)
}

// newServer claims a name, and with it a directory, for one server. An empty
// wanted name becomes kind, kind-2, kind-3 and so on.
func (e *Env) newServer(kind, release, wanted string) (*server, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("start %s %s: this environment is closed", kind, release)
	}
	name := wanted
	if name == "" {
		name = kind
		for n := 2; e.names[name]; n++ {
			name = fmt.Sprintf("%s-%d", kind, n)
		}
	}
	if e.names[name] {
		return nil, fmt.Errorf("start %s %s: the name %q is in use here; stop or restart that server instead", kind, release, name)
	}
	if name != filepath.Base(name) || name == "." || name == ".." {
		return nil, fmt.Errorf("start %s %s: %q is not usable as a folder name", kind, release, name)
	}
	e.names[name] = true
	s := &server{
		env:     e,
		name:    name,
		kind:    kind,
		release: release,
		dir:     filepath.Join(e.workDir, name),
	}
	e.servers = append(e.servers, s)
	return s, nil
}

// forget gives the name of a server that never came up back.
func (e *Env) forget(s *server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.names, s.name)
	for i, other := range e.servers {
		if other == s {
			e.servers = append(e.servers[:i:i], e.servers[i+1:]...)
			return
		}
	}
}

// Say reports one line of progress.
func (e *Env) Say(format string, args ...any) {
	if e.opts.Progress == nil {
		return
	}
	e.sayMu.Lock()
	defer e.sayMu.Unlock()
	e.opts.Progress(fmt.Sprintf(format, args...))
}
