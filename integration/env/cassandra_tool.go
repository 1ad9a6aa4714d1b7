// This file compiles and runs Java programs against the jars of a Cassandra release,
// without a node.

package env

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// CassandraTool is a release's jars and the Java they run on.
type CassandraTool struct {
	spec cassandraRelease
	java string
	lib  string
}

// CassandraTool fetches what is missing of a release: a line or an exact release, as in
// CassandraOptions.Version.
func (e *Env) CassandraTool(ctx context.Context, version string) (*CassandraTool, error) {
	spec, err := cassandraLine(version)
	if err != nil {
		return nil, err
	}
	t := &CassandraTool{spec: spec}
	if t.java, err = e.javaHome(ctx, spec.java, "Cassandra "+spec.release); err != nil {
		return nil, err
	}
	if t.lib, err = e.cassandraJars(ctx, spec); err != nil {
		return nil, err
	}
	return t, nil
}

// Line is the release's line, such as "5.0".
func (t *CassandraTool) Line() string { return t.spec.line }

// Release is the exact release, such as "5.0.6".
func (t *CassandraTool) Release() string { return t.spec.release }

// Compile compiles Java sources into the folder classes, for the Java that the release
// runs on.
func (t *CassandraTool) Compile(ctx context.Context, classes string, sources ...string) error {
	javac, err := findTool("javac", "compile what runs inside Cassandra "+t.spec.release, "openjdk-17-jdk-headless")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(classes, 0o755); err != nil {
		return err
	}
	args := []string{
		"-nowarn", "-Xlint:none", "-proc:none", "--release", strconv.Itoa(t.spec.java.lowest),
		"-cp", filepath.Join(t.lib, "*"), "-d", classes,
	}
	out, err := runOutput(ctx, exec.Command(javac, append(args, sources...)...))
	if err != nil {
		return fmt.Errorf("javac against Cassandra %s: %w: %s", t.spec.release, err, strings.TrimSpace(out))
	}
	return nil
}

// ToolRun is one run of a Java program.
type ToolRun struct {
	Dir     string   // where it runs, and what it leaves behind; it must exist
	YAML    string   // path of the cassandra.yaml it takes; "" for a program that needs none
	Classes string   // folder of its own classes
	JVMArgs []string // heap and the like
	Main    string   // class
	Args    []string
	Line    func(line string) // gets each line of its output as it comes
}

// Run runs a Java program with the release's jars to its end. An error has what the
// program printed beside its output.
func (t *CassandraTool) Run(ctx context.Context, r ToolRun) error {
	temporary := filepath.Join(r.Dir, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return err
	}
	logback := filepath.Join(r.Dir, "logback-tools.xml")
	if err := os.WriteFile(logback, []byte(logbackTools), 0o644); err != nil {
		return err
	}
	args := []string{
		"-XX:+PerfDisableSharedMem", "-Djna.nosys=true", "-Djava.io.tmpdir=" + temporary,
		"-Dlogback.configurationFile=file://" + logback, "-Dcassandra.storagedir=" + r.Dir,
	}
	if r.YAML != "" {
		args = append(args, "-Dcassandra.config=file://"+r.YAML)
	}
	args = append(args, t.spec.moduleArgs()...)
	args = append(args, r.JVMArgs...)
	args = append(args, "-cp", r.Classes+":"+filepath.Join(t.lib, "*"), r.Main)
	cmd := exec.Command(javaProgram(t.java), append(args, r.Args...)...)
	cmd.Dir = r.Dir
	out := &lineWriter{line: func(line string) {
		if r.Line != nil {
			r.Line(line)
		}
	}}
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	if err := run(ctx, cmd); err != nil {
		return fmt.Errorf("%s with Cassandra %s: %w: %s", r.Main, t.spec.release, err, strings.TrimSpace(errs.String()))
	}
	return nil
}
