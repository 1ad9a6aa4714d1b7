// The parts of the archive: the launcher's jar and the program.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compileLauncher compiles the Java sources against what Pulsar offers to a source,
// which Maven fetches, and returns the jar.
func compileLauncher(ctx context.Context, dir, work string) ([]byte, error) {
	classpath, classes := filepath.Join(work, "classpath"), filepath.Join(work, "classes")
	err := run(ctx, nil, "mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-DoutputDirectory="+classpath)
	if err != nil {
		return nil, err
	}
	sources, err := filepath.Glob(filepath.Join(dir, "java/io/github/cassandracdc/*.java"))
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no Java sources in %s: --source must name the project's folder", dir)
	}
	javac := "javac"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		javac = filepath.Join(home, "bin", "javac")
	}
	args := append([]string{"-Xlint:all,-try", "-Werror", "--release", "17", "-classpath", classpath + "/*", "-d", classes}, sources...)
	if err := run(ctx, nil, javac, args...); err != nil {
		return nil, err
	}
	files := []file{{name: manifestName, data: []byte("Manifest-Version: 1.0\r\n\r\n")}}
	err = filepath.WalkDir(classes, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(classes, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files = append(files, file{name: filepath.ToSlash(name), data: data})
		return err
	})
	if err != nil {
		return nil, err
	}
	return zipped(files)
}

// buildProgram builds cassandra-source so that it runs on any Linux, Alpine included.
func buildProgram(ctx context.Context, source, arch, version, work string) ([]byte, error) {
	path := filepath.Join(work, "cassandra-source-"+arch)
	err := run(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "PWD=" + source},
		"go", "-C", source, "build", "-trimpath", "-buildvcs=false", "-o", path,
		"-ldflags=-s -w -X github.com/cassandra-cdc/cassandra-cdc/internal/program.release="+version, "./cmd/cassandra-source")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// run runs a tool. What it prints is part of the error.
func run(ctx context.Context, environ []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing: packing needs Go, a JDK 17 or newer and Maven", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, strings.TrimSpace(out.String()))
	}
	return nil
}
