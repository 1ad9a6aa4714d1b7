// One table: what its pipeline tells.

package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cassandra-cdc/cassandra-cdc/connector/failure"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

// Table counts what happens to the events and rows of one table. It is safe for concurrent
// use.
type Table struct {
	connector *Connector
	name      tableName

	events     atomic.Uint64
	open       atomic.Int64 // received, and neither covered nor buried
	covered    [len(covers)]atomic.Uint64
	rows       atomic.Uint64
	deletes    atomic.Uint64
	letters    atomic.Uint64
	failures   atomic.Uint64
	staleReads atomic.Uint64
	staleRows  atomic.Uint64
	progress   atomic.Int64 // ns since 1970, of the last event that was covered or buried, or of the first after none was open
	latencySum atomic.Int64 // ns, from the write to the publication
	latencies  atomic.Int64

	writeToPublished, eventToPublished, publish prometheus.Observer

	mu          sync.Mutex
	gauges      Gauges
	lastError   string
	lastErrorAt time.Time
	eventRate   show.Rate
	rowRate     show.Rate
	latency     time.Duration // mean of the publications between the last two samples that had any
	sampledSum  int64         // latencySum and latencies at the last sample
	sampled     int64
}

// covers are the labels of why an event was covered.
var covers = [...]string{
	pipeline.ByPublication: "publication", pipeline.ByDigest: "digest", pipeline.BySameRow: "same-row", pipeline.ByRule: "rule",
}

// classes are the labels of what a failure calls for.
var classes = [...]string{pipeline.Retry: "retry", pipeline.Impossible: "impossible", pipeline.Fatal: "fatal"}

// Gauges are asked when somebody looks, and answer at once. What is nil is not shown.
type Gauges struct {
	Remembered func() pipeline.Remembered
	Backlog    func() (events int64, known bool) // of the subscription on the events topic
}

// State is what is known of a table. Counts are since the start.
type State struct {
	Events      uint64 // received
	InFlight    int    // of them, those that are not acknowledged
	Covered     map[string]uint64
	Rows        uint64 // published, deletes left out
	Deletes     uint64 // published
	DeadLetters uint64
	Failures    uint64 // reads and publications
	StaleReads  uint64 // rows that were read again since they may be older than their event
	StaleRows   uint64 // rows that were published all the same

	EventRate    float64       // events a second, over the last half minute or so
	RowRate      float64       // rows and deletes a second
	Latency      time.Duration // mean from the write to the publication, of the newest publications; 0 before the first
	LastProgress time.Time     // when an event was covered or buried last; zero before the first event
	Waiting      time.Duration // since when that has not happened, while events are in flight; 0 without any
	LastError    string        // "" without one
	LastErrorAt  time.Time

	Remembered *pipeline.Remembered
	Backlog    *int64
}

var _ pipeline.Observer = (*Table)(nil)

func newTable(c *Connector, name tableName) *Table {
	of := func(h *prometheus.HistogramVec) prometheus.Observer {
		return h.WithLabelValues(name.keyspace, name.table)
	}
	return &Table{
		connector: c, name: name,
		writeToPublished: of(c.writeToPublished), eventToPublished: of(c.eventToPublished), publish: of(c.publish),
	}
}

// Name is keyspace and table.
func (t *Table) Name() (keyspace, table string) { return t.name.keyspace, t.name.table }

// Starts says that a pipeline of the table begins to run, with those gauges: no event is
// in flight.
func (t *Table) Starts(g Gauges) {
	t.open.Store(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gauges = g
}

// Received counts an event.
func (t *Table) Received(*pipeline.Event) {
	t.events.Add(1)
	if t.open.Add(1) == 1 {
		t.progress.Store(time.Now().UnixNano())
	}
}

// Published counts a row, with the latencies that it ends.
func (t *Table) Published(p pipeline.Published) {
	if p.Deleted {
		t.deletes.Add(1)
	} else {
		t.rows.Add(1)
	}
	t.eventToPublished.Observe(p.SinceEvent.Seconds())
	t.publish.Observe(p.SincePassed.Seconds())
	if !p.WriteTime.IsZero() {
		d := max(0, time.Since(p.WriteTime))
		t.writeToPublished.Observe(d.Seconds())
		t.latencySum.Add(int64(d))
		t.latencies.Add(1)
		t.connector.replicationLatency.observe(d, 1)
	}
}

// Covered counts events that are acknowledged.
func (t *Table) Covered(events int, by pipeline.Cover) {
	t.covered[by].Add(uint64(events))
	t.done(events)
	if by == pipeline.ByDigest {
		t.connector.queryLatency.observe(0, events) // no query was needed
	}
}

// Buried counts a dead letter.
func (t *Table) Buried(_ *pipeline.Event, reason error) {
	t.letters.Add(1)
	t.done(1)
	t.connector.letters.WithLabelValues(t.name.keyspace, t.name.table, string(failure.KindOf(reason))).Inc()
}

func (t *Table) done(events int) {
	t.open.Add(int64(-events))
	t.progress.Store(time.Now().UnixNano())
}

// Failed counts a read or a publication that failed.
func (t *Table) Failed(err error, class pipeline.Class) {
	t.failures.Add(1)
	t.connector.failures.WithLabelValues(t.name.keyspace, t.name.table, string(failure.KindOf(err)), classes[class]).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastError, t.lastErrorAt = err.Error(), time.Now()
}

// Stale counts a row that may be older than its event.
func (t *Table) Stale(last bool) {
	if last {
		t.staleRows.Add(1)
	} else {
		t.staleReads.Add(1)
	}
}

// Succeeded are the events that a read has covered, and the rows that were published, since
// the start.
func (t *Table) Succeeded() (reads, rows uint64) {
	return t.covered[pipeline.ByPublication].Load() + t.covered[pipeline.BySameRow].Load(), t.rows.Load() + t.deletes.Load()
}

// State is what is known now.
func (t *Table) State() State {
	s := State{
		Events: t.events.Load(), InFlight: int(max(0, t.open.Load())), Covered: map[string]uint64{},
		Rows: t.rows.Load(), Deletes: t.deletes.Load(), DeadLetters: t.letters.Load(), Failures: t.failures.Load(),
		StaleReads: t.staleReads.Load(), StaleRows: t.staleRows.Load(),
	}
	for by, name := range covers {
		s.Covered[name] = t.covered[by].Load()
	}
	if at := t.progress.Load(); at != 0 {
		s.LastProgress = time.Unix(0, at)
		if s.InFlight > 0 {
			s.Waiting = max(0, time.Since(s.LastProgress))
		}
	}
	t.mu.Lock()
	g := t.gauges
	s.EventRate, s.RowRate, s.Latency = t.eventRate.PerSecond(), t.rowRate.PerSecond(), t.latency
	s.LastError, s.LastErrorAt = t.lastError, t.lastErrorAt
	t.mu.Unlock()
	if g.Remembered != nil {
		r := g.Remembered()
		s.Remembered = &r
	}
	if g.Backlog != nil {
		if events, known := g.Backlog(); known {
			s.Backlog = &events
		}
	}
	return s
}

func (t *Table) sample(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.eventRate.Sample(t.events.Load(), now)
	t.rowRate.Sample(t.rows.Load()+t.deletes.Load(), now)
	sum, n := t.latencySum.Load(), t.latencies.Load()
	if n > t.sampled {
		t.latency = time.Duration((sum - t.sampledSum) / (n - t.sampled))
	}
	t.sampledSum, t.sampled = sum, n
}
