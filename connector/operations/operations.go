// Package operations is what the connector says of itself while it runs: conditions,
// metrics, status over HTTP.
//
// The way of the data is elsewhere: each pipeline tells a [Table] what it does, and
// whoever starts them tells what they wait for. The package changes nothing of what they do.
package operations

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

const (
	lookEvery = 2 * time.Second
	// stuckAfter is how long nothing may be looked at before the connector counts as stuck.
	stuckAfter = 90 * time.Second
)

// Config says what it is that runs.
type Config struct {
	RunsAs string         // for people: source t/n/name, instance 0; function t/n/name, instance 0; stand-alone
	Level  *slog.LevelVar // of Log; nil where it cannot be changed
	Log    *slog.Logger
}

// Settings are those of the connector, as far as they matter here.
type Settings struct {
	Address      string            // host:port of the endpoint; "" serves nothing
	LongestRetry time.Duration     // the longest pause before a row is tried again; 10 s
	Shown        map[string]string // all of them as given, without secrets
}

// Operations watches one connector. It is safe for concurrent use.
type Operations struct {
	cfg     Config
	set     Settings // by Start
	board   *health.Board
	metrics *metrics.Connector
	started time.Time

	mu     sync.Mutex
	state  string // what it waits for; "" while it publishes
	tables []*Table
	looked time.Time

	server *endpoint.Server
	stop   context.CancelFunc
	ended  chan struct{}
}

// New returns the operations of a connector that is starting. Start makes them work.
func New(cfg Config) *Operations {
	o := &Operations{
		cfg: cfg, board: health.NewBoard(health.Connector(), cfg.Log), metrics: metrics.New(program.Version(), runtime.Version()),
		started: time.Now(), state: "starting", ended: make(chan struct{}),
	}
	o.metrics.Registry().MustRegister(o.board)
	return o
}

// Metrics are those of the connector. Their registry takes those of Pulsar's client too.
func (o *Operations) Metrics() *metrics.Connector { return o.metrics }

// Start begins to watch and to serve.
func (o *Operations) Start(s Settings) {
	s.LongestRetry = cmp.Or(s.LongestRetry, 10*time.Second)
	o.mu.Lock()
	o.set = s
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	o.look()
	go func() {
		defer close(o.ended)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				o.look()
			}
		}
	}()
}

// Close ends what Start began.
func (o *Operations) Close() {
	o.stop()
	<-o.ended
	if o.server != nil {
		o.server.Close()
	}
}

// Waiting says what the connector waits for; "" means that it publishes.
func (o *Operations) Waiting(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = what
}

func (o *Operations) waitsFor() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

func (o *Operations) look() {
	o.listen()
	o.metrics.Sample()
	now := time.Now()
	for _, t := range o.all() {
		t.look(now)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looked = now
}

// listen serves what is asked over HTTP, unless that is done already. An address that is
// taken stops nothing: the next look tries again.
func (o *Operations) listen() {
	if o.set.Address == "" || o.server != nil {
		return
	}
	server, err := endpoint.Listen(o.set.Address, endpoint.Program{
		Metrics: o.metrics.Registry(), Board: o.board, Alive: o.alive, Starting: o.waitsFor,
		Status: func() any { return o.Report() }, Level: o.cfg.Level, Log: o.cfg.Log,
	})
	if err != nil {
		o.board.SetError(health.StatusNotServed, "", err)
		return
	}
	o.board.Clear(health.StatusNotServed, "")
	o.server = server
	o.cfg.Log.Info("serving metrics, health and status", "address", server.Address())
}

func (o *Operations) alive() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.looked) > stuckAfter {
		return errors.New("the connector is stuck")
	}
	return nil
}

func (o *Operations) all() []*Table {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*Table(nil), o.tables...)
}

// Report is everything that is known now.
func (o *Operations) Report() status.Report {
	state := o.waitsFor()
	r := status.Report{
		Version: program.Version(), RunsAs: o.cfg.RunsAs, State: state, Ready: state == "" && o.board.Ready(), Started: o.started,
		Conditions: o.board.Active(), Tables: []status.Table{}, Queries: o.metrics.Queries(), Settings: o.set.Shown,
	}
	r.InFlight.Events, r.InFlight.Bytes = o.metrics.Held()
	if state == "" {
		r.State = "publishing rows"
	}
	for _, t := range o.all() {
		r.Tables = append(r.Tables, t.report())
	}
	return r
}
