// The whole benchmark, with servers of its own.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

type runCommand struct {
	Cassandra string        `help:"Release line: ${enum}." enum:"5.0,4.1,4.0" default:"4.0"`
	Events    int           `help:"How many mutations the backlog has." default:"500000"`
	Cache     string        `help:"Where backlogs are kept between runs." required:"" type:"path"`
	Agent     string        `help:"The agent's binary; by default it is built." placeholder:"FILE" type:"existingfile"`
	Mode      []string      `help:"Only these ways of publishing."`
	Only      []string      `help:"Only these parts: replay, idle, latency." enum:"replay,idle,latency" default:"replay,idle,latency"`
	Idle      time.Duration `help:"How long the idle agent is watched." default:"60s"`
	Writes    time.Duration `help:"How long to write at each rate." default:"30s"`
	Rates     []int         `help:"Writes a second." default:"10,100,1000"`
	Dir       string        `help:"Keep the servers' files and logs in this directory." placeholder:"DIR" type:"path"`
}

// Run measures everything.
func (c *runCommand) Run(ctx context.Context) (err error) {
	waiting, err := makeBacklog(ctx, c.Cache, c.Cassandra, c.Events)
	if err != nil {
		return err
	}
	servers, err := env.New(env.Options{WorkDir: c.Dir, Progress: func(line string) { say("%s", line) }})
	if err != nil {
		return err
	}
	defer func() {
		if closed := servers.Close(); err == nil {
			err = closed
		}
	}()
	b := &bench{runCommand: c, servers: servers, waiting: waiting}
	if err := b.start(ctx); err != nil {
		return err
	}
	r := report{Cassandra: b.node.Release(), Events: c.Events, Replays: map[string]measure.Replay{}, Latencies: map[string]latency{}, Goals: map[string]bool{}}
	if slices.Contains(c.Only, "replay") {
		if err := b.replays(ctx, &r); err != nil {
			return err
		}
	}
	if slices.Contains(c.Only, "idle") || slices.Contains(c.Only, "latency") {
		if err := b.quiet(ctx, &r); err != nil {
			return err
		}
	}
	r.OK = !slices.Contains(slices.Collect(maps.Values(r.Goals)), false)
	return printJSON(r)
}

// bench is what runs.
type bench struct {
	*runCommand
	servers *env.Env
	node    *env.Cassandra
	pulsar  *env.Pulsar
	waiting backlog
}

func (b *bench) start(ctx context.Context) error {
	starting, inner := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		b.node, err = b.servers.StartCassandra(inner, env.CassandraOptions{Version: b.Cassandra, YAML: nodeSettings})
		return err
	})
	starting.Go(func() (err error) {
		b.pulsar, err = b.servers.StartPulsar(inner, env.PulsarOptions{WithoutFunctions: true})
		return err
	})
	if b.Agent == "" {
		starting.Go(func() (err error) {
			b.Agent, err = b.servers.Build(inner, "cassandra-cdc")
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	session, err := prepare(ctx, b.node.Address())
	if err != nil {
		return err
	}
	session.Close()
	return nil
}

// run starts an agent with a working directory and topics of its own.
func (b *bench) run(ctx context.Context, name string, settings map[string]any) (*env.Program, error) {
	all := map[string]any{
		"cassandraYaml": b.node.YAML(), "pulsarServiceUrl": b.pulsar.ServiceURL(), "topicPrefix": prefix(name),
		"cdcWorkingDir": filepath.Join(b.servers.WorkDir(), "agent-"+name, "cdc"),
		"httpAddress":   "off",
	}
	maps.Copy(all, settings)
	text, err := yaml.Marshal(all)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.servers.WorkDir(), "agent-"+name+".yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return b.servers.StartProgram(ctx, env.ProgramOptions{Name: "agent-" + name, Path: b.Agent, Args: []string{"agent", "--config", file}, Ready: "agent started"})
}

func prefix(name string) string { return "events-" + name + "-" }

func (b *bench) replays(ctx context.Context, r *report) error {
	fmt.Printf("\n%-18s %11s %24s %24s %10s %24s\n", "backlog of", "events/s", "agent CPU s per million", "of the Java agent's", "agent RSS", "CPU s per million")
	fmt.Printf("%-18d %11s %24s %12s %11s %10s %12s %11s\n", b.Events, "", "", "events/s", "CPU", "MiB", "Cassandra", "Pulsar")
	for _, m := range modes {
		if len(b.Mode) > 0 && !slices.Contains(b.Mode, m.name) {
			continue
		}
		one, err := b.replay(ctx, m)
		if err != nil {
			return fmt.Errorf("replay with %s: %w", m.name, err)
		}
		agent := one.Processes["agent"]
		speed, cpu := one.EventsPerSecond/m.java.EventsPerSecond, agent.CPUPerMillion/m.java.CPUPerMillion
		fmt.Printf("%-18s %11.0f %24.1f %12s %11s %10.0f %12.1f %11.1f\n", m.name, one.EventsPerSecond, agent.CPUPerMillion,
			fmt.Sprintf("%.2f times", speed), fmt.Sprintf("%.2f times", cpu), agent.PeakRSS, one.Processes["cassandra"].CPUPerMillion, one.Processes["pulsar"].CPUPerMillion)
		r.Replays[m.name] = one
		r.Goals["replay "+m.name+": events/s"] = speed >= goalSpeed
		r.Goals["replay "+m.name+": CPU"] = cpu <= goalCPU
		r.Goals["replay "+m.name+": RSS"] = agent.PeakRSS < goalRSS
	}
	fmt.Println("(the Java agent's figures are from another machine of the same class: docs/benchmarks.md)")
	return nil
}

// replay starts an agent on the backlog and stops it at its end.
func (b *bench) replay(ctx context.Context, m mode) (r measure.Replay, err error) {
	if err := b.waiting.copyTo(b.node.CDCRawDir()); err != nil {
		return r, err
	}
	pids := map[string]int{"cassandra": b.node.PID(), "pulsar": b.pulsar.PID()}
	before, err := measure.UsageOfAll(pids)
	if err != nil {
		return r, err
	}
	agent, err := b.run(ctx, m.name, m.settings)
	if err != nil {
		return r, err
	}
	pids["agent"] = agent.PID() // its start is part of the account
	if r, err = (measure.Broker{AdminURL: b.pulsar.AdminURL()}).AwaitReplay(ctx, prefix(m.name)+"bench.backlog", b.Events, agent.Exited()); err != nil {
		return r, fmt.Errorf("%w (the agent's log is %s)", err, agent.LogFile())
	}
	if r.Processes, err = measure.UsedSince(before, pids, b.Events); err != nil {
		return r, err
	}
	// What is published is deleted, or else the next agent would find it.
	if err := b.waiting.awaitDeletion(ctx, b.node.CDCRawDir()); err != nil {
		return r, err
	}
	return r, agent.Stop(ctx)
}

// settle is how long an agent may take to have nothing more to do.
const settle = 5 * time.Second

// quiet measures an agent that has nothing to catch up with.
func (b *bench) quiet(ctx context.Context, r *report) (err error) {
	agent, err := b.run(ctx, "quiet", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, agent.Stop(ctx)) }()
	if slices.Contains(b.Only, "latency") {
		if err := b.latencies(ctx, r); err != nil {
			return err
		}
	}
	if !slices.Contains(b.Only, "idle") {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
	}
	before, err := measure.UsageOf(agent.PID())
	if err != nil {
		return err
	}
	say("watching the idle agent for %s", b.Idle)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.Idle):
	}
	after, err := measure.UsageOf(agent.PID())
	if err != nil {
		return err
	}
	r.IdleCPU = 100 * (after.CPU - before.CPU).Seconds() / b.Idle.Seconds()
	r.Goals["idle: CPU"] = r.IdleCPU < goalIdle
	fmt.Printf("\nidle agent: %.2f %% of a core (goal %.1f), %.0f MiB at most\n", r.IdleCPU, goalIdle, float64(after.PeakRSS)/1024)
	return nil
}

func (b *bench) latencies(ctx context.Context, r *report) error {
	m, err := newMeter(ctx, b.node.Address(), b.pulsar.ServiceURL(), prefix("quiet")+"bench.latency")
	if err != nil {
		return err
	}
	defer m.close()
	fmt.Printf("\n%-22s %8s %26s %26s\n", "write to event, ms", "writes", "published p50 / p99 / max", "received p50 / p99 / max")
	for _, rate := range b.Rates {
		say("writing %d rows a second for %s", rate, b.Writes)
		l, err := m.measure(ctx, rate, b.Writes)
		if err != nil {
			return err
		}
		text := func(f figures) string { return fmt.Sprintf("%.1f / %.1f / %.1f", f.P50, f.P99, f.Max) }
		fmt.Printf("%-22s %8d %26s %26s\n", fmt.Sprintf("%d writes/s", rate), l.Writes, text(l.Published), text(l.Received))
		name := strconv.Itoa(rate)
		r.Latencies[name] = l
		r.Goals["latency at "+name+"/s: p50"] = l.Published.P50 < goalMedian
		r.Goals["latency at "+name+"/s: p99"] = l.Published.P99 < goalHighest
	}
	return nil
}
