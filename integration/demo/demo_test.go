// The demo as a test, for each release line that the agent follows; and what Pulsar's
// own Java client, which shares no line with us, makes of the data topic.

package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	source "github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

// programs builds the two binaries, so that the test runs what a person runs.
func programs(t *testing.T) (agent, source string) {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "../../cmd/cassandra-cdc", "../../cmd/cassandra-source")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the programs: %v\n%s", err, out)
	}
	return filepath.Join(dir, "cassandra-cdc"), filepath.Join(dir, "cassandra-source")
}

// testLog keeps the report out of a passing test's output.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func TestDemo(t *testing.T) {
	for _, version := range []string{env.Cassandra50, env.Cassandra41, env.Cassandra40, env.Cassandra311} {
		t.Run(version, func(t *testing.T) {
			servers := envtest.ForTest(t)
			envtest.Needs(t, servers, version, env.PulsarStandalone)
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
			defer cancel()
			agent, source := programs(t)
			stage, err := Start(ctx, servers, Options{Cassandra: version, Agent: agent, Source: source})
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Close()
			if err := stage.Play(ctx, newReport(testLog{t})); err != nil {
				t.Error(err)
			}
			t.Run("Java's client reads the data topic", func(t *testing.T) { javaReads(ctx, t, stage) })
			t.Run("Java's client reads the JSON formats", func(t *testing.T) { javaReadsJSON(ctx, t, stage) })
			t.Run("the agent's check", func(t *testing.T) { checks(ctx, t, stage) })
			t.Run("replay of the quarantine", func(t *testing.T) { replayQuarantine(ctx, t, stage, servers.WorkDir()) })
			t.Run("table without cdc", func(t *testing.T) { withoutCDC(ctx, t, stage) })
			t.Run("stop in good order", func(t *testing.T) { stopInGoodOrder(ctx, t, stage) })
			t.Run("kill", func(t *testing.T) { kill(ctx, t, stage) })
			t.Run("several tables", func(t *testing.T) { severalTables(ctx, t, stage) })
			t.Run("keys of each form", func(t *testing.T) { keysOfEachForm(ctx, t, stage, agentConfig(servers.WorkDir())) })
		})
	}
}

// checks runs `cassandra-cdc agent --check` beside the running agent: nothing to say
// about the demo's settings, and all that is wrong with others.
func checks(ctx context.Context, t *testing.T, s *Stage) {
	run := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, s.Agent.Path(), append([]string{
			"agent", "--check", "--set", "cassandraYaml=" + s.Cassandra.YAML(), "--set", "pulsarServiceUrl=" + s.Pulsar.ServiceURL(),
		}, args...)...).CombinedOutput()
		return string(out), err
	}
	out, err := run()
	if err != nil || strings.Count(out, "\nok ") != 7 || !strings.HasPrefix(out, "ok ") || strings.Contains(out, "advice") {
		t.Errorf("the demo's own settings: %v\n%s", err, out)
	}
	// The process of the node tells where it stores what cassandra.yaml says nothing about.
	storage := filepath.Dir(s.Cassandra.CDCRawDir())
	for _, want := range []string{storage + "/cdc will be made", s.Cassandra.YAML(), s.Cassandra.CDCRawDir(), s.Cassandra.Address() + " without TLS", keyspace + "." + table, s.Pulsar.ServiceURL()} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing about %s:\n%s", want, out)
		}
	}
	topics := func() string {
		resp, err := http.Get(s.Pulsar.AdminURL() + "/admin/v2/persistent/public/default")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		list, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("list the topics: %s, %v", resp.Status, err)
		}
		return string(list)
	}
	before := topics()
	out, err = run("--set", "pulsarServiceUrl=pulsar://127.0.0.1:1", "--set", "tables=demo.*,shop.*", "--set", "excludeTables="+keyspace+"."+table, "--set", "topicPrefix=check-",
		"--set", "cassandraTls=true", "--set", "cassandraTlsAllowInsecureConnection=true")
	for _, want := range []string{"FAULT     Cassandra", "does not speak TLS", "FAULT     Pulsar", "broker unreachable", "cassandra-cdc: 2 faults"} {
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("no %q: %v\n%s", want, err, out)
		}
	}
	if out, err = run("--set", "tables=demo.*,shop.*", "--set", "topicPrefix=check-"); err != nil || !strings.Contains(out, "shop.* matches no table") {
		t.Errorf("a pattern that matches nothing: %v\n%s", err, out)
	}
	if after := topics(); after != before {
		t.Errorf("the check made topics: %s, before it %s", after, before)
	}
}

// javaReads holds what `pulsar-client consume` prints with the schema AUTO_CONSUME
// against the demo's script.
func javaReads(ctx context.Context, t *testing.T, s *Stage) {
	args := []string{"consume", "-s", "java", "-n", fmt.Sprint(len(steps)), "-p", "Earliest", "-st", "auto_consume", DataTopic}
	cmd := s.Pulsar.ClientCommand(ctx, args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pulsar-client: %v\n%s", err, failed.String())
	}
	var contents []string
	for _, line := range strings.Split(string(out), "\n") {
		if _, content, ok := strings.Cut(line, "content:{key={"); ok {
			contents = append(contents, strings.TrimSuffix(content, "}}"))
		}
	}
	if len(contents) != len(steps) {
		t.Fatalf("Java's client decoded %d messages of %d:\n%s", len(contents), len(steps), out)
	}
	for i, st := range steps {
		key, value, _ := strings.Cut(contents[i], "}, value={")
		if diff := differsFromJava(st.key, key); diff != "" {
			t.Errorf("%s: key %s: %s", st.about, key, diff)
		}
		if st.value == "null" {
			if value != "value=NULL" {
				t.Errorf("%s: Java's client sees {%s} where a delete was", st.about, value)
			}
		} else if diff := differsFromJava(st.value, value); diff != "" {
			t.Errorf("%s: value {%s}: %s", st.about, value, diff)
		}
	}
}

// differsFromJava says what of a JSON object is not in Java's rendering of the record,
// name=value, name=value: all fields of the object, and only nulls besides.
func differsFromJava(object, java string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return err.Error()
	}
	set := 0
	for name, v := range fields {
		if nested, ok := v.(map[string]any); ok {
			for inner, v := range nested {
				if !strings.Contains(java, inner+"="+javaText(v)) {
					return fmt.Sprintf("no %s.%s=%s", name, inner, javaText(v))
				}
			}
			set += len(nested)
		}
		if v != nil {
			set++
		}
		if want := name + "=" + javaText(v); !strings.Contains(java, want) {
			return "no " + want
		}
	}
	if got := strings.Count(java, "=") - strings.Count(java, "=NULL"); got != set {
		return fmt.Sprintf("%d fields are set, want %d", got, set)
	}
	return ""
}

func javaText(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case float64:
		return fmt.Sprintf("%.0f", v)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, javaText(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		return "{"
	}
	return fmt.Sprint(v)
}

// javaReadsJSON publishes a table in the two JSON formats and lets Java's client decode them
// with the schema that the registry has.
func javaReadsJSON(ctx context.Context, t *testing.T, s *Stage) {
	for _, statement := range []string{
		"CREATE TABLE demo.parcel (id int PRIMARY KEY, name text, tags set<text>, home frozen<address>) WITH cdc = true",
		"INSERT INTO demo.parcel (id, name, tags, home) VALUES (1, 'first', {'a', 'b'}, {street: 'Rue 1', city: 'Paris'})",
		"INSERT INTO demo.parcel (id, name) VALUES (2, 'second')",
		"DELETE FROM demo.parcel WHERE id = 3",
	} {
		if err := s.session.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	for format, want := range map[string][]string{
		"key-value-json": {"id=1", "name=first", "city=Paris", "id=2", "name=second", "id=3", "value=NULL"},
		"json":           {"id=1", "name=first", "city=Paris", "id=2", "name=second", "key:[{\"id\":3}]"},
	} {
		topic := "data-demo.parcel-" + format
		path := filepath.Join(t.TempDir(), "connector.yaml")
		if err := writeYAML(path, source.Config{
			PulsarServiceURL: s.Pulsar.ServiceURL(), PulsarWebServiceURL: s.Pulsar.AdminURL(), Keyspace: "demo", Table: "parcel", OutputFormat: format,
			EventsTopic: "events-demo.parcel", EventsSubscription: format, DestinationTopic: topic,
			ContactPoints: []string{s.Cassandra.Address()},
		}); err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(ctx)
		published := exec.CommandContext(running, s.Connector.Path(), "run", "--config", path)
		if err := published.Start(); err != nil {
			t.Fatal(err)
		}
		out, err := s.Pulsar.ClientCommand(ctx, "consume", "-s", "java", "-n", "3", "-p", "Earliest", "-st", "auto_consume", topic).CombinedOutput()
		stop()
		_ = published.Wait() // killed
		if err != nil {
			t.Fatalf("pulsar-client: %v\n%s", err, out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: Java's client prints no %s:\n%s", format, w, out)
			}
		}
	}
}

// withoutCDC starts a connector for a table that sends no events: it must say so and
// not wait for ever.
func withoutCDC(ctx context.Context, t *testing.T, s *Stage) {
	if err := s.session.Exec(ctx, "CREATE TABLE demo.silent (id int PRIMARY KEY, v text)"); err != nil {
		t.Fatal(err)
	}
	cfg := source.Config{
		PulsarServiceURL: s.Pulsar.ServiceURL(), PulsarWebServiceURL: s.Pulsar.AdminURL(), Keyspace: "demo", Table: "silent",
		EventsTopic: "events-demo.silent", DestinationTopic: "data-demo.silent",
		ContactPoints: []string{s.Cassandra.Address()}, LocalDC: "datacenter1", HTTPAddress: "off",
	}
	path := filepath.Join(t.TempDir(), "connector.yaml")
	fails := func(want ...string) {
		t.Helper()
		if err := writeYAML(path, cfg); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(ctx, s.Connector.Path(), "run", "--config", path).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("the connector ended with %v, want status 1", err)
		}
		if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); len(lines) > 2 { // the condition, and the end
			t.Errorf("%d lines:\n%s", len(lines), out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("no %q in %s", w, out)
			}
		}
	}
	fails("demo.silent", "ALTER TABLE demo.silent WITH cdc = true")
	cfg.Table = "missing"
	fails("demo.missing", "does not exist")
}

// stopInGoodOrder stops both programs, writes meanwhile, and starts them again: what was
// published before must not come again.
func stopInGoodOrder(ctx context.Context, t *testing.T, s *Stage) {
	for _, p := range []*env.Program{s.Agent, s.Connector} {
		if err := p.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err != nil {
			t.Errorf("a stop in good order ends with status 0: %v", err)
		}
	}
	events, rows := writeWhileDown(ctx, t, s, "stopped", 20)
	if len(events) != 20 || len(rows) != 20 {
		t.Errorf("%d events and %d rows for 20 writes", len(events), len(rows))
	}
}

// kill kills both programs without warning, writes meanwhile, and starts them again:
// every row must arrive, and more may come again.
func kill(ctx context.Context, t *testing.T, s *Stage) {
	s.Agent.Kill()
	s.Connector.Kill()
	writeWhileDown(ctx, t, s, "killed", 20)
}

// writeWhileDown writes to n rows, starts agent and connector, and returns what came
// when the last of the rows is there.
func writeWhileDown(ctx context.Context, t *testing.T, s *Stage, region string, n int) (events, rows []arrival) {
	t.Helper()
	eventsBefore, rowsBefore := s.watch.counts()
	want := map[string]bool{}
	for id := range n {
		if err := s.session.Exec(ctx, fmt.Sprintf("UPDATE demo.customer SET name = 'meanwhile' WHERE region = '%s' AND id = %d", region, id)); err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf(`{"region":"%s","id":%d}`, region, id)] = true
	}
	for _, p := range []*env.Program{s.Agent, s.Connector} {
		if err := p.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	timeout := time.After(arrivalTime)
	for {
		events, rows, more, err := s.watch.since(eventsBefore, rowsBefore)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range rows {
			if a.value == `{"name":"meanwhile"}` {
				delete(want, a.key)
			}
		}
		if len(want) == 0 && len(events) >= n {
			return events, rows
		}
		select {
		case <-more:
		case <-timeout:
			log, _ := os.ReadFile(s.Agent.LogFile())
			t.Fatalf("%d rows did not arrive: %v\nagent log:\n%s", len(want), want, log)
		}
	}
}
