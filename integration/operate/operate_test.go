// The life of an agent beside real servers as its operator sees it: started before them,
// followed over HTTP, stopped while the broker is away.

package operate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// stage is an agent with its servers.
type stage struct {
	t       *testing.T
	ctx     context.Context
	node    *env.Cassandra
	broker  *env.Pulsar
	agent   *env.Program
	address string
	written int
}

func TestTheLifeOfAnAgent(t *testing.T) {
	servers := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	s := &stage{t: t, ctx: ctx, address: freeAddress(t)}
	binary := filepath.Join(t.TempDir(), "cassandra-cdc")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "../../cmd/cassandra-cdc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if s.node, err = servers.StartCassandra(ctx, env.CassandraOptions{}); err != nil {
		t.Fatal(err)
	}
	if s.broker, err = servers.StartPulsar(ctx, env.PulsarOptions{WithoutFunctions: true}); err != nil {
		t.Fatal(err)
	}
	s.cql("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE shop.customer (id int PRIMARY KEY, name text) WITH cdc = true")
	for _, server := range []interface{ Stop(context.Context) error }{s.node, s.broker} {
		if err := server.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}

	// The agent is first. It waits for one after the other.
	config := filepath.Join(servers.WorkDir(), "agent.yaml")
	text := fmt.Sprintf("cassandraYaml: %s\ncdcWorkingDir: %s\npulsarServiceUrl: %s\nhttpAddress: %s\n",
		s.node.YAML(), filepath.Join(servers.WorkDir(), "cdc"), s.broker.ServiceURL(), s.address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.agent, err = servers.StartProgram(ctx, env.ProgramOptions{
		Name: "agent", Path: binary, Args: []string{"agent", "--config", config}, Ready: "serving metrics",
	}); err != nil {
		t.Fatal(err)
	}
	s.await("the node is missed", func(r *status.Report) bool { return r.State == "waiting for Cassandra" && holds(r, "node-unreachable") })
	s.wantHTTP("/readyz", 503, "not ready: waiting for Cassandra")
	s.wantHTTP("/healthz", 200)
	if err := s.node.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.await("the broker is missed", func(r *status.Report) bool {
		return r.State == "waiting for Pulsar" && holds(r, "broker-unreachable") && !holds(r, "node-unreachable")
	})
	s.write(50)
	if err := s.broker.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.await("all is well", func(r *status.Report) bool { return r.Ready && len(r.Conditions) == 0 && events(r) == 50 })
	s.wantHTTP("/readyz", 200, "ready")
	s.write(50)

	// Caught up and idle, nothing is behind, whatever Cassandra's index says.
	idle := func(r *status.Report) bool {
		return events(r) == 100 && r.Tables[0].LagSeconds == 0 && r.Log.UnreadBytes+r.Log.UnackedBytes == 0 && r.InFlight.Events == 0
	}
	s.await("all is acknowledged", idle)
	for range 15 { // longer than Cassandra's sync period of 10 s
		time.Sleep(time.Second)
		if r := s.report(); !idle(r) || len(r.Conditions) > 0 {
			t.Fatalf("not idle: %+v", r)
		}
	}
	s.wantHTTP("/metrics", 200,
		`cassandra_cdc_events_total{keyspace="shop",table="customer"} 100`, "cassandra_cdcagent_sentmutations 100", "cassandra_cdc_lag_bytes 0",
		`cassandra_cdc_lag_seconds{keyspace="shop",table="customer"} 0`, "cassandra_cdc_write_to_ack_seconds_count 100", "pulsar_client_connections_opened",
		`cassandra_cdc_condition{code="broker-unreachable",severity="error"} 0`, "process_resident_memory_bytes")
	metrics := s.get("/metrics")
	for name, most := range map[string]float64{"cassandra_cdc_checkpoint_age_seconds": 3, "process_resident_memory_bytes": 96 << 20} {
		if got := value(t, metrics, name); got > most {
			t.Errorf("%s is %g, want at most %g", name, got, most)
		}
	}
	for _, name := range []string{"cassandra_cdc_raw_bytes", "cassandra_cdc_raw_limit_bytes", "cassandra_cdc_oldest_segment_id", "cassandra_cdc_segments"} {
		if got := value(t, metrics, name); got <= 0 {
			t.Errorf("%s is %g", name, got)
		}
	}

	// The command line says the same.
	out, err := exec.CommandContext(ctx, binary, "status", "--config", config).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ready: following") || !strings.Contains(string(out), "shop.customer") {
		t.Errorf("status: %v\n%s", err, out)
	}
	t.Logf("status:\n%s", out)
	out, err = exec.CommandContext(ctx, binary, "doctor", "--config", config).CombinedOutput()
	if err != nil {
		t.Errorf("doctor: %v", err)
	}
	t.Logf("doctor:\n%s", out)

	// The broker goes away without a word.
	s.broker.Pause()
	defer s.broker.Resume()
	s.write(50)
	silent := time.Now()
	s.await("the broker's silence is told", func(r *status.Report) bool {
		return !r.Ready && holds(r, "broker-unreachable") && r.Tables[0].LagSeconds > 5 && r.InFlight.Events == 50
	})
	t.Logf("the silence was told after %s", time.Since(silent).Round(time.Second))
	s.wantHTTP("/healthz", 200)
	s.wantHTTP("/readyz", 503, "broker-unreachable")
	out, err = exec.CommandContext(ctx, binary, "status", "--config", config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ERROR: broker-unreachable") {
		t.Errorf("status: %v\n%s", err, out)
	}

	// A stop does not wait for it, and loses nothing.
	began := time.Now()
	if err := s.agent.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.agent.Wait(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("the stop took %s: %v", time.Since(began), err)
	}
	t.Logf("stopped in %s while the broker is away", time.Since(began).Round(time.Millisecond))
	s.broker.Resume()
	if err := s.agent.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.await("what was in flight is published", func(r *status.Report) bool {
		return r.Ready && events(r) == 50 && r.InFlight.Events == 0 && r.Tables[0].LagSeconds == 0
	})
	s.wantKeys(150)

	// A second signal does not wait for anything.
	s.broker.Pause()
	s.write(10)
	s.await("events wait", func(r *status.Report) bool { return r.InFlight.Events > 0 })
	began = time.Now()
	for range 2 {
		if err := syscall.Kill(s.agent.PID(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	if err := s.agent.Wait(); err == nil || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("the end by a second signal took %s: %v", time.Since(began), err)
	}
	s.broker.Resume()
	if err := s.agent.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.await("nothing is lost by it", func(r *status.Report) bool { return r.Ready && events(r) >= 10 })
	s.wantKeys(160)
}

// wantKeys reads the events topic from its beginning until it has seen so many keys.
func (s *stage) wantKeys(n int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: s.broker.ServiceURL(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	consumer, err := client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: "events-shop.customer", Subscription: fmt.Sprintf("test-%d", n)})
	if err != nil {
		s.t.Fatal(err)
	}
	defer consumer.Close()
	keys, messages := map[string]bool{}, 0
	for len(keys) < n {
		d, err := consumer.Receive(ctx)
		if err != nil {
			s.t.Fatalf("%d of %d keys in %d messages: %v", len(keys), n, messages, err)
		}
		keys[d.KeyText] = true
		messages++
	}
	s.t.Logf("%d keys in %d messages", len(keys), messages)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *stage) cql(statements ...string) {
	s.t.Helper()
	session, err := cassandra.Connect(s.ctx, cassandra.Config{ContactPoints: []string{s.node.Address()}, OnlyContactPoints: true, Timeout: time.Minute})
	if err != nil {
		s.t.Fatal(err)
	}
	defer session.Close()
	for _, statement := range statements {
		if err := session.Exec(s.ctx, statement); err != nil {
			s.t.Fatal(err)
		}
	}
}

// write writes rows with keys of their own.
func (s *stage) write(n int) {
	s.t.Helper()
	var statements []string
	for range n {
		s.written++
		statements = append(statements, fmt.Sprintf("INSERT INTO shop.customer (id, name) VALUES (%d, 'x')", s.written))
	}
	s.cql(statements...)
}

func holds(r *status.Report, code string) bool {
	for _, c := range r.Conditions {
		if c.Code == code {
			return true
		}
	}
	return false
}

func events(r *status.Report) (n uint64) {
	for _, t := range r.Tables {
		n += t.Events
	}
	return n
}

func (s *stage) report() *status.Report {
	s.t.Helper()
	r, err := status.Ask(s.ctx, s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *stage) await(what string, ok func(r *status.Report) bool) {
	s.t.Helper()
	var r *status.Report
	for range 900 {
		if r = s.report(); ok(r) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatalf("%s: not within 90 s: %+v", what, r)
}

func (s *stage) get(path string) string {
	s.t.Helper()
	_, body := s.ask(path)
	return body
}

func (s *stage) ask(path string) (code int, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (s *stage) wantHTTP(path string, code int, words ...string) {
	s.t.Helper()
	got, body := s.ask(path)
	if got != code {
		s.t.Errorf("%s: %d, want %d: %s", path, got, code, body)
	}
	for _, w := range words {
		if !strings.Contains(body, w) {
			s.t.Errorf("%s does not say %q:\n%s", path, w, body)
		}
	}
}

// value is that of a metric without labels.
func value(t *testing.T, metrics, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(metrics)
	if m == nil {
		t.Fatalf("no metric %s", name)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Wrong credentials are known as such, by what a real node says, and not taken for a node
// that is away.
func TestRefusedCredentialsAreKnown(t *testing.T) {
	servers := envtest.ForTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{YAML: map[string]any{"authenticator": "PasswordAuthenticator"}})
	if err != nil {
		t.Fatal(err)
	}
	connect := func(user, password string) error {
		session, err := cassandra.Connect(ctx, cassandra.Config{
			ContactPoints: []string{node.Address()}, OnlyContactPoints: true, Username: user, Password: password, Log: slog.New(slog.DiscardHandler),
		})
		if err == nil {
			session.Close()
		}
		return err
	}
	for connect("cassandra", "cassandra") != nil { // the node makes this role some seconds after its start
		if ctx.Err() != nil {
			t.Fatal("the right password is never taken")
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, wrong := range [][2]string{{"cassandra", "wrong"}, {"nobody", "cassandra"}, {"", ""}} {
		if err := connect(wrong[0], wrong[1]); !errors.Is(err, cassandra.ErrCredentials) {
			t.Errorf("as %q: %v", wrong[0], err)
		} else {
			t.Logf("as %q: %v", wrong[0], err)
		}
	}
}
