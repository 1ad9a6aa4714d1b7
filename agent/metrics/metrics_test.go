// What the figures say while events come and go, and what they cost.

package metrics_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
)

// An event that nobody acknowledges makes the lag grow; an idle table has none, however
// long ago its last write was.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := metrics.New("1", "go").Table("ks", "t")
		want := func(what string, lag time.Duration, events int) {
			t.Helper()
			if s := table.State(); s.Lag != lag || s.InFlight != events {
				t.Errorf("%s: lag %v with %d in flight, want %v with %d", what, s.Lag, s.InFlight, lag, events)
			}
		}
		want("at the start", 0, 0)
		written := time.Now().UnixNano()
		time.Sleep(2 * time.Second)
		first := table.Ready(written, 10)
		want("read late", 2*time.Second, 1)
		time.Sleep(time.Second)
		second := table.Ready(time.Now().UnixNano(), 10)
		third := table.Ready(time.Now().UnixNano()+int64(time.Hour), 10) // a write time of the future
		time.Sleep(time.Second)
		want("unacknowledged", 4*time.Second, 3)
		table.Acknowledged(second) // another partition is quicker
		want("the oldest is still out", 4*time.Second, 2)
		table.Acknowledged(first)
		want("one from the future is left", time.Second, 1)
		table.Withdrawn(third)
		want("all gone", 0, 0)
		time.Sleep(time.Hour)
		want("idle", 0, 0)
		if s := table.State(); s.Events != 2 || s.Bytes != 20 || s.InFlightBytes != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Acknowledgements in any order, with many in flight: the account stays right.
func TestAcknowledgementsInAnyOrder(t *testing.T) {
	table := metrics.New("1", "go").Table("ks", "t")
	random := rand.New(rand.NewPCG(1, 2))
	var open []uint64
	var acknowledged uint64
	for range 100_000 {
		if len(open) < 500 && random.IntN(2) == 0 {
			open = append(open, table.Ready(0, 3))
			continue
		}
		if len(open) == 0 {
			continue
		}
		i := random.IntN(len(open))
		table.Acknowledged(open[i])
		acknowledged++
		open[i] = open[len(open)-1]
		open = open[:len(open)-1]
	}
	s := table.State()
	if s.InFlight != len(open) || s.InFlightBytes != int64(3*len(open)) || s.Events != acknowledged {
		t.Errorf("%+v, want %d in flight and %d acknowledged", s, len(open), acknowledged)
	}
	for _, n := range open {
		table.Acknowledged(n)
	}
	if s := table.State(); s.InFlight != 0 || s.Lag != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFlightOfAllTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1", "go")
		a, b := m.Table("ks", "a"), m.Table("ks", "b")
		if f := m.Flight(); f != (metrics.Flight{}) {
			t.Errorf("%+v", f)
		}
		n := a.Ready(0, 1)
		a.Acknowledged(n)
		acked := time.Now()
		time.Sleep(time.Second)
		b.Ready(0, 5)
		oldest := time.Now()
		time.Sleep(time.Second)
		a.Ready(0, 7)
		if f := m.Flight(); f.Events != 2 || f.Bytes != 12 || !f.Oldest.Equal(oldest) || !f.LastAck.Equal(acked) {
			t.Errorf("%+v, want the oldest of %v and the last acknowledgement of %v", f, oldest, acked)
		}
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1", "go")
		table := m.Table("ks", "t")
		step := func(steps, perSecond int) {
			for range steps {
				for range 2 * perSecond {
					table.Acknowledged(table.Ready(0, 1))
				}
				time.Sleep(2 * time.Second)
				m.Sample()
			}
		}
		step(60, 50)
		if r := table.State().Rate; r < 49 || r > 51 {
			t.Errorf("rate %.1f after two minutes of 50 a second", r)
		}
		step(10, 0)
		if r := table.State().Rate; r > 20 || r == 0 {
			t.Errorf("rate %.1f after twenty seconds of nothing", r)
		}
		step(200, 0)
		if r := table.State().Rate; r != 0 {
			t.Errorf("rate %g after minutes of nothing", r)
		}
	})
}

func TestWhatPrometheusSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1.2", "go9")
		table := m.Table("shop", "customer")
		n := table.Ready(time.Now().Add(-3*time.Second).UnixNano(), 40)
		table.Failed("schema", "refused")
		time.Sleep(200 * time.Millisecond)
		table.Acknowledged(n)
		table.Ready(time.Now().UnixNano(), 7)
		time.Sleep(time.Second)
		m.Skipped("range-delete", 3)
		m.Quarantined(true)
		m.Quarantined(false)
		m.Quarantined(false)
		m.SetLog(metrics.Log{Segments: 5, Waiting: 3, Done: 2})
		m.SetLog(metrics.Log{
			Segments: 2, Waiting: 1, Done: 1, OldestSegment: 1700000000000, OldestAge: time.Minute, UnreadBytes: 100, UnackedBytes: 20,
			RawBytes: 64, RawLimit: 128, Quarantine: 3, CheckpointAge: 2 * time.Second, Finished: 9,
		})
		want := `
cassandra_cdc_build_info{go_version="go9",version="1.2"} 1
cassandra_cdc_raw_bytes 64
cassandra_cdc_raw_limit_bytes 128
cassandra_cdc_checkpoint_age_seconds 2
cassandra_cdc_errors_total{keyspace="shop",reason="schema",table="customer"} 1
cassandra_cdc_event_bytes_total{keyspace="shop",table="customer"} 40
cassandra_cdc_events_total{keyspace="shop",table="customer"} 1
cassandra_cdc_in_flight_bytes{keyspace="shop",table="customer"} 7
cassandra_cdc_in_flight_events{keyspace="shop",table="customer"} 1
cassandra_cdc_lag_bytes 120
cassandra_cdc_lag_seconds{keyspace="shop",table="customer"} 1
cassandra_cdc_oldest_segment_age_seconds 60
cassandra_cdc_oldest_segment_id 1.7e+12
cassandra_cdc_publish_seconds_bucket{le="0.1"} 0
cassandra_cdc_publish_seconds_bucket{le="0.25"} 1
cassandra_cdc_quarantine_files 3
cassandra_cdc_quarantined_total{kind="damage"} 1
cassandra_cdc_quarantined_total{kind="entry"} 2
cassandra_cdc_segments 2
cassandra_cdc_skipped_total{reason="range-delete"} 3
cassandra_cdc_write_to_ack_seconds_bucket{le="2.5"} 0
cassandra_cdc_write_to_ack_seconds_bucket{le="5"} 1
cassandra_cdcagent_commitlogreaderrors 1
cassandra_cdcagent_executedtasks 9
cassandra_cdcagent_maxpendingtasks 3
cassandra_cdcagent_maxsubmittedtasks 5
cassandra_cdcagent_maxuncleanedtasks 2
cassandra_cdcagent_pendingtasks 1
cassandra_cdcagent_senterrors 1
cassandra_cdcagent_sentmutations 1
cassandra_cdcagent_skippedmutations 5
cassandra_cdcagent_submittedtasks 2
cassandra_cdcagent_uncleanedtasks 1
`
		got := exposition(t, m)
		for line := range strings.SplitSeq(strings.TrimSpace(want), "\n") {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("missing: %s", line)
			}
		}
		for line := range strings.SplitSeq(got, "\n") {
			name, _, _ := strings.Cut(line, " ")
			if strings.HasPrefix(name, "cassandra_") && !strings.Contains(want, name) && !strings.Contains(name, "_seconds_") {
				t.Errorf("not expected: %s", line)
			}
		}
		if !strings.Contains(got, "# TYPE cassandra_cdcagent_sentmutations untyped\n") {
			t.Error("the JMX exporter gives no type")
		}
	})
}

func exposition(t *testing.T, m *metrics.Agent) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.Registry(), promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// The way of an event allocates nothing.
func TestAnEventAllocatesNothing(t *testing.T) {
	table := metrics.New("1", "go").Table("ks", "t")
	if n := testing.AllocsPerRun(1000, func() { table.Acknowledged(table.Ready(0, 10)) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkEvent(b *testing.B) {
	table := metrics.New("1", "go").Table("ks", "t")
	b.ReportAllocs()
	var open [1000]uint64
	for i := range b.N {
		if i >= len(open) {
			table.Acknowledged(open[i%len(open)])
		}
		open[i%len(open)] = table.Ready(int64(i), 100)
	}
}
