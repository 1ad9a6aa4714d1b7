// The run: servers, the writer, an agent that is killed and started again, and the reading
// of all that reached the topics.

package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

type options struct {
	duration  time.Duration
	seed      uint64
	life      time.Duration // mean
	rate      int
	cassandra string
	agent     string // binary; "" builds it
	say       func(line string)
}

// run is the whole of it. Its error is that the run could not be made or ended early; what
// the run found out is on the page.
func run(ctx context.Context, servers *env.Env, o options) (*page, error) {
	began := time.Now()
	s, err := newStage(ctx, servers, o)
	if err != nil {
		return nil, err
	}
	defer s.close()

	writing, stopWriting := context.WithCancel(ctx)
	defer stopWriting()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	var load, watch errgroup.Group
	load.Go(func() error { return s.load.run(writing, o.seed, o.rate) })
	watch.Go(func() error { return s.disk.watch(watching) })

	s.ledger.born(time.Now())
	if err := s.agent.Start(ctx); err != nil {
		return nil, err
	}
	kills, cuts, err := s.killing(ctx, o)
	if err != nil {
		return nil, err
	}
	stopWriting()
	if err := load.Wait(); err != nil { // or an event would be read before its write is noted
		return nil, err
	}
	stopped := time.Now()
	o.say(fmt.Sprintf("%d statements written, %d kills; waiting for the agent to catch up", s.load.statements.Load(), kills))

	topics, err := s.read(ctx, o.say)
	if err != nil {
		return nil, err
	}
	defer topics.close() //nolint:errcheck // looked at below, unless another error came first
	if err := topics.wait(ctx, "an event of every write", func() (bool, error) { return s.ledger.left() == 0, nil }); err != nil {
		return nil, err
	}
	if err := topics.wait(ctx, "the end of every finished segment", s.disk.settled); err != nil {
		return nil, err
	}
	if err := s.agent.Stop(ctx); err != nil {
		return nil, err
	}
	if err := topics.wait(ctx, "the last events", func() (bool, error) { return s.allRead(ctx) }); err != nil {
		return nil, err
	}
	if err := topics.close(); err != nil {
		return nil, err
	}
	stopWatching()
	if err := watch.Wait(); err != nil {
		return nil, err
	}
	p, err := s.page()
	if err != nil {
		return nil, err
	}
	_, last, _ := topics.times()
	p.seed, p.took, p.kills, p.cuts, p.lag = o.seed, time.Since(began), kills, cuts, max(0, last.Sub(stopped))
	return p, nil
}

// stage is everything that runs.
type stage struct {
	node    *env.Cassandra
	broker  *env.Pulsar
	wire    *wire
	agent   *agentProgram
	session *cassandra.Session
	client  *pulsar.Client

	ledger *ledger
	load   *load
	disk   *disk
}

// newStage starts the servers and makes the tables. The agent does not run yet.
func newStage(ctx context.Context, servers *env.Env, o options) (s *stage, err error) {
	s = &stage{ledger: newLedger()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	binary := o.agent
	starting, ctx2 := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		s.node, err = servers.StartCassandra(ctx2, env.CassandraOptions{Version: o.cassandra, YAML: map[string]any{
			"commitlog_segment_size": "1MiB", // many of them come to their end
			// As much as is written in some minutes: an agent that does not delete what it has
			// published makes the node refuse writes.
			"cdc_total_space": "48MiB",
			// A busy machine makes a node slow, and a write without an answer counts for nothing.
			"write_request_timeout": "50s", "request_timeout": "50s",
		}})
		return err
	})
	starting.Go(func() (err error) {
		s.broker, err = servers.StartPulsar(ctx2, env.PulsarOptions{WithoutFunctions: true, Conf: ledgers})
		return err
	})
	starting.Go(func() (err error) {
		if binary == "" {
			binary, err = servers.Build(ctx2, "cassandra-cdc")
		}
		return err
	})
	if err := starting.Wait(); err != nil {
		return nil, err
	}
	if s.session, err = cassandra.Connect(ctx, cassandra.Config{
		ContactPoints: []string{s.node.Address()}, OnlyContactPoints: true, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		return nil, err
	}
	for _, statement := range ddl {
		if err := s.session.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	if s.client, err = pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.broker.ServiceURL(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	if err := s.subscribe(ctx); err != nil {
		return nil, err
	}
	s.load = &load{session: s.session, ledger: s.ledger}
	if s.wire, err = newWire(strings.TrimPrefix(s.broker.ServiceURL(), "pulsar://")); err != nil {
		return nil, err
	}
	workDir := filepath.Join(servers.WorkDir(), "agent", "cdc")
	s.disk = &disk{cdcRaw: s.node.CDCRawDir(), workDir: workDir}
	text, err := yaml.Marshal(config.Config{CassandraYAML: s.node.YAML(), CDCWorkingDir: workDir, HTTPAddress: "off", PulsarServiceURL: "pulsar://" + s.wire.address()})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(servers.WorkDir(), "agent.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	s.agent = &agentProgram{servers: servers, options: env.ProgramOptions{
		Name: "agent", Path: binary, Args: []string{"agent", "--config", file}, Ready: "agent started",
	}}
	return s, nil
}

// agentProgram is made at its first start.
type agentProgram struct {
	*env.Program
	servers *env.Env
	options env.ProgramOptions
}

func (a *agentProgram) Start(ctx context.Context) (err error) {
	if a.Program == nil {
		a.Program, err = a.servers.StartProgram(ctx, a.options)
		return err
	}
	return a.Program.Start(ctx)
}

func (s *stage) close() {
	if s.client != nil {
		s.client.Close()
	}
	if s.session != nil {
		s.session.Close()
	}
	if s.wire != nil {
		s.wire.close()
	}
}

// How long the wire is held before a kill, where it is: longer than the agent's interval
// between two checkpoints.
const (
	shortestHold = 200 * time.Millisecond
	longestHold  = 3 * time.Second
)

// killing goes on until the time is over. Every other kill cuts the wire too.
func (s *stage) killing(ctx context.Context, o options) (kills, cuts int, err error) {
	pick := rand.New(rand.NewPCG(o.seed, 1<<32))
	end := time.After(o.duration)
	report := time.NewTicker(10 * time.Second)
	defer report.Stop()
	for {
		cut := pick.IntN(2) == 0
		hold := shortestHold + time.Duration(pick.Int64N(int64(longestHold-shortestHold)))
		// Half a second, and then a time that does not know how long the agent has lived.
		death := time.After(500*time.Millisecond + time.Duration(pick.ExpFloat64()*float64(o.life)))
	alive:
		for {
			select {
			case <-ctx.Done():
				return kills, cuts, ctx.Err()
			case <-s.agent.Exited():
				return kills, cuts, fmt.Errorf("the agent ended by itself: %w (its log is %s)", s.agent.Wait(), s.agent.LogFile())
			case <-s.node.Exited():
				return kills, cuts, fmt.Errorf("the node ended: %w (its log is %s)", s.node.Wait(), s.node.LogFile())
			case <-end:
				return kills, cuts, nil
			case <-report.C:
				if err := s.progress(ctx, kills, o.say); err != nil {
					return kills, cuts, err
				}
			case <-death:
				break alive
			}
		}
		if cut {
			cuts++
			s.wire.hold()
			time.Sleep(hold)
		}
		s.agent.Kill()
		s.wire.cut()
		kills++
		if err := s.disk.look(); err != nil {
			return kills, cuts, err
		}
		s.ledger.born(time.Now())
		if err := s.agent.Start(ctx); err != nil {
			return kills, cuts, err
		}
	}
}

func (s *stage) progress(ctx context.Context, kills int, say func(string)) error {
	events := 0
	for _, table := range tables {
		stats, err := s.stats(ctx, table)
		if err != nil {
			return err
		}
		events += stats.Messages
	}
	say(fmt.Sprintf("%d statements, %d events due, %d on the topics, %d kills, %d segments deleted, cdc_raw %d KiB",
		s.load.statements.Load(), s.ledger.left(), events, kills, s.disk.gone(), s.disk.bytes()>>10))
	return nil
}
