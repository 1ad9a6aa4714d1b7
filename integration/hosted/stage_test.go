// The life of the connector in a real functions worker: one node, one agent and one
// Pulsar for all of it, first with instances as processes, then as threads of the broker.

package hosted

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestHosted(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	s := newStage(ctx, t, servers)
	run := func(name string, test func(context.Context, *testing.T, *stage)) {
		t.Run(name, func(t *testing.T) { test(ctx, t, s) })
	}
	run("available-sources", availableSources)
	run("create a built-in source", create)
	run("a key stays with one consumer", keysStay)
	run("batches of one key", batchesOfOneKey)
	run("stop and start", stopAndStart)
	run("restart", restart)
	run("update", update)
	run("a worker that is killed", killWorker)
	run("delete", remove)
	run("localrun", localRun)
	run("effectively once", effectivelyOnce)

	t.Run("threads", func(t *testing.T) {
		s.asThreads(ctx, t)
		run := func(name string, test func(context.Context, *testing.T, *stage)) {
			t.Run(name, func(t *testing.T) { test(ctx, t, s) })
		}
		run("create", createInThreads)
		run("a program that is killed", killProgramOfThread)
		run("a wrong setting", wrongSettingInThread)
		run("a worker that is killed", killWorkerOfThreads)
	})
}

// stage is everything that runs.
type stage struct {
	node    *env.Cassandra
	broker  *env.Pulsar
	session *cassandra.Session
	client  *pulsar.Client
	archive string
	written int // rows so far: each has an id of its own
}

const eventsTopic = "events-hosted.t"

func newStage(ctx context.Context, t *testing.T, servers *env.Env) *stage {
	t.Helper()
	s := &stage{}
	outlive, err := Outlive(filepath.Join(servers.WorkDir(), "java"))
	if err != nil {
		t.Fatal(err)
	}
	var binary string
	starting, both := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		s.node, err = servers.StartCassandra(both, env.CassandraOptions{})
		return err
	})
	starting.Go(func() (err error) {
		if s.archive, err = Pack(both, filepath.Join(servers.WorkDir(), "archive")); err != nil {
			return err
		}
		s.broker, err = servers.StartPulsar(both, env.PulsarOptions{ZooKeeper: true, Environment: outlive, Connectors: []string{s.archive}})
		return err
	})
	starting.Go(func() (err error) {
		binary, err = servers.Build(both, "cassandra-cdc")
		return err
	})
	if err := starting.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.broker.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		if err := KillAll(s.broker); err != nil {
			t.Error(err)
		}
	})
	if s.session, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{s.node.Address()}, OnlyContactPoints: true, Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.session.Close)
	for _, statement := range []string{
		"CREATE KEYSPACE hosted WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE hosted.t (id int PRIMARY KEY, v text) WITH cdc = true",
	} {
		if err := s.session.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if s.client, err = pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.broker.ServiceURL(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	text, err := yaml.Marshal(config.Config{
		CassandraYAML: s.node.YAML(), CDCWorkingDir: filepath.Join(servers.WorkDir(), "agent", "cdc"), HTTPAddress: "off",
		PulsarServiceURL: s.broker.ServiceURL(), PulsarWebServiceURL: s.broker.AdminURL(),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(servers.WorkDir(), "agent.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := servers.StartProgram(ctx, env.ProgramOptions{Name: "agent", Path: binary, Args: []string{"agent", "--config", file}, Ready: "agent started"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// patience bounds every wait: a machine under load takes a multiple of what is usual.
const patience = 2 * time.Minute

// until asks again and again, since Pulsar looks after its instances every few seconds.
func until(ctx context.Context, t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); {
		if time.Since(began) > patience || ctx.Err() != nil {
			t.Fatalf("%s: not within %s", what, time.Since(began).Round(time.Second))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// programs waits until there are so many programs, none of them one of before.
func (s *stage) programs(ctx context.Context, t *testing.T, want int, before ...int) (pids []int) {
	t.Helper()
	until(ctx, t, fmt.Sprintf("%d processes of cassandra-source", want), func() bool {
		var err error
		if pids, err = Programs(s.broker); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			for _, old := range before {
				if pid == old {
					return false
				}
			}
		}
		return len(pids) == want
	})
	return pids
}

// write writes rows, each with a text that no other has, and returns their ids.
func (s *stage) write(ctx context.Context, t *testing.T, n int) (ids []int64) {
	t.Helper()
	for range n {
		s.written++
		if err := s.session.Exec(ctx, fmt.Sprintf("INSERT INTO hosted.t (id, v) VALUES (%d, 'row %d.')", s.written, s.written)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int64(s.written))
	}
	return ids
}

// messages are those of a data topic so far.
type messages struct {
	mu  sync.Mutex
	all []message
	err error
}

type message struct {
	id    int64  // the row's
	value []byte // encoded
	entry string // of the ledger: a batch
}

// follow reads a topic until the test ends.
func (s *stage) follow(ctx context.Context, t *testing.T, topic string) *messages {
	t.Helper()
	c, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "follow"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	m := &messages{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			d, err := c.Receive(ctx)
			if ctx.Err() != nil {
				return
			}
			m.mu.Lock()
			if m.err = err; err == nil {
				m.all = append(m.all, message{rowOf(d.Value), d.Value, entry(d.ID)})
			}
			m.mu.Unlock()
			if err != nil || c.Ack(d) != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		reading.Wait()
		c.Close()
	})
	return m
}

var rowText = regexp.MustCompile(`row (\d+)\.`)

// rowOf is the id of the row by its text, which is the same in all formats; 0 is none.
func rowOf(value []byte) int64 {
	found := rowText.FindSubmatch(value)
	if found == nil {
		return 0
	}
	id, _ := strconv.ParseInt(string(found[1]), 10, 64) // digits
	return id
}

// entry is ledger:entry of a message's id.
func entry(id string) string {
	parts := strings.SplitN(id, ":", 3)
	return parts[0] + ":" + parts[1]
}

func (m *messages) list(t *testing.T) []message {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		t.Fatal(m.err)
	}
	return m.all[:len(m.all):len(m.all)]
}

// arrive waits until all of the rows are there.
func (m *messages) arrive(ctx context.Context, t *testing.T, ids []int64) {
	t.Helper()
	until(ctx, t, fmt.Sprintf("rows %d to %d on the data topic", ids[0], ids[len(ids)-1]), func() bool {
		there := map[int64]bool{}
		for _, one := range m.list(t) {
			there[one.id] = true
		}
		for _, id := range ids {
			if !there[id] {
				return false
			}
		}
		return true
	})
}
