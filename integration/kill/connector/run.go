// The run: servers, the writer, the kills, and the reading of all that reached the topic.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/hosted"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

type options struct {
	duration time.Duration
	seed     uint64
	between  time.Duration // two kills, on average
	away     time.Duration // a killed server at most
	as       string        // asSource, asFunction or asBoth
	rate     int
	archive  string // "" packs it
	say      func(line string)
}

// run is the whole of it. Its error is that the run could not be made or ended early; what
// the run found out is on the page.
func run(ctx context.Context, servers *env.Env, o options) (p *page, err error) {
	began := time.Now()
	s, err := newStage(ctx, servers, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()

	writing, stopWriting := context.WithCancel(ctx)
	defer stopWriting()
	load, failing := errgroup.WithContext(ctx)
	load.Go(func() error { return s.load.run(writing, o.seed, o.rate) })
	if err := s.killing(failing, o); err != nil {
		return nil, err
	}
	stopWriting()
	if err := load.Wait(); err != nil {
		return nil, err
	}
	stopped := time.Now()
	o.say(fmt.Sprintf("%d statements written, %d kills; waiting until the topic has it all", s.load.statements.Load(), s.deaths.count()))

	rows, err := s.rows(ctx)
	if err != nil {
		return nil, err
	}
	read, difference, err := s.read(ctx, rows, o.say)
	if err != nil {
		return nil, err
	}
	p = &page{
		seed: o.seed, took: time.Since(began), times: s.deaths.times, order: s.victims(),
		statements: int(s.load.statements.Load()), repeatedStatements: int(s.load.repeated.Load()), keys: len(s.load.keys), rows: len(rows),
		read: read, difference: difference, lag: max(0, read.published.Sub(stopped)),
	}
	if p.events, err = s.entries(ctx, eventsTopic); err != nil {
		return nil, err
	}
	if p.backlog, err = s.backlog(ctx); err != nil {
		return nil, err
	}
	if p.deadLetters, err = s.entries(ctx, deadLetters); err != nil {
		return nil, err
	}
	if err := s.leftOver(p); err != nil {
		return nil, err
	}
	return p, nil
}

// stage is everything that runs.
type stage struct {
	node    *env.Cassandra
	broker  *env.Pulsar
	agent   *env.Program
	session *cassandra.Session
	client  *pulsar.Client

	hosts  []host
	load   *load
	deaths *deaths
}

// newStage starts the servers, makes the table, starts the agent and creates the source.
func newStage(ctx context.Context, servers *env.Env, o options) (_ *stage, err error) {
	s := &stage{hosts: o.hosts(), deaths: &deaths{away: map[string]bool{}, times: map[string][]time.Duration{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	archive, bin := o.archive, map[string]string{}
	outlive, err := hosted.Outlive(filepath.Join(servers.WorkDir(), "java"))
	if err != nil {
		return nil, err
	}
	starting, ctx2 := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		s.node, err = servers.StartCassandra(ctx2, env.CassandraOptions{YAML: map[string]any{
			// What is answered is on disk: no kill takes it back.
			"commitlog_sync": "batch", "commitlog_sync_period": nil,
			"cdc_total_space": "512MiB", // room for what is written while the broker is away
		}})
		return err
	})
	starting.Go(func() (err error) {
		s.broker, err = servers.StartPulsar(ctx2, env.PulsarOptions{ZooKeeper: true, Environment: outlive, Conf: map[string]string{
			// All topics keep what was read, for the comparison.
			"defaultRetentionTimeInMinutes": "-1", "defaultRetentionSizeInMB": "-1",
		}})
		return err
	})
	starting.Go(func() (err error) {
		if archive == "" && o.as != asFunction {
			archive, err = hosted.Pack(ctx2, filepath.Join(servers.WorkDir(), "archive"))
		}
		return err
	})
	starting.Go(func() (err error) {
		for _, command := range []string{"cassandra-cdc", "cassandra-source"} {
			if bin[command], err = servers.Build(ctx2, command); err != nil {
				return err
			}
		}
		return nil
	})
	if err := starting.Wait(); err != nil {
		return nil, err
	}
	if s.session, err = cassandra.Connect(ctx, cassandra.Config{
		ContactPoints: []string{s.node.Address()}, OnlyContactPoints: true, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		return nil, err
	}
	var tables []string
	for _, host := range s.hosts {
		tables = append(tables, host.table)
	}
	for _, statement := range ddl(tables) {
		if err := s.session.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	if s.client, err = pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.broker.ServiceURL(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	s.load = &load{session: s.session, tables: tables, keys: map[rowKey]struct{}{}}
	if err := s.startAgent(ctx, servers, bin["cassandra-cdc"]); err != nil {
		return nil, err
	}
	for _, host := range s.hosts {
		if err := s.create(ctx, host, archive, bin["cassandra-source"]); err != nil {
			return nil, err
		}
	}
	return s, s.back(ctx, nil)
}

func (s *stage) startAgent(ctx context.Context, servers *env.Env, binary string) error {
	text, err := yaml.Marshal(config.Config{
		CassandraYAML: s.node.YAML(), CDCWorkingDir: filepath.Join(servers.WorkDir(), "agent", "cdc"), HTTPAddress: "off",
		PulsarServiceURL: s.broker.ServiceURL(), PulsarWebServiceURL: s.broker.AdminURL(),
	})
	if err != nil {
		return err
	}
	file := filepath.Join(servers.WorkDir(), "agent.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	s.agent, err = servers.StartProgram(ctx, env.ProgramOptions{
		Name: "agent", Path: binary, Args: []string{"agent", "--config", file}, Ready: "agent started",
	})
	return err
}

// close ends the connections and the instances, which this process would leave behind.
func (s *stage) close(ctx context.Context) error {
	if s.client != nil {
		s.client.Close()
	}
	if s.session != nil {
		s.session.Close()
	}
	if s.broker == nil {
		return nil
	}
	return errors.Join(s.broker.Stop(context.WithoutCancel(ctx)), hosted.KillAll(s.broker))
}

// How long the topic has to be silent at the end: with nothing missing, and with something
// missing, which may be held back by a pause between two attempts.
const (
	quiet    = 5 * time.Second
	hopeless = 90 * time.Second
)

// read reads the data topics from their beginning until they agree with the tables and
// stay so, or until nothing has come for too long.
func (s *stage) read(ctx context.Context, rows map[rowKey]*state, say func(string)) (*reader, *difference, error) {
	var topics []topic
	defer func() {
		for _, t := range topics {
			t.Close()
		}
	}()
	for _, host := range s.hosts {
		d, err := s.newDecoder(ctx, host.table)
		if err != nil {
			return nil, nil, err
		}
		c, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: dataTopic(host.table), Subscription: "kill"})
		if err != nil {
			return nil, nil, err
		}
		topics = append(topics, topic{c, d})
	}
	r := &reader{}
	arrived, said := time.Now(), time.Now()
	for {
		before := r.messages
		for _, t := range topics {
			if err := r.drain(ctx, t); err != nil {
				return nil, nil, err
			}
		}
		if r.messages > before {
			arrived = time.Now()
			continue
		}
		silent := time.Since(arrived)
		if silent < quiet {
			continue
		}
		d := r.compare(s.load.keys, rows)
		backlog, err := s.backlog(ctx)
		if err != nil {
			return nil, nil, err
		}
		if d.count() == 0 && backlog == 0 || silent > hopeless {
			return r, d, nil
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			say(fmt.Sprintf("%d messages; %d keys differ, %d events wait", r.messages, d.count(), backlog))
		}
	}
}

type topic struct {
	*pulsar.Consumer
	*decoder
}

// drain takes what there is, until nothing comes for a second.
func (r *reader) drain(ctx context.Context, t topic) error {
	for {
		m, err := receive(ctx, t.Consumer)
		if err != nil || m == nil {
			return err
		}
		k, state, err := t.decode(m)
		if err != nil {
			return err
		}
		r.take(k, state, m)
		if err := t.Ack(m); err != nil {
			return err
		}
	}
}

// receive is the next message, nil when none comes for a second.
func receive(ctx context.Context, c *pulsar.Consumer) (*pulsar.Delivery, error) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := c.Receive(short)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, nil
	}
	return m, err
}

// leftOver counts processes beyond those that there have to be.
func (s *stage) leftOver(p *page) error {
	for _, host := range s.hosts {
		for _, processes := range host.processes {
			pids, err := processes.list(s.broker)
			if err != nil {
				return err
			}
			p.leftOver += max(0, len(pids)-parallelism)
		}
	}
	return nil
}
