// This file tests with real servers, one after the other; -short leaves it out.

package env_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocql/gocql"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

func TestCassandra(t *testing.T) {
	for _, line := range []string{env.Cassandra50, env.Cassandra41, env.Cassandra40, env.Cassandra311} {
		t.Run(line, func(t *testing.T) {
			e := envtest.ForTest(t)
			envtest.Needs(t, e, line)
			ctx := t.Context()
			c, err := e.StartCassandra(ctx, env.CassandraOptions{Version: line})
			if err != nil {
				t.Fatal(err)
			}
			session := connect(t, c)
			for _, stmt := range []string{
				"CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
				"CREATE TABLE ks.t (k int PRIMARY KEY, v text) WITH cdc = true",
				"INSERT INTO ks.t (k, v) VALUES (1, 'one')",
			} {
				if err := session.Query(stmt).Exec(); err != nil {
					t.Fatalf("%s: %v", stmt, err)
				}
			}
			session.Close()

			out, err := c.Nodetool(ctx, "status")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), "UN  "+c.Host()) {
				t.Errorf("nodetool status prints %q", out)
			}

			// A crash keeps data and ports.
			address := c.Address()
			c.Kill()
			if c.Running() {
				t.Error("running after Kill")
			}
			if err := c.Wait(); err == nil {
				t.Error("Wait returns nil after a kill")
			}
			if err := c.Start(ctx); err != nil {
				t.Fatal(err)
			}
			if c.Address() != address {
				t.Errorf("address changed from %s to %s", address, c.Address())
			}
			session = connect(t, c)
			var v string
			if err := session.Query("SELECT v FROM ks.t WHERE k = 1").Scan(&v); err != nil || v != "one" {
				t.Errorf("after a crash: %q, %v", v, err)
			}
			session.Close()

			if err := c.Stop(ctx); err != nil {
				t.Error(err)
			}
			if err := c.Stop(ctx); err != nil {
				t.Errorf("second stop: %v", err)
			}
		})
	}
}

// A caller who insists on a port that is taken gets one clear line.
func TestCassandraOnATakenPort(t *testing.T) {
	e := envtest.ForTest(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = e.StartCassandra(t.Context(), env.CassandraOptions{Port: l.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, env.ErrPortTaken) || !strings.Contains(err.Error(), l.Addr().String()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// A setting that Cassandra refuses must show in the error, with its log.
func TestCassandraThatRefusesItsSettings(t *testing.T) {
	e := envtest.ForTest(t)
	_, err := e.StartCassandra(t.Context(), env.CassandraOptions{YAML: map[string]any{"no_such_setting": 1}})
	if !errors.Is(err, env.ErrNotReady) || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
}

// A later run finds a node by its name, with its data and ports.
func TestCassandraAcrossRuns(t *testing.T) {
	work := envtest.ForTest(t).WorkDir()
	ctx := t.Context()
	var address string
	for run := range 2 {
		e, err := env.New(env.Options{WorkDir: work})
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.StartCassandra(ctx, env.CassandraOptions{Name: "node"})
		if err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			address = c.Address()
		} else if c.Address() != address {
			t.Errorf("address changed from %s to %s", address, c.Address())
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func connect(t *testing.T, c *env.Cassandra) *gocql.Session {
	t.Helper()
	cluster := gocql.NewCluster(c.Host())
	cluster.Port = c.Port()
	cluster.ProtoVersion = 4
	cluster.Timeout = 30 * time.Second
	cluster.ConnectTimeout = 30 * time.Second
	cluster.Consistency = gocql.One
	cluster.DisableInitialHostLookup = true
	session, err := cluster.CreateSession()
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestPulsar(t *testing.T) {
	testPulsar(t, env.PulsarOptions{}, func(p *env.Pulsar) {
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestPulsarAfterAKill(t *testing.T) {
	testPulsar(t, env.PulsarOptions{ZooKeeper: true}, (*env.Pulsar).Kill)
}

// testPulsar ends a broker and starts it again: its address and what was
// published must be there.
func testPulsar(t *testing.T, opts env.PulsarOptions, end func(*env.Pulsar)) {
	e := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	p, err := e.StartPulsar(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	produce := p.ClientCommand(ctx, "produce", "persistent://public/default/t", "-m", "hello")
	if out, err := produce.CombinedOutput(); err != nil {
		t.Fatalf("pulsar-client produce: %v\n%s", err, out)
	}

	// What its JVM unpacks stays with the server, and goes with it.
	if found, err := filepath.Glob(filepath.Join(p.Dir(), "tmp", "librocksdbjni*")); err != nil || len(found) == 0 {
		t.Errorf("RocksDB's library is not in the server's folder: %v, %v", found, err)
	}

	url := p.ServiceURL()
	end(p)
	if p.Running() {
		t.Error("still running")
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if p.ServiceURL() != url {
		t.Errorf("address changed from %s to %s", url, p.ServiceURL())
	}
	consume := p.ClientCommand(ctx, "consume", "persistent://public/default/t", "-s", "s", "-p", "Earliest", "-n", "1")
	out, err := consume.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "hello") {
		t.Fatalf("pulsar-client consume: %v\n%s", err, out)
	}
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}
