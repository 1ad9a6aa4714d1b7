// This file fetches artifacts through the machine's mvn: jar sets with what
// they need at run time, and single files.

package env

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// cassandraJars returns the folder with a release's jars.
func (e *Env) cassandraJars(ctx context.Context, r cassandraRelease) (string, error) {
	name := "cassandra-" + r.release
	return e.cache.item(ctx, name, roomCassandra, func(ctx context.Context, part, _ string) error {
		pom := filepath.Join(part, "pom.xml")
		if err := os.WriteFile(pom, pomFor(r.artifacts), 0o644); err != nil {
			return err
		}
		if err := e.maven(ctx, name, part, "-f", pom, mavenDependencyPlugin+":copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+part); err != nil {
			return err
		}
		if err := os.Remove(pom); err != nil {
			return err
		}
		if err := removeForeignJars(part); err != nil {
			return err
		}
		sum, count, err := setSum(part)
		if err != nil {
			return err
		}
		return expectSum(fmt.Sprintf("the %d jars of %s", count, name), r.jars, sum)
	})
}

// pomFor is a project that has the artifacts as its only dependencies.
func pomFor(artifacts []string) []byte {
	var b strings.Builder
	b.WriteString("<project><modelVersion>4.0.0</modelVersion>" +
		"<groupId>fetch</groupId><artifactId>fetch</artifactId><version>1</version><dependencies>\n")
	for _, a := range artifacts {
		parts := strings.Split(a, ":")
		b.WriteString("<dependency>")
		for i, tag := range []string{"groupId", "artifactId", "version"} {
			fmt.Fprintf(&b, "<%s>", tag)
			_ = xml.EscapeText(&b, []byte(parts[i]))
			fmt.Fprintf(&b, "</%s>", tag)
		}
		b.WriteString("</dependency>\n")
	}
	b.WriteString("</dependencies></project>\n")
	return []byte(b.String())
}

// foreignJar matches jars that hold native code of other systems than Linux on
// amd64. They are removed everywhere, so that one sum fits; on other systems
// Netty then does without its native transport.
var foreignJar = regexp.MustCompile(`-(osx|macos|windows)-[^/]*\.jar$|-linux-(aarch_64|aarch64|arm64|riscv64)\.jar$|[-_](darwin|win|freebsd)[-_][^/]*\.jar$`)

func removeForeignJars(dir string) error {
	jars, err := jarsIn(dir)
	if err != nil {
		return err
	}
	for _, jar := range jars {
		if foreignJar.MatchString(filepath.Base(jar)) {
			if err := os.Remove(jar); err != nil {
				return err
			}
		}
	}
	return nil
}

// pulsarHome returns the folder of the unpacked Pulsar distribution.
func (e *Env) pulsarHome(ctx context.Context) (string, error) {
	name := "pulsar-" + pulsarRelease
	return e.cache.item(ctx, name, roomPulsar, func(ctx context.Context, part, _ string) error {
		// "copy" and not "unpack": unpack loses the files' modes.
		if err := e.maven(ctx, name, part, mavenDependencyPlugin+":copy",
			"-Dartifact="+pulsarArtifact, "-DoutputDirectory="+part); err != nil {
			return err
		}
		archive := filepath.Join(part, pulsarFile)
		if err := expectFile(archive, pulsarSum); err != nil {
			return err
		}
		e.Say("%s: unpacking", name)
		if err := untar(ctx, archive, part, pulsarFolder); err != nil {
			return err
		}
		return os.Remove(archive)
	})
}

// maven runs mvn in dir and reports every ten seconds what has come so far.
// Where it keeps and where it gets artifacts is left to its own settings.
func (e *Env) maven(ctx context.Context, what, dir string, args ...string) error {
	mvn, err := findTool("mvn", "fetch "+what, "maven")
	if err != nil {
		return err
	}
	cmd := exec.Command(mvn, append([]string{
		"-B", "-U",
		// Without these a silent connection is given up after 30 minutes only.
		"-Dmaven.wagon.rto=60000", "-Dmaven.wagon.http.retryHandler.count=3",
		"-Daether.connector.connectTimeout=20000", "-Daether.connector.requestTimeout=60000",
	}, args...)...)
	cmd.Dir = dir
	if home, err := e.javaHome(ctx, java17Pulsar, "mvn"); err == nil {
		cmd.Env = append(os.Environ(), "JAVA_HOME="+home)
	}

	var files, bytes atomic.Int64
	out := &lineWriter{line: func(line string) {
		if size, ok := downloaded(line); ok {
			files.Add(1)
			bytes.Add(size)
		}
	}}
	cmd.Stdout, cmd.Stderr = out, out

	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		began, repository := time.Now(), localRepository()
		before := diskUse(repository)
		every := time.NewTicker(5 * time.Second)
		defer every.Stop()
		for {
			select {
			case <-stop:
				return
			case <-every.C:
				// A large file is announced only when it is complete; until
				// then the growth of the repository shows it.
				sum := uint64(bytes.Load())
				if now := diskUse(repository); now > before {
					sum = max(sum, now-before)
				}
				e.Say("%s: fetching with mvn, %s, %d files, %s so far", what,
					seconds(time.Since(began)), files.Load(), megabytes(sum))
			}
		}
	}()
	err = run(ctx, cmd)
	close(stop)
	<-done
	if err == nil || ctx.Err() != nil {
		return err
	}
	return mavenProblem(what, out.text(), err)
}

// localRepository is where mvn keeps artifacts unless its settings.xml says
// otherwise; used for nothing but showing progress.
func localRepository() string {
	for _, name := range []string{"MAVEN_OPTS", "MAVEN_ARGS"} {
		for _, word := range strings.Fields(os.Getenv(name)) {
			if dir, ok := strings.CutPrefix(word, "-Dmaven.repo.local="); ok {
				return dir
			}
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".m2", "repository")
}

var downloadedLine = regexp.MustCompile(`Downloaded from .*\(([0-9.]+) ?([kMG]?B)(?: at .*)?\)`)

// downloaded reads the size from mvn's "Downloaded from x: y (1.2 MB at 3 MB/s)".
func downloaded(line string) (int64, bool) {
	m := downloadedLine.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, false
	}
	unit := map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[m[2]]
	return int64(n * unit), true
}

// mavenProblem picks the line that tells from all that mvn prints.
func mavenProblem(what, output string, err error) error {
	if strings.Contains(output, "No space left on device") {
		return fmt.Errorf("mvn: %w", syscall.ENOSPC)
	}
	line := decisiveLine(output)
	if line == "" {
		line = err.Error() + " without an [ERROR] line"
	}
	remedy := "see whether the network is there; behind a proxy mvn needs it in settings.xml"
	if strings.Contains(line, "JAVA_HOME") {
		remedy = "see whether JAVA_HOME is right"
	}
	return problem(ErrNetwork, remedy, "mvn could not fetch %s: %s", what, line)
}

var (
	mavenPrefix  = regexp.MustCompile(`^\[(ERROR|FATAL)\]\s*`)
	mavenTrailer = regexp.MustCompile(`\s*->\s*\[Help \d+\]\s*$`)
	colourCodes  = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// decisiveLine is mvn's first error, or else its last words.
func decisiveLine(output string) string {
	last := ""
	for line := range strings.SplitSeq(colourCodes.ReplaceAllString(output, ""), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if prefix := mavenPrefix.FindString(line); prefix != "" && len(line) > len(prefix) {
			return mavenTrailer.ReplaceAllString(line[len(prefix):], "")
		}
		if !strings.HasPrefix(line, "[INFO]") {
			last = line
		}
	}
	return last
}
