// What is in the packages: the same in deb and rpm, and the same bytes from every build.

package install_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	rpm "github.com/sassoftware/go-rpmutils"
)

func TestPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs for two architectures, which -short leaves out")
	}
	dir := t.TempDir()
	makePackages(t, dir, "1.2.3", "amd64 arm64")
	const docs, conf = "/usr/share/doc/cassandra-cdc/", "/etc/cassandra-cdc/agent.yaml"
	common := []string{
		"-rw-r----- root root " + conf,
		"-rwxr-xr-x root root /usr/bin/cassandra-cdc",
		"-rw-r--r-- root root /usr/lib/systemd/system/cassandra-cdc.service",
		"-rw-r--r-- root root " + docs + "agent-settings.md",
		"-rw-r--r-- root root " + docs + "agent.md",
		"-rw-r--r-- root root " + docs + "conditions.md",
		"-rw-r--r-- root root " + docs + "examples/agent.yaml",
		"-rw-r--r-- root root " + docs + "metrics.md",
		"-rw-r--r-- root root " + docs + "third-party-licenses.txt",
		"-rw-r--r-- root root /usr/share/man/man1/cassandra-cdc.1.gz",
	}
	for _, arch := range []struct {
		deb, rpm string
		machine  elf.Machine
	}{{"amd64", "x86_64", elf.EM_X86_64}, {"arm64", "aarch64", elf.EM_AARCH64}} {
		t.Run(arch.deb, func(t *testing.T) {
			d := readDeb(t, filepath.Join(dir, "cassandra-cdc_1.2.3-1_"+arch.deb+".deb"))
			r := readRPM(t, filepath.Join(dir, "cassandra-cdc-1.2.3-1."+arch.rpm+".rpm"))
			for name, lists := range map[string][2][]string{
				"deb": {d.list, append([]string{"-rw-r--r-- root root " + docs + "changelog.Debian.gz", "-rw-r--r-- root root " + docs + "copyright"}, common...)},
				"rpm": {r.list, append([]string{"-rw-r--r-- root root /usr/share/licenses/cassandra-cdc/LICENSE"}, common...)},
			} {
				slices.Sort(lists[0])
				slices.Sort(lists[1])
				if diff := cmp.Diff(lists[1], lists[0]); diff != "" {
					t.Errorf("files of the %s, - wanted, + there:\n%s", name, diff)
				}
			}
			for path, content := range r.files {
				if inDeb, ok := d.files[path]; ok && !bytes.Equal(inDeb, content) {
					t.Errorf("%s is another one in the deb than in the rpm", path)
				}
			}
			if d.control["Architecture"] != arch.deb || d.control["Version"] != "1.2.3-1" || d.conffiles != conf {
				t.Errorf("the deb says %v, conffiles %q", d.control, d.conffiles)
			}
			if diff := cmp.Diff([]string{conf}, r.config); diff != "" {
				t.Errorf("configuration files of the rpm that an upgrade leaves alone: %s", diff)
			}
			static(t, d.files["/usr/bin/cassandra-cdc"], arch.machine)
			if !bytes.Contains(d.files[conf], []byte("\ncdcWorkingDir: /var/lib/cassandra-cdc\n")) {
				t.Errorf("%s does not name the working directory that the package cares for", conf)
			}
		})
	}
	t.Run("reproducible", func(t *testing.T) {
		old := syscall.Umask(0o077)
		defer syscall.Umask(old)
		again := t.TempDir()
		makePackages(t, again, "1.2.3", "amd64 arm64")
		packages, err := filepath.Glob(filepath.Join(dir, "cassandra-cdc?1.2.3*"))
		if err != nil || len(packages) != 4 {
			t.Fatalf("%d packages, %v", len(packages), err)
		}
		for _, path := range packages {
			first, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			second, err := os.ReadFile(filepath.Join(again, filepath.Base(path)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second) {
				t.Errorf("two builds of %s differ", filepath.Base(path))
			}
		}
	})
}

// static checks that a program needs no file of the system it runs on.
func static(t *testing.T, program []byte, machine elf.Machine) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != machine {
		t.Errorf("the program is for %s, want %s", f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is linked dynamically (%s)", p.Type)
		}
	}
}

// contents is what a package holds.
type contents struct {
	list      []string          // "mode user group path" of everything but directories
	files     map[string][]byte // by path
	control   map[string]string // of a deb
	conffiles string            // of a deb
	config    []string          // of an rpm: files that an upgrade does not replace
}

func (c *contents) add(mode os.FileMode, user, group, path string, data io.Reader) error {
	path = "/" + strings.TrimPrefix(strings.TrimPrefix(path, "."), "/")
	c.list = append(c.list, fmt.Sprintf("%s %s %s %s", mode, user, group, path))
	content, err := io.ReadAll(data)
	c.files[path] = content
	return err
}

// readDeb reads an ar archive of two tar archives: deb(5).
func readDeb(t *testing.T, path string) *contents {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &contents{files: make(map[string][]byte), control: make(map[string]string)}
	rest, ok := bytes.CutPrefix(data, []byte("!<arch>\n"))
	if !ok {
		t.Fatalf("%s is no deb", path)
	}
	for len(rest) >= 60 {
		name := strings.TrimRight(string(rest[:16]), " /")
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || 60+size > len(rest) {
			t.Fatalf("%s: member %s: %v", path, name, err)
		}
		if strings.HasSuffix(name, ".tar.gz") {
			readTar(t, rest[60:60+size], func(h *tar.Header, content io.Reader) error {
				switch {
				case name == "data.tar.gz" && h.Typeflag == tar.TypeReg:
					user, group := h.Uname, h.Gname
					if user == "" && h.Uid == 0 && group == "" && h.Gid == 0 {
						user, group = "root", "root"
					}
					return c.add(os.FileMode(h.Mode), user, group, h.Name, content)
				case strings.HasSuffix(h.Name, "conffiles"):
					text, err := io.ReadAll(content)
					c.conffiles = strings.TrimSpace(string(text))
					return err
				case strings.HasSuffix(h.Name, "control"):
					text, err := io.ReadAll(content)
					for line := range strings.Lines(string(text)) {
						if key, value, ok := strings.Cut(line, ": "); ok {
							c.control[key] = strings.TrimSpace(value)
						}
					}
					return err
				}
				return nil
			})
		}
		rest = rest[min(len(rest), 60+size+size%2):]
	}
	return c
}

func readTar(t *testing.T, data []byte, each func(*tar.Header, io.Reader) error) {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := each(h, r); err != nil {
			t.Fatal(err)
		}
	}
}

func readRPM(t *testing.T, path string) *contents {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pkg, err := rpm.ReadRpm(f)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := pkg.PayloadReaderExtended()
	if err != nil {
		t.Fatal(err)
	}
	c := &contents{files: make(map[string][]byte)}
	for {
		info, err := payload.Next()
		if err == io.EOF {
			return c
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&syscall.S_IFMT == syscall.S_IFDIR {
			continue
		}
		// rpm: config is 1, noreplace 16.
		if info.Flags()&17 == 17 {
			c.config = append(c.config, info.Name())
		}
		if err := c.add(os.FileMode(info.Mode()&0o7777), info.UserName(), info.GroupName(), info.Name(), payload); err != nil {
			t.Fatal(err)
		}
	}
}
