// What the agent says of itself: conditions, metrics, HTTP, the service manager. The way of
// an event is elsewhere; this file only wires.

package agent

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/endpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/systemd"
)

// operations is the part of the agent that watches the rest.
type operations struct {
	cfg     config.Config
	log     *slog.Logger
	board   *health.Board
	metrics *metrics.Agent
	started time.Time
	space   space

	checkpoints *watchedCheckpoints
	tailer      atomic.Pointer[tail.Tailer] // the one that runs
	turns       atomic.Uint64               // of the tailer
	beats       atomic.Uint64               // of whatever else goes on in a loop

	mu    sync.Mutex
	state string // what it waits for; "" while it follows
	node  cassandra.Node

	watch  watch
	level  *slog.LevelVar
	server *endpoint.Server
	stop   context.CancelFunc
	ended  chan struct{}
}

// space is where cdc_raw and the quarantine are, and how much the former may hold.
type space struct {
	cdcRaw     string
	quarantine quarantine.Dir
	limit      int64
}

func newOperations(cfg config.Config, at space, log *slog.Logger) *operations {
	o := &operations{
		cfg: cfg, log: log, board: health.NewBoard(health.Agent(), log), metrics: metrics.New(program.Version(), runtime.Version()),
		started: time.Now(), space: at, state: "starting", ended: make(chan struct{}),
	}
	o.metrics.Registry().MustRegister(o.board)
	o.watch = watch{operations: o}
	return o
}

// start begins to watch and to serve, and tells the service manager that the agent runs:
// from now on it waits by itself for whatever is missing. level may be nil.
func (o *operations) start(level *slog.LevelVar) {
	o.level = level
	o.listen()
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	go func() {
		defer close(o.ended)
		o.watch.run(ctx, systemd.WatchdogInterval())
	}()
	o.notify("READY=1")
}

// listen serves what is asked over HTTP, unless that is done already. An address that is
// taken stops nothing: the next look tries again.
func (o *operations) listen() {
	address := o.cfg.StatusAddress()
	if address == "" || o.server != nil {
		return
	}
	server, err := endpoint.Listen(address, endpoint.Program{
		Metrics: o.metrics.Registry(), Board: o.board, Alive: o.watch.alive, Starting: o.waitsFor,
		Status: func() any { return o.report() }, Level: o.level, Profiles: o.cfg.HTTPProfiles, Log: o.log,
	})
	if err != nil {
		o.board.SetError(health.StatusNotServed, "", err)
		return
	}
	o.board.Clear(health.StatusNotServed, "")
	o.server = server
	o.log.Info("serving metrics, health and status", "address", server.Address())
}

func (o *operations) close() {
	o.stop()
	<-o.ended
	if o.server != nil {
		o.server.Close()
	}
}

// notify tells the service manager; that it does not listen stops nothing.
func (o *operations) notify(state string) {
	if err := systemd.Notify(state); err != nil {
		o.log.Debug("the service manager was not told", "error", err)
	}
}

// waiting says what the agent waits for; "" means that it follows the log.
func (o *operations) waiting(what string) {
	o.mu.Lock()
	o.state = what
	o.mu.Unlock()
	o.notify("STATUS=" + stateText(what))
}

func stateText(waiting string) string {
	if waiting == "" {
		return "following the commit log"
	}
	return waiting
}

func (o *operations) waitsFor() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

func (o *operations) knowNode(n cassandra.Node) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.node = n
}

// beat says that a loop that waits for something goes round.
func (o *operations) beat() { o.beats.Add(1) }

// report is everything that is known now.
func (o *operations) report() status.Report {
	l, flight := o.metrics.Log(), o.metrics.Flight()
	o.mu.Lock()
	state, node := o.state, o.node
	o.mu.Unlock()
	r := status.Report{
		Version: program.Version(), State: stateText(state), Ready: state == "" && o.board.Ready(), Started: o.started,
		Node:       status.Node{HostID: node.HostID, Release: node.ReleaseVersion, DataCenter: node.DataCenter, CDCRaw: o.space.cdcRaw},
		Conditions: o.board.Active(), Tables: []status.Table{},
		Log: status.Log{
			CDCRawBytes: l.RawBytes, CDCRawLimitBytes: l.RawLimit, Segments: l.Segments,
			OldestSegment: l.OldestSegment, OldestSegmentAge: l.OldestAge.Seconds(), UnreadBytes: l.UnreadBytes, UnackedBytes: l.UnackedBytes,
			Quarantine: l.Quarantine, CheckpointAge: l.CheckpointAge.Seconds(),
		},
		InFlight: status.InFlight{
			Events: flight.Events, Bytes: flight.Bytes, EventsAllowed: o.cfg.InFlightEvents(), BytesAllowed: o.cfg.InFlightBytes(),
		},
	}
	if o.checkpoints != nil {
		r.Log.Checkpoint = o.checkpoints.newest()
	}
	for _, t := range o.metrics.Tables() {
		keyspace, table := t.Name()
		s := t.State()
		shown := status.Table{
			Keyspace: keyspace, Table: table, Events: s.Events, EventBytes: s.Bytes, EventsPerSecond: s.Rate,
			LagSeconds: s.Lag.Seconds(), InFlight: s.InFlight, Errors: s.Errors, LastError: s.LastError,
		}
		if !s.LastErrorAt.IsZero() {
			shown.LastErrorAt = &s.LastErrorAt
		}
		r.Tables = append(r.Tables, shown)
	}
	return r
}
