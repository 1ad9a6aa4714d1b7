// This file finds the Java that a server needs: the machine's own, or one
// fetched for the older releases.

package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// javaNeed is a range of major versions; highest 0 has no upper end. The
// variable names a Java that wins over all others.
type javaNeed struct {
	lowest, highest int
	variable        string
}

func (n javaNeed) fits(major int) bool {
	return major >= n.lowest && (n.highest == 0 || major <= n.highest)
}

func (n javaNeed) String() string {
	switch n.highest {
	case n.lowest:
		return fmt.Sprintf("Java %d", n.lowest)
	case 0:
		return fmt.Sprintf("Java %d or newer", n.lowest)
	}
	return fmt.Sprintf("Java %d or newer, up to %d,", n.lowest, n.highest)
}

// javaFinder knows where to look for Java, and what it found.
type javaFinder struct {
	folders []string // patterns of Java homes

	mu    sync.Mutex
	known map[string]int // major version by home, 0 if it does not run
}

func machineJava() javaFinder {
	return javaFinder{
		folders: []string{"/usr/lib/jvm/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home"},
	}
}

// javaHome returns the home of a Java that fits the need, fetching 11 and 8
// where the machine has none.
func (e *Env) javaHome(ctx context.Context, need javaNeed, user string) (string, error) {
	home, err := e.java.find(ctx, need, user)
	if err == nil || ctx.Err() != nil {
		return home, err
	}
	// A Java that was named explicitly and does not fit is a mistake to report.
	if os.Getenv(need.variable) != "" {
		return "", err
	}
	switch {
	case need == java11, need == java17 && e.onlyTooNew(ctx):
		return e.fetchJDK(ctx, need)
	case need == java8:
		return e.fetchJava8(ctx)
	}
	return "", err
}

// onlyTooNew tells that the machine has a Java, one that Cassandra cannot run on. A
// machine without any is left to its owner: mvn needs one too.
func (e *Env) onlyTooNew(ctx context.Context) bool {
	return !e.hasJava(ctx, java17) && e.hasJava(ctx, java17Pulsar)
}

// find looks at the need's own variable, then JAVA_HOME, PATH and the folders
// where systems install Java.
func (j *javaFinder) find(ctx context.Context, need javaNeed, user string) (string, error) {
	if home := os.Getenv(need.variable); home != "" {
		major, err := j.major(ctx, home)
		if err != nil {
			return "", problem(ErrNoJava, "correct or unset "+need.variable,
				"%s=%s is no usable Java: %v", need.variable, home, err)
		}
		if !need.fits(major) {
			return "", problem(ErrNoJava, "correct or unset "+need.variable,
				"%s is needed to run %s: %s=%s is %d", need, user, need.variable, home, major)
		}
		return home, nil
	}
	var found []string
	fitting := ""
	for _, c := range j.candidates() {
		major, err := j.major(ctx, c.home)
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if err != nil {
			if c.from == "JAVA_HOME" {
				found = append(found, fmt.Sprintf("JAVA_HOME=%s is no usable Java", c.home))
			}
			continue
		}
		// Where there is an upper end, the lowest version is the tested one.
		if major == need.lowest || need.highest == 0 && need.fits(major) {
			return c.home, nil
		}
		if need.fits(major) && fitting == "" {
			fitting = c.home
		}
		found = append(found, fmt.Sprintf("%d (%s)", major, c.from))
	}
	if fitting != "" {
		return fitting, nil
	}
	what := "none found in JAVA_HOME, on PATH or in /usr/lib/jvm"
	if len(found) > 0 {
		what = "found " + strings.Join(found, ", ")
	}
	return "", problem(ErrNoJava,
		fmt.Sprintf("install e.g. `apt-get install openjdk-%d-jre-headless` or set JAVA_HOME", need.lowest),
		"%s is needed to run %s: %s", need, user, what)
}

type javaCandidate struct{ home, from string }

func (j *javaFinder) candidates() []javaCandidate {
	var all []javaCandidate
	add := func(home, from string) {
		if real, err := filepath.EvalSymlinks(home); err == nil {
			home = real
		}
		if !slices.ContainsFunc(all, func(c javaCandidate) bool { return c.home == home }) {
			all = append(all, javaCandidate{home, from})
		}
	}
	if home := os.Getenv("JAVA_HOME"); home != "" {
		add(home, "JAVA_HOME")
	}
	if java, err := exec.LookPath("java"); err == nil {
		if real, err := filepath.EvalSymlinks(java); err == nil {
			java = real
		}
		add(filepath.Dir(filepath.Dir(java)), "on PATH")
	}
	for _, pattern := range j.folders {
		homes, _ := filepath.Glob(pattern)
		for _, home := range homes {
			if _, err := os.Stat(javaProgram(home)); err == nil {
				add(home, home)
			}
		}
	}
	return all
}

var javaVersion = regexp.MustCompile(`version "(?:1\.)?([0-9]+)`)

// major asks a Java for its version, once: 8 for "1.8.0_504", 17 for "17.0.15".
func (j *javaFinder) major(ctx context.Context, home string) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if major := j.known[home]; major != 0 {
		return major, nil
	}
	out, err := runOutput(ctx, exec.Command(javaProgram(home), "-version"))
	if err != nil {
		return 0, fmt.Errorf("%s -version: %w: %s", javaProgram(home), err, strings.TrimSpace(out))
	}
	m := javaVersion.FindStringSubmatch(out)
	if m == nil {
		return 0, errors.New("java -version prints no version")
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	if j.known == nil {
		j.known = make(map[string]int)
	}
	j.known[home] = major
	return major, nil
}

func javaProgram(home string) string { return filepath.Join(home, "bin", "java") }
