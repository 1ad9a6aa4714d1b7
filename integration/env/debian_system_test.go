package env_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

func TestDebian(t *testing.T) {
	e := envtest.ForTest(t)
	envtest.Needs(t, e, env.Debian12)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	shared := t.TempDir()
	if err := os.WriteFile(filepath.Join(shared, "note"), []byte("from outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := e.StartDebian(ctx, env.DebianOptions{Binds: map[string]string{shared: "/srv/shared"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct{ want, command string }{
		{"from outside", "cat /srv/shared/note"},
		{"systemd", "cat /proc/1/comm"},
		{"debian", "uname -n"},
		{"debian", ". /etc/os-release && echo $ID"},
		{"0", "systemctl list-units --failed --plain --no-legend | wc -l"},
	} {
		out, err := d.Run(ctx, "sh", "-c", check.command)
		if err != nil || strings.TrimSpace(out) != check.want {
			t.Errorf("%s: %q, %v; want %q", check.command, out, err, check.want)
		}
	}
	if _, err := d.Run(ctx, "sh", "-c", "echo oh; exit 3"); err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("a command that fails: %v", err)
	}
	pid := d.PID()
	if err := d.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", "self", "root", d.Root(), "proc", "1")); err == nil {
		t.Error("the system's /proc is mounted in this one")
	}
	if groups, _ := filepath.Glob("/sys/fs/cgroup/*/cassandra-cdc-debian-*"); len(groups) > 0 {
		t.Errorf("process %d left cgroups: %v", pid, groups)
	}
}
