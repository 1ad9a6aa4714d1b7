// What the figures say while events come and go, and what they cost.

package metrics_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Every event is told of once more; what is in flight are the others, whatever happens to
// them.
func TestEventsInFlight(t *testing.T) {
	table := metrics.New("1", "go").Table("ks", "t")
	random := rand.New(rand.NewPCG(1, 2))
	e := &pipeline.Event{}
	var received, covered, buried int
	for range 10_000 {
		switch open := received - covered - buried; random.IntN(4) {
		case 0, 1:
			table.Received(e)
			received++
		case 2:
			n := random.IntN(open + 1)
			table.Covered(n, pipeline.Cover(random.IntN(4)))
			covered += n
		case 3:
			if open > 0 {
				table.Buried(e, errors.New("x"))
				buried++
			}
		}
	}
	s := table.State()
	all := 0
	for n := range maps.Values(s.Covered) {
		all += int(n)
	}
	if int(s.Events) != received || s.InFlight != received-covered-buried || all != covered || int(s.DeadLetters) != buried {
		t.Errorf("%+v, want %d received, %d covered, %d buried", s, received, covered, buried)
	}
	table.Starts(metrics.Gauges{})
	if s := table.State(); s.InFlight != 0 || int(s.Events) != received {
		t.Errorf("%+v when another pipeline starts", s)
	}
}

// A table waits while events are in flight and none is acknowledged. An idle one does not.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := metrics.New("1", "go").Table("ks", "t")
		e := &pipeline.Event{}
		want := func(what string, waiting time.Duration) {
			t.Helper()
			if s := table.State(); s.Waiting != waiting {
				t.Errorf("%s: %v, want %v", what, s.Waiting, waiting)
			}
		}
		want("at the start", 0)
		time.Sleep(time.Hour)
		table.Received(e)
		time.Sleep(2 * time.Second)
		table.Received(e)
		want("nothing happens", 2*time.Second)
		table.Covered(1, pipeline.ByPublication)
		time.Sleep(3 * time.Second)
		want("one is left", 3*time.Second)
		table.Buried(e, errors.New("x"))
		time.Sleep(time.Hour)
		want("idle", 0)
	})
}

func TestRatesAndLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1", "go")
		table := m.Table("ks", "t")
		for range 60 {
			for range 100 {
				table.Received(nil)
			}
			for range 40 {
				table.Published(pipeline.Published{WriteTime: time.Now().Add(-30 * time.Millisecond)})
			}
			table.Published(pipeline.Published{Deleted: true}) // of an event that told no time
			time.Sleep(2 * time.Second)
			m.Sample()
		}
		s := table.State()
		if s.EventRate < 49 || s.EventRate > 51 || s.RowRate < 20 || s.RowRate > 21 || s.Latency != 30*time.Millisecond {
			t.Errorf("%.1f events and %.1f rows a second, %v", s.EventRate, s.RowRate, s.Latency)
		}
		table.Published(pipeline.Published{WriteTime: time.Now().Add(time.Hour)}) // a clock that is ahead
		m.Sample()
		m.Sample()
		if s := table.State(); s.Latency != 0 {
			t.Errorf("%v of a write of the future", s.Latency)
		}
	})
}

// fill tells of one of everything.
func fill(m *metrics.Connector) {
	table := m.Table("shop", "customer")
	table.Starts(metrics.Gauges{
		Remembered: func() pipeline.Remembered { return pipeline.Remembered{Keys: 5, Capacity: 10, Evicted: 2} },
		Backlog:    func() (int64, bool) { return 77, true },
	})
	m.Holds(func() (events, bytes int) { return 3, 123 })
	e := &pipeline.Event{}
	for range 9 {
		table.Received(e)
	}
	m.Queried(3, 4*time.Millisecond, nil)
	m.Queried(1, 2*time.Second, errors.New("timed out"))
	m.Waited(2 * time.Millisecond)
	m.Concurrency(16)
	table.Stale(false)
	table.Stale(true)
	table.Failed(&pulsar.SchemaError{}, pipeline.Retry)
	table.Published(pipeline.Published{WriteTime: time.Now().Add(-200 * time.Millisecond), SinceEvent: 90 * time.Millisecond, SincePassed: 7 * time.Millisecond})
	for range 2 {
		table.Published(pipeline.Published{Deleted: true, SinceEvent: time.Second})
	}
	table.Covered(3, pipeline.ByPublication)
	table.Covered(2, pipeline.ByDigest)
	table.Covered(1, pipeline.BySameRow)
	table.Covered(1, pipeline.ByRule)
	table.Buried(e, &readback.KeyError{Err: errors.New("x")})
}

func TestWhatPrometheusSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1.2", "go9")
		fill(m)
		time.Sleep(5 * time.Second)
		want := `
build_info{go_version="go9",version="1.2"} 1
backlog_events{keyspace="shop",table="customer"} 77
covered_total{by="digest",keyspace="shop",table="customer"} 2
covered_total{by="publication",keyspace="shop",table="customer"} 3
covered_total{by="rule",keyspace="shop",table="customer"} 1
covered_total{by="same-row",keyspace="shop",table="customer"} 1
dead_letters_total{keyspace="shop",reason="key",table="customer"} 1
event_to_published_seconds_bucket{keyspace="shop",table="customer",le="0.1"} 1
events_total{keyspace="shop",table="customer"} 9
failures_total{class="retry",keyspace="shop",kind="schema",table="customer"} 1
held_bytes 123
held_events 3
forgotten_keys_total{keyspace="shop",table="customer"} 2
remembered_keys{keyspace="shop",table="customer"} 5
in_flight_events{keyspace="shop",table="customer"} 1
last_progress_timestamp_seconds{keyspace="shop",table="customer"} 9.466848e+08
publish_seconds_bucket{keyspace="shop",table="customer",le="0.01"} 3
queried_rows_total 4
queries_total{result="failed"} 1
queries_total{result="ok"} 1
query_concurrency 16
query_rows_bucket{le="2"} 1
query_rows_bucket{le="4"} 2
query_seconds_bucket{le="0.005"} 1
query_wait_seconds_bucket{le="0.0025"} 1
rows_total{keyspace="shop",kind="delete",table="customer"} 2
rows_total{keyspace="shop",kind="row",table="customer"} 1
stale_reads_total{keyspace="shop",table="customer"} 1
stale_rows_total{keyspace="shop",table="customer"} 1
waiting_seconds{keyspace="shop",table="customer"} 5
write_to_published_seconds_bucket{keyspace="shop",table="customer",le="0.1"} 0
write_to_published_seconds_bucket{keyspace="shop",table="customer",le="0.25"} 1
`
		got := exposition(t, m)
		for line := range strings.SplitSeq(strings.TrimSpace(want), "\n") {
			if !strings.Contains(got, "\ncassandra_cdc_source_"+line+"\n") {
				t.Errorf("missing: %s", line)
			}
		}
		for line := range strings.SplitSeq(got, "\n") {
			name, of := strings.CutPrefix(line, "cassandra_cdc_source_")
			name, _, _ = strings.Cut(name, " ")
			if of && !strings.Contains(want, name) && !strings.Contains(name, "_seconds_") && !strings.Contains(name, "query_rows_") {
				t.Errorf("not expected: %s", line)
			}
		}
	})
}

func exposition(t *testing.T, m *metrics.Connector) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.Registry(), promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// event is what is told of an event in the ordinary run of things.
func event(m *metrics.Connector, table *metrics.Table, e *pipeline.Event, written time.Time) {
	table.Received(e)
	m.Waited(time.Microsecond)
	m.Queried(1, time.Millisecond, nil)
	table.Published(pipeline.Published{WriteTime: written, SinceEvent: time.Millisecond, SincePassed: time.Millisecond})
	table.Covered(1, pipeline.ByPublication)
}

// The way of an event allocates nothing.
func TestAnEventAllocatesNothing(t *testing.T) {
	m := metrics.New("1", "go")
	table, e, written := m.Table("ks", "t"), &pipeline.Event{}, time.Now()
	if n := testing.AllocsPerRun(1000, func() { event(m, table, e, written) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkEvent(b *testing.B) {
	m := metrics.New("1", "go")
	table, e, written := m.Table("ks", "t"), &pipeline.Event{}, time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			event(m, table, e, written)
		}
	})
}
