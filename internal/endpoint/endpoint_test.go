// What somebody who asks over HTTP is told, and by which status code.

package endpoint_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

type program struct {
	endpoint.Program
	log      bytes.Buffer
	stuck    error
	starting string
	url      string
}

func start(t *testing.T, change func(*endpoint.Program)) *program {
	t.Helper()
	p := &program{}
	level := &slog.LevelVar{}
	log := slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: level}))
	registry := prometheus.NewRegistry()
	p.Program = endpoint.Program{
		Metrics: registry, Board: health.NewBoard(health.Agent(), slog.New(slog.DiscardHandler)), Level: level, Log: log,
		Alive: func() error { return p.stuck }, Starting: func() string { return p.starting },
		Status: func() any { return map[string]int{"answer": 42} },
	}
	registry.MustRegister(p.Board)
	if change != nil {
		change(&p.Program)
	}
	s, err := endpoint.Listen("127.0.0.1:0", p.Program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	p.url = "http://" + s.Address()
	return p
}

func (p *program) ask(t *testing.T, method, path, body string) (code int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (p *program) want(t *testing.T, path string, code int, words ...string) {
	t.Helper()
	got, answer := p.ask(t, "GET", path, "")
	if got != code {
		t.Errorf("%s: %d, want %d: %s", path, got, code, answer)
	}
	for _, w := range words {
		if !strings.Contains(answer, w) {
			t.Errorf("%s does not say %q: %s", path, w, answer)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	p := start(t, nil)
	p.want(t, "/healthz", 200)
	p.want(t, "/readyz", 200, "ready")
	p.starting = "waiting for Cassandra"
	p.want(t, "/readyz", 503, "not ready: waiting for Cassandra")
	p.want(t, "/healthz", 200)
	p.starting = ""
	p.Board.Set(health.CDCRawFilling, "", "51 %")
	p.want(t, "/readyz", 200, "warning: cdc-raw-filling", "51 %")
	p.Board.Set(health.SchemaRefused, "events-a.b", "BACKWARD")
	p.want(t, "/readyz", 503, "not ready\n", "error: schema-refused (events-a.b)", "BACKWARD")
	p.want(t, "/healthz", 200)
	p.want(t, "/metrics", 200, `cassandra_cdc_condition{code="schema-refused",severity="error"} 1`)
	p.stuck = errors.New("the tail has not turned for 61s")
	p.want(t, "/healthz", 503, "has not turned")
	p.want(t, "/status", 200, `"answer": 42`)
}

func TestLogLevel(t *testing.T) {
	p := start(t, nil)
	p.want(t, "/loglevel", 200, "info\n")
	for _, level := range []string{"error", "debug\n", "WARN"} {
		before := p.log.Len()
		if code, answer := p.ask(t, "PUT", "/loglevel", level); code != 200 {
			t.Errorf("%q: %d %s", level, code, answer)
		}
		if line := p.log.String()[before:]; !strings.Contains(line, "to="+strings.ToLower(strings.TrimSpace(level))) {
			t.Errorf("%q leaves no line in the log: %q", level, line)
		}
	}
	p.want(t, "/loglevel", 200, "warn\n")
	p.Log.Info("quiet")
	if strings.Contains(p.log.String(), "quiet") {
		t.Error("the level has no effect")
	}
	for _, body := range []string{"", "loud", "info+2", strings.Repeat("debug", 100)} {
		if code, _ := p.ask(t, "PUT", "/loglevel", body); code != 400 {
			t.Errorf("%q: %d", body, code)
		}
	}
	p.want(t, "/loglevel", 200, "warn\n")
	if code, _ := start(t, func(p *endpoint.Program) { p.Level = nil }).ask(t, "PUT", "/loglevel", "info"); code != 404 {
		t.Errorf("a level that cannot be changed: %d", code)
	}
}

func TestProfilesOnlyOnRequest(t *testing.T) {
	start(t, nil).want(t, "/debug/pprof/goroutine?debug=1", 404)
	start(t, func(p *endpoint.Program) { p.Profiles = true }).want(t, "/debug/pprof/goroutine?debug=1", 200, "goroutine profile")
}

func TestAnAddressThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = endpoint.Listen(l.Addr().String(), endpoint.Program{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v", err)
	}
}
