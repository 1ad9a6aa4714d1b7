// This file lets tests of all packages use real servers in the same way.

// Package envtest gives a test an env.Env that ends with it. It is apart from
// env so that programs that use env do not link the testing package.
package envtest

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

var (
	began = time.Now()
	out   sync.Mutex
)

// ForTest returns an Env for one test. Progress goes to standard error as it
// happens, since a test's own log shows only at its end. When the test is over
// the servers are stopped and, if it passed, their files removed.
//
// With -short it skips the test: real servers take seconds and memory.
func ForTest(t testing.TB) *env.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real servers, which -short leaves out")
	}
	return open(t, env.Options{})
}

// Needs ends the test when this machine lacks what a server takes beyond Go, Java 17
// and Maven: the older Cassandra lines need an older Java, which comes through pip
// and apt-get. The test is then skipped, and says so and why; in continuous
// integration (CI is set), where all of it has to be, it fails.
func Needs(t testing.TB, e *env.Env, servers ...string) {
	t.Helper()
	missing := e.Check(t.Context(), servers...)
	if len(missing) == 0 {
		return
	}
	basic := e.Check(t.Context(), env.Cassandra50, env.PulsarStandalone)
	if os.Getenv("CI") != "" || len(basic) > 0 {
		t.Fatal(env.MissingError(missing))
	}
	t.Skipf("NOT RUN on this machine: %v", env.MissingError(missing))
}

// ForMain is ForTest for a TestMain, where several tests share servers; the
// caller closes it. A failure ends the process.
func ForMain(name string) *env.Env {
	e, err := env.New(env.Options{Progress: progress(name)})
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	return e
}

func open(t testing.TB, opts env.Options) *env.Env {
	t.Helper()
	dir, err := os.MkdirTemp("", "cassandra-cdc-test-")
	if err != nil {
		t.Fatal(err)
	}
	opts.WorkDir = dir
	opts.Progress = progress(t.Name())
	e, err := env.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("stop the servers: %v", err)
		}
		if t.Failed() {
			t.Logf("the servers' files and logs stay in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the servers' files: %v", err)
		}
	})
	return e
}

func progress(name string) func(string) {
	return func(line string) {
		out.Lock()
		defer out.Unlock()
		fmt.Fprintf(os.Stderr, "%6.1fs %s: %s\n", time.Since(began).Seconds(), name, line)
	}
}
