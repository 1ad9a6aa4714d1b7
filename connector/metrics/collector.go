// What is computed when Prometheus asks.

package metrics

import "github.com/prometheus/client_golang/prometheus"

// collector gives the state of the tables.
type collector Connector

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, append([]string{"keyspace", "table"}, labels...), nil)
}

var (
	events      = desc("events_total", "Events that were received.")
	coveredBy   = desc("covered_total", "Events that were acknowledged, by why that is allowed: publication (a row was read after it and is persisted), digest (an event of another replica), same-row (the row was published as it is), rule (a range delete, which no message can show).", "by")
	rows        = desc("rows_total", "Messages that are persisted on the data topic: row, or delete where the row is not there.", "kind")
	staleReads  = desc("stale_reads_total", "Reads that were repeated, since the row may have been older than its event.")
	staleRows   = desc("stale_rows_total", "Rows that were published although they may be older than their event.")
	queries     = desc("queries_total", "Queries for rows, by result: ok, failed.", "result")
	queried     = desc("queried_rows_total", "Rows that queries asked for.")
	concurrency = desc("query_concurrency", "Queries that may run at the same time.")

	inFlight     = desc("in_flight_events", "Events that are received and not acknowledged.")
	flightBytes  = desc("in_flight_bytes", "Key and value of the events that are not acknowledged.")
	waiting      = desc("waiting_seconds", "Since when no event was acknowledged while some are in flight; 0 without any.")
	progress     = desc("last_progress_timestamp_seconds", "When an event was acknowledged last, in seconds since 1970; 0 before the first event.")
	backlog      = desc("backlog_events", "Events of the subscription that are not acknowledged, as the broker counts them.")
	cacheEntries = desc("cache_entries", "Entries of a cache: digests (mutations that were published), rows (rows as they were published last).", "cache")
	cacheHits    = desc("cache_hits_total", "Look-ups in a cache that found something.", "cache")
	cacheMisses  = desc("cache_misses_total", "Look-ups in a cache that found nothing.", "cache")
	evictions    = desc("cache_evictions_total", "Entries that a full cache dropped.", "cache")
)

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		events, coveredBy, rows, staleReads, staleRows, queries, queried, concurrency,
		inFlight, flightBytes, waiting, progress, backlog, cacheEntries, cacheHits, cacheMisses, evictions,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, t := range (*Connector)(c).Tables() {
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
		counter(queries, s.Queries-s.QueriesFail, "ok")
		counter(queries, s.QueriesFail, "failed")
		counter(queried, s.QueryRows)
		gauge(concurrency, float64(s.Concurrency))
		gauge(inFlight, float64(s.InFlight))
		gauge(waiting, s.Waiting.Seconds())
		last := 0.0
		if !s.LastProgress.IsZero() {
			last = float64(s.LastProgress.UnixMilli()) / 1000
		}
		gauge(progress, last)
		if s.InFlightBytes != nil {
			gauge(flightBytes, float64(*s.InFlightBytes))
		}
		if s.Backlog != nil {
			gauge(backlog, float64(*s.Backlog))
		}
		for name, cache := range map[string]*Cache{"digests": s.Digests, "rows": s.RowCache} {
			if cache != nil {
				gauge(cacheEntries, float64(cache.Entries), name)
				counter(cacheHits, cache.Hits, name)
				counter(cacheMisses, cache.Misses, name)
				counter(evictions, cache.Evictions, name)
			}
		}
	}
}
