// This file tests a server's life with shell scripts in the server's place.

package env

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script is a server that is a shell script; it is ready when the file "ready"
// is in its directory.
func script(t *testing.T, e *Env, text string) (*server, func(context.Context) error) {
	t.Helper()
	s, err := e.newServer("script", "1.0", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return s, func(ctx context.Context) error {
		cmd := exec.Command("sh", "-c", text)
		cmd.Dir = s.dir
		return s.launch(ctx, cmd, func(context.Context) error {
			_, err := os.Stat(filepath.Join(s.dir, "ready"))
			return err
		})
	}
}

func TestServerLife(t *testing.T) {
	s, start := script(t, newEnv(t), "trap 'exit 0' TERM; touch ready; while :; do sleep 0.05; done")
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.Running() || s.PID() == 0 {
		t.Error("not running after its start")
	}
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	<-s.Exited()
	if err := s.Wait(); err != nil || s.Running() {
		t.Errorf("after the stop: %v, running %v", err, s.Running())
	}
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop of a paused server: %v", err)
	}
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Kill()
	if err := s.Wait(); err == nil || !strings.Contains(err.Error(), "signal 9") {
		t.Errorf("after a kill: %v", err)
	}
}

func TestServerThatFailsShowsItsLog(t *testing.T) {
	s, start := script(t, newEnv(t), "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; exit 3")
	err := start(t.Context())
	var failed *NotReadyError
	if !errors.As(err, &failed) || !errors.Is(err, ErrNotReady) {
		t.Fatalf("got %v", err)
	}
	if len(failed.Tail) != 30 || failed.Tail[29] != "line 49" {
		t.Errorf("tail is %q", failed.Tail)
	}
	for _, part := range []string{"script 1.0 did not come up", "exited with status 3", s.LogFile(), "line 49"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	// A second failure shows its own lines only.
	if err := os.WriteFile(filepath.Join(s.dir, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "echo other; exit 1")
	err = s.launch(t.Context(), cmd, func(context.Context) error { return errors.New("no") })
	if !errors.As(err, &failed) || len(failed.Tail) != 1 || failed.Tail[0] != "other" {
		t.Errorf("got %v", err)
	}
}

func TestServerThatNeverAnswers(t *testing.T) {
	e := newEnv(t)
	e.opts.ReadyTimeout = 300 * time.Millisecond
	s, start := script(t, e, "echo here; exec sleep 300")
	err := start(t.Context())
	if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "did not answer within 300ms") || s.Running() {
		t.Errorf("got %v, running %v", err, s.Running())
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	s, start := script(t, newEnv(t), "touch started; exec sleep 300")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error)
	go func() { failed <- start(ctx) }()
	eventually(t, "the script runs", func() bool { return s.PID() != 0 })
	pid := s.PID()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the script is gone", func() bool { return gone(pid) })
}

func TestServerThatDoesNotStopIsKilled(t *testing.T) {
	e := newEnv(t)
	e.opts.StopTimeout = 200 * time.Millisecond
	s, start := script(t, e, "trap '' TERM; touch ready; while :; do sleep 0.05; done")
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "killed") || s.Running() {
		t.Errorf("got %v, running %v", err, s.Running())
	}
}

func TestCloseStopsAllAndRemovesItsFolder(t *testing.T) {
	e, err := New(Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var servers []*server
	for range 2 {
		s, start := script(t, e, "trap 'exit 0' TERM; touch ready; while :; do sleep 0.05; done")
		if err := start(t.Context()); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	if servers[0].name != "script" || servers[1].name != "script-2" {
		t.Errorf("names %s, %s", servers[0].name, servers[1].name)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if servers[0].Running() || servers[1].Running() || there(e.WorkDir()) {
		t.Error("Close left something")
	}
	if _, err := e.newServer("script", "1.0", ""); err == nil {
		t.Error("a closed Env starts servers")
	}
}

func TestNames(t *testing.T) {
	e := newEnv(t)
	for _, bad := range []string{"a/b", "..", "."} {
		if _, err := e.newServer("script", "1.0", bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := e.newServer("script", "1.0", "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.newServer("script", "1.0", "one"); err == nil {
		t.Error("the same name twice")
	}
}

func TestInstanceOfAnotherRelease(t *testing.T) {
	e := newEnv(t)
	s, err := e.newServer("cassandra", "5.0.6", "")
	if err != nil {
		t.Fatal(err)
	}
	want := instance{Kind: "cassandra", Release: "4.1.10", Host: "127.0.0.1", Cassandra: cassandraPorts{CQL: 1, Storage: 2, SSL: 3, JMX: 4}}
	if err := saveInstance(s.dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := loadInstance(s.dir)
	if err != nil || *got != want {
		t.Fatalf("got %v, %v", got, err)
	}
	if err := got.sameAs(s); err == nil || !strings.Contains(err.Error(), "4.1.10") {
		t.Errorf("got %v", err)
	}
}

func TestAFailedFirstStartIsForgotten(t *testing.T) {
	e := newEnv(t)
	s, err := e.newServer("cassandra", "5.0.6", "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "data", "x"), "")
	for _, ready := range []bool{true, false} {
		if err := saveInstance(s.dir, instance{Kind: "cassandra", Release: "5.0.6", Ready: ready}); err != nil {
			t.Fatal(err)
		}
		in, err := s.resume("data")
		if err != nil || (in != nil) != ready || there(filepath.Join(s.dir, "data")) != ready {
			t.Errorf("ready %v: got %v, %v", ready, in, err)
		}
	}
}

func TestFreePortsDiffer(t *testing.T) {
	seen := make(map[int]bool)
	for range 20 {
		ports, err := freePorts("127.0.0.1", 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ports {
			if seen[p] || p < lowestPort || p >= highestPort {
				t.Errorf("port %d again, or out of range", p)
			}
			seen[p] = true
		}
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	err = portFree("127.0.0.1", port)
	if !errors.Is(err, ErrPortTaken) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

// A port lost between choosing and binding leads to one more try.
func TestLostPortIsChosenAgain(t *testing.T) {
	for _, text := range []string{
		"java.net.BindException: Address already in use",
		"127.0.0.1/127.0.0.1:7000 is in use by another process.  Change listen_address:storage_port in cassandra.yaml",
		"Failed to bind port 9042 on 127.0.0.1.",
		"Error: Exception thrown by the agent: java.rmi.server.ExportException: Port already in use: 7111",
	} {
		s, start := script(t, newEnv(t), "echo '"+text+"'; exit 1")
		tries := 0
		err := s.onFreePorts(func() error { tries++; return start(t.Context()) })
		if tries != 2 || !errors.Is(err, ErrPortTaken) || !errors.Is(err, ErrNotReady) {
			t.Errorf("%s: %d tries, %v", text, tries, err)
		}
	}
	s, start := script(t, newEnv(t), "echo some other reason; exit 1")
	tries := 0
	if err := s.onFreePorts(func() error { tries++; return start(t.Context()) }); tries != 1 || errors.Is(err, ErrPortTaken) {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestAskCQL(t *testing.T) {
	for name, tc := range map[string]struct {
		answer []byte
		ok     bool
	}{
		"supported":  {[]byte{0x84, 0, 0, 0, 6, 0, 0, 0, 0}, true},
		"error":      {[]byte{0x84, 0, 0, 0, 0, 0, 0, 0, 0}, false},
		"cut off":    {[]byte{0x84, 0}, false},
		"no CQL":     {[]byte("HTTP/1.1 400"), false},
		"hangs up":   {nil, false},
		"old answer": {[]byte{0x83, 0, 0, 0, 6, 0, 0, 0, 0}, true},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			var request [9]byte
			if _, err := io.ReadFull(conn, request[:]); err != nil || request[4] != 5 {
				t.Errorf("%s: request %v, %v", name, request, err)
			}
			_, _ = conn.Write(tc.answer)
		}()
		if err := askCQL(t.Context(), l.Addr().String()); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		l.Close()
		<-done
	}
}

func TestPauseStopsTheClock(t *testing.T) {
	s, start := script(t, newEnv(t), "touch ready; exec sleep 300")
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	eventually(t, "the process is stopped", func() bool { return strings.HasPrefix(state(s.PID()), "T") })
	s.Resume()
	eventually(t, "the process goes on", func() bool { return !strings.HasPrefix(state(s.PID()), "T") })
	if err := syscall.Kill(s.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	if err := s.Wait(); err == nil {
		t.Error("Wait returns nil for a server that was ended from outside")
	}
}

// state is the letter ps shows.
func state(pid int) string {
	out, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
