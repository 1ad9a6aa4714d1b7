// What an operator does, on a clean Debian system with real systemd: install the package
// beside a Cassandra, name its user, configure the agent, start it and see events; then
// kill it, upgrade, remove, install again, purge.

package install_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const state = "/var/lib/cassandra-cdc"

func TestInstallOnDebian(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Debian12, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	s := start(ctx, t, servers)
	old, newer := build(t, "1.0.0", "amd64"), build(t, "1.1.0", "amd64")

	step := func(name string, do func(t *testing.T)) {
		if !t.Run(name, do) {
			t.FailNow() // what comes next stands on it
		}
	}
	step("install where nothing is ready", func(t *testing.T) {
		out := s.must(t, "dpkg", "-i", s.hand(t, old))
		for _, want := range []string{`no user "cassandra"`, "systemctl edit cassandra-cdc", "/etc/cassandra-cdc/agent.yaml", "not started"} {
			if !strings.Contains(out, want) {
				t.Errorf("dpkg -i does not say %q:\n%s", want, out)
			}
		}
		s.want(t, "enabled", "systemctl", "is-enabled", "cassandra-cdc")
		s.want(t, "inactive", "sh", "-c", "systemctl is-active cassandra-cdc || true")
		s.must(t, "systemd-analyze", "verify", "--man=no", "cassandra-cdc.service")
		s.must(t, "systemd-analyze", "security", "--no-pager", "--threshold=20", "cassandra-cdc.service") // of 100; 14 now
	})
	step("name the user", func(t *testing.T) {
		s.must(t, "useradd", "--system", "--home-dir", "/var/lib/cassandra", "--no-create-home", "cassandra")
		// As Cassandra's own package does; files in it are Cassandra's all the same.
		s.must(t, "chown", "cassandra:", "/var/lib/cassandra/cdc_raw")
		s.must(t, "dpkg-reconfigure", "cassandra-cdc")
		s.want(t, "640 root cassandra", "stat", "-c", "%a %U %G", "/etc/cassandra-cdc/agent.yaml")
		s.want(t, "750 cassandra cassandra", "stat", "-c", "%a %U %G", state)
	})
	step("start", func(t *testing.T) {
		s.configure(t)
		s.must(t, "systemctl", "start", "cassandra-cdc")
		s.events(t, 100)
		s.want(t, "cassandra", "stat", "-c", "%U", "/proc/"+s.pid(t))
		for field, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": "0000000000000000"} {
			s.want(t, want, "sh", "-c", fmt.Sprintf("sed -n 's/^%s:\t//p' /proc/%s/status", field, s.pid(t)))
		}
		// What it sees of the system, as root would find it there.
		for path, writable := range map[string]bool{
			"/var/lib/cassandra/cdc_raw": true, state: true,
			"/var/lib/cassandra/data": false, "/var/lib/cassandra/commitlog": false, "/etc/cassandra-cdc": false, "/usr": false,
		} {
			_, err := s.Run(s.ctx, "nsenter", "--target", s.pid(t), "--mount", "--", "sh", "-c", "touch "+path+"/probe && rm "+path+"/probe")
			if (err == nil) != writable {
				t.Errorf("the agent may write to %s: %t, want %t (%v)", path, err == nil, writable, err)
			}
		}
		s.want(t, "10", "cut", "-d ", "-f19", "/proc/"+s.pid(t)+"/stat") // nice
		s.want(t, "idle", "ionice", "-p", s.pid(t))
	})
	step("finished segments are deleted", func(t *testing.T) {
		first := s.segments(t)[0]
		s.write(t, 1200, strings.Repeat("x", 10_000)) // more than commitlog_total_space
		s.receive(t, 1200)
		s.eventually(t, "the segment "+first+" is deleted", func() bool { return s.segments(t)[0] != first })
	})
	step("kill", func(t *testing.T) {
		before := s.pid(t)
		s.must(t, "systemctl", "kill", "--signal=KILL", "cassandra-cdc")
		s.events(t, 100)
		if after := s.pid(t); after == before || after == "0" {
			t.Errorf("the main process was %s and is %s", before, after)
		}
	})
	step("upgrade", func(t *testing.T) {
		before := s.pid(t)
		s.must(t, "dpkg", "-i", s.hand(t, newer))
		if after := s.pid(t); after == before || after == "0" {
			t.Errorf("the main process was %s and is %s", before, after)
		}
		if out := s.must(t, "/usr/bin/cassandra-cdc", "version"); !strings.HasPrefix(out, "1.1.0 ") {
			t.Errorf("the version is %s", out)
		}
		s.events(t, 100)
	})
	step("stop", func(t *testing.T) {
		began := time.Now()
		s.must(t, "systemctl", "stop", "cassandra-cdc")
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("a stop took %s", took)
		}
		s.want(t, "success", "systemctl", "show", "--property=Result", "--value", "cassandra-cdc")
		s.must(t, "systemctl", "start", "cassandra-cdc")
	})
	step("remove and install again", func(t *testing.T) {
		s.must(t, "dpkg", "--remove", "cassandra-cdc")
		s.want(t, "inactive", "sh", "-c", "systemctl is-active cassandra-cdc || true")
		s.write(t, 50, "while nobody looked")
		s.must(t, "dpkg", "-i", s.hand(t, newer))
		s.want(t, "active", "systemctl", "is-active", "cassandra-cdc")
		s.receive(t, 50)
	})
	step("purge", func(t *testing.T) {
		s.must(t, "sh", "-c", "mkdir -p "+state+"/quarantine && echo lost otherwise > "+state+"/quarantine/entry")
		out := s.must(t, "dpkg", "--purge", "cassandra-cdc")
		if !strings.Contains(out, state+"/quarantine") {
			t.Errorf("dpkg --purge does not say what it leaves:\n%s", out)
		}
		s.want(t, state+"/quarantine/entry", "find", state, "-type", "f")
		s.must(t, "dpkg", "-i", s.hand(t, old))
		s.must(t, "rm", "-r", state+"/quarantine")
		s.must(t, "dpkg", "--purge", "cassandra-cdc")
		s.want(t, "", "sh", "-c", "find /etc /usr /var -xdev -name '*cassandra-cdc*'")
	})
}

// site is a clean system with a Cassandra's directories where a package puts them, and a
// Pulsar within reach.
type site struct {
	*env.Debian
	node     *env.Cassandra
	broker   *env.Pulsar
	session  *cassandra.Session
	consumer *pulsar.Consumer
	written  int
	ctx      context.Context
}

func start(ctx context.Context, t *testing.T, servers *env.Env) *site {
	t.Helper()
	s := &site{ctx: ctx}
	both, starting := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		s.node, err = servers.StartCassandra(starting, env.CassandraOptions{YAML: map[string]any{
			"commitlog_segment_size": "1MiB", "commitlog_total_space": "4MiB", // so that segments end
		}})
		return err
	})
	both.Go(func() (err error) {
		s.broker, err = servers.StartPulsar(starting, env.PulsarOptions{WithoutFunctions: true})
		return err
	})
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Debian, err = servers.StartDebian(ctx, env.DebianOptions{Binds: map[string]string{s.node.Dir(): "/var/lib/cassandra"}}); err != nil {
		t.Fatal(err)
	}
	yaml, err := os.ReadFile(s.node.YAML())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Root(), "etc/cassandra"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(yaml), s.node.Dir(), "/var/lib/cassandra")
	if err := os.WriteFile(filepath.Join(s.Root(), "etc/cassandra/cassandra.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	if s.session, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{s.node.Address()}, OnlyContactPoints: true, Log: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.session.Close)
	for _, cql := range []string{
		"CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE shop.customer (id int PRIMARY KEY, name text) WITH cdc = true",
	} {
		if err := s.session.Exec(ctx, cql); err != nil {
			t.Fatal(err)
		}
	}
	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.broker.ServiceURL(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if s.consumer, err = client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: "events-shop.customer", Subscription: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.consumer.Close)
	return s
}

// must runs a command in the system, as root, and returns what it prints.
func (s *site) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.Run(s.ctx, args...)
	if err != nil {
		journal, _ := s.Run(s.ctx, "journalctl", "--no-pager", "--lines=40", "--unit=cassandra-cdc")
		t.Fatalf("%v\n%s", err, journal)
	}
	return out
}

func (s *site) want(t *testing.T, want string, args ...string) {
	t.Helper()
	if got := strings.TrimSpace(s.must(t, args...)); got != want {
		t.Errorf("%s: %q, want %q", strings.Join(args, " "), got, want)
	}
}

// hand puts a file where the system sees it.
func (s *site) hand(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join("/root", filepath.Base(path))
	if err := os.WriteFile(filepath.Join(s.Root(), inside), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return inside
}

// configure names the Pulsar, as an editor would, and a port that no other agent of this
// machine has, since the system shares the network with it.
func (s *site) configure(t *testing.T) {
	t.Helper()
	path := filepath.Join(s.Root(), "etc/cassandra-cdc/agent.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	setting := regexp.MustCompile(`(?m)^#\s*pulsarServiceUrl:.*$`)
	if !setting.Match(text) {
		t.Fatalf("agent.yaml shows no pulsarServiceUrl to set:\n%s", text)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	text = fmt.Appendf(setting.ReplaceAll(text, []byte("pulsarServiceUrl: "+s.broker.ServiceURL())), "\nhttpAddress: %s\n", free.Addr())
	if err := os.WriteFile(path, text, 0o640); err != nil {
		t.Fatal(err)
	}
}

// pid is the agent's process, in the system's own counting.
func (s *site) pid(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(s.must(t, "systemctl", "show", "--property=MainPID", "--value", "cassandra-cdc"))
}

// write writes new rows.
func (s *site) write(t *testing.T, rows int, name string) {
	t.Helper()
	for range rows {
		s.written++
		if err := s.session.Exec(s.ctx, fmt.Sprintf("INSERT INTO shop.customer (id, name) VALUES (%d, '%s')", s.written, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// receive waits for the events of the rows that were written last.
func (s *site) receive(t *testing.T, rows int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	want := make(map[string]bool)
	for id := s.written - rows + 1; id <= s.written; id++ {
		want[avroKey(id)] = true
	}
	for len(want) > 0 {
		d, err := s.consumer.Receive(ctx)
		if err != nil {
			journal, _ := s.Run(s.ctx, "journalctl", "--no-pager", "--lines=40", "--unit=cassandra-cdc")
			t.Fatalf("%d events of %d did not come: %v\n%s", len(want), rows, err, journal)
		}
		delete(want, string(d.Key))
		if err := s.consumer.Ack(d); err != nil {
			t.Fatal(err)
		}
	}
}

// avroKey is the key record {id} in Avro, where an int is a zigzag number.
func avroKey(id int) string { return string(binary.AppendVarint(nil, int64(id))) }

// events writes rows and waits for their events.
func (s *site) events(t *testing.T, rows int) {
	t.Helper()
	s.write(t, rows, "Ada")
	s.receive(t, rows)
}

// segments are the names of the node's segments in cdc_raw, in their order.
func (s *site) segments(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.node.CDCRawDir(), "CommitLog-*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no segments in cdc_raw: %v", err)
	}
	return files
}

func (s *site) eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
