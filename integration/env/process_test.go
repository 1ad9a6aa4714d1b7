// This file tests the bond between a child's life and its parent's.

package env

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary play a parent instead of testing.
const roleVariable = "CDC_ENV_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVariable); dir != "" {
		playParent(dir)
	}
	os.Exit(m.Run())
}

// playParent starts a child that starts a grandchild, says so, and waits to be
// killed.
func playParent(dir string) {
	cmd := exec.Command("sh", "-c", `sleep 300 & echo $! > grandchild.part; mv grandchild.part grandchild; exec sleep 300`)
	cmd.Dir = dir
	p, err := startProcess(cmd)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	child := filepath.Join(dir, "child")
	if err := os.WriteFile(child+".part", []byte(strconv.Itoa(p.pid)), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.Rename(child+".part", child); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-p.done
	os.Exit(1)
}

func TestChildrenDieWithTheirKilledParent(t *testing.T) {
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), roleVariable+"="+dir)
	var out bytes.Buffer
	parent.Stdout, parent.Stderr = &out, &out
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = parent.Process.Kill()
		_ = parent.Wait()
	}()
	var child, grandchild int
	eventually(t, "the parent has children", func() bool {
		child, grandchild = pidIn(filepath.Join(dir, "child")), pidIn(filepath.Join(dir, "grandchild"))
		return child != 0 && grandchild != 0
	})
	if gone(child) || gone(grandchild) {
		t.Fatalf("child or grandchild ended too early: %s", out.String())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the child is gone", func() bool { return gone(child) })
	eventually(t, "the grandchild is gone", func() bool { return gone(grandchild) })
}

func TestWhatAServerLeavesBehindIsKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `sleep 300 & echo $! > grandchild`)
	cmd.Dir = dir
	p, err := startProcess(cmd)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.err != nil {
		t.Fatal(p.exitText())
	}
	grandchild := pidIn(filepath.Join(dir, "grandchild"))
	eventually(t, "the grandchild is gone", func() bool { return gone(grandchild) })
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	if _, err := startProcess(exec.Command(filepath.Join(t.TempDir(), "absent"))); err == nil {
		t.Fatal("no error")
	}
}

// pidIn is the number in a file, 0 if there is none yet.
func pidIn(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}

// gone tells whether a process has ended. It may be left as a zombie where
// nobody reaps orphans.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return os.IsNotExist(err) && there("/proc/self")
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// eventually polls until something holds, for half a minute at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s it is still not so that %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
