// Every kind of write to real nodes, and the changes that the agent sees in their logs.

package agent

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

var kindTables = []string{
	"CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
	"CREATE TABLE k.t (p int, c int, v text, s text static, PRIMARY KEY (p, c)) WITH cdc = true",
	"CREATE TABLE k.only (k int PRIMARY KEY) WITH cdc = true",
	"CREATE TABLE k.clustered (p int, c int, PRIMARY KEY (p, c)) WITH cdc = true",
	"CREATE TABLE k.sums (k int PRIMARY KEY, n counter) WITH cdc = true",
	"CREATE TABLE k.descending (p int, a int, b int, v int, PRIMARY KEY (p, a, b)) WITH CLUSTERING ORDER BY (a DESC, b ASC) AND cdc = true",
	"CREATE TABLE k.base (p int, c int, v int, PRIMARY KEY (p, c)) WITH cdc = true",
	"CREATE MATERIALIZED VIEW k.by_value AS SELECT * FROM k.base WHERE p IS NOT NULL AND c IS NOT NULL AND v IS NOT NULL PRIMARY KEY (v, p, c)",
	"CREATE TABLE k.indexed (k int PRIMARY KEY, v int) WITH cdc = true",
	"CREATE INDEX ON k.indexed (v)",
	"CREATE TABLE k.without (p int, c int, PRIMARY KEY (p, c))",
}

// kinds are writes, one after the other, and the changes that each becomes; "*" is a
// write time of the node's own.
var kinds = []struct {
	name, cql string
	want      []string
}{
	{"a row of nothing but its key", "INSERT INTO k.only (k) VALUES (1) USING TIMESTAMP 10", []string{"k.only insert 00000001/ @10"}},
	{"the same, clustered", "INSERT INTO k.clustered (p, c) VALUES (1, 2) USING TIMESTAMP 10", []string{"k.clustered insert 00000001/00000002 @10"}},
	{"LWT: an insert", "INSERT INTO k.t (p, c, v) VALUES (2, 1, 'x') IF NOT EXISTS", []string{"k.t insert 00000002/00000001 @*"}},
	{"LWT: an update", "UPDATE k.t SET v = 'y' WHERE p = 2 AND c = 1 IF v = 'x'", []string{"k.t update 00000002/00000001 @*"}},
	{"LWT: an update that is not applied", "UPDATE k.t SET v = 'z' WHERE p = 2 AND c = 1 IF v = 'x'", nil},
	{"LWT: a delete", "DELETE FROM k.t WHERE p = 2 AND c = 1 IF v = 'y'", []string{"k.t delete 00000002/00000001 @*"}},
	{
		"a logged batch",
		`BEGIN BATCH USING TIMESTAMP 20 INSERT INTO k.t (p, c, v) VALUES (3, 1, 'x'); INSERT INTO k.t (p, c, v) VALUES (4, 1, 'x'); INSERT INTO k.only (k) VALUES (3);
			INSERT INTO k.without (p, c) VALUES (3, 1); APPLY BATCH`,
		[]string{"k.only insert 00000003/ @20", "k.t insert 00000003/00000001 @20", "k.t insert 00000004/00000001 @20"},
	},
	{
		"an unlogged batch: rows and the static row of one partition",
		`BEGIN UNLOGGED BATCH USING TIMESTAMP 30 INSERT INTO k.t (p, c, v) VALUES (6, 1, 'x'); UPDATE k.t SET s = 's' WHERE p = 6; UPDATE k.t SET v = 'y' WHERE p = 6 AND c = 2; APPLY BATCH`,
		[]string{"k.t insert 00000006/00000001 @30", "k.t update 00000006/* @30", "k.t update 00000006/00000002 @30"},
	},
	{
		"a partition is deleted and written to again",
		"BEGIN BATCH DELETE FROM k.t USING TIMESTAMP 40 WHERE p = 6; INSERT INTO k.t (p, c, v) VALUES (6, 3, 'z') USING TIMESTAMP 41; APPLY BATCH",
		[]string{"k.t delete 00000006/* @41", "k.t insert 00000006/00000003 @41"},
	},
	{"a row is deleted", "DELETE FROM k.t USING TIMESTAMP 45 WHERE p = 6 AND c = 3", []string{"k.t delete 00000006/00000003 @45"}},
	{"a range", "DELETE FROM k.t USING TIMESTAMP 50 WHERE p = 6 AND c > 1 AND c <= 5", []string{"k.t delete-range 00000006/(00000001;00000005] @50"}},
	{"a range with one bound", "DELETE FROM k.t USING TIMESTAMP 50 WHERE p = 6 AND c >= 7", []string{"k.t delete-range 00000006/[00000007;] @50"}},
	{
		"ranges that overlap, and a row in them",
		`BEGIN BATCH DELETE FROM k.t USING TIMESTAMP 50 WHERE p = 7 AND c >= 1 AND c < 5; DELETE FROM k.t USING TIMESTAMP 51 WHERE p = 7 AND c >= 3 AND c < 9;
			INSERT INTO k.t (p, c, v) VALUES (7, 4, 'x') USING TIMESTAMP 52; APPLY BATCH`,
		[]string{"k.t delete-range 00000007/[00000001;00000003) @50", "k.t delete-range 00000007/[00000003;00000009) @51", "k.t insert 00000007/00000004 @52"},
	},
	{"a range of a DESC column: the higher value is the start", "DELETE FROM k.descending USING TIMESTAMP 60 WHERE p = 1 AND a > 1 AND a <= 5", []string{"k.descending delete-range 00000001/[00000005;00000001) @60"}},
	{"a prefix", "DELETE FROM k.descending USING TIMESTAMP 60 WHERE p = 1 AND a = 3", []string{"k.descending delete-range 00000001/[00000003;00000003] @60"}},
	{"a range within a prefix", "DELETE FROM k.descending USING TIMESTAMP 60 WHERE p = 1 AND a = 3 AND b < 7", []string{"k.descending delete-range 00000001/[00000003;00000003,00000007) @60"}},
	{
		"prefixes of a DESC column",
		"BEGIN BATCH USING TIMESTAMP 60 DELETE FROM k.descending WHERE p = 1 AND a = 3; DELETE FROM k.descending WHERE p = 1 AND a = 4; APPLY BATCH",
		[]string{"k.descending delete-range 00000001/[00000003;00000003] @60", "k.descending delete-range 00000001/[00000004;00000004] @60"},
	},
	{"a counter", "UPDATE k.sums SET n = n + 2 WHERE k = 1", []string{"k.sums update 00000001/ @*"}},
	{"a counter is deleted", "DELETE FROM k.sums WHERE k = 2", []string{"k.sums delete 00000002/ @*"}},
	{"a table with a view", "INSERT INTO k.base (p, c, v) VALUES (1, 1, 5) USING TIMESTAMP 80", []string{"k.base insert 00000001/00000001 @80"}},
	{"the view has cdc", "ALTER MATERIALIZED VIEW k.by_value WITH cdc = true", nil},
	{"a table whose view has cdc", "UPDATE k.base USING TIMESTAMP 81 SET v = 6 WHERE p = 1 AND c = 1", []string{"k.base update 00000001/00000001 @81"}},
	{"a table with an index", "INSERT INTO k.indexed (k, v) VALUES (1, 5) USING TIMESTAMP 90", []string{"k.indexed insert 00000001/ @90"}},
	{"an index entry changes", "UPDATE k.indexed USING TIMESTAMP 91 SET v = 6 WHERE k = 1", []string{"k.indexed update 00000001/ @91"}},
	{"the end", "INSERT INTO k.only (k) VALUES (99) USING TIMESTAMP 100", []string{lastChange}},
}

const lastChange = "k.only insert 00000063/ @100"

func TestKindsOfWrites(t *testing.T) {
	for _, line := range []string{env.Cassandra50, env.Cassandra41} {
		t.Run(line, func(t *testing.T) {
			e := envtest.ForTest(t)
			envtest.Needs(t, e, line)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			node, err := e.StartCassandra(ctx, env.CassandraOptions{Version: line})
			if err != nil {
				t.Fatal(err)
			}
			session, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{node.Address()}, OnlyContactPoints: true, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			for _, cql := range kindTables {
				if err := session.Exec(ctx, cql); err != nil {
					t.Fatalf("%s: %v", cql, err)
				}
			}
			local, err := session.Local(ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			tables, err := openSchemas(ctx, session, local.HostID, filepath.Join(t.TempDir(), "history.json"), []string{node.CDCRawDir(), node.CommitLogDir()}, newOperations(config.Config{HTTPAddress: "off"}, space{}, slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range kinds {
				if err := session.Exec(ctx, k.cql); err != nil {
					t.Fatalf("%s: %v", k.cql, err)
				}
			}
			seen := collectKinds(ctx, t, node, tables)
			checkKinds(t, seen.changes)
			if seen.views == 0 {
				t.Error("the log has no update of the view: nothing is proved")
			}
			// The connector holds this time against what a SELECT tells.
			answer, err := session.Select(ctx, cassandra.Query{Statement: "SELECT WRITETIME(n) FROM k.sums WHERE k = 1"})
			if err != nil || len(answer.Rows) != 1 {
				t.Fatalf("%v, %v", answer, err)
			}
			if at := int64(binary.BigEndian.Uint64(answer.Rows[0][0])); at != seen.counted {
				t.Errorf("the counter was written at %d for the node, at %d in the log", at, seen.counted)
			}
		})
	}
}

// checkKinds compares the changes of each write. Those of one batch are sorted: its
// partitions are mutations of their own, in any order.
func checkKinds(t *testing.T, got []string) {
	t.Helper()
	for _, k := range kinds {
		n := min(len(k.want), len(got))
		mine := slices.Clone(got[:n])
		got = got[n:]
		for i, c := range mine {
			if prefix, _, ok := strings.Cut(c, "@"); ok && slices.Contains(k.want, prefix+"@*") {
				mine[i] = prefix + "@*"
			}
		}
		slices.Sort(mine)
		if diff := cmp.Diff(k.want, mine, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: %s (-want +got):\n%s\nthen %q", k.name, k.cql, diff, got)
		}
	}
	if len(got) > 0 {
		t.Errorf("more changes than writes: %q", got)
	}
}

// kindsSeen are the changes of keyspace k in the order of the log.
type kindsSeen struct {
	agent
	changes []string
	views   int   // updates of views
	counted int64 // write time of the update of the counter
	stop    func()
}

func collectKinds(ctx context.Context, t *testing.T, node *env.Cassandra, tables *schemas) *kindsSeen {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	checkpoints, err := checkpoint.OpenStore(t.TempDir(), nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := &kindsSeen{agent: agent{log: log, schemas: tables, decoder: mutation.NewDecoder(tables), changes: changes{withRanges: true}}, stop: stop}
	err = tail.New(tail.Config{CDCRawDir: node.CDCRawDir(), CommitLogDir: node.CommitLogDir(), Checkpoints: checkpoints, Log: log}).Run(ctx, seen)
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return seen
}

func (k *kindsSeen) Entry(ctx context.Context, e tail.Entry) error {
	e.Watermark.Add(e.Position.Offset, 0)
	if err := k.decode(ctx, e); err != nil {
		return err
	}
	k.views += k.agent.changes.skipped[viewTable]
	for _, c := range k.agent.changes.list {
		if c.table.Counter && c.operation == "update" {
			k.counted = c.writeTime
		}
	}
	k.changes = append(k.changes, k.agent.changes.outcome().Changes...)
	if slices.Contains(k.changes, lastChange) {
		k.stop()
	}
	return nil
}

func (k *kindsSeen) Damage(d *commitlog.DamageError, _ io.Reader) error { return d }
