// Rows that are read at the same time from real nodes, and so together.

package readback_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// counter counts queries and the rows that they ask for.
type counter struct {
	mu                   sync.Mutex
	queries, rows, fails int
}

func (c *counter) Queried(rows int, _ time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queries++
	c.rows += rows
	if err != nil {
		c.fails++
	}
}
func (c *counter) Waited(time.Duration) {}
func (c *counter) Concurrency(int)      {}

// manyRows is how many rows are asked for at the same time; every seventh is not there.
const manyRows = 100

func number(n int) []byte  { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func bigint(n int) []byte  { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func isThere(n int) bool   { return n%7 != 0 }
func valueOf(n int) string { return fmt.Sprint("value ", n) }

// table is one of a shape: how a row is written and what its key is.
type table struct {
	name, columns, insert string
	keyOf                 func(n int) (partition, clustering [][]byte)
	grouped               bool // its rows are read together
}

func (table table) fill(t *testing.T, n node) {
	t.Helper()
	n.run(t, "CREATE TABLE ks."+table.name+" ("+table.columns+")")
	for i := 1; i <= manyRows; i++ {
		if isThere(i) {
			n.run(t, fmt.Sprintf(table.insert, i))
		}
	}
}

var tables = []table{
	{
		"one", `"Id" bigint, v text, PRIMARY KEY ("Id")`, `INSERT INTO ks.one ("Id", v) VALUES (%[1]d, 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) { return [][]byte{bigint(n)}, nil }, true,
	}, {
		"lines", `p text, c int, v text, PRIMARY KEY (p, c)`, `INSERT INTO ks.lines (p, c, v) VALUES ('p', %[1]d, 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) { return [][]byte{[]byte("p")}, [][]byte{number(n)} }, true,
	}, {
		"pairs", `p text, q int, c int, "D" text, v text, PRIMARY KEY ((p, q), c, "D")) WITH CLUSTERING ORDER BY (c DESC, "D" ASC`,
		`INSERT INTO ks.pairs (p, q, c, "D", v) VALUES ('p', 5, %[1]d, 'd%[1]d', 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) {
			return [][]byte{[]byte("p"), number(5)}, [][]byte{number(n), fmt.Appendf(nil, "d%d", n)}
		}, true,
	}, {
		"parts", `p int, c int, v text static, PRIMARY KEY (p, c)`, `INSERT INTO ks.parts (p, v) VALUES (%[1]d, 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) { return [][]byte{number(n)}, [][]byte{nil} }, true,
	}, {
		"first", `p int, c int, v text, PRIMARY KEY (p, c)`, `INSERT INTO ks.first (p, c, v) VALUES (%[1]d, 1, 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) { return [][]byte{number(n)}, [][]byte{nil} }, true,
	}, {
		"alone", `p int, q int, v text, PRIMARY KEY ((p, q))`, `INSERT INTO ks.alone (p, q, v) VALUES (5, %[1]d, 'value %[1]d') USING TIMESTAMP %[1]d`,
		func(n int) (_, _ [][]byte) { return [][]byte{number(5), number(n)}, nil }, false,
	},
}

func TestReadTogether(t *testing.T) {
	for _, line := range []string{env.Cassandra50, env.Cassandra311} {
		t.Run(line, func(t *testing.T) {
			n := startNode(t, line)
			for _, table := range tables {
				table.fill(t, n)
			}
			// A second row of a partition, behind the first.
			n.run(t, "INSERT INTO ks.first (p, c, v) VALUES (1, 2, 'second')")
			var log strings.Builder
			for _, table := range tables {
				t.Run(table.name, func(t *testing.T) {
					counts := &counter{}
					r, err := readback.NewCluster(n.Session, readback.Options{MaxQueries: 2, Observer: counts, Log: slog.New(slog.NewTextHandler(&log, nil))}).
						Reader(t.Context(), "ks", table.name, row.KeyValueAvro)
					if err != nil {
						t.Fatal(err)
					}
					var work sync.WaitGroup
					for i := 1; i <= manyRows; i++ {
						work.Go(func() { checkRow(t, n, r, i, table.keyOf) })
					}
					work.Wait()
					if counts.rows != manyRows || counts.fails != 0 || (counts.queries < manyRows/4) != table.grouped {
						t.Errorf("%+v for %d rows", counts, manyRows)
					}
				})
			}
			if log.Len() > 0 {
				t.Error(log.String())
			}
		})
	}
}

func checkRow(t *testing.T, n node, r *readback.Reader, i int, keyOf func(int) (partition, clustering [][]byte)) {
	partition, clustering := keyOf(i)
	key, err := r.Table().Messages.EventKey().Append(nil, partition, clustering)
	if err != nil {
		t.Error(err)
		return
	}
	got, err := r.Read(t.Context(), readback.Request{Key: key, NodeID: n.id, Operation: event.Update, WriteTime: int64(i)})
	switch {
	case err != nil:
		t.Errorf("row %d: %v", i, err)
	case got.Fresh != isThere(i) || got.Coordinator != n.id || !bytes.Equal(got.Key, key):
		t.Errorf("row %d: %+v", i, got)
	case isThere(i) && (len(got.Values) == 0 || string(got.Values[len(got.Values)-1]) != valueOf(i)), !isThere(i) && got.Values != nil:
		t.Errorf("row %d: %q", i, got.Values)
	}
}

// startGuarded starts a node that refuses more than five keys in one query, and connects
// as a user whom it may refuse something: guardrails are not for superusers, and without
// passwords all are.
func startGuarded(t *testing.T) node {
	t.Helper()
	e := envtest.ForTest(t)
	envtest.Needs(t, e, env.Cassandra41)
	server, err := e.StartCassandra(t.Context(), env.CassandraOptions{Version: env.Cassandra41, YAML: map[string]any{
		"authenticator": "PasswordAuthenticator", "partition_keys_in_select_fail_threshold": 5,
	}})
	if err != nil {
		t.Fatal(err)
	}
	// The first role is there some seconds after the node is.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	as := func(name string) node {
		s, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{server.Address()}, Username: name, Password: name})
		for err != nil {
			select {
			case <-ctx.Done():
				t.Fatal(err)
			case <-time.After(200 * time.Millisecond):
			}
			s, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{server.Address()}, Username: name, Password: name})
		}
		t.Cleanup(s.Close)
		local, err := s.Local(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		return node{s, local.HostID}
	}
	super := as("cassandra")
	super.run(t, "CREATE ROLE guarded WITH PASSWORD = 'guarded' AND LOGIN = true",
		"CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	return as("guarded")
}

// A node that does not take so many keys in one query gets them one by one from then on.
func TestGuardrail(t *testing.T) {
	n := startGuarded(t)
	tables[0].fill(t, n)
	counts := &counter{}
	var log strings.Builder
	r, err := readback.NewCluster(n.Session, readback.Options{MaxQueries: 2, Observer: counts, Log: slog.New(slog.NewTextHandler(&log, nil))}).
		Reader(t.Context(), "ks", "one", row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var work sync.WaitGroup
		for i := 1; i <= manyRows; i++ {
			work.Go(func() { checkRow(t, n, r, i, tables[0].keyOf) })
		}
		work.Wait()
	}
	// The second hundred is asked for without another refusal: a few groups were waiting.
	if counts.fails == 0 || counts.fails > 4 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "IN ?") {
		t.Errorf("%+v, log %q", counts, log.String())
	}
}
