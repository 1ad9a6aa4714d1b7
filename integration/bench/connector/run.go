// The whole benchmark, with servers of its own.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

type runCommand struct {
	Cassandra string            `help:"Release line: ${enum}." enum:"5.0,4.1,4.0" default:"5.0"`
	Events    int               `help:"How many events wait for the connector." default:"300000"`
	WarmUp    int               `help:"How many events go through before, uncounted, to warm the servers up." default:"50000"`
	Connector string            `help:"The connector's binary; by default it is built." placeholder:"FILE" type:"existingfile"`
	Batching  string            `help:"How events share entries: ${enum}, as the agent's setting pulsarBatching." enum:"none,key,bucket,any" default:"none"`
	Scenario  []string          `help:"Only these kinds of load: distinct, hot, partitions."`
	Mode      []string          `help:"Only these ways of publishing: defaults, bucket, any."`
	Set       map[string]string `help:"A setting of the connector beside those that every run needs." placeholder:"KEY=VALUE"`
	Dir       string            `help:"Keep the servers' files and logs in this directory." placeholder:"DIR" type:"path"`
}

// Run measures everything.
func (c *runCommand) Run(ctx context.Context) (err error) {
	servers, err := env.New(env.Options{WorkDir: c.Dir, Progress: func(line string) { say("%s", line) }})
	if err != nil {
		return err
	}
	defer func() {
		if closed := servers.Close(); err == nil {
			err = closed
		}
	}()
	b := &bench{runCommand: c, servers: servers}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.session.Close()
	r := report{Cassandra: b.node.Release(), Scenarios: map[string]result{}, Goals: map[string]bool{}}
	fmt.Printf("\n%-21s %8s %9s %9s %10s %14s %32s\n", "", "events", "messages", "events/s", "reads", "connector RSS", "CPU s per million events")
	fmt.Printf("%-21s %8s %9s %9s %10s %14s %12s %10s %8s\n", "", "", "", "", "an event", "MiB", "connector", "Cassandra", "Pulsar")
	for _, s := range scenarios {
		if len(c.Scenario) > 0 && !slices.Contains(c.Scenario, s.name) {
			continue
		}
		if err := b.scenario(ctx, s, &r); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Println("(the Java connector's figures are from another machine of the same class: docs/benchmarks.md)")
	r.OK = !slices.Contains(slices.Collect(maps.Values(r.Goals)), false)
	return printJSON(r)
}

// nodeSettings have room for the rows in cdc_raw, and for large batches.
var nodeSettings = map[string]any{
	"cdc_total_space": "4096MiB", "batch_size_warn_threshold_in_kb": 1024, "batch_size_fail_threshold_in_kb": 1024,
	"unlogged_batch_across_partitions_warn_threshold": 1000,
}

// serverJVM is a heap and the compilers that a server has in production.
var serverJVM = []string{"-Xms1g", "-Xmx1g", "-XX:TieredStopAtLevel=4"}

// bench is what runs.
type bench struct {
	*runCommand
	servers *env.Env
	node    *env.Cassandra
	pulsar  *env.Pulsar
	session *cassandra.Session
}

func (b *bench) start(ctx context.Context) error {
	starting, inner := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		b.node, err = b.servers.StartCassandra(inner, env.CassandraOptions{Version: b.Cassandra, YAML: nodeSettings, JVMArgs: serverJVM})
		return err
	})
	starting.Go(func() (err error) {
		b.pulsar, err = b.servers.StartPulsar(inner, env.PulsarOptions{WithoutFunctions: true, JVMArgs: serverJVM})
		return err
	})
	if b.Connector == "" {
		starting.Go(func() (err error) {
			b.Connector, err = b.servers.Build(inner, "cassandra-source")
			return err
		})
	}
	err := starting.Wait()
	if err == nil {
		b.session, err = connect(ctx, b.node.Address())
	}
	return err
}

// scenario runs connectors on a scenario's events, after a warm-up of the same kind.
func (b *bench) scenario(ctx context.Context, s scenario, r *report) error {
	say("%s: writing rows for %d events", s.name, b.Events)
	if err := s.fill(ctx, b.session, b.Events); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(modes), func(m mode) bool { return len(b.Mode) > 0 && !slices.Contains(b.Mode, m.name) })
	if s.name != "distinct" {
		chosen = chosen[len(chosen)-1:]
	}
	if b.WarmUp > 0 {
		if _, err := b.connect(ctx, s, chosen[0], "warm-up-", b.WarmUp); err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	for _, m := range chosen {
		one, err := b.connect(ctx, s, m, m.name+"-", b.Events)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		name := s.name + "/" + m.name
		r.Scenarios[name] = one
		connector, node := one.Processes["connector"], one.Processes["cassandra"]
		fmt.Printf("%-21s %8d %9d %9.0f %10.3f %14.0f %12.1f %10.1f %8.1f\n", name, one.Events, one.Messages, one.EventsPerSecond, one.ReadsPerEvent,
			connector.PeakRSS, connector.CPUPerMillion, node.CPUPerMillion, one.Processes["pulsar"].CPUPerMillion)
		if s.name == "hot" {
			r.Goals[name+": reads an event"] = one.ReadsPerEvent <= goalReads
		}
		if s.name == "distinct" {
			fmt.Printf("%-21s %28s %25s %12.2f %10.2f\n", "  times the Java one's", fmt.Sprintf("%.2f", one.EventsPerSecond/javaSpeed), "",
				connector.CPUPerMillion/javaCPU, node.CPUPerMillion/javaCassandra)
			r.Goals[name+": events/s"] = one.EventsPerSecond >= goalSpeed*javaSpeed
			r.Goals[name+": connector's CPU"] = connector.CPUPerMillion <= goalCPU*javaCPU
			r.Goals[name+": Cassandra's CPU"] = node.CPUPerMillion < javaCassandra
		}
	}
	return nil
}

// connect writes so many events and starts the connector on them.
func (b *bench) connect(ctx context.Context, s scenario, m mode, prefix string, events int) (r result, err error) {
	t := topics{prefix + "events-bench." + s.name, "sub", prefix + "data-bench." + s.name, batchings[b.Batching]}
	say("%s: publishing %d events to %s", s.name, events, t.events)
	if err := s.publish(ctx, b.session, b.pulsar.ServiceURL(), t, events); err != nil {
		return r, err
	}
	pids := map[string]int{"cassandra": b.node.PID(), "pulsar": b.pulsar.PID()}
	if err := settle(ctx, pids); err != nil {
		return r, err
	}
	readsBefore, err := b.reads(ctx, s)
	if err != nil {
		return r, err
	}
	before, err := measure.UsageOfAll(pids)
	if err != nil {
		return r, err
	}
	connector, err := b.run(ctx, s, m, prefix, t)
	if err != nil {
		return r, err
	}
	pids["connector"] = connector.PID() // its start is part of the account
	if r, err = await(ctx, measure.Broker{AdminURL: b.pulsar.AdminURL()}, t, events, connector.Exited()); err != nil {
		return r, fmt.Errorf("%w (the connector's log is %s)", err, connector.LogFile())
	}
	if r.Processes, err = measure.UsedSince(before, pids, events); err != nil {
		return r, err
	}
	if err := connector.Stop(ctx); err != nil {
		return r, err
	}
	readsAfter, err := b.reads(ctx, s)
	r.ReadsPerEvent = float64(readsAfter-readsBefore) / float64(events)
	return r, err
}

// run starts a connector.
func (b *bench) run(ctx context.Context, s scenario, m mode, prefix string, t topics) (*env.Program, error) {
	settings := map[string]any{
		"keyspace": keyspace, "table": s.name, "contactPoints": b.node.Address(),
		"events.topic": t.events, "events.subscription.name": t.subscription, "destinationTopicName": t.data,
		"pulsarServiceUrl": b.pulsar.ServiceURL(), "pulsarWebServiceUrl": b.pulsar.AdminURL(), "httpAddress": "off",
	}
	maps.Copy(settings, m.settings)
	for key, value := range b.Set {
		settings[key] = value
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return nil, err
	}
	name := "connector-" + prefix + s.name
	file := filepath.Join(b.servers.WorkDir(), name+".yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return b.servers.StartProgram(ctx, env.ProgramOptions{Name: name, Path: b.Connector, Args: []string{"run", "--config", file}, Ready: "connector started"})
}

// reads is how many reads of the table Cassandra has counted. A query for several
// partitions counts for each, one for several rows of a partition once.
func (b *bench) reads(ctx context.Context, s scenario) (int, error) {
	out, err := b.node.Nodetool(ctx, "tablestats", "-F", "json", keyspace+"."+s.name)
	if err != nil {
		return 0, err
	}
	var stats map[string]json.RawMessage
	if err := json.Unmarshal(out, &stats); err != nil {
		return 0, fmt.Errorf("nodetool tablestats: %w in %.200s", err, out)
	}
	var ks struct {
		Tables map[string]struct {
			Reads int `json:"local_read_count"`
		}
	}
	if err := json.Unmarshal(stats[keyspace], &ks); err != nil {
		return 0, fmt.Errorf("nodetool tablestats: %w in %.200s", err, out)
	}
	return ks.Tables[s.name].Reads, nil
}

// settle waits until the servers have done with what came before: until they take less
// than a tenth of a core, for at most a minute.
func settle(ctx context.Context, pids map[string]int) error {
	const window = 2 * time.Second
	for range 30 {
		before, err := measure.UsageOfAll(pids)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(window):
		}
		after, err := measure.UsageOfAll(pids)
		if err != nil {
			return err
		}
		busy := time.Duration(0)
		for name := range pids {
			busy += after[name].CPU - before[name].CPU
		}
		if busy < window/10 {
			break
		}
	}
	return nil
}
