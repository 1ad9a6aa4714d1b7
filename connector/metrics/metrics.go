// Package metrics counts what the connector does: for Prometheus, for its own status, and
// for Pulsar's user metrics.
//
// In comes what pipelines and the reads of rows tell: a [Table] observes the pipeline of its
// table, [Connector] the reads of all. That costs some atomic additions an event: nothing is looked up by name and nothing allocated.
// Everything else happens when somebody asks. Names begin with cassandra_cdc_source_;
// user.go has those of DataStax's connector.
package metrics

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
)

// Connector holds the metrics of one connector. It is safe for concurrent use.
type Connector struct {
	registry *prometheus.Registry
	letters  *prometheus.CounterVec
	failures *prometheus.CounterVec

	writeToPublished *prometheus.HistogramVec
	eventToPublished *prometheus.HistogramVec
	publish          *prometheus.HistogramVec
	query            prometheus.Histogram
	queryRows        prometheus.Histogram
	queryWait        prometheus.Histogram

	queries, queriesFailed, queriedRows atomic.Uint64
	concurrency                         atomic.Int64
	queryLatency, replicationLatency    latency // for user metrics

	mu     sync.Mutex
	tables map[tableName]*Table
	held   func() (events, bytes int) // what is in flight in all tables; nil where it is not known
}

type tableName struct{ keyspace, table string }

// Buckets of the latencies in seconds: from less than the millisecond that a read takes to
// the hours of an outage.
var latencyBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}

const prefix = "cassandra_cdc_source_"

// New returns the metrics of a connector of that version, in a registry of their own
// together with those of the Go runtime and of the process.
func New(version, goVersion string) *Connector {
	table := []string{"keyspace", "table"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, append(table, labels...))
	}
	ofTable := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: latencyBuckets}, table)
	}
	ofAll := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets})
	}
	c := &Connector{
		registry: prometheus.NewRegistry(),
		letters:  counter("dead_letters_total", "Events that became dead letters, by reason.", "reason"),
		failures: counter("failures_total", "Reads and publications that failed, by kind and by what was done: retry, impossible (given up after some attempts), fatal (the connector stops).", "kind", "class"),

		writeToPublished: ofTable("write_to_published_seconds", "From the write in Cassandra, as its event tells the time, to the acknowledgement of its row by the broker."),
		eventToPublished: ofTable("event_to_published_seconds", "From the moment an event is received to the acknowledgement of its row by the broker."),
		publish:          ofTable("publish_seconds", "From the moment a row is handed to the publisher to its acknowledgement by the broker."),
		query:            ofAll("query_seconds", "How long the cluster took for a query.", latencyBuckets),
		queryRows:        ofAll("query_rows", "Rows that a query asked for together.", []float64{1, 2, 4, 8, 16, 32, 64, 128}),
		queryWait:        ofAll("query_wait_seconds", "How long a row waited until a query could ask for it.", latencyBuckets),
		tables:           map[tableName]*Table{},
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: prefix + "build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": goVersion},
	}, func() float64 { return 1 })
	c.registry.MustRegister(c.letters, c.failures, c.writeToPublished, c.eventToPublished, c.publish, c.query, c.queryRows, c.queryWait,
		build, (*collector)(c), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return c
}

// Registry is where further metrics of the process go, as those of Pulsar's client, and
// what /metrics shows.
func (c *Connector) Registry() *prometheus.Registry { return c.registry }

// Queries is what is known of the reads of all tables. Counts are since the start.
type Queries struct {
	Queries     uint64 `json:"queries"`
	Failed      uint64 `json:"failed"`
	Rows        uint64 `json:"rows"`        // that queries asked for
	Concurrency int    `json:"concurrency"` // queries that may run at the same time
}

var _ readback.Observer = (*Connector)(nil)

// Queried counts a query.
func (c *Connector) Queried(rows int, took time.Duration, err error) {
	c.queries.Add(1)
	if err != nil {
		c.queriesFailed.Add(1)
	}
	c.queriedRows.Add(uint64(rows))
	c.query.Observe(took.Seconds())
	c.queryRows.Observe(float64(rows))
	c.queryLatency.observe(took, rows)
}

// Waited counts how long a row waited for its query.
func (c *Connector) Waited(d time.Duration) { c.queryWait.Observe(d.Seconds()) }

// Concurrency notes how many queries may run at the same time.
func (c *Connector) Concurrency(queries int) { c.concurrency.Store(int64(queries)) }

// Queries is what is known now.
func (c *Connector) Queries() Queries {
	return Queries{Queries: c.queries.Load(), Failed: c.queriesFailed.Load(), Rows: c.queriedRows.Load(), Concurrency: int(c.concurrency.Load())}
}

// Holds says how to ask what is in flight in all tables: events, and the bytes that they
// take.
func (c *Connector) Holds(held func() (events, bytes int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = held
}

// Held is what is in flight in all tables; zero where nobody has said how to ask.
func (c *Connector) Held() (events, bytes int) {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held == nil {
		return 0, 0
	}
	return held()
}

// Table is the handle of a table, always the same for the same name. Callers keep it.
func (c *Connector) Table(keyspace, table string) *Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := tableName{keyspace, table}
	t := c.tables[name]
	if t == nil {
		t = newTable(c, name)
		c.tables[name] = t
	}
	return t
}

// Tables lists all handles by name.
func (c *Connector) Tables() []*Table {
	c.mu.Lock()
	all := make([]*Table, 0, len(c.tables))
	for _, t := range c.tables {
		all = append(all, t)
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(x, y *Table) int {
		return cmp.Or(cmp.Compare(x.name.keyspace, y.name.keyspace), cmp.Compare(x.name.table, y.name.table))
	})
	return all
}

// Sample brings the rates up to date; it is called every few seconds.
func (c *Connector) Sample() {
	now := time.Now()
	for _, t := range c.Tables() {
		t.sample(now)
	}
}
