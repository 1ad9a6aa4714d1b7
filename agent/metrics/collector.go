// What is computed when Prometheus asks.

package metrics

import "github.com/prometheus/client_golang/prometheus"

// collector gives the state of tables and log.
type collector Agent

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cassandra_cdc_"+name, help, labels, nil)
}

var (
	events      = desc("events_total", "Events that the broker has acknowledged.", "keyspace", "table")
	eventBytes  = desc("event_bytes_total", "Key and value of the events that the broker has acknowledged.", "keyspace", "table")
	lagSeconds  = desc("lag_seconds", "Age of the oldest event that is not acknowledged, counted from its write; 0 when there is none.", "keyspace", "table")
	inFlight    = desc("in_flight_events", "Events that wait for their acknowledgement.", "keyspace", "table")
	flightBytes = desc("in_flight_bytes", "Key and value of the events that wait for their acknowledgement.", "keyspace", "table")

	lagBytes      = desc("lag_bytes", "Bytes of the commit log in cdc_raw that are not read, or read and not acknowledged.")
	segments      = desc("segments", "Segments that are followed: in cdc_raw, and not finished.")
	oldestSegment = desc("oldest_segment_id", "Id of the oldest segment that is followed; 0 without one.")
	oldestAge     = desc("oldest_segment_age_seconds", "How long ago the oldest segment that is followed was begun.")
	rawBytes      = desc("raw_bytes", "Size of all files in cdc_raw, as Cassandra counts them.")
	rawLimit      = desc("raw_limit_bytes", "Size of cdc_raw at which Cassandra refuses writes to tables with CDC; 0 when not known.")
	quarantine    = desc("quarantine_files", "Parts of the commit log that lie in quarantine.")
	checkpointAge = desc("checkpoint_age_seconds", "Since the checkpoint was last written or found to be up to date; 0 when there is nothing to store.")
)

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		events, eventBytes, lagSeconds, inFlight, flightBytes,
		lagBytes, segments, oldestSegment, oldestAge, rawBytes, rawLimit, quarantine, checkpointAge,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	a := (*Agent)(c)
	for _, t := range a.Tables() {
		s := t.State()
		keyspace, table := t.Name()
		counter := func(d *prometheus.Desc, v uint64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), keyspace, table)
		}
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, keyspace, table)
		}
		counter(events, s.Events)
		counter(eventBytes, s.Bytes)
		gauge(lagSeconds, s.Lag.Seconds())
		gauge(inFlight, float64(s.InFlight))
		gauge(flightBytes, float64(s.InFlightBytes))
	}
	l := a.Log()
	for d, v := range map[*prometheus.Desc]float64{
		lagBytes: float64(l.UnreadBytes + l.UnackedBytes), segments: float64(l.Segments),
		oldestSegment: float64(l.OldestSegment), oldestAge: l.OldestAge.Seconds(),
		rawBytes: float64(l.RawBytes), rawLimit: float64(l.RawLimit),
		quarantine: float64(l.Quarantine), checkpointAge: l.CheckpointAge.Seconds(),
	} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
}
