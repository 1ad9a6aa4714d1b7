// The metrics of DataStax's connector, under its names, for Pulsar: as user metrics of a
// source, which Pulsar shows as pulsar_source_user_metric_{metric="…"}, or of a function.

package metrics

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
)

// Names of user metrics. Latencies are in milliseconds. Those of the cache count since the
// start: a hit is an event whose digest was known, a miss any other that is acknowledged.
const (
	CacheHits          = "cache_hits"
	CacheMisses        = "cache_misses"
	CacheEvictions     = "cache_evictions"
	CacheSize          = "cache_size"
	QueryLatency       = "query_latency" // of each row that an event asks for; 0 where its digest was known
	QueryExecutors     = "query_executors"
	ReplicationLatency = "replication_latency" // from the write to the publication
)

const (
	recordEvery = time.Second
	// recordMost is how many observations of a latency Pulsar is given at a time. Its
	// summaries tell quantiles, so that real observations count and not their mean.
	recordMost = 100
)

// latency collects observations: their sum, and a fair choice of those since the last look.
type latency struct {
	mu     sync.Mutex
	count  uint64        // since the start
	sum    time.Duration // since the start
	seen   int           // since the last look
	chosen [recordMost]time.Duration
}

// observe counts d as often as times says.
func (l *latency) observe(d time.Duration, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count += uint64(times)
	l.sum += time.Duration(times) * d
	for range times {
		at := l.seen
		l.seen++
		if at >= recordMost { // each of those seen is chosen with the same chance
			at = rand.IntN(l.seen)
		}
		if at < recordMost {
			l.chosen[at] = d
		}
	}
}

// take gives the chosen observations and begins anew.
func (l *latency) take(into []time.Duration) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	into = append(into, l.chosen[:min(l.seen, recordMost)]...)
	l.seen = 0
	return into
}

func (l *latency) total() (count uint64, sum time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count, l.sum
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// present are the user metrics that have a value at any time, of all tables together.
func (c *Connector) present() map[string]float64 {
	now := map[string]float64{CacheHits: 0, CacheMisses: 0, CacheEvictions: 0, CacheSize: 0, QueryExecutors: float64(c.concurrency.Load())}
	for _, t := range c.Tables() {
		s := t.State()
		hits := s.Covered[covers[pipeline.ByDigest]]
		now[CacheHits] += float64(hits)
		now[CacheMisses] += float64(s.Events - hits - min(s.Events-hits, uint64(s.InFlight)))
		if s.Remembered != nil {
			now[CacheEvictions] += float64(s.Remembered.Evicted)
			now[CacheSize] += float64(s.Remembered.Keys)
		}
	}
	return now
}

// User are the user metrics of a function: those that have a value at any time under their
// names, and of the latencies the sum and the count since the start, as query_latency_sum
// and query_latency_count.
func (c *Connector) User() map[string]float64 {
	all := c.present()
	for name, l := range map[string]*latency{QueryLatency: &c.queryLatency, ReplicationLatency: &c.replicationLatency} {
		count, sum := l.total()
		all[name+"_count"], all[name+"_sum"] = float64(count), milliseconds(sum)
	}
	return all
}

// RecordUser gives record the user metrics of a source each second until ctx ends: values
// as they are, while events come in, and at most a hundred observations of each latency,
// chosen at random.
func (c *Connector) RecordUser(ctx context.Context, record func(name string, value float64)) {
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	var some []time.Duration
	var before uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, l := range []struct {
			name string
			of   *latency
		}{{QueryLatency, &c.queryLatency}, {ReplicationLatency, &c.replicationLatency}} {
			some = l.of.take(some[:0])
			for _, d := range some {
				record(l.name, milliseconds(d))
			}
		}
		received := uint64(0)
		for _, t := range c.Tables() {
			received += t.events.Load()
		}
		if received == before {
			continue
		}
		before = received
		for name, value := range c.present() {
			record(name, value)
		}
	}
}
