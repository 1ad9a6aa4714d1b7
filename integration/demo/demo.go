// Package demo shows the whole way of a write, with real servers: Cassandra, the agent
// beside it, Pulsar, the connector, and a consumer that decodes what arrives.
//
// Out comes a report for a person and the verdict whether every expected message
// arrived, in order for each key. The demo decodes with an Avro library and the schema
// registry's own answer, not with the encoders it watches.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Options say what to run and where to tell about it.
type Options struct {
	Cassandra string // release line; "" means env.Cassandra50
	Agent     string // path of the cassandra-cdc binary
	As        string // how the connector runs; "" means AsStandalone
	Source    string // path of the cassandra-source binary, for AsStandalone and AsFunction
	Archive   string // path of the NAR, for AsSource
	Pulsar    env.PulsarOptions
	Dir       string // of the servers' files; "" means a temporary one
	Keep      bool   // stay until ctx ends
	Out       io.Writer
}

// Run runs the demo. Its error names every message that did not arrive.
func Run(ctx context.Context, o Options) (err error) {
	if o.Cassandra == "" {
		o.Cassandra = env.Cassandra50
	}
	needed := map[string]string{o.Agent: "make build", o.Source: "make build"}
	if o.As == AsSource {
		needed = map[string]string{o.Agent: "make build", o.Archive: "make nar"}
	}
	for file, by := range needed {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("the demo needs %s: %s makes it", file, by)
		}
	}
	report := newReport(o.Out)
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "cassandra-cdc-demo-"); err != nil {
			return fmt.Errorf("make a directory for the servers: %w", err)
		}
		defer func() {
			if err != nil && ctx.Err() == nil {
				report.progress("logs and files are kept in " + o.Dir)
				return
			}
			os.RemoveAll(o.Dir)
		}()
	}
	servers, err := env.New(env.Options{WorkDir: o.Dir, Progress: report.progress})
	if err != nil {
		return err
	}
	defer func() {
		if closed := servers.Close(); closed != nil {
			report.progress(closed.Error())
		}
	}()
	if missing := servers.Check(ctx, o.Cassandra, env.PulsarStandalone); len(missing) > 0 {
		return env.MissingError(missing)
	}
	s, err := Start(ctx, servers, o)
	if err != nil {
		return err
	}
	defer s.Close()
	err = s.Play(ctx, report)
	if o.Keep && ctx.Err() == nil {
		report.lookAround(s)
		<-ctx.Done()
	}
	return err
}

// Stage is everything running and ready for writes.
type Stage struct {
	Cassandra *env.Cassandra
	Pulsar    *env.Pulsar
	Agent     *env.Program
	Connector *env.Program // nil where Pulsar runs it

	hostedAs string // what Pulsar runs it as: sources, functions

	session *cassandra.Session
	client  *pulsar.Client
	watch   *watch
}

const (
	keyspace  = "demo"
	table     = "customer"
	eventsFor = "events-" + keyspace + "." + table
	// DataTopic is where the demo's rows are published.
	DataTopic = "data-" + keyspace + "." + table
)

// Start starts the servers, makes the table, and starts agent and connector as
// processes of their own.
func Start(ctx context.Context, servers *env.Env, o Options) (*Stage, error) {
	s := &Stage{}
	both, starting := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		s.Cassandra, err = servers.StartCassandra(starting, env.CassandraOptions{Version: o.Cassandra})
		return err
	})
	both.Go(func() (err error) {
		s.Pulsar, err = servers.StartPulsar(starting, o.Pulsar)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, servers.WorkDir()); err != nil {
		s.Close()
		return nil, err
	}
	both, starting = errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		s.Agent, err = servers.StartProgram(starting, env.ProgramOptions{
			Name: "agent", Path: o.Agent, Args: []string{"agent", "--config", agentConfig(servers.WorkDir())}, Ready: "agent started",
		})
		return err
	})
	both.Go(func() error { return s.startConnector(starting, servers, o) })
	if err := both.Wait(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func agentConfig(dir string) string { return filepath.Join(dir, "agent.yaml") }

// prepare makes the table, the consumers and the agent's configuration file.
func (s *Stage) prepare(ctx context.Context, dir string) (err error) {
	if s.session, err = cassandra.Connect(ctx, cassandra.Config{
		ContactPoints: []string{s.Cassandra.Address()}, OnlyContactPoints: true,
		Timeout: time.Minute, // a small node on a busy machine takes its time for an ALTER TABLE
	}); err != nil {
		return err
	}
	for _, statement := range ddl {
		if err := s.session.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if s.client, err = pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.Pulsar.ServiceURL(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	if s.watch, err = newWatch(ctx, s.client, s.Pulsar.AdminURL()); err != nil {
		return err
	}
	return writeYAML(agentConfig(dir), config.Config{
		CassandraYAML: s.Cassandra.YAML(), CDCWorkingDir: filepath.Join(dir, "agent", "cdc"), PulsarServiceURL: s.Pulsar.ServiceURL(), PulsarWebServiceURL: s.Pulsar.AdminURL(), HTTPAddress: "off",
	})
}

// writeYAML writes the settings that are set, as a person would.
func writeYAML(path string, value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		return err
	}
	for key, v := range all {
		if list, is := v.([]any); v == nil || is && len(list) == 0 || v == "" || v == 0 || v == false {
			delete(all, key)
		}
	}
	if text, err = yaml.Marshal(all); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Close ends the demo's own connections; the servers belong to their env.Env.
func (s *Stage) Close() {
	if s.watch != nil {
		s.watch.close()
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.session != nil {
		s.session.Close()
	}
}

// died says which of the programs has ended, if one has.
func (s *Stage) died() error {
	for _, p := range []*env.Program{s.Agent, s.Connector} {
		if p != nil && !p.Running() {
			return fmt.Errorf("the %s has ended; its log is %s", p.Name(), p.LogFile())
		}
	}
	return nil
}

// arrivalTime bounds the wait for a message. Everything is far quicker; a machine under
// load may need seconds for the first one.
const arrivalTime = 60 * time.Second
