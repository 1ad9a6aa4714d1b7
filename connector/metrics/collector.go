// What is computed when Prometheus asks.

package metrics

import "github.com/prometheus/client_golang/prometheus"

// collector gives the state of the tables, and of what they share.
type collector Connector

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func tableDesc(name, help string, labels ...string) *prometheus.Desc {
	return desc(name, help, append([]string{"keyspace", "table"}, labels...)...)
}

var (
	queries     = desc("queries_total", "Queries for rows, by result: ok, failed.", "result")
	queried     = desc("queried_rows_total", "Rows that queries asked for.")
	concurrency = desc("query_concurrency", "Queries that may run at the same time.")
	heldEvents  = desc("held_events", "Events in flight in all tables together, as the bound on them counts.")
	heldBytes   = desc("held_bytes", "What the events in flight in all tables together take in memory, as the bound on it counts.")

	events     = tableDesc("events_total", "Events that were received.")
	coveredBy  = tableDesc("covered_total", "Events that were acknowledged, by why that is allowed: publication (a row was read after it and is persisted), digest (its mutation was published before: an event of another replica), same-row (the row was published as it is), rule (a range delete, which no message can show).", "by")
	rows       = tableDesc("rows_total", "Messages that are persisted on the data topic: row, or delete where the row is not there.", "kind")
	staleReads = tableDesc("stale_reads_total", "Reads that were repeated, since the row may have been older than its event.")
	staleRows  = tableDesc("stale_rows_total", "Rows that were published although they may be older than their event.")
	inFlight   = tableDesc("in_flight_events", "Events that are received and not acknowledged.")
	waiting    = tableDesc("waiting_seconds", "Since when no event was acknowledged while some are in flight; 0 without any.")
	progress   = tableDesc("last_progress_timestamp_seconds", "When an event was acknowledged last, in seconds since 1970; 0 before the first event.")
	backlog    = tableDesc("backlog_events", "Events of the subscription that are not acknowledged, as the broker counts them.")
	remembered = tableDesc("remembered_keys", "Keys whose last mutations and last message are remembered.")
	forgotten  = tableDesc("forgotten_keys_total", "Keys that were forgotten before their time, since there was no room for them.")
)

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queries, queried, concurrency, heldEvents, heldBytes,
		events, coveredBy, rows, staleReads, staleRows, inFlight, waiting, progress, backlog, remembered, forgotten,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	all := (*Connector)(c)
	q := all.Queries()
	ch <- prometheus.MustNewConstMetric(queries, prometheus.CounterValue, float64(q.Queries-q.Failed), "ok")
	ch <- prometheus.MustNewConstMetric(queries, prometheus.CounterValue, float64(q.Failed), "failed")
	ch <- prometheus.MustNewConstMetric(queried, prometheus.CounterValue, float64(q.Rows))
	ch <- prometheus.MustNewConstMetric(concurrency, prometheus.GaugeValue, float64(q.Concurrency))
	events, bytes := all.Held()
	ch <- prometheus.MustNewConstMetric(heldEvents, prometheus.GaugeValue, float64(events))
	ch <- prometheus.MustNewConstMetric(heldBytes, prometheus.GaugeValue, float64(bytes))
	for _, t := range all.Tables() {
		t.collect(ch)
	}
}

func (t *Table) collect(ch chan<- prometheus.Metric) {
	s := t.State()
	send := func(kind prometheus.ValueType, d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{t.name.keyspace, t.name.table}, labels...)...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		send(prometheus.CounterValue, d, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) { send(prometheus.GaugeValue, d, v, labels...) }

	counter(events, s.Events)
	for by, n := range s.Covered {
		counter(coveredBy, n, by)
	}
	counter(rows, s.Rows, "row")
	counter(rows, s.Deletes, "delete")
	counter(staleReads, s.StaleReads)
	counter(staleRows, s.StaleRows)
	gauge(inFlight, float64(s.InFlight))
	gauge(waiting, s.Waiting.Seconds())
	last := 0.0
	if !s.LastProgress.IsZero() {
		last = float64(s.LastProgress.UnixMilli()) / 1000
	}
	gauge(progress, last)
	if s.Backlog != nil {
		gauge(backlog, float64(*s.Backlog))
	}
	if r := s.Remembered; r != nil {
		gauge(remembered, float64(r.Keys))
		counter(forgotten, r.Evicted)
	}
}
