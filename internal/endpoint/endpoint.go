// Package endpoint is the HTTP side of a running program: what monitoring, an orchestrator
// and the command line ask it.
//
//	GET /metrics       for Prometheus
//	GET /healthz       200 while the program is alive and not stuck, else 503
//	GET /readyz        200 while its work goes on, else 503; the body lists the conditions
//	GET /status        everything, as JSON
//	GET, PUT /loglevel the least severe level that is logged: debug, info, warn, error
//	GET /debug/pprof/  profiles, where the settings allow it
//
// Nothing that it shows is secret, and nothing but the log level can be changed. It has no
// authentication: that is why programs listen on the loopback address by default.
package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// Program is what the endpoint shows.
type Program struct {
	Metrics prometheus.Gatherer
	Board   *health.Board
	// Alive is nil while the program is not stuck.
	Alive func() error
	// Starting is what the program still waits for before it can work; "" when it works.
	Starting func() string
	// Status is what /status encodes.
	Status func() any
	// Level is that of the program's log; nil where it cannot be changed.
	Level *slog.LevelVar
	// Profiles allows /debug/pprof/.
	Profiles bool
	Log      *slog.Logger
}

// Handler answers the requests of the package comment.
func Handler(p Program) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.HandleFunc("GET /status", p.status)
	if p.Level != nil {
		mux.HandleFunc("GET /loglevel", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, name(p.Level.Level())) })
		mux.HandleFunc("PUT /loglevel", p.setLevel)
	}
	if p.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (p Program) healthz(w http.ResponseWriter, _ *http.Request) {
	if err := p.Alive(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "alive")
}

func (p Program) readyz(w http.ResponseWriter, _ *http.Request) {
	starting := p.Starting()
	if starting != "" || !p.Board.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		if starting != "" {
			starting = ": " + starting
		}
		fmt.Fprintf(w, "not ready%s\n", starting)
	} else {
		fmt.Fprintln(w, "ready")
	}
	for _, s := range p.Board.Active() {
		subject := ""
		if s.Subject != "" {
			subject = " (" + s.Subject + ")"
		}
		fmt.Fprintf(w, "%s: %s%s: %s: %s\n", s.Severity, s.Code, subject, s.Title, s.Detail)
	}
}

func (p Program) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p.Status()); err != nil {
		p.Log.Debug("the status was not delivered", "error", err) // who asked has gone
	}
}

func (p Program) setLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 32))
	text := strings.ToUpper(strings.TrimSpace(string(body)))
	var level slog.Level
	known := slices.Contains([]string{"DEBUG", "INFO", "WARN", "ERROR"}, text) // and not WARN+2
	if err != nil || !known || level.UnmarshalText([]byte(text)) != nil {
		http.Error(w, "the body is the new level: debug, info, warn or error", http.StatusBadRequest)
		return
	}
	SetLevel(p.Log, p.Level, level)
	fmt.Fprintln(w, name(level))
}

// SetLevel changes the level and leaves a line about it in the log.
func SetLevel(log *slog.Logger, level *slog.LevelVar, to slog.Level) {
	from := level.Level()
	level.Set(to)
	// The line must be seen whichever of the two levels is quieter.
	log.Log(context.Background(), max(from, to, slog.LevelInfo), "log level changed", "from", name(from), "to", name(to))
}

func name(l slog.Level) string { return strings.ToLower(l.String()) }

// Server listens until Close.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen serves the program at host:port. The error names the address.
func Listen(address string, p Program) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for status and metrics: %w", err)
	}
	s := &Server{listener: l, http: &http.Server{
		Handler: Handler(p), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
	}}
	go s.http.Serve(l) //nolint:errcheck // it ends with Close
	return s, nil
}

// Address is host:port where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends all connections at once.
func (s *Server) Close() { s.http.Close() } //nolint:errcheck // nothing to be done about it
