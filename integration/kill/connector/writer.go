// The writer: statements of every kind that makes events, each sent again until the node
// has taken it, and the keys that each of them touches.

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

// ddl makes the keyspace and the tables, all of one form. seq is the timestamp of the
// write that set it: of two states of a row, the one with the higher seq is the newer one.
// The static column is its own seq.
func ddl(tables []string) []string {
	all := []string{"CREATE KEYSPACE kill WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"}
	for _, table := range tables {
		all = append(all, "CREATE TABLE kill."+table+" (p bigint, c int, s bigint static, seq bigint, n int, v text, PRIMARY KEY (p, c)) WITH cdc = true")
	}
	return all
}

// Each writer has keys of its own: its statements are the only ones for them, one after
// the other.
const (
	writers    = 8
	partitions = 500 // of a writer
	hot        = 3   // of them, which get every third statement
	rows       = 6   // of a partition
	longest    = 400 // of a text, in bytes
)

// rowKey is a message key: of a row, or of a partition with its static column.
type rowKey struct {
	table      string
	partition  int64
	clustering int32
	whole      bool // no clustering column
}

func (k rowKey) String() string {
	if k.whole {
		return fmt.Sprintf("%s p=%d", k.table, k.partition)
	}
	return fmt.Sprintf("%s p=%d c=%d", k.table, k.partition, k.clustering)
}

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
	tables  []string
	clock   clock

	statements, repeated atomic.Int64

	mu   sync.Mutex
	keys map[rowKey]struct{} // that the node has taken a write for
}

// run writes until ctx ends, so many statements a second.
func (l *load) run(ctx context.Context, seed uint64, rate int) error {
	var g errgroup.Group
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
				if err := l.write(context.WithoutCancel(ctx), newStatement(pick, l.tables, int64(w), l.clock.next)); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// patience bounds the attempts with one statement: longer than the node ever is away.
const patience = 5 * time.Minute

// write sends a statement until the node has taken it. To send one again does no harm:
// it has its timestamp.
func (l *load) write(ctx context.Context, s statement) error {
	for began := time.Now(); ; l.repeated.Add(1) {
		// The comment keeps the driver from preparing it: each text comes once.
		err := l.session.Exec(ctx, "/* not prepared */ "+s.cql)
		if err == nil {
			break
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%s: %w", s.cql, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	l.statements.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range s.keys {
		l.keys[k] = struct{}{}
	}
	return nil
}

// statement is one request and the keys that it makes events of.
type statement struct {
	cql  string
	keys []rowKey
}

// newStatement draws one.
func newStatement(pick *rand.Rand, tables []string, writer int64, now func() int64) statement {
	table := tables[pick.IntN(len(tables))]
	p := writer * partitions
	if pick.IntN(3) == 0 {
		p += pick.Int64N(hot)
	} else {
		p += hot + pick.Int64N(partitions-hot)
	}
	c, n, t := pick.Int32N(rows), pick.Int32(), now()
	v := strings.Repeat(string(rune('a'+pick.IntN(26))), pick.IntN(longest))
	row, whole := rowKey{table, p, c, false}, rowKey{table, p, 0, true}
	where := fmt.Sprintf("WHERE p = %d AND c = %d", p, c)
	insert := func(t int64) string {
		return fmt.Sprintf("INSERT INTO kill.%s (p, c, seq, n, v) VALUES (%d, %d, %d, %d, '%s') USING TIMESTAMP %d", table, p, c, t, n, v, t)
	}
	switch pick.IntN(12) {
	default:
		return statement{insert(t), []rowKey{row}}
	case 4, 5:
		return statement{fmt.Sprintf("UPDATE kill.%s USING TIMESTAMP %d SET seq = %d, v = '%s' %s", table, t, t, v, where), []rowKey{row}}
	case 6:
		return statement{fmt.Sprintf("UPDATE kill.%s USING TIMESTAMP %d SET seq = %d, n = null %s", table, t, t, where), []rowKey{row}}
	case 7:
		return statement{fmt.Sprintf("DELETE v FROM kill.%s USING TIMESTAMP %d %s", table, t, where), []rowKey{row}}
	case 8:
		return statement{fmt.Sprintf("DELETE FROM kill.%s USING TIMESTAMP %d %s", table, t, where), []rowKey{row}}
	case 9:
		return statement{fmt.Sprintf("UPDATE kill.%s USING TIMESTAMP %d SET s = %d WHERE p = %d", table, t, t, p), []rowKey{whole}}
	case 10:
		if pick.IntN(4) == 0 {
			return statement{fmt.Sprintf("DELETE s FROM kill.%s USING TIMESTAMP %d WHERE p = %d", table, t, p), []rowKey{whole}}
		}
		return statement{fmt.Sprintf("INSERT INTO kill.%s (p, c, s, seq, v) VALUES (%d, %d, %d, %d, '%s') USING TIMESTAMP %d", table, p, c, t, t, v, t), []rowKey{row, whole}}
	case 11: // a row that is deleted and comes again
		return statement{fmt.Sprintf("BEGIN UNLOGGED BATCH DELETE FROM kill.%s USING TIMESTAMP %d %s; %s; APPLY BATCH", table, t, where, insert(now())), []rowKey{row}}
	}
}
