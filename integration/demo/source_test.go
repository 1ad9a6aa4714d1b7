// The connector as Pulsar hosts it: what a user of pulsar-admin sources sees.

package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

func TestDemoAsSource(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	agent, _ := programs(t)
	packed := archive(t)
	stage, err := Start(ctx, servers, Options{Cassandra: env.Cassandra50, As: AsSource, Agent: agent, Archive: packed})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	if err := stage.Play(ctx, newReport(testLog{t})); err != nil {
		t.Error(err)
	}
	t.Run("Java's client reads the data topic", func(t *testing.T) { javaReads(ctx, t, stage) })
	t.Run("Pulsar shows the connector's metrics", func(t *testing.T) { showsUserMetrics(ctx, t, stage) })
	t.Run("the program is killed", func(t *testing.T) { killHosted(ctx, t, stage) })
	t.Run("a wrong setting", func(t *testing.T) { wrongSetting(ctx, t, stage) })
	t.Run("one source for several tables", func(t *testing.T) { severalTablesAsSource(ctx, t, stage, packed) })
	t.Run("delete", func(t *testing.T) { deleteSource(ctx, t, stage) })
}

// archive packs the connector, twice: the same bytes must come.
func archive(t *testing.T) string {
	t.Helper()
	var first []byte
	var path string
	for range 2 {
		out, err := exec.Command("go", "run", "../../connector/nar", "--version", "test", "--source", "../..", "--out", t.TempDir()).Output()
		if err != nil {
			t.Fatalf("pack the connector: %v", err)
		}
		path = strings.TrimSpace(string(out))
		packed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, packed) {
			t.Error("the archive is not the same when it is packed again")
		}
		first = packed
	}
	return path
}

// children are the connector's processes that this Pulsar runs.
func children(t *testing.T, s *Stage) (pids []int) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range commands {
		line, _ := os.ReadFile(path) // a process may be gone by now
		command, rest, _ := strings.Cut(string(line), "\x00")
		if strings.HasPrefix(command, s.Pulsar.Home()) && (strings.HasPrefix(rest, "hosted") || strings.HasPrefix(rest, "-instance-conf")) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// until asks again and again, since Pulsar looks after its instances every few seconds.
func until(ctx context.Context, t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(arrivalTime); !is(); {
		if time.Now().After(deadline) || ctx.Err() != nil {
			t.Fatalf("%s: not within %s", what, arrivalTime)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// arrives writes a row and waits for it on the data topic.
func arrives(ctx context.Context, t *testing.T, s *Stage, id int) {
	t.Helper()
	_, before := s.watch.counts()
	if err := s.session.Exec(ctx, fmt.Sprintf("INSERT INTO demo.customer (region, id, name) VALUES ('hosted', %d, 'x')", id)); err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf(`{"region":"hosted","id":%d}`, id)
	until(ctx, t, "row "+key, func() bool {
		_, rows, _, err := s.watch.since(0, before)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.key == key {
				return true
			}
		}
		return false
	})
}

// showsUserMetrics looks for the metrics of DataStax's connector where Pulsar shows those of
// its sources. What the demo has written is behind them.
func showsUserMetrics(ctx context.Context, t *testing.T, s *Stage) {
	for _, metric := range []string{
		"cache_hits", "cache_misses", "cache_evictions", "cache_size", "query_executors", "query_latency", "replication_latency",
	} {
		count := regexp.MustCompile(`(?m)^pulsar_source_user_metric__count\{.*name="` + hostedName + `".*metric="` + metric + `".*\} ([1-9]\S*)$`)
		until(ctx, t, metric, func() bool {
			text, err := s.Pulsar.Get(ctx, "/metrics/")
			if err != nil {
				t.Fatal(err)
			}
			return count.MatchString(text)
		})
	}
}

// killHosted kills the program. Pulsar starts the instance again, and what was written
// meanwhile arrives.
func killHosted(ctx context.Context, t *testing.T, s *Stage) {
	before := children(t, s)
	if len(before) != 1 {
		t.Fatalf("%d processes, want one", len(before))
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	arrives(ctx, t, s, 1)
	status, err := s.Pulsar.Get(ctx, "/admin/v3/sources/public/default/"+hostedName+"/status")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(status, `"numRestarts":0`) {
		t.Errorf("Pulsar has not noticed: %s", status)
	}
}

// wrongSetting names a table that is not there: the reason is in the instance's log, and
// mending it is all that has to be done.
func wrongSetting(ctx context.Context, t *testing.T, s *Stage) {
	set := func(table string) {
		out, err := s.Pulsar.AdminCommand(ctx, "sources", "update", "--name", hostedName, "--source-config", fmt.Sprintf(
			`{"keyspace":"demo","table":%q,"events.topic":%q,"contactPoints":[%q],"port":"%d","pulsarWebServiceUrl":%q}`, table, eventsFor, s.Cassandra.Host(), s.Cassandra.Port(), s.Pulsar.AdminURL())).CombinedOutput()
		if err != nil {
			t.Fatalf("pulsar-admin sources update: %v\n%s", err, out)
		}
	}
	set("customers")
	until(ctx, t, "the reason in the log", func() bool {
		log, _ := os.ReadFile(s.connectorLog())
		return strings.Contains(string(log), "cassandra-source ended with status 1") && strings.Contains(string(log), "demo.customers does not exist")
	})
	set(table)
	arrives(ctx, t, s, 2)
}

// severalTablesAsSource has one source for tables that come one after the other: Pulsar's
// sink publishes to the topic that each row names.
func severalTablesAsSource(ctx context.Context, t *testing.T, s *Stage, packed string) {
	const name = "cassandra-several"
	exec := func(statement string) {
		t.Helper()
		if err := s.session.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	admin := func(args ...string) {
		t.Helper()
		if out, err := s.Pulsar.AdminCommand(ctx, append([]string{"sources"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("pulsar-admin sources %s: %v\n%s", args[0], err, out)
		}
	}
	exec("CREATE TABLE demo.part_1 (id int PRIMARY KEY, v text) WITH cdc = true")
	admin("create", "--name", name, "--archive", packed, "--destination-topic-name", "data-{keyspace}.{table}", "--source-config", fmt.Sprintf(
		`{"tables":"demo.part_*","tables.refreshMs":200,"contactPoints":%q,"port":%d,"pulsarWebServiceUrl":%q}`, s.Cassandra.Host(), s.Cassandra.Port(), s.Pulsar.AdminURL()))
	exec("INSERT INTO demo.part_1 (id, v) VALUES (1, 'a')")
	if got := nextOf(ctx, t, s, "data-demo.part_1"); got.value != `{"v":"a"}` {
		t.Errorf("%+v", got)
	}
	exec("CREATE TABLE demo.part_2 (id int PRIMARY KEY, w int) WITH cdc = true")
	exec("INSERT INTO demo.part_2 (id, w) VALUES (1, 7)")
	if got := nextOf(ctx, t, s, "data-demo.part_2"); got.value != `{"w":7}` {
		t.Errorf("%+v", got)
	}
	admin("delete", "--name", name)
}

// deleteSource leaves no process behind.
func deleteSource(ctx context.Context, t *testing.T, s *Stage) {
	if out, err := s.Pulsar.AdminCommand(ctx, "sources", "delete", "--name", hostedName).CombinedOutput(); err != nil {
		t.Fatalf("pulsar-admin sources delete: %v\n%s", err, out)
	}
	until(ctx, t, "the end of the program", func() bool { return len(children(t, s)) == 0 })
}
