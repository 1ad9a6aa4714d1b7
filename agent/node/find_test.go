// Finding a node's cassandra.yaml: by setting, environment, process, usual place.

package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

// fakeMachine has these files: those below /proc/…/cwd are links, all others regular.
func fakeMachine(t *testing.T, env map[string]string, files map[string]string) Machine {
	t.Helper()
	m := Machine{root: t.TempDir(), getenv: func(name string) string { return env[name] }}
	for path, text := range files {
		at := m.path(path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if filepath.Base(path) == "cwd" {
			err = os.Symlink(text, at)
		} else {
			err = os.WriteFile(at, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// daemon is a command line of Cassandra as /proc shows it.
func daemon(args ...string) string {
	return strings.Join(append(append([]string{"/usr/bin/java", "-Xmx1g"}, args...), "org.apache.cassandra.service.CassandraDaemon"), "\x00") + "\x00"
}

func TestFindCassandraYAML(t *testing.T) {
	const anywhere = ""
	for name, c := range map[string]struct {
		set     Location // by settings
		env     map[string]string
		files   map[string]string
		yaml    string
		storage string
		by      string
	}{
		"the setting": {
			set: Location{YAML: "/srv/c/conf/cassandra.yaml"}, env: map[string]string{"CASSANDRA_CONF": "/etc/cassandra"},
			files: map[string]string{"/etc/cassandra/cassandra.yaml": anywhere, "/srv/c/conf/cassandra.yaml": anywhere},
			yaml:  "/srv/c/conf/cassandra.yaml", storage: "/srv/c/data", by: "setting",
		},
		"the storage directory's setting": {
			set: Location{StorageDir: "/big"}, files: map[string]string{"/etc/cassandra/cassandra.yaml": anywhere},
			yaml: "/etc/cassandra/cassandra.yaml", storage: "/big", by: "usual",
		},
		"the environment": {
			env:   map[string]string{"CASSANDRA_CONF": "/custom"},
			files: map[string]string{"/custom/cassandra.yaml": anywhere, "/etc/cassandra/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-cp", "/etc/cassandra:/lib/a.jar")},
			yaml:  "/custom/cassandra.yaml", storage: "/data", by: "CASSANDRA_CONF",
		},
		"an environment that is wrong": {
			env: map[string]string{"CASSANDRA_CONF": "/custom"}, files: map[string]string{"/etc/cassandra/conf/cassandra.yaml": anywhere},
			yaml: "/etc/cassandra/conf/cassandra.yaml", storage: "/var/lib/cassandra", by: "usual",
		},
		"a process with a file URL": {
			files: map[string]string{"/a b/c.yaml": anywhere, "/etc/cassandra/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-Dcassandra.config=file:///a%20b/c.yaml", "-Dcassandra.storagedir=/data/c")},
			yaml:  "/a b/c.yaml", storage: "/data/c", by: "process 7",
		},
		"a process with its class path": {
			files: map[string]string{"/opt/c/conf/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-Dcassandra.storagedir=/opt/c/data", "-cp", "/lib/x.jar:/opt/c/conf:/opt/c/lib/a.jar"), "/proc/8/cmdline": "bash\x00"},
			yaml:  "/opt/c/conf/cassandra.yaml", storage: "/opt/c/data", by: "process 7",
		},
		"a process with relative paths": {
			files: map[string]string{"/opt/c/conf/other.yaml": anywhere, "/proc/7/cwd": "/opt/c/bin", "/proc/7/cmdline": daemon("-Dcassandra.config=other.yaml", "-Dcassandra.storagedir=../data", "-classpath", "../conf")},
			yaml:  "/opt/c/conf/other.yaml", storage: "/opt/c/data", by: "process 7",
		},
		"a process in another container": { // its files are not to be seen here
			files: map[string]string{"/etc/cassandra/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-cp", "/opt/elsewhere/conf")},
			yaml:  "/etc/cassandra/cassandra.yaml", storage: "/var/lib/cassandra", by: "usual",
		},
		"a tool of Cassandra's": {
			files: map[string]string{"/opt/cassandra/conf/cassandra.yaml": anywhere, "/x/cassandra.yaml": anywhere, "/proc/7/cmdline": "java\x00-cp\x00/x\x00org.apache.cassandra.tools.NodeTool\x00status\x00"},
			yaml:  "/opt/cassandra/conf/cassandra.yaml", storage: "/opt/cassandra/data", by: "usual",
		},
		"two processes with one file": {
			files: map[string]string{"/c/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-cp", "/c"), "/proc/8/cmdline": daemon("-cp", "/c")},
			yaml:  "/c/cassandra.yaml", storage: "/data", by: "process 7",
		},
		"the storage directory of the process of the setting's file": {
			set:   Location{YAML: "/b/cassandra.yaml"},
			files: map[string]string{"/a/cassandra.yaml": anywhere, "/b/cassandra.yaml": anywhere, "/proc/7/cmdline": daemon("-cp", "/a", "-Dcassandra.storagedir=/A"), "/proc/8/cmdline": daemon("-cp", "/b", "-Dcassandra.storagedir=/B")},
			yaml:  "/b/cassandra.yaml", storage: "/B", by: "setting",
		},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := fakeMachine(t, c.env, c.files).Locate(c.set.YAML, c.set.StorageDir)
			if err != nil {
				t.Fatal(err)
			}
			if at.YAML != c.yaml || at.StorageDir != c.storage || !strings.Contains(at.FoundBy, c.by) {
				t.Errorf("%+v, want %s, %s, %s", at, c.yaml, c.storage, c.by)
			}
		})
	}
	_, err := fakeMachine(t, nil, nil).Locate("", "")
	settingstest.Lines(t, err, []string{"cassandraYaml", "no cassandra.yaml was found", "/etc/cassandra", "CASSANDRA_CONF"})
	_, err = fakeMachine(t, nil, map[string]string{
		"/a/cassandra.yaml": "", "/b/cassandra.yaml": "", "/proc/7/cmdline": daemon("-cp", "/a"), "/proc/8/cmdline": daemon("-cp", "/b"),
	}).Locate("", "")
	settingstest.Lines(t, err, []string{"cassandraYaml", "several", "/a/cassandra.yaml", "/b/cassandra.yaml"})
}

// The sizes, the delay and the way of writing, in both spellings.
func TestSpellingsOfCassandraYAML(t *testing.T) {
	for _, c := range []struct {
		yaml  string
		space int64
		delay string
		log   string
	}{
		{"cdc_total_space_in_mb: 4096\ncommitlog_sync: periodic\ncommitlog_sync_period_in_ms: 10000", 4 << 30, "0s", "sync periodic every 10s"},
		{"cdc_total_space: 512MiB\ncommitlog_sync: periodic\ncommitlog_sync_period: 10000ms", 512 << 20, "0s", "sync periodic every 10s"},
		{"cdc_total_space: 2GiB\ncommitlog_sync: periodic\ncommitlog_sync_period: 10s\ncommitlog_compression: [{class_name: LZ4Compressor}]", 2 << 30, "10s", "sync periodic every 10s, LZ4Compressor"},
		{"commitlog_sync: periodic\ncommitlog_sync_period_in_ms: 500\ncommitlog_compression:\n  - class_name: LZ4Compressor\n    parameters: [{}]", 0, "500ms", "sync periodic every 500ms, LZ4Compressor"},
		{"commitlog_sync: periodic\ncommitlog_sync_period: 100ms\ncommitlog_disk_access_mode: direct\nstorage_compatibility_mode: NONE", 0, "100ms", "sync periodic every 100ms, direct I/O, storage compatibility NONE"},
		{"commitlog_sync: periodic\ncommitlog_sync_period: 100ms\ncommitlog_disk_access_mode: mmap", 0, "0s", "sync periodic every 100ms"},
		{"commitlog_sync: batch\ncommitlog_compression: [{class_name: LZ4Compressor}]", 0, "0s", "sync batch, LZ4Compressor"},
		{"commitlog_sync: group\ncommitlog_sync_group_window: 15ms\ncommitlog_compression: [{class_name: LZ4Compressor}]", 0, "0s", "sync group every 15ms, LZ4Compressor"},
		{"commitlog_sync: group\ncommitlog_sync_group_window_in_ms: 1.5\ntransparent_data_encryption_options: {enabled: true}", 0, "0s", "sync group every 1.5ms, encrypted"},
	} {
		n, err := Read(Location{YAML: settingstest.File(t, "cassandra.yaml", c.yaml)})
		if err != nil || n.CDCSpace() != c.space || n.SyncDelay().String() != c.delay || n.CommitLog() != c.log {
			t.Errorf("%s: %d bytes, %s, %q, %v", c.yaml, n.CDCSpace(), n.SyncDelay(), n.CommitLog(), err)
		}
	}
}
