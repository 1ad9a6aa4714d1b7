// This file tests programs of ours that run beside the servers.

package env

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func startScript(t *testing.T, e *Env, script string) (*Program, error) {
	t.Helper()
	return e.StartProgram(t.Context(), ProgramOptions{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Ready: "at work"})
}

func testEnv(t *testing.T) *Env {
	t.Helper()
	e, err := New(Options{WorkDir: t.TempDir(), CacheDir: t.TempDir(), ReadyTimeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestProgramIsReadyWhenItSaysSo(t *testing.T) {
	p, err := startScript(t, testEnv(t), "echo at work; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	// What it said before counts for nothing the next time: the script says it again.
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(p.LogFile())
	if err != nil || strings.Count(string(log), "at work") != 2 {
		t.Errorf("log %q, %v: two starts expected", log, err)
	}
}

func TestProgramThatFailsShowsTheEndOfItsLog(t *testing.T) {
	_, err := startScript(t, testEnv(t), "echo the reason >&2; exit 3")
	var failed *NotReadyError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("error %v", err)
	}
}
