// What Pulsar is told under the names of DataStax's connector.

package metrics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

// record is what was recorded in a second.
func record(t *testing.T, m *metrics.Connector) (seconds func() map[string][]float64) {
	got := map[string][]float64{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.RecordUser(ctx, func(name string, value float64) { got[name] = append(got[name], value) })
	}()
	t.Cleanup(func() { stop(); <-ended })
	return func() map[string][]float64 {
		time.Sleep(time.Second)
		synctest.Wait()
		was := got
		got = map[string][]float64{}
		return was
	}
}

// Latencies are observations, values are recorded as they are; nothing is while nothing
// happens.
func TestRecordUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1", "go")
		second := record(t, m)
		if got := second(); len(got) != 0 {
			t.Errorf("%v of an idle connector", got)
		}
		fill(m)
		m.Table("shop", "order").Received(nil)
		want := map[string][]float64{
			"cache_hits": {2}, "cache_misses": {6}, "cache_evictions": {2}, "cache_size": {5}, "query_executors": {16},
			"query_latency": {4, 4, 4, 2000, 0, 0}, "replication_latency": {200},
		}
		if diff := cmp.Diff(want, second()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := second(); len(got) != 0 {
			t.Errorf("%v recorded once more", got)
		}
		user := m.User()
		if diff := cmp.Diff(map[string]float64{
			"cache_hits": 2, "cache_misses": 6, "cache_evictions": 2, "cache_size": 5, "query_executors": 16,
			"query_latency_count": 6, "query_latency_sum": 2012, "replication_latency_count": 1, "replication_latency_sum": 200,
		}, user); diff != "" {
			t.Errorf("user metrics of a function (-want +got):\n%s", diff)
		}
	})
}

// However many events there are, Pulsar gets a bounded, fair choice.
func TestRecordUserIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("1", "go")
		table := m.Table("ks", "t")
		second := record(t, m)
		late := 0
		for range 200 {
			for i := range 5000 {
				table.Received(nil)
				latency := time.Millisecond
				if i >= 4000 { // the last fifth is slow
					latency = 2 * time.Millisecond
				}
				table.Published(pipeline.Published{WriteTime: time.Now().Add(-latency)})
			}
			got := second()["replication_latency"]
			if len(got) != 100 {
				t.Fatalf("%d observations in a second", len(got))
			}
			for _, v := range got {
				if v > 1.5 {
					late++
				}
			}
		}
		if late < 3600 || late > 4400 { // 4000 ± 7 standard deviations
			t.Errorf("%d of 20000 observations are slow ones, want about a fifth", late)
		}
	})
}
