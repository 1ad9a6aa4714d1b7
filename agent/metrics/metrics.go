// Package metrics counts what the agent does: for Prometheus, and for its own status.
//
// The way of an event costs one lock on its table when it is sent and one when it is
// acknowledged; nothing is looked up by name and nothing allocated there. Everything
// else happens when somebody asks. Names begin with cassandra_cdc_; upstream.go adds
// those of DataStax's agent.
package metrics

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Agent holds the metrics of one agent. It is safe for concurrent use. Skipped and
// Quarantined of a nil Agent count nothing.
type Agent struct {
	registry    *prometheus.Registry
	errors      *prometheus.CounterVec
	skipped     *prometheus.CounterVec
	quarantined *prometheus.CounterVec
	publish     prometheus.Histogram
	writeToAck  prometheus.Histogram

	mu       sync.Mutex
	tables   map[tableName]*Table
	log      Log
	segments segmentCounts
	skips    uint64
	damaged  uint64
	entries  uint64 // in quarantine since the start, damage left out
}

type tableName struct{ keyspace, table string }

// Log is the state of the commit log as the agent sees it, brought up to date every few
// seconds.
type Log struct {
	Segments      int           // followed: there, and not finished
	Waiting       int           // of them, those of which something is not read
	Done          int           // of them, those that wait for acknowledgements or for Cassandra only
	OldestSegment int64         // id; 0 when there is none
	OldestAge     time.Duration // since the oldest segment was begun
	UnreadBytes   int64         // written by Cassandra and not read
	UnackedBytes  int64         // read and not acknowledged
	RawBytes      int64         // size of all files in cdc_raw, as Cassandra counts
	RawLimit      int64         // at which Cassandra refuses writes; 0 unknown
	Quarantine    int           // parts of the log that wait there for a person
	CheckpointAge time.Duration // since it was last written, or found to be up to date; 0 when there is nothing to store
	Finished      uint64        // segments that were finished since the start
}

type segmentCounts struct{ maxFollowed, maxWaiting, maxDone int }

// Buckets of the latencies in seconds: from the millisecond that a broker nearby takes to
// the hours of an outage.
var latencyBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}

// New returns the metrics of an agent of that version, in a registry of their own together
// with those of the Go runtime and of the process.
func New(version, goVersion string) *Agent {
	table := []string{"keyspace", "table"}
	a := &Agent{
		registry: prometheus.NewRegistry(),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cassandra_cdc_errors_total", Help: "Failures to publish, by reason. The events are published again.",
		}, append(table, "reason")),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cassandra_cdc_skipped_total", Help: "Changes that became no event, by reason.",
		}, []string{"reason"}),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cassandra_cdc_quarantined_total", Help: "Parts of the commit log that were put into quarantine, by kind: damage, entry.",
		}, []string{"kind"}),
		publish: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cassandra_cdc_publish_seconds", Help: "From the moment an event is ready to its acknowledgement by the broker.", Buckets: latencyBuckets,
		}),
		writeToAck: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cassandra_cdc_write_to_ack_seconds", Help: "From the write in Cassandra (its write time, but no earlier than its segment) to the acknowledgement of its event.", Buckets: latencyBuckets,
		}),
		tables: map[tableName]*Table{},
	}
	for _, kind := range []string{"damage", "entry"} {
		a.quarantined.WithLabelValues(kind)
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cassandra_cdc_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": goVersion},
	}, func() float64 { return 1 })
	a.registry.MustRegister(a.errors, a.skipped, a.quarantined, a.publish, a.writeToAck, build, (*collector)(a), (*upstream)(a),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return a
}

// Registry is where further metrics of the process go, and what /metrics shows.
func (a *Agent) Registry() *prometheus.Registry { return a.registry }

// Table is the handle of a table, always the same for the same name. Callers keep it.
func (a *Agent) Table(keyspace, table string) *Table {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := tableName{keyspace, table}
	t := a.tables[name]
	if t == nil {
		t = &Table{agent: a, name: name, ring: make([]event, 64)}
		a.tables[name] = t
	}
	return t
}

// Skipped counts changes that became no event.
func (a *Agent) Skipped(reason string, n int) {
	if a == nil {
		return
	}
	a.skipped.WithLabelValues(reason).Add(float64(n))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.skips += uint64(n)
}

// Quarantined counts a part of the log that was put into quarantine.
func (a *Agent) Quarantined(damage bool) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if damage {
		a.damaged++
		a.quarantined.WithLabelValues("damage").Inc()
		return
	}
	a.entries++
	a.quarantined.WithLabelValues("entry").Inc()
}

// SetLog brings the state of the commit log up to date.
func (a *Agent) SetLog(l Log) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = l
	s := &a.segments
	s.maxFollowed, s.maxWaiting, s.maxDone = max(s.maxFollowed, l.Segments), max(s.maxWaiting, l.Waiting), max(s.maxDone, l.Done)
}

// Log is the state that was set last.
func (a *Agent) Log() Log {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log
}

// Tables lists all handles by name.
func (a *Agent) Tables() []*Table {
	a.mu.Lock()
	all := make([]*Table, 0, len(a.tables))
	for _, t := range a.tables {
		all = append(all, t)
	}
	a.mu.Unlock()
	slices.SortFunc(all, func(x, y *Table) int {
		return cmp.Or(cmp.Compare(x.name.keyspace, y.name.keyspace), cmp.Compare(x.name.table, y.name.table))
	})
	return all
}

// Flight is what waits for the broker, of all tables together.
type Flight struct {
	Events  int       `json:"events"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"-"` // when the oldest of them was ready; zero without any
	LastAck time.Time `json:"-"` // when the broker acknowledged last; zero before the first
}

// Flight sums up what waits for the broker.
func (a *Agent) Flight() (f Flight) {
	for _, t := range a.Tables() {
		s := t.State()
		f.Events, f.Bytes = f.Events+s.InFlight, f.Bytes+s.InFlightBytes
		if !s.oldest.IsZero() && (f.Oldest.IsZero() || s.oldest.Before(f.Oldest)) {
			f.Oldest = s.oldest
		}
		if s.LastAck.After(f.LastAck) {
			f.LastAck = s.LastAck
		}
	}
	return f
}

// Sample brings the rates up to date; it is called every few seconds.
func (a *Agent) Sample() {
	now := time.Now()
	for _, t := range a.Tables() {
		t.sample(now)
	}
}
