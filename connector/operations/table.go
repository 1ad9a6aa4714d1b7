// One table: what its pipeline tells, judged.

package operations

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

const (
	// lastingAfter is how long failures have to go on before they are a condition: one that
	// the next attempt mends is none.
	lastingAfter = 2 * time.Second
	// aLittleMore than the longest pause between two attempts is how long no failure may come
	// before the condition ends: rows that go through say nothing of one that waits.
	aLittleMore = time.Second
	// silentAfter is how long nothing may be acknowledged, nor fail, while events are in
	// flight, beside the longest pause: a broker that is away refuses nothing.
	silentAfter = 30 * time.Second
	// Rows that may be older than their event are a condition when, within staleWindow,
	// there are that many of them, and that share of all rows.
	staleWindow  = 5 * time.Minute
	staleLeast   = 10
	stalePercent = 1
)

// TableConfig is what status tells of a table beside what is counted.
type TableConfig struct {
	Keyspace, Table  string
	EventsTopic      string
	Subscription     string
	SubscriptionType pulsar.SubscriptionType
	DataTopic        string
	DeadLetterTopic  string
	Format           string
	Schema           func() string // version of the schema of rows that are published now; nil where it is not known
	Gauges           metrics.Gauges
}

// Table is the observer of a pipeline.
type Table struct {
	*metrics.Table
	cfg     TableConfig
	board   *health.Board
	subject string
	quiet   time.Duration

	mu       sync.Mutex
	troubles map[*health.Condition]*trouble
	silent   bool
	ended    bool

	window       time.Time // when it began
	windowStale  uint64    // rows that were stale, and all, at its begin
	windowOfRows uint64
}

// trouble is a failure that repeats.
type trouble struct {
	since, last time.Time
	reads, rows uint64 // that had succeeded when it came last
}

// Table says that a pipeline of the table begins to run, and returns its observer.
func (o *Operations) Table(cfg TableConfig) *Table {
	t := &Table{
		Table: o.metrics.Table(cfg.Keyspace, cfg.Table), cfg: cfg, board: o.board, subject: cfg.Keyspace + "." + cfg.Table, quiet: o.set.LongestRetry + aLittleMore,
		troubles: map[*health.Condition]*trouble{}, window: time.Now(),
	}
	t.Starts(cfg.Gauges)
	if cfg.SubscriptionType == pulsar.Shared {
		o.board.Set(health.SharedSubscription, t.subject, "subscription "+cfg.Subscription)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tables = append(o.tables, t)
	return t
}

// End says that the pipeline of a table runs no longer. Its conditions end, but for dead
// letters; its counts stay.
func (o *Operations) End(t *Table) {
	o.mu.Lock()
	o.tables = slices.DeleteFunc(o.tables, func(other *Table) bool { return other == t })
	o.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.board.ClearAll(append([]*health.Condition{health.StaleRows, health.SharedSubscription}, troubles...), t.subject)
	t.board.Clear(health.RegistryUnreachable, t.cfg.EventsTopic)
}

// Failed counts a failure, which is a condition when it lasts.
func (t *Table) Failed(err error, class pipeline.Class) {
	t.Table.Failed(err, class)
	if class == pipeline.Impossible {
		return // a dead letter soon
	}
	c, now := conditionOf(err, health.RowNotPublished), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.troubles[c]
	if known == nil {
		known = &trouble{since: now}
		t.troubles[c] = known
	}
	known.last = now
	known.reads, known.rows = t.Succeeded()
	if t.ended {
		return
	}
	if class == pipeline.Fatal || now.Sub(known.since) >= lastingAfter {
		t.board.SetError(c, t.subject, err)
	}
}

// Registry says whether Pulsar's web service tells how events were written; nil is yes.
func (t *Table) Registry(err error) {
	if err != nil {
		t.board.SetError(health.RegistryUnreachable, t.cfg.EventsTopic, err)
	} else {
		t.board.Clear(health.RegistryUnreachable, t.cfg.EventsTopic)
	}
}

// look judges what nobody tells.
func (t *Table) look(now time.Time) {
	s := t.State()
	reads, rows := t.Succeeded()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	maps.DeleteFunc(t.troubles, func(c *health.Condition, known *trouble) bool {
		mended := rows > known.rows
		switch c {
		case health.NodeUnreachable, health.NodeCredentialsRefused, health.ReadsFail, health.TableNotPublished:
			mended = reads > known.reads
		}
		over := s.InFlight == 0 || mended && now.Sub(known.last) >= t.quiet
		if over {
			t.board.Clear(c, t.subject)
		}
		return over
	})
	t.judgeSilence(s, now)
	t.judgeStaleness(s, now)
	if s.DeadLetters > 0 {
		t.board.Set(health.DeadLetters, t.subject, fmt.Sprintf("%d since the start, in %s", s.DeadLetters, t.cfg.DeadLetterTopic))
	}
}

func (t *Table) judgeSilence(s metrics.State, now time.Time) {
	failing := false
	for _, known := range t.troubles {
		failing = failing || now.Sub(known.last) < silentAfter+t.quiet
	}
	was := t.silent
	if t.silent = s.Waiting >= silentAfter && !failing; t.silent {
		t.board.Set(health.BrokerUnreachable, t.subject, fmt.Sprintf("nothing was acknowledged for %s while %d events are in flight", s.Waiting.Round(time.Second), s.InFlight))
	} else if was && t.troubles[health.BrokerUnreachable] == nil {
		t.board.Clear(health.BrokerUnreachable, t.subject)
	}
}

func (t *Table) judgeStaleness(s metrics.State, now time.Time) {
	stale, rows := s.StaleRows-t.windowStale, s.Rows+s.Deletes-t.windowOfRows
	many := stale >= staleLeast && 100*stale >= stalePercent*rows
	if many {
		t.board.Set(health.StaleRows, t.subject, fmt.Sprintf("%d of %d rows of the last minutes", stale, rows))
	}
	if now.Sub(t.window) >= staleWindow {
		if !many {
			t.board.Clear(health.StaleRows, t.subject)
		}
		t.window, t.windowStale, t.windowOfRows = now, s.StaleRows, s.Rows+s.Deletes
	}
}

func (t *Table) report() status.Table {
	r := status.Table{
		Keyspace: t.cfg.Keyspace, Table: t.cfg.Table, EventsTopic: t.cfg.EventsTopic, Subscription: t.cfg.Subscription,
		SubscriptionType: string(t.cfg.SubscriptionType), DataTopic: t.cfg.DataTopic, Format: t.cfg.Format,
	}
	if t.cfg.Schema != nil {
		r.SchemaVersion = t.cfg.Schema()
	}
	r.Fill(t.State())
	return r
}
