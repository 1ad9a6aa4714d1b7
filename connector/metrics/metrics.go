// Package metrics counts what the connector does: for Prometheus, for its own status, and
// for Pulsar's user metrics.
//
// In come what the pipeline and the reader of each table tell ([Table] observes both). That
// costs some atomic additions an event: nothing is looked up by name and nothing allocated.
// Everything else happens when somebody asks. Names begin with cassandra_cdc_source_;
// user.go has those of DataStax's connector.
package metrics

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Connector holds the metrics of one connector. It is safe for concurrent use.
type Connector struct {
	registry *prometheus.Registry
	letters  *prometheus.CounterVec
	failures *prometheus.CounterVec

	writeToPublished *prometheus.HistogramVec
	eventToPublished *prometheus.HistogramVec
	publish          *prometheus.HistogramVec
	query            *prometheus.HistogramVec
	queryRows        *prometheus.HistogramVec
	queryWait        *prometheus.HistogramVec

	queryLatency, replicationLatency latency // of all tables, for user metrics

	mu     sync.Mutex
	tables map[tableName]*Table
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
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, table)
	}
	c := &Connector{
		registry: prometheus.NewRegistry(),
		letters:  counter("dead_letters_total", "Events that became dead letters, by reason.", "reason"),
		failures: counter("failures_total", "Reads and publications that failed, by kind and by what was done: retry, impossible (given up after some attempts), fatal (the connector stops).", "kind", "class"),

		writeToPublished: histogram("write_to_published_seconds", "From the write in Cassandra, as its event tells the time, to the acknowledgement of its row by the broker.", latencyBuckets),
		eventToPublished: histogram("event_to_published_seconds", "From the moment an event is received to the acknowledgement of its row by the broker.", latencyBuckets),
		publish:          histogram("publish_seconds", "From the moment a row is handed to the publisher to its acknowledgement by the broker.", latencyBuckets),
		query:            histogram("query_seconds", "How long the cluster took for a query.", latencyBuckets),
		queryRows:        histogram("query_rows", "Rows that a query asked for together.", []float64{1, 2, 4, 8, 16, 32, 64, 128}),
		queryWait:        histogram("query_wait_seconds", "How long a row waited until a query could ask for it.", latencyBuckets),
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
