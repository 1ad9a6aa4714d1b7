// Where cassandra.yaml is, and where Cassandra keeps what it is told no directory for.

package node

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

// Location is where a node's files are.
type Location struct {
	YAML       string // path of cassandra.yaml
	StorageDir string // Cassandra's property cassandra.storagedir
	FoundBy    string // how, for a person
}

// Machine is where a node is looked for.
type Machine struct {
	root   string // "/", but for tests
	getenv func(string) string
}

// ThisMachine is the one this process runs on.
func ThisMachine() Machine { return Machine{root: "/", getenv: os.Getenv} }

// usualConfDirs are where packages and images put cassandra.yaml: Debian, Red Hat, the
// tarball, Docker's official image, Bitnami's.
var usualConfDirs = []string{
	"/etc/cassandra", "/etc/cassandra/conf", "/etc/cassandra/default.conf",
	"/opt/cassandra/conf", "/usr/share/cassandra/conf", "/opt/bitnami/cassandra/conf",
}

// Locate finds the node's files. yaml and storageDir are the settings cassandraYaml and
// cassandraStorageDir, which win where they are not empty. The error is a [settings.Fault].
func (m Machine) Locate(yaml, storageDir string) (Location, error) {
	running := m.runningNodes()
	at := Location{YAML: yaml, StorageDir: storageDir, FoundBy: "the setting cassandraYaml"}
	if at.YAML == "" {
		if err := m.search(&at, running); err != nil {
			return at, err
		}
	}
	if at.StorageDir != "" {
		return at, nil
	}
	for _, n := range running {
		if same(m.path(n.YAML), m.path(at.YAML)) {
			at.StorageDir = n.StorageDir
		}
	}
	if at.StorageDir == "" {
		at.StorageDir = defaultStorageDir(at.YAML)
	}
	return at, nil
}

func (m Machine) search(at *Location, running []Location) error {
	if dir := m.getenv("CASSANDRA_CONF"); dir != "" && m.exists(filepath.Join(dir, "cassandra.yaml")) {
		at.YAML, at.FoundBy = filepath.Join(dir, "cassandra.yaml"), "the environment variable CASSANDRA_CONF"
		return nil
	}
	switch len(running) {
	case 0:
	case 1:
		at.YAML, at.FoundBy = running[0].YAML, running[0].FoundBy
		return nil
	default:
		var paths []string
		for _, n := range running {
			paths = append(paths, n.YAML)
		}
		return settings.Fault{Key: "cassandraYaml", Problem: "several Cassandra nodes run on this machine", Hint: "set it to one of " + strings.Join(paths, ", ")}
	}
	for _, dir := range usualConfDirs {
		if path := filepath.Join(dir, "cassandra.yaml"); m.exists(path) {
			at.YAML, at.FoundBy = path, "its usual place"
			return nil
		}
	}
	return settings.Fault{
		Key: "cassandraYaml", Problem: "no cassandra.yaml was found",
		Hint: "set it; no Cassandra runs here that this user can see, CASSANDRA_CONF names none, and there is none in " + strings.Join(usualConfDirs, ", "),
	}
}

// defaultStorageDir is where the start scripts of Cassandra's packages, and of its
// tarball, put the data.
func defaultStorageDir(yaml string) string {
	if strings.HasPrefix(yaml, "/etc/") || strings.HasPrefix(yaml, "/usr/") {
		return "/var/lib/cassandra"
	}
	return filepath.Join(filepath.Dir(filepath.Dir(yaml)), "data")
}

// runningNodes are the Cassandra processes whose cassandra.yaml is a file that can be
// seen from here, each file once. There are none where there is no /proc.
func (m Machine) runningNodes() []Location {
	dirs, _ := os.ReadDir(m.path("/proc")) // other systems have none
	var found []Location
	for _, d := range dirs {
		if _, err := strconv.Atoi(d.Name()); err != nil {
			continue
		}
		proc := filepath.Join("/proc", d.Name())
		cmdline, err := os.ReadFile(m.path(filepath.Join(proc, "cmdline")))
		if err != nil {
			continue // it has ended, or is hidden
		}
		args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
		if !slices.Contains(args, "org.apache.cassandra.service.CassandraDaemon") {
			continue
		}
		cwd, _ := os.Readlink(m.path(filepath.Join(proc, "cwd"))) // hidden for other users' processes
		n := m.fromCommandLine(args, cwd)
		n.FoundBy = "the Cassandra process " + d.Name()
		if n.YAML != "" && !slices.ContainsFunc(found, func(o Location) bool { return o.YAML == n.YAML }) {
			found = append(found, n)
		}
	}
	return found
}

// fromCommandLine understands Cassandra's options as Java does: the last one counts.
func (m Machine) fromCommandLine(args []string, cwd string) (n Location) {
	config, classPath := "cassandra.yaml", ""
	for i, arg := range args {
		if v, ok := strings.CutPrefix(arg, "-Dcassandra.config="); ok {
			config = v
		} else if v, ok := strings.CutPrefix(arg, "-Dcassandra.storagedir="); ok {
			n.StorageDir = absolute(v, cwd)
		} else if v, ok := strings.CutPrefix(arg, "--class-path="); ok {
			classPath = v
		} else if i+1 < len(args) && slices.Contains([]string{"-cp", "-classpath", "--class-path"}, arg) {
			classPath = args[i+1]
		}
	}
	candidates := []string{}
	if strings.HasPrefix(config, "file:") {
		if u, err := url.Parse(config); err == nil {
			candidates = append(candidates, u.Path)
		}
	} else { // a resource: a file in a directory of the class path
		for _, dir := range filepath.SplitList(classPath) {
			candidates = append(candidates, filepath.Join(absolute(dir, cwd), config))
		}
	}
	for _, path := range candidates {
		if filepath.IsAbs(path) && m.exists(path) {
			n.YAML = path
			break
		}
	}
	return n
}

func absolute(path, cwd string) string {
	if filepath.IsAbs(path) || cwd == "" {
		return filepath.Clean(path)
	}
	return filepath.Join(cwd, path)
}

func (m Machine) path(p string) string { return filepath.Join(m.root, p) }

func (m Machine) exists(path string) bool {
	info, err := os.Stat(m.path(path))
	return err == nil && info.Mode().IsRegular()
}

func same(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}
