// The writer: statements of every kind that makes events, each with a timestamp of its own,
// and the keys that each of them must make an event of.

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

const keyspace = "kill"

// Two tables: one without clustering columns, one with them and a static column.
const (
	single = "single"
	wide   = "wide"
)

var tables = []string{single, wide}

var ddl = []string{
	"CREATE KEYSPACE kill WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
	"CREATE TABLE kill.single (id bigint PRIMARY KEY, n int, note text) WITH cdc = true",
	"CREATE TABLE kill.wide (p bigint, c int, s int static, v text, PRIMARY KEY (p, c)) WITH cdc = true",
}

// Each of the writers has keys of its own, few enough to be written to again and again.
const (
	writers    = 4
	partitions = 300
	rows       = 8
	noteSize   = 3000 // at most: a segment comes to its end every few seconds
)

// clock gives each write a timestamp that no other has, in µs.
type clock struct{ last atomic.Int64 }

func (c *clock) next() int64 {
	for {
		last := c.last.Load()
		if now := max(time.Now().UnixMicro(), last+1); c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

// load is all writers together.
type load struct {
	session *cassandra.Session
	ledger  *ledger
	clock   clock

	statements atomic.Int64
	mu         sync.Mutex
	refused    int // statements that failed
	why        error
}

// run writes until ctx ends, so many statements a second.
func (l *load) run(ctx context.Context, seed uint64, rate int) error {
	g := errgroup.Group{}
	for w := range writers {
		g.Go(func() error {
			pick := rand.New(rand.NewPCG(seed, uint64(w)))
			tick := time.NewTicker(time.Second * writers / time.Duration(rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
				}
				// A statement is seen through to its end, or else nobody knows whether it counts.
				l.write(context.WithoutCancel(ctx), newStatement(pick, int64(w), l.clock.next))
			}
		})
	}
	return g.Wait()
}

func (l *load) write(ctx context.Context, s statement) {
	// The comment keeps the driver from preparing it: each text comes once.
	err := l.session.Exec(ctx, "/* not prepared */ "+s.cql)
	l.statements.Add(1)
	if err == nil {
		l.ledger.note(s.time, s.keys)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused++; l.why == nil {
		l.why = err
	}
}

// statement is one request: its events have the timestamp time.
type statement struct {
	cql  string
	time int64
	keys []rowKey
}

// newStatement draws one. All of its keys are the writer's own.
func newStatement(pick *rand.Rand, writer int64, now func() int64) statement {
	note := func() string { return strings.Repeat(string(rune('a'+pick.IntN(26))), pick.IntN(noteSize)) }
	partition := func() int64 { return writer*partitions + pick.Int64N(partitions) }
	p, q, c, n, t := partition(), partition(), pick.Int32N(rows), pick.Int32(), now()
	one, row, whole := rowKey{table: single, partition: p, whole: true}, rowKey{table: wide, partition: p, clustering: c}, rowKey{table: wide, partition: p, whole: true}
	s := statement{time: t}
	switch pick.IntN(13) {
	case 0, 1:
		s.cql, s.keys = fmt.Sprintf("INSERT INTO kill.single (id, n, note) VALUES (%d, %d, '%s') USING TIMESTAMP %d", p, n, note(), t), []rowKey{one}
	case 2:
		s.cql, s.keys = fmt.Sprintf("UPDATE kill.single USING TIMESTAMP %d SET note = '%s' WHERE id = %d", t, note(), p), []rowKey{one}
	case 3:
		s.cql, s.keys = fmt.Sprintf("DELETE FROM kill.single USING TIMESTAMP %d WHERE id = %d", t, p), []rowKey{one}
	case 4, 5:
		s.cql, s.keys = fmt.Sprintf("INSERT INTO kill.wide (p, c, v) VALUES (%d, %d, '%s') USING TIMESTAMP %d", p, c, note(), t), []rowKey{row}
	case 6:
		s.cql, s.keys = fmt.Sprintf("UPDATE kill.wide USING TIMESTAMP %d SET v = '%s' WHERE p = %d AND c = %d", t, note(), p, c), []rowKey{row}
	case 7:
		s.cql, s.keys = fmt.Sprintf("DELETE FROM kill.wide USING TIMESTAMP %d WHERE p = %d AND c = %d", t, p, c), []rowKey{row}
	case 8:
		s.cql, s.keys = fmt.Sprintf("UPDATE kill.wide USING TIMESTAMP %d SET s = %d WHERE p = %d", t, n, p), []rowKey{whole}
	case 9:
		s.cql, s.keys = fmt.Sprintf("DELETE FROM kill.wide USING TIMESTAMP %d WHERE p = %d", t, p), []rowKey{whole}
	case 10: // a row and the static column
		s.cql, s.keys = fmt.Sprintf("INSERT INTO kill.wide (p, c, s, v) VALUES (%d, %d, %d, '%s') USING TIMESTAMP %d", p, c, n, note(), t), []rowKey{row, whole}
	case 11: // a partition that is deleted and written to again
		s.time = now()
		s.cql = fmt.Sprintf("BEGIN UNLOGGED BATCH DELETE FROM kill.wide USING TIMESTAMP %d WHERE p = %d; "+
			"INSERT INTO kill.wide (p, c, v) VALUES (%d, %d, '%s') USING TIMESTAMP %d; APPLY BATCH", t, p, p, c, note(), s.time)
		s.keys = []rowKey{whole, row}
	case 12: // several partitions of both tables
		s.cql = fmt.Sprintf("BEGIN BATCH USING TIMESTAMP %d INSERT INTO kill.single (id, n) VALUES (%d, %d); "+
			"INSERT INTO kill.wide (p, c, v) VALUES (%d, %d, '%s'); UPDATE kill.wide SET v = 'x' WHERE p = %d AND c = %d; APPLY BATCH", t, p, n, p, c, note(), q, c)
		s.keys = []rowKey{one, row, {table: wide, partition: q, clustering: c}}
	}
	return s
}
