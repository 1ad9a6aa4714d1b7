// This file tests the lines a person reads when something is missing.

package env

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakePath makes PATH a folder that holds nothing but what the package's own
// code and the fakes need, and forgets every Java.
func fakePath(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "sleep", "bash"} {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for _, v := range []string{"JAVA_HOME", java17.variable, java11.variable, java8.variable} {
		t.Setenv(v, "")
	}
	return bin
}

// fake puts a shell script on the fake PATH.
func fake(t *testing.T, bin, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func javaSays(version string) string {
	return fmt.Sprintf(`echo 'openjdk version "%s" 2025-04-15' >&2`, version)
}

// newEnv is an Env with its own cache that knows no Java but PATH's and the
// variables'.
func newEnv(t *testing.T) *Env {
	t.Helper()
	e, err := New(Options{CacheDir: t.TempDir(), WorkDir: t.TempDir(), Progress: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	e.java.folders = nil
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestNoJava(t *testing.T) {
	fakePath(t)
	_, err := newEnv(t).StartPulsar(t.Context(), PulsarOptions{})
	const want = "Java 17 or newer is needed to run Pulsar " + pulsarRelease +
		": none found in JAVA_HOME, on PATH or in /usr/lib/jvm; install e.g. `apt-get install openjdk-17-jre-headless` or set JAVA_HOME"
	if !errors.Is(err, ErrNoJava) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestTooOldJava(t *testing.T) {
	fake(t, fakePath(t), "java", javaSays("11.0.2"))
	_, err := newEnv(t).StartCassandra(t.Context(), CassandraOptions{})
	if !errors.Is(err, ErrNoJava) || !strings.Contains(err.Error(), "Java 17 or newer") ||
		!strings.Contains(err.Error(), "found 11 (on PATH)") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestTooNewJava(t *testing.T) {
	fake(t, fakePath(t), "java", javaSays("25"))
	e := newEnv(t)
	if _, err := e.java.find(t.Context(), java17, "Cassandra"); !errors.Is(err, ErrNoJava) || !strings.Contains(err.Error(), "up to 23") {
		t.Errorf("Cassandra: got %v", err)
	}
	if _, err := e.java.find(t.Context(), java17Pulsar, "Pulsar"); err != nil {
		t.Errorf("Pulsar: %v", err)
	}
}

func TestJavaByItsOwnVariable(t *testing.T) {
	fakePath(t)
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	fake(t, filepath.Join(home, "bin"), "java", javaSays("1.8.0_504"))
	t.Setenv(java8.variable, home)
	e := newEnv(t)
	if got, err := e.javaHome(t.Context(), java8, "Cassandra 3.11"); err != nil || got != home {
		t.Errorf("got %s, %v", got, err)
	}
	// A wrong one is a mistake to report, not a reason to fetch.
	t.Setenv(java11.variable, home)
	if _, err := e.javaHome(t.Context(), java11, "Cassandra 4.1"); !errors.Is(err, ErrNoJava) || !strings.Contains(err.Error(), java11.variable) {
		t.Errorf("got %v", err)
	}
}

func TestNoMaven(t *testing.T) {
	fake(t, fakePath(t), "java", javaSays("17.0.15"))
	_, err := newEnv(t).StartCassandra(t.Context(), CassandraOptions{})
	if !errors.Is(err, ErrNoTool) || !strings.Contains(err.Error(), "mvn is not on PATH") || !strings.Contains(err.Error(), "apt-get install maven") {
		t.Errorf("got %v", err)
	}
}

func TestNoPip(t *testing.T) {
	fake(t, fakePath(t), "java", javaSays("17.0.15"))
	e := newEnv(t)
	_, err := e.StartCassandra(t.Context(), CassandraOptions{Version: Cassandra41})
	if errors.Is(err, ErrPlatform) {
		t.Skipf("no Java 11 is pinned for this platform: %v", err)
	}
	if !errors.Is(err, ErrNoTool) || !strings.Contains(err.Error(), "pip") || !strings.Contains(err.Error(), java11.variable) {
		t.Errorf("got %v", err)
	}
}

// A Java that is too new for Cassandra is as good as none, but not for Pulsar: one
// that fits is fetched, and what that needs is named.
func TestJavaTooNewForCassandra(t *testing.T) {
	bin := fakePath(t)
	fake(t, bin, "java", javaSays("25.0.1"))
	fake(t, bin, "mvn", "exit 0")
	missing := newEnv(t).Check(t.Context(), Cassandra50, PulsarStandalone)
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		return // nothing is pinned to fetch
	}
	if len(missing) != 1 || !errors.Is(missing[0], ErrNoTool) || !strings.Contains(missing[0].Error(), "pip") || !strings.Contains(missing[0].Error(), java17.variable) {
		t.Errorf("got %v", missing)
	}
}

func TestCheckReportsAllAtOnce(t *testing.T) {
	bin := fakePath(t)
	if err := os.Remove(filepath.Join(bin, "bash")); err != nil {
		t.Fatal(err)
	}
	e := newEnv(t)
	missing := e.Check(t.Context(), Cassandra50, Cassandra311, PulsarStandalone, "2.1")
	all := fmt.Sprint(MissingError(missing))
	for _, part := range []string{"run Cassandra 5.0", "Java 8", "run Pulsar", "bash is not on PATH", "mvn is not on PATH", "cassandra 2.1 is not known"} {
		if !strings.Contains(all, part) {
			t.Errorf("lacks %q:\n%s", part, all)
		}
	}
	if strings.Count(all, "mvn is not on PATH") != 1 {
		t.Errorf("mvn is reported more than once:\n%s", all)
	}
	if MissingError(nil) != nil {
		t.Error("an error where nothing is missing")
	}
}

func TestUnknownVersion(t *testing.T) {
	_, err := newEnv(t).StartCassandra(t.Context(), CassandraOptions{Version: "2.2"})
	if err == nil || !strings.Contains(err.Error(), "5.0 (5.0.6)") {
		t.Errorf("got %v", err)
	}
	for version, want := range map[string]string{"": "5.0.6", "5.0": "5.0.6", "4.0.19": "4.0.19", "3.11": "3.11.19"} {
		if r, err := cassandraLine(version); err != nil || r.release != want {
			t.Errorf("%q: %s, %v", version, r.release, err)
		}
	}
}
