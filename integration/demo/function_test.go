// The connector as a Pulsar Go function: what a user of pulsar-admin functions sees.

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestDemoAsFunction(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	agent, source := programs(t)
	// The broker is killed, and has to start the function again.
	stage, err := Start(ctx, servers, Options{Cassandra: env.Cassandra50, As: AsFunction, Agent: agent, Source: source, Pulsar: env.PulsarOptions{ZooKeeper: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	if err := stage.Play(ctx, newReport(testLog{t})); err != nil {
		t.Error(err)
	}
	t.Run("Java's client reads the data topic", func(t *testing.T) { javaReads(ctx, t, stage) })
	t.Run("status and statistics", func(t *testing.T) { functionCounts(ctx, t, stage) })
	t.Run("an instance is killed", func(t *testing.T) { killInstance(ctx, t, stage) })
	t.Run("a wrong setting", func(t *testing.T) { wrongFunctionSetting(ctx, t, stage) })
	t.Run("a secret, a log topic, two instances", func(t *testing.T) { moreOptions(ctx, t, stage) })
	t.Run("the broker is killed", func(t *testing.T) { killWorker(ctx, t, stage) })
	t.Run("delete", func(t *testing.T) { deleteFunction(ctx, t, stage) })
}

// functionState is what status, stats and the broker tell of a function.
type functionState struct {
	Running   int `json:"numRunning"`
	Instances []struct {
		Status struct {
			Running        bool
			Error          string
			NumRestarts    int
			NumReceived    int64
			Processed      int64 `json:"numSuccessfullyProcessed"`
			Exceptions     int64 `json:"numSystemExceptions"`
			LastInvocation int64 `json:"lastInvocationTime"`
		}
		Metrics struct {
			Received  int64              `json:"receivedTotal"`
			Processed int64              `json:"processedSuccessfullyTotal"`
			User      map[string]float64 `json:"userMetrics"`
		}
	}
}

func (s *Stage) functionState(ctx context.Context, t *testing.T, what string) (state functionState) {
	t.Helper()
	text, err := s.Pulsar.Get(ctx, "/admin/v3/functions/public/default/"+hostedName+"/"+what)
	if err != nil {
		return state // the worker may not answer just now
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return state
}

// functionCounts looks at the numbers that Pulsar shows, in all three places.
func functionCounts(ctx context.Context, t *testing.T, s *Stage) {
	began := time.Now().Add(-time.Hour).UnixMilli()
	var status, stats functionState
	until(ctx, t, "every event that was received is processed", func() bool {
		status, stats = s.functionState(ctx, t, "status"), s.functionState(ctx, t, "stats")
		return len(status.Instances) == 1 && len(stats.Instances) == 1 &&
			status.Instances[0].Status.NumReceived >= streamRows*streamRounds && status.Instances[0].Status.Processed == status.Instances[0].Status.NumReceived
	})
	one, counted := status.Instances[0].Status, stats.Instances[0].Metrics
	if !one.Running || one.Error != "" || one.LastInvocation < began || counted.Received != one.NumReceived || counted.Processed != one.Processed {
		t.Errorf("status %+v, statistics %+v", one, counted)
	}
	// The worker's part of the broker's own metrics.
	metrics, err := s.Pulsar.Get(ctx, "/metrics/")
	if err != nil {
		t.Fatal(err)
	}
	of := func(more string) string {
		return fmt.Sprintf(`cluster="standalone",fqfn="public/default/%[1]s",instance_id="0",%[2]sname="%[1]s",namespace="public/default",`, hostedName, more)
	}
	for _, want := range []string{
		fmt.Sprintf(`pulsar_function_received_total{%stenant="public"} %d`, of(""), one.NumReceived),
		fmt.Sprintf(`cassandra_cdc_source_events_total{%stable="customer",tenant="public"} %d`, of(`keyspace="demo",`), one.NumReceived),
		fmt.Sprintf(`pulsar_function_user_metric{%stenant="public"} `, of(`metric="replication_latency_count",`)),
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the broker's metrics do not have %s", want)
		}
	}
	if stats.Instances[0].Metrics.User["replication_latency_count"] == 0 {
		t.Errorf("user metrics %v", stats.Instances[0].Metrics.User)
	}
}

// admin calls pulsar-admin functions for the function.
func (s *Stage) admin(ctx context.Context, t *testing.T, command string, args ...string) {
	t.Helper()
	if out, err := s.Pulsar.AdminCommand(ctx, append([]string{"functions", command, "--name", hostedName}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("pulsar-admin functions %s: %v\n%s", command, err, out)
	}
}

// killInstance kills the process. Pulsar starts it again, and what was written meanwhile
// arrives.
func killInstance(ctx context.Context, t *testing.T, s *Stage) {
	before := children(t, s)
	if len(before) != 1 {
		t.Fatalf("%d processes, want one", len(before))
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	arrives(ctx, t, s, 1)
	if state := s.functionState(ctx, t, "status"); state.Running != 1 || state.Instances[0].Status.NumRestarts == 0 {
		t.Errorf("Pulsar has not noticed: %+v", state)
	}
}

// wrongFunctionSetting names a table that is not there: the status says so, and mending it
// is all that has to be done.
func wrongFunctionSetting(ctx context.Context, t *testing.T, s *Stage) {
	right := s.settings("")
	s.admin(ctx, t, "update", "--user-config", strings.Replace(right, `"customer"`, `"customers"`, 1))
	until(ctx, t, "the reason in the status", func() bool {
		state := s.functionState(ctx, t, "status")
		return len(state.Instances) == 1 && !state.Instances[0].Status.Running && strings.Contains(state.Instances[0].Status.Error, "demo.customers does not exist")
	})
	s.admin(ctx, t, "update", "--user-config", right)
	arrives(ctx, t, s, 2)
}

// moreOptions hands a setting over as a secret, which works for any, asks for the log, and
// for a second instance.
func moreOptions(ctx context.Context, t *testing.T, s *Stage) {
	const logTopic = "log-customer"
	log, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: logTopic, Subscription: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.admin(ctx, t, "update", "--user-config", strings.Replace(s.settings(""), `,"table":"customer"`, "", 1),
		"--secrets", `{"table":"customer"}`, "--log-topic", logTopic, "--parallelism", "2")
	until(ctx, t, "two instances", func() bool { return s.functionState(ctx, t, "status").Running == 2 && len(children(t, s)) == 2 })
	started := map[string]bool{}
	for len(started) < 2 {
		waiting, cancel := context.WithTimeout(ctx, arrivalTime)
		line, err := log.Receive(waiting)
		cancel()
		if err != nil {
			t.Fatalf("the log topic: %v", err)
		}
		if strings.Contains(string(line.Value), `msg="connector started"`) {
			started[line.Properties["instance"]] = true
		}
		if line.Properties["loglevel"] == "" || line.Properties["fqn"] != "public/default/"+hostedName {
			t.Errorf("%s has the properties %v", line.Value, line.Properties)
		}
	}
	// Both have keys of their own: what is written goes through the one or the other.
	for id := range 20 {
		arrives(ctx, t, s, 100+id)
	}
	until(ctx, t, "both work", func() bool {
		state := s.functionState(ctx, t, "status")
		return len(state.Instances) == 2 && state.Instances[0].Status.Processed > 0 && state.Instances[1].Status.Processed > 0 &&
			state.Instances[0].Status.Processed+state.Instances[1].Status.Processed == 20
	})
}

// killWorker kills the broker and the functions worker with it. (That instances leave
// without their worker is tested with the program alone: here all of them are killed.)
func killWorker(ctx context.Context, t *testing.T, s *Stage) {
	s.Pulsar.Kill()
	until(ctx, t, "the end of the instances", func() bool { return len(children(t, s)) == 0 })
	if err := s.Pulsar.Start(ctx); err != nil {
		t.Fatal(err)
	}
	arrives(ctx, t, s, 3)
	until(ctx, t, "two instances again", func() bool { return s.functionState(ctx, t, "status").Running == 2 })
}

// deleteFunction leaves neither a process nor the function's subscription behind.
func deleteFunction(ctx context.Context, t *testing.T, s *Stage) {
	subscriptions := func() string {
		list, err := s.Pulsar.Get(ctx, "/admin/v2/persistent/public/default/"+eventsFor+"/subscriptions")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if name := `"public/default/` + hostedName + `"`; !strings.Contains(subscriptions(), name) {
		t.Errorf("the subscription of the function is not %s: %s", name, subscriptions())
	}
	s.admin(ctx, t, "delete")
	until(ctx, t, "the end of the instances", func() bool { return len(children(t, s)) == 0 })
	until(ctx, t, "the end of the subscription", func() bool { return !strings.Contains(subscriptions(), hostedName) })
}
