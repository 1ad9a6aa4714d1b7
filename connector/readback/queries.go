// The queries for rows: how many run at the same time, and which reads share one.

package readback

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

const (
	// While so many queries of a shape are under way, reads of it wait for one of them, or
	// until there are enough for a full group, but not longer than the patience. A few
	// queries for many rows cost less than many for a few.
	enough   = 2
	patience = 10 * time.Millisecond
)

// errSchemaChanged says that the cluster's schema is another one than a read took it for.
var errSchemaChanged = errors.New("the schema of the cluster has changed")

// queries runs reads. A lone read goes out at once. Reads that have to wait come together
// in groups of one shape: each group is a query.
type queries struct {
	run       func(context.Context, cassandra.Query) (cassandra.Answer, error)
	check     func(ctx context.Context, hostID string) (cassandra.Node, error)
	speculate time.Duration
	groupSize int
	observer  Observer
	refused   func(*statement, error) // told once of a statement for groups that the cluster does not take

	mu      sync.Mutex
	limit   limit
	running int              // workers: each runs one query
	line    []*group         // waiting, the oldest first
	open    map[shape]*group // of those, the ones that take more reads
	asked   map[shape]int    // queries under way
}

// shape is what reads that share a query have in common.
type shape struct {
	node      string // host id
	statement *statement
	level     cassandra.Consistency
	schema    string // version of the schema that the node has to have; "" for any
	fixed     string // values of the key columns that are the same for all
}

// group is reads of one shape.
type group struct {
	shape
	reads []*read
	due   bool // it waits for no more reads
}

// read waits for one row.
type read struct {
	ctx    context.Context
	key    [][]byte // raw values of the statement's key columns
	since  time.Time
	done   chan struct{}
	result result
	err    error
}

// result is a row, nil when there is none, and who gave it.
type result struct {
	values      [][]byte // raw, in the order of the statement's list
	coordinator string   // host id
}

func newQueries(run func(context.Context, cassandra.Query) (cassandra.Answer, error), check func(context.Context, string) (cassandra.Node, error), o Options) *queries {
	o.Observer.Concurrency(o.MaxQueries)
	return &queries{
		run: run, check: check, speculate: o.Speculate, groupSize: o.GroupSize, observer: o.Observer,
		refused: func(s *statement, err error) {
			o.Log.Warn("the cluster refuses a query for several rows; they are read one by one", "statement", s.together, "error", err)
		},
		limit: newLimit(o.MaxQueries, o.SlowQuery), open: map[shape]*group{}, asked: map[shape]int{},
	}
}

// read reads the row with that key.
func (q *queries) read(ctx context.Context, of shape, key [][]byte) (result, error) {
	r := &read{ctx: ctx, key: key, since: time.Now(), done: make(chan struct{})}
	q.mu.Lock()
	if of.statement.groups(key) {
		of.fixed = string(appendList(nil, key[:of.statement.fixed]))
		q.join(of, r)
	} else {
		q.line = append(q.line, &group{of, []*read{r}, true})
	}
	q.hire()
	q.mu.Unlock()
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		return result{}, ctx.Err()
	}
}

// join puts a read into the group of its shape. q.mu is held.
func (q *queries) join(of shape, r *read) {
	g := q.open[of]
	if g == nil {
		g = &group{shape: of}
		q.open[of] = g
		q.line = append(q.line, g)
		if !q.ready(g) {
			time.AfterFunc(patience, func() { q.hurry(g) })
		}
	}
	if g.reads = append(g.reads, r); len(g.reads) == q.groupSize {
		delete(q.open, of)
		g.due = true
	}
}

// hurry lets a group go that has waited long enough.
func (q *queries) hurry(g *group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g.due = true
	q.hire()
}

// ready says whether a group that waits may go. q.mu is held.
func (q *queries) ready(g *group) bool { return g.due || q.asked[g.shape] < enough }

// hire sets one more worker to work, where there is work and there may be one. q.mu is
// held.
func (q *queries) hire() {
	if q.running < q.limit.now && slices.ContainsFunc(q.line, q.ready) {
		q.running++
		go q.work()
	}
}

// work runs queries while some wait and so many may run.
func (q *queries) work() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.running <= q.limit.now {
		next := slices.IndexFunc(q.line, q.ready)
		if next < 0 {
			break
		}
		g := q.line[next]
		q.line = slices.Delete(q.line, next, next+1)
		if q.open[g.shape] == g {
			delete(q.open, g.shape)
		}
		q.asked[g.shape]++
		q.mu.Unlock()
		q.ask(g)
		q.mu.Lock()
		if q.asked[g.shape]--; q.asked[g.shape] == 0 {
			delete(q.asked, g.shape)
		}
	}
	q.running--
}

// ask runs a group's query and answers its reads. Those of a query that failed are asked
// for once more, each alone, where another outcome is possible: one row that cannot be
// read is no reason for the others to fail.
func (q *queries) ask(g *group) {
	began := time.Now()
	wanted := g.reads[:0]
	for _, r := range g.reads {
		if r.ctx.Err() == nil { // or nobody waits for it any more
			wanted = append(wanted, r)
			q.observer.Waited(began.Sub(r.since))
		}
	}
	if g.reads = wanted; len(g.reads) == 0 {
		return
	}
	query := cassandra.Query{HostID: g.node, Level: g.level, Speculate: q.speculate}
	query.Statement, query.Values = g.statement.cql, g.reads[0].key
	if len(g.reads) > 1 {
		query.Statement, query.Values = g.statement.together, g.values()
	}
	// It serves others than the first too; the driver's timeout bounds it.
	ctx := context.WithoutCancel(g.reads[0].ctx)
	checked := make(chan error, 1)
	go func() { checked <- q.checkSchema(ctx, g.shape) }()
	found, err := q.run(ctx, query)
	ended := time.Now()
	q.observer.Queried(len(g.reads), ended.Sub(began), err)
	if changed := <-checked; changed != nil { // which may well be why the query failed
		g.answer(cassandra.Answer{}, changed)
		return
	}

	q.mu.Lock()
	if q.limit.done(began, ended, cassandra.Overloaded(err)) {
		q.observer.Concurrency(q.limit.now)
		q.hire()
	}
	split := len(g.reads) > 1 && (cassandra.Invalid(err) || cassandra.Unavailable(err) || cassandra.Timeout(err) || cassandra.Failed(err))
	if split {
		for _, r := range g.reads {
			q.line = append(q.line, &group{g.shape, []*read{r}, true})
		}
	}
	q.mu.Unlock()
	if split {
		if cassandra.Invalid(err) && g.statement.refused.CompareAndSwap(false, true) {
			q.refused(g.statement, err)
		}
		return
	}
	g.answer(found, err)
}

// checkSchema fails where the node has another schema than its reads took it for.
func (q *queries) checkSchema(ctx context.Context, of shape) error {
	if of.schema == "" {
		return nil
	}
	node, err := q.check(ctx, of.node)
	if err == nil && node.SchemaVersion != of.schema {
		err = errSchemaChanged
	}
	return err
}

// values are those of the markers in the statement for several rows.
func (g *group) values() [][]byte {
	s := g.statement
	values := append([][]byte{}, g.reads[0].key[:s.fixed]...)
	list := binary.BigEndian.AppendUint32(nil, uint32(len(g.reads)))
	for _, r := range g.reads {
		varying := r.key[s.fixed:]
		if len(varying) == 1 {
			list = appendValue(list, varying[0])
			continue
		}
		start := len(list)
		list = append(list, 0, 0, 0, 0)
		list = appendList(list, varying) // a tuple
		binary.BigEndian.PutUint32(list[start:], uint32(len(list)-start-4))
	}
	return append(values, list)
}

// answer gives each read its row. The rows of several reads have their keys behind them.
func (g *group) answer(found cassandra.Answer, err error) {
	for _, r := range g.reads {
		r.result.coordinator, r.err = found.Coordinator, err
	}
	if len(g.reads) == 1 {
		if len(found.Rows) > 0 {
			g.reads[0].result.values = found.Rows[0]
		}
	} else {
		for _, row := range found.Rows {
			list := len(row) - (len(g.reads[0].key) - g.statement.fixed)
			for _, r := range g.reads {
				if sameValues(row[list:], r.key[g.statement.fixed:]) {
					r.result.values = row[:list]
				}
			}
		}
	}
	for _, r := range g.reads {
		close(r.done)
	}
}

func sameValues(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// appendList appends values as CQL writes them into lists and tuples: each behind its
// length.
func appendList(dst []byte, values [][]byte) []byte {
	for _, v := range values {
		dst = appendValue(dst, v)
	}
	return dst
}

func appendValue(dst, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(v))), v...)
}
