// This file tests what is done with fetched files: sums, unpacking, and the one
// line that is picked from a tool's output when fetching fails.

package env

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChecksumMismatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	write(t, path, "hello\n")
	const hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" // sha256sum
	if err := expectFile(path, hello); err != nil {
		t.Error(err)
	}
	const other = "0000"
	err := expectFile(path, other)
	if !errors.Is(err, ErrChecksum) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"a.tar.gz", "expected sha256 " + other, "found " + hello} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestJarSetSum(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"b-1.jar", "a-1.jar", "netty-tcnative-2.0.70.Final.jar",
		"netty-tcnative-2.0.70.Final-osx-x86_64.jar", "netty-tcnative-2.0.70.Final-windows-x86_64.jar",
		"netty-epoll-4.1.Final-linux-aarch_64.jar", "netty-epoll-4.1.Final-linux-x86_64.jar",
		"netty-epoll-4.1.Final-linux-riscv64.jar", "netty-dns-native-macos-4.1.Final-osx-aarch_64.jar",
	} {
		write(t, filepath.Join(dir, name), name)
	}
	if err := removeForeignJars(dir); err != nil {
		t.Fatal(err)
	}
	const want = "a-1.jar b-1.jar netty-epoll-4.1.Final-linux-x86_64.jar netty-tcnative-2.0.70.Final.jar"
	if got := entries(t, dir); got != want {
		t.Errorf("left are %s", got)
	}
	before, count, err := setSum(dir)
	if err != nil || count != 4 {
		t.Fatalf("%d jars, %v", count, err)
	}
	write(t, filepath.Join(dir, "b-1.jar"), "changed")
	after, _, err := setSum(dir)
	if err != nil || before == after {
		t.Errorf("a changed jar does not change the sum (%v)", err)
	}
	if _, _, err := setSum(t.TempDir()); err == nil {
		t.Error("an empty folder has a sum")
	}
}

func TestUntarKeepsModesAndLinks(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "x.tar.gz")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	zw := gzip.NewWriter(f)
	tw := tar.NewWriter(zw)
	for _, h := range []tar.Header{
		{Name: "thing-1/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "thing-1/bin/run", Typeflag: tar.TypeReg, Mode: 0o755, Size: 2},
		{Name: "thing-1/conf", Typeflag: tar.TypeReg, Mode: 0o444, Size: 2},
		{Name: "thing-1/link", Typeflag: tar.TypeSymlink, Linkname: "bin/run"},
	} {
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte("hi")[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{tw, zw, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out := t.TempDir()
	if err := untar(t.Context(), archive, out, "thing-1"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(out, "link")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("bin/run through its link: %v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(out, "conf")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("conf: %v, %v", info, err)
	}
}

func TestUnzipStaysInItsFolder(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "x.whl")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	zw := zip.NewWriter(f)
	for name, mode := range map[string]os.FileMode{"a/bin/java": 0o755} {
		h := &zip.FileHeader{Name: name}
		h.SetMode(mode)
		w, err := zw.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := zw.Create("../../escaped"); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "deep", "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unzip(t.Context(), archive, out); err == nil {
		t.Error("no error for a path that leads out")
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); err == nil {
		t.Error("a file was written outside")
	}
	if info, err := os.Stat(filepath.Join(out, "a/bin/java")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a/bin/java: %v, %v", info, err)
	}
}

func TestMavenLines(t *testing.T) {
	const output = "\x1b[0m[INFO] Scanning for projects...\n" +
		"[INFO] BUILD FAILURE\n" +
		"[ERROR] \n" +
		"[ERROR] Plugin p:1 could not be resolved: Could not transfer artifact p:pom:1: Connection refused -> [Help 1]\n" +
		"[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.\n"
	err := mavenProblem("thing-1", output, errors.New("exited with status 1"))
	if !errors.Is(err, ErrNetwork) {
		t.Fatalf("got %v", err)
	}
	const want = "mvn could not fetch thing-1: Plugin p:1 could not be resolved: Could not transfer artifact p:pom:1: Connection refused; "
	if !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q", err)
	}
	if !strings.Contains(err.Error(), "proxy") || !strings.Contains(err.Error(), "settings.xml") {
		t.Errorf("%q lacks the remedy", err)
	}
	if got := decisiveLine("Error: JAVA_HOME is not defined correctly\n"); got != "Error: JAVA_HOME is not defined correctly" {
		t.Errorf("got %q", got)
	}

	for line, want := range map[string]int64{
		"[INFO] Downloaded from central: h/a.jar (1.5 MB at 3.0 MB/s)": 1500000,
		"[INFO] Downloaded from x: h/a.pom (239 B at 1.1 kB/s)":        239,
		"[INFO] Downloading from central: h/a.jar":                     0,
	} {
		if got, _ := downloaded(line); got != want {
			t.Errorf("%q: %d bytes", line, got)
		}
	}
}

// A mvn that fails must not leave half an item, and its words must arrive.
func TestFailingMaven(t *testing.T) {
	bin := fakePath(t)
	fake(t, bin, "java", javaSays("17.0.1"))
	fake(t, bin, "mvn", "echo '[ERROR] Could not transfer artifact a:b: Unknown host'; exit 1")
	e := newEnv(t)
	_, err := e.cassandraJars(t.Context(), cassandraReleases[0])
	if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), "Unknown host") {
		t.Fatalf("got %v", err)
	}
	if e.cache.has("cassandra-" + cassandraReleases[0].release) {
		t.Error("the item is there")
	}
}

func TestFetchedJarsAreChecked(t *testing.T) {
	bin := fakePath(t)
	fake(t, bin, "java", javaSays("17.0.1"))
	fake(t, bin, "mvn", `for a; do case $a in -DoutputDirectory=*) echo x > "${a#*=}/x-1.jar";; esac; done`)
	e := newEnv(t)
	_, err := e.cassandraJars(t.Context(), cassandraReleases[0])
	if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), cassandraReleases[0].jars) {
		t.Fatalf("got %v", err)
	}
}

func TestCancelEndsTools(t *testing.T) {
	bin := fakePath(t)
	fake(t, bin, "java", javaSays("17.0.1"))
	started := filepath.Join(t.TempDir(), "started")
	fake(t, bin, "mvn", "echo $$ > "+started+"; exec sleep 300")
	e := newEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error)
	go func() {
		_, err := e.cassandraJars(ctx, cassandraReleases[0])
		failed <- err
	}()
	eventually(t, "mvn runs", func() bool { return pidIn(started) != 0 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "mvn is gone", func() bool { return gone(pidIn(started)) })
}

func TestDebianSource(t *testing.T) {
	const stanzas = "Types: deb\nURIs: https://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n" +
		"# the mirror\nTypes: deb deb-src\nURIs: https://mirror.example/debian/\nSuites: bookworm bookworm-updates\n" +
		"Components: main contrib\nSigned-By:\n -----BEGIN\n .\n xyz\n"
	got, ok := fromStanzas(stanzas, "sid")
	const want = "Types: deb\nURIs: https://mirror.example/debian/\nSuites: sid\nComponents: main\nSigned-By: \n -----BEGIN\n .\n xyz\n"
	if !ok || got != want {
		t.Errorf("stanzas: %v, %q", ok, got)
	}
	const lines = "# deb http://no.example/debian sid main\n" +
		"deb http://mirror.example/debian-security bookworm-security main\n" +
		"deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main\n"
	got, ok = fromLines(lines, "sid")
	if !ok || got != "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\nSigned-By: /k.gpg\n" {
		t.Errorf("lines: %v, %q", ok, got)
	}
	for _, other := range []string{"", "Types: deb\nURIs: http://archive.example/ubuntu\nSuites: noble\nComponents: main\n",
		"Enabled: no\n" + stanzas[strings.Index(stanzas, "# the"):]} {
		if got, ok := fromStanzas(other, "sid"); ok {
			t.Errorf("%q gives %q", other, got)
		}
	}
}
