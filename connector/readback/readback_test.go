// The verdict whether a row is as new as its event, and the statements that rows are
// read with.

package readback

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Invariant 7. "no time" is a row none of whose values has a write time.
func TestFresh(t *testing.T) {
	const noTime = math.MinInt64
	const java, insert, update, gone = event.Operation(""), event.Insert, event.Update, event.Delete
	for _, c := range []struct {
		name      string
		operation event.Operation
		writeTime int64
		exists    bool
		newest    int64
		valued    bool
		want      bool
	}{
		{"event without a time, row", insert, event.NoWriteTime, true, 100, true, true},
		{"event without a time, no row", insert, event.NoWriteTime, false, noTime, true, true},
		{"event without a time, delete and row", gone, event.NoWriteTime, true, 100, true, true},

		{"insert, row of the same write", insert, 100, true, 100, true, true},
		{"insert, newer row", insert, 100, true, 101, true, true},
		{"insert, older row", insert, 100, true, 99, true, false},
		{"insert, no row", insert, 100, false, noTime, true, false},
		{"insert, no row, table without values", insert, 100, false, noTime, false, false},
		{"insert, row, table without values", insert, 100, true, noTime, false, true},
		{"insert, row whose values are all null", insert, 100, true, noTime, true, false},

		{"update, row of the same write", update, 100, true, 100, true, true},
		{"update, older row", update, 100, true, 99, true, false},
		{"update, no row", update, 100, false, noTime, true, false},
		{"update, row, table without values", update, 100, true, noTime, false, true},

		{"delete, no row", gone, 100, false, noTime, true, true},
		{"delete, no row, table without values", gone, 100, false, noTime, false, true},
		{"delete, older row", gone, 100, true, 99, true, false},
		{"delete, row of the same time, which the delete covers", gone, 100, true, 100, true, false},
		{"delete, row written since", gone, 100, true, 101, true, true},
		{"delete, row, table without values", gone, 100, true, noTime, false, false},

		{"Java agent, no row", java, 100, false, noTime, true, true},
		{"Java agent, no row, table without values", java, 100, false, noTime, false, true},
		{"Java agent, row of the same write", java, 100, true, 100, true, true},
		{"Java agent, older row", java, 100, true, 99, true, false},
		{"Java agent, row, table without values", java, 100, true, noTime, false, true},

		{"times before 1970", update, -200, true, -300, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := Request{WriteTime: c.writeTime, Operation: c.operation}
			if got := fresh(req, c.exists, c.newest, c.valued); got != c.want {
				t.Errorf("fresh is %v, want %v", got, c.want)
			}
		})
	}
}

// Invariant 7 for counters, whose newest write time is that of the last of several
// updates that a sum may lack one of.
func TestFreshCounter(t *testing.T) {
	v, err := newVersion(capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY, a counter, b counter)`), row.KeyValueAvro, nil, "4.1.5")
	if err != nil {
		t.Fatal(err)
	}
	at := func(writeTime int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(writeTime)) }
	answer := [][]byte{at(1), at(2), at(90), at(100)} // two sums and when they were written to
	for _, c := range []struct {
		name      string
		operation event.Operation
		writeTime int64
		answer    [][]byte
		want      bool
	}{
		{"the last update", event.Update, 100, answer, true},
		{"an update before", event.Update, 90, answer, false},
		{"an update that is not there yet", event.Update, 101, answer, false},
		{"no row yet", event.Update, 100, nil, false},
		{"an event without a time", event.Update, event.NoWriteTime, answer, true},
		{"deleted", event.Delete, 100, nil, true},
		{"deleted and updated since", event.Delete, 95, answer, true},
	} {
		var r Row
		r.show(Request{WriteTime: c.writeTime, Operation: c.operation}, v.wholeRow, c.answer)
		if r.Fresh != c.want || (r.Values != nil) != (c.answer != nil) {
			t.Errorf("%s: fresh is %v, values %x", c.name, r.Fresh, r.Values)
		}
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct {
		name, table              string
		whole, partition         string // Cassandra 4
		whole5, partition5       string // Cassandra 5, where they differ
		valuelessWhole           bool   // on Cassandra 4
		valuelessPartition       bool
		alwaysValuelessWhole     bool // on Cassandra 5 too
		alwaysValuelessPartition bool
	}{
		{
			name:       "composite keys, sorted columns",
			table:      `CREATE TABLE ks.t (p1 int, p2 text, c1 int, c2 uuid, z text, a int, PRIMARY KEY ((p1, p2), c1, c2))`,
			whole:      `SELECT a, z, WRITETIME(a), WRITETIME(z) FROM ks.t WHERE p1 = ? AND p2 = ? AND c1 = ? AND c2 = ? LIMIT 1`,
			whole5:     `SELECT a, z, MAXWRITETIME(a), MAXWRITETIME(z) FROM ks.t WHERE p1 = ? AND p2 = ? AND c1 = ? AND c2 = ? LIMIT 1`,
			partition:  `SELECT a, z, WRITETIME(a), WRITETIME(z) FROM ks.t WHERE p1 = ? AND p2 = ? LIMIT 1`,
			partition5: `SELECT a, z, MAXWRITETIME(a), MAXWRITETIME(z) FROM ks.t WHERE p1 = ? AND p2 = ? LIMIT 1`,
		},
		{
			name:       "names in quotes",
			table:      `CREATE TABLE "Ks"."Table" ("Key" int PRIMARY KEY, "select" text)`,
			whole:      `SELECT "select", WRITETIME("select") FROM "Ks"."Table" WHERE "Key" = ? LIMIT 1`,
			whole5:     `SELECT "select", MAXWRITETIME("select") FROM "Ks"."Table" WHERE "Key" = ? LIMIT 1`,
			partition:  `SELECT "select", WRITETIME("select") FROM "Ks"."Table" WHERE "Key" = ? LIMIT 1`,
			partition5: `SELECT "select", MAXWRITETIME("select") FROM "Ks"."Table" WHERE "Key" = ? LIMIT 1`,
		},
		{
			// A static column's time says nothing of a row, and everything of the static row.
			name:       "static columns",
			table:      `CREATE TABLE ks.t (p int, c int, s1 text static, v int, s2 int static, PRIMARY KEY (p, c))`,
			whole:      `SELECT v, s1, s2, WRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			whole5:     `SELECT v, s1, s2, MAXWRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			partition:  `SELECT s1, s2, WRITETIME(s1), WRITETIME(s2) FROM ks.t WHERE p = ? LIMIT 1`,
			partition5: `SELECT s1, s2, MAXWRITETIME(s1), MAXWRITETIME(s2) FROM ks.t WHERE p = ? LIMIT 1`,
		},
		{
			name:           "static columns only",
			table:          `CREATE TABLE ks.t (p int, c int, s text static, PRIMARY KEY (p, c))`,
			whole:          `SELECT s FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			partition:      `SELECT s, WRITETIME(s) FROM ks.t WHERE p = ? LIMIT 1`,
			partition5:     `SELECT s, MAXWRITETIME(s) FROM ks.t WHERE p = ? LIMIT 1`,
			valuelessWhole: true, alwaysValuelessWhole: true,
		},
		{
			name:           "primary key only",
			table:          `CREATE TABLE ks.t (p int, c int, PRIMARY KEY (p, c))`,
			whole:          `SELECT p, c FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			partition:      `SELECT p, c FROM ks.t WHERE p = ? LIMIT 1`,
			valuelessWhole: true, valuelessPartition: true, alwaysValuelessWhole: true, alwaysValuelessPartition: true,
		},
		{
			// Only MAXWRITETIME takes a column of several cells.
			name: "collections",
			table: `CREATE TYPE ks.u (f int); CREATE TABLE ks.t (p int PRIMARY KEY, f frozen<list<int>>, l list<int>, m map<text, int>, s set<int>,
				u u, v text, w frozen<u>)`,
			whole: `SELECT f, l, m, s, u, v, w, WRITETIME(f), WRITETIME(v), WRITETIME(w) FROM ks.t WHERE p = ? LIMIT 1`,
			whole5: `SELECT f, l, m, s, u, v, w, MAXWRITETIME(f), MAXWRITETIME(l), MAXWRITETIME(m), MAXWRITETIME(s), MAXWRITETIME(u), ` +
				`MAXWRITETIME(v), MAXWRITETIME(w) FROM ks.t WHERE p = ? LIMIT 1`,
			partition: `SELECT f, l, m, s, u, v, w, WRITETIME(f), WRITETIME(v), WRITETIME(w) FROM ks.t WHERE p = ? LIMIT 1`,
			partition5: `SELECT f, l, m, s, u, v, w, MAXWRITETIME(f), MAXWRITETIME(l), MAXWRITETIME(m), MAXWRITETIME(s), MAXWRITETIME(u), ` +
				`MAXWRITETIME(v), MAXWRITETIME(w) FROM ks.t WHERE p = ? LIMIT 1`,
		},
		{
			// That the row is there does not say that the collection is new.
			name:       "collections only",
			table:      `CREATE TABLE ks.t (p int PRIMARY KEY, l list<int>)`,
			whole:      `SELECT l FROM ks.t WHERE p = ? LIMIT 1`,
			whole5:     `SELECT l, MAXWRITETIME(l) FROM ks.t WHERE p = ? LIMIT 1`,
			partition:  `SELECT l FROM ks.t WHERE p = ? LIMIT 1`,
			partition5: `SELECT l, MAXWRITETIME(l) FROM ks.t WHERE p = ? LIMIT 1`,
		},
		{
			// Static columns that cannot be represented: the row's existence is left.
			name:       "static columns left out",
			table:      `CREATE TABLE ks.t (p int, c int, s empty static, v int, PRIMARY KEY (p, c))`,
			whole:      `SELECT v, WRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			whole5:     `SELECT v, MAXWRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			partition:  `SELECT p FROM ks.t WHERE p = ? LIMIT 1`,
			partition5: `SELECT p FROM ks.t WHERE p = ? LIMIT 1`, valuelessPartition: true, alwaysValuelessPartition: true,
		},
		{
			// The record holds the primary key then, and a partition key is never null.
			name:           "all columns left out",
			table:          `CREATE TABLE ks.t (p int, c int, s empty static, PRIMARY KEY (p, c))`,
			whole:          `SELECT p, c FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			partition:      `SELECT p, c FROM ks.t WHERE p = ? LIMIT 1`,
			valuelessWhole: true, valuelessPartition: true, alwaysValuelessWhole: true, alwaysValuelessPartition: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := capturetest.Table(t, c.table)
			check := func(release, whole, partition string, valuelessWhole, valuelessPartition bool) {
				t.Helper()
				v, err := newVersion(table, row.KeyValueAvro, nil, release)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{whole, partition}, []string{v.wholeRow.cql, v.partition.cql}); diff != "" {
					t.Errorf("Cassandra %s (-want +got):\n%s", release, diff)
				}
				if v.wholeRow.valued() == valuelessWhole || v.partition.valued() == valuelessPartition {
					t.Errorf("Cassandra %s: valued is %v and %v", release, v.wholeRow.valued(), v.partition.valued())
				}
			}
			check("3.11.19", c.whole, c.partition, c.valuelessWhole, c.valuelessPartition)
			check("4.1.5", c.whole, c.partition, c.valuelessWhole, c.valuelessPartition)
			if c.whole5 == "" {
				c.whole5 = c.whole
			}
			if c.partition5 == "" {
				c.partition5 = c.partition
			}
			check("5.0.2", c.whole5, c.partition5, c.alwaysValuelessWhole, c.alwaysValuelessPartition)
			check("5.0-beta1", c.whole5, c.partition5, c.alwaysValuelessWhole, c.alwaysValuelessPartition)
		})
	}
}

// The statements for several rows, on Cassandra 4 with a column v.
func TestStatementsForSeveralRows(t *testing.T) {
	for _, c := range []struct{ name, table, whole, partition string }{
		{
			"a partition a row", `CREATE TABLE ks.t ("K" bigint PRIMARY KEY, v int)`,
			`SELECT v, WRITETIME(v), "K" FROM ks.t WHERE "K" IN ?`, `SELECT v, WRITETIME(v), "K" FROM ks.t WHERE "K" IN ?`,
		}, {
			"rows of a partition", `CREATE TABLE ks.t (p bigint, c text, v int, PRIMARY KEY (p, c))`,
			`SELECT v, WRITETIME(v), c FROM ks.t WHERE p = ? AND c IN ?`, `SELECT v, WRITETIME(v), p FROM ks.t WHERE p IN ? PER PARTITION LIMIT 1`,
		}, {
			"composite keys", `CREATE TABLE ks.t (p bigint, q int, c text, d uuid, v int, PRIMARY KEY ((p, q), c, d))`,
			`SELECT v, WRITETIME(v), c, d FROM ks.t WHERE p = ? AND q = ? AND (c, d) IN ?`, ``,
		}, {
			"a composite partition key alone", `CREATE TABLE ks.t (p bigint, q int, v int, PRIMARY KEY ((p, q)))`, ``, ``,
		}, {
			"static columns", `CREATE TABLE ks.t (p bigint, c text, s int static, v int, PRIMARY KEY (p, c))`,
			`SELECT v, s, WRITETIME(v), c FROM ks.t WHERE p = ? AND c IN ?`, `SELECT s, WRITETIME(s), p FROM ks.t WHERE p IN ? PER PARTITION LIMIT 1`,
		}, {
			// 1.0 and 1.00 are one clustering value, with the bytes that were written last.
			"keys whose bytes are not all", `CREATE TABLE ks.t (p decimal, c decimal, v int, PRIMARY KEY (p, c))`, ``, ``,
		}, {
			"one of them", `CREATE TABLE ks.t (p inet, c int, d boolean, v int, PRIMARY KEY (p, c, d))`, ``, ``,
		},
	} {
		v, err := newVersion(capturetest.Table(t, c.table), row.KeyValueAvro, nil, "4.0.19")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.whole, c.partition}, []string{v.wholeRow.together, v.partition.together}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A column that is not published tells all the same whether the row is as new as the event.
func TestStatementsOfSomeColumns(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p int, c int, a int, b int, l list<int>, s1 int static, s2 int static, PRIMARY KEY (p, c))`)
	for _, c := range []struct{ only, whole, partition, whole5 string }{
		{
			"b|s1", `SELECT b, s1, WRITETIME(b), WRITETIME(a) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			`SELECT s1, WRITETIME(s1), WRITETIME(s2) FROM ks.t WHERE p = ? LIMIT 1`,
			`SELECT b, s1, MAXWRITETIME(b), MAXWRITETIME(a), MAXWRITETIME(l) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
		}, {
			// The event of a static row publishes no columns of others.
			"a", `SELECT a, WRITETIME(a), WRITETIME(b) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			`SELECT WRITETIME(s1), WRITETIME(s2) FROM ks.t WHERE p = ? LIMIT 1`,
			`SELECT a, MAXWRITETIME(a), MAXWRITETIME(b), MAXWRITETIME(l) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
		}, {
			"none", `SELECT p, c, WRITETIME(a), WRITETIME(b) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			`SELECT p, c, WRITETIME(s1), WRITETIME(s2) FROM ks.t WHERE p = ? LIMIT 1`,
			`SELECT p, c, MAXWRITETIME(a), MAXWRITETIME(b), MAXWRITETIME(l) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
		},
	} {
		only, err := row.ParseColumns(c.only)
		if err != nil {
			t.Fatal(err)
		}
		four, err := newVersion(table, row.KeyValueAvro, only, "4.0.19")
		if err != nil {
			t.Fatal(err)
		}
		five, err := newVersion(table, row.KeyValueAvro, only, "5.0.2")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.whole, c.partition, c.whole5}, []string{four.wholeRow.cql, four.partition.cql, five.wholeRow.cql}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.only, diff)
		}
		if !four.wholeRow.valued() || four.wholeRow.undated != 1 || five.wholeRow.undated != 0 {
			t.Errorf("%s: %+v", c.only, four.wholeRow)
		}
	}
}

// Answers come in the order of the statement and leave in that of the encoder.
func TestAnswers(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p int, c int, a int, b int, s1 int static, s2 int static, PRIMARY KEY (p, c))`)
	v, err := newVersion(table, row.KeyValueAvro, nil, "4.0.19")
	if err != nil {
		t.Fatal(err)
	}
	at := func(writeTime int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(writeTime)) }
	text := func(values [][]byte) (all []string) {
		for _, v := range values {
			if v == nil {
				all = append(all, "null")
			} else {
				all = append(all, string(v))
			}
		}
		return all
	}
	whole := [][]byte{[]byte("a"), nil, []byte("s1"), []byte("s2"), at(-7), nil}
	if got := text(v.wholeRow.values(whole)); !slices.Equal(got, []string{"a", "null", "s1", "s2"}) {
		t.Errorf("row %q", got)
	}
	if got := v.wholeRow.newest(whole); got != -7 {
		t.Errorf("newest write time %d", got)
	}
	if got := v.wholeRow.newest([][]byte{[]byte("a"), []byte("b"), nil, nil, at(1), at(2)}); got != 2 {
		t.Errorf("newest write time %d", got)
	}
	static := [][]byte{[]byte("s1"), []byte("s2"), at(5), at(4)}
	if got := text(v.partition.values(static)); !slices.Equal(got, []string{"null", "null", "s1", "s2"}) {
		t.Errorf("static row %q", got)
	}
	if got := v.partition.newest(static); got != 5 {
		t.Errorf("newest write time %d", got)
	}
	if got := v.partition.newest([][]byte{nil, nil, nil, nil}); fresh(Request{WriteTime: math.MinInt64 + 1, Operation: event.Update}, true, got, true) {
		t.Error("a row without write times passes for fresh")
	}
}

// The format json publishes the primary key with the row, and so reads it.
func TestStatementsOfJSON(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p int, c int, v int, tp tuple<int, int>, s int static, PRIMARY KEY (p, c))`)
	for f, want := range map[row.Format][2]string{
		row.KeyValueJSON: {
			`SELECT v, s, WRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			`SELECT s, WRITETIME(s) FROM ks.t WHERE p = ? LIMIT 1`,
		},
		row.PlainJSON: {
			`SELECT p, c, v, s, WRITETIME(v) FROM ks.t WHERE p = ? AND c = ? LIMIT 1`,
			`SELECT p, c, s, WRITETIME(s) FROM ks.t WHERE p = ? LIMIT 1`,
		},
	} {
		v, err := newVersion(table, f, nil, "4.0.19")
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{v.wholeRow.cql, v.partition.cql}; got != want {
			t.Errorf("%s: %q, want %q", f, got, want)
		}
	}
}

// Rows that share a message key are looked for where their times may differ below µs.
func TestSharing(t *testing.T) {
	ns := func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	one := []byte{0, 0, 0, 1}
	for _, c := range []struct {
		name, table       string
		want              string
		clustering        [][]byte
		bounds            [][]byte
		answer, clustered [][]byte
	}{
		{name: "no time", table: `CREATE TABLE ks.t (p int, c int, v int, PRIMARY KEY (p, c))`},
		{name: "a time in the partition key", table: `CREATE TABLE ks.t (p time, c int, v int, PRIMARY KEY (p, c))`},
		{name: "a time that is no key", table: `CREATE TABLE ks.t (p int, v time, PRIMARY KEY (p))`},
		{
			name:       "the last column",
			table:      `CREATE TABLE ks.t (p int, c int, "T" time, v int, PRIMARY KEY (p, c, "T"))`,
			want:       `SELECT v, WRITETIME(v), "T" FROM ks.t WHERE p = ? AND c = ? AND "T" >= ? AND "T" <= ? LIMIT 1`,
			clustering: [][]byte{one, ns(3001)}, bounds: [][]byte{one, one, ns(3000), ns(3999)},
			answer: [][]byte{[]byte("v"), ns(7), ns(3999)}, clustered: [][]byte{one, ns(3999)},
		}, {
			name:       "not the last column",
			table:      `CREATE TABLE ks.t (p int, t time, c int, v int, PRIMARY KEY (p, t, c))`,
			want:       `SELECT v, WRITETIME(v), t FROM ks.t WHERE p = ? AND t >= ? AND t <= ? AND c = ? LIMIT 1 ALLOW FILTERING`,
			clustering: [][]byte{ns(0), one}, bounds: [][]byte{one, ns(0), ns(999), one},
			answer: [][]byte{[]byte("v"), ns(7), ns(1)}, clustered: [][]byte{ns(1), one},
		}, {
			name:       "two of them, and a value that is empty",
			table:      `CREATE TABLE ks.t (p int, t time, u time, PRIMARY KEY (p, t, u))`,
			want:       `SELECT p, t, u, t, u FROM ks.t WHERE p = ? AND t >= ? AND t <= ? AND u >= ? AND u <= ? LIMIT 1 ALLOW FILTERING`,
			clustering: [][]byte{ns(86399999999999), {}}, bounds: [][]byte{one, ns(86399999999000), ns(86399999999999), {}, {}},
			answer: [][]byte{one, ns(1), {}, ns(1), {}}, clustered: [][]byte{ns(1), {}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := newVersion(capturetest.Table(t, c.table), row.KeyValueAvro, nil, "4.0.19")
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if v.sharing != nil {
					t.Errorf("there is a statement: %s", v.sharing.cql)
				}
				return
			}
			if v.sharing.cql != c.want {
				t.Errorf("got  %s\nwant %s", v.sharing.cql, c.want)
			}
			if diff := cmp.Diff(c.bounds, v.sharing.bounds([][]byte{one}, c.clustering)); diff != "" {
				t.Errorf("bounds (-want +got):\n%s", diff)
			}
			values, clustering := v.sharing.split(c.answer, c.clustering)
			if diff := cmp.Diff(c.clustered, clustering); diff != "" || len(values) != len(c.answer)-len(v.sharing.times) {
				t.Errorf("%x, clustering (-want +got):\n%s", values, diff)
			}
		})
	}
}
