// Reading back from real nodes: a value of every CQL type, encoded and decoded again by
// an independent Avro library, and what becomes of rows that change under the reader.

package readback_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// node is a real node with a keyspace.
type node struct {
	*cassandra.Session
	id string
}

func startNode(t *testing.T, line string) node {
	t.Helper()
	e := envtest.ForTest(t)
	envtest.Needs(t, e, line)
	server, err := e.StartCassandra(t.Context(), env.CassandraOptions{Version: line})
	if err != nil {
		t.Fatal(err)
	}
	s, err := cassandra.Connect(t.Context(), cassandra.Config{ContactPoints: []string{server.Address()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	local, err := s.Local(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	n := node{s, local.HostID}
	n.run(t, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	return n
}

func (n node) run(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := n.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func (n node) reader(t *testing.T, table string) *readback.Reader {
	t.Helper()
	r, err := readback.NewCluster(n.Session, readback.Options{}).Reader(t.Context(), "ks", table, row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read reads the row with that key; a shorter clustering asks for the partition. An
// event without an operation is the Java agent's, which has no exact key either.
func read(ctx context.Context, t *testing.T, r *readback.Reader, n node, op event.Operation, at int64, partition [][]byte, clustering ...[]byte) readback.Row {
	t.Helper()
	k := r.Table().Messages.EventKey()
	key, err := k.Append(nil, partition, clustering)
	if err != nil {
		t.Fatal(err)
	}
	req := readback.Request{Key: key, NodeID: n.id, Operation: op, WriteTime: at}
	if op != "" {
		req.ExactKey = k.ExactKey(partition, clustering)
	}
	row, err := r.Read(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// decode encodes a row as the connector does and decodes it with hamba/avro.
func decode(t *testing.T, row readback.Row) map[string]any {
	t.Helper()
	data, err := row.Version.Messages.Row(row.Values)
	if err != nil {
		t.Fatal(err)
	}
	_, value, err := row.Version.Schema.Split()
	if err != nil {
		t.Fatal(err)
	}
	s, err := avro.ParseBytesWithCache([]byte(value.Schema), "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := avro.Unmarshal(s, data, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// plain is a decoded value as text, whatever a union wraps it in.
func plain(v any) string {
	switch v := v.(type) {
	case []byte:
		return hex.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case []any:
		var items []string
		for _, i := range v {
			items = append(items, plain(i))
		}
		return "[" + strings.Join(items, " ") + "]"
	case map[string]any:
		if len(v) == 1 {
			for name, inner := range v {
				if _, isField := inner.(map[string]any); isField || name == "array" || name == "map" {
					return plain(inner)
				}
			}
		}
		out := map[string]string{}
		for k, inner := range v {
			out[k] = plain(inner)
		}
		return fmt.Sprint(out)
	}
	return fmt.Sprint(v)
}

func TestEveryType(t *testing.T) {
	columns := []struct{ name, cql, literal, want string }{
		{"c_ascii", "ascii", "'abc'", "abc"},
		{"c_bigint", "bigint", "-9223372036854775808", "-9223372036854775808"},
		{"c_blob", "blob", "0x00ff", "00ff"},
		{"c_boolean", "boolean", "true", "true"},
		{"c_date", "date", "'1969-12-31'", "1969-12-31T00:00:00Z"},
		{"c_decimal", "decimal", "314.16", "map[bigint:7ab8 scale:2]"},
		{"c_double", "double", "-1.5e300", "-1.5e+300"},
		{"c_duration", "duration", "1mo2d3ns", "map[days:2 months:1 nanoseconds:3]"},
		{"c_float", "float", "1.1", "1.1"},
		{"c_inet4", "inet", "'127.0.0.1'", "127.0.0.1"},
		{"c_inet6", "inet", "'2001:db8::1'", "2001:db8:0:0:0:0:0:1"},
		{"c_int", "int", "-1", "-1"},
		{"c_smallint", "smallint", "-32768", "-32768"},
		{"c_text", "text", "'Ω≈ç'", "Ω≈ç"},
		{"c_time", "time", "'10:10:00.123456'", "10h10m0.123456s"},
		{"c_timestamp", "timestamp", "'2026-01-02 03:04:05.678Z'", "2026-01-02T03:04:05.678Z"},
		{"c_timeuuid", "timeuuid", "d2177dd0-eaa2-11de-a572-001b779c76e3", "d2177dd0-eaa2-11de-a572-001b779c76e3"},
		{"c_tinyint", "tinyint", "-128", "-128"},
		{"c_uuid", "uuid", "d2177dd0-eaa2-41de-a572-001b779c76e3", "d2177dd0-eaa2-41de-a572-001b779c76e3"},
		{"c_varint", "varint", "-129", "ff7f"},
		{"c_list", "list<int>", "[3, 1, 2]", "[3 1 2]"},
		{"c_set", "set<text>", "{'b', 'a'}", "[a b]"},
		{"c_map", "map<int, text>", "{1: 'x', -2: 'y'}", "map[-2:y 1:x]"},
		{"c_nested", "frozen<map<text, frozen<list<frozen<set<int>>>>>>", "{'k': [{2, 1}, {3}]}", "map[k:[[1 2] [3]]]"},
		{"c_tuple", "tuple<int, text, frozen<list<int>>>", "(7, null, [8])", "map[index_0:7 index_1:<nil> index_2:[8]]"},
		{"c_udt", "address", "{street: 'S', no: 5}", "map[no:5 street:S]"},
		{"c_frozen_udt", "frozen<address>", "{street: 'S'}", "map[no:<nil> street:S]"},
		{"c_list_udt", "list<frozen<address>>", "[{street: 'S', no: 1}]", "[map[no:1 street:S]]"},
		{"c_dates", "list<date>", "['2026-01-02']", "[2026-01-02T00:00:00Z]"},
		{"c_inets", "set<inet>", "{'10.0.0.1'}", "[10.0.0.1]"},
		{"c_decimals", "map<text, decimal>", "{'a': 1.0, 'b': -1}", "map[a:map[bigint:0a scale:1] b:map[bigint:ff scale:0]]"},
		{"c_null", "text", "null", "<nil>"},
	}
	for _, line := range []string{env.Cassandra50, env.Cassandra41} {
		t.Run(line, func(t *testing.T) {
			n := startNode(t, line)
			n.run(t, "CREATE TYPE ks.address (street text, no int)")
			all := columns
			if line == env.Cassandra50 {
				all = append(all[:len(all):len(all)], struct{ name, cql, literal, want string }{"c_vector", "vector<float, 3>", "[1, 2.5, -3]", "[1 2.5 -3]"},
					struct{ name, cql, literal, want string }{"c_vector_text", "vector<text, 2>", "['a', 'bc']", "[a bc]"})
			}
			var definitions, names, literals []string
			for _, c := range all {
				definitions, names, literals = append(definitions, c.name+" "+c.cql), append(names, c.name), append(literals, c.literal)
			}
			n.run(t, "CREATE TABLE ks.types (id int PRIMARY KEY, "+strings.Join(definitions, ", ")+") WITH cdc = true",
				"INSERT INTO ks.types (id, "+strings.Join(names, ", ")+") VALUES (1, "+strings.Join(literals, ", ")+") USING TIMESTAMP 1000")
			row := read(t.Context(), t, n.reader(t, "types"), n, event.Insert, 1000, [][]byte{{0, 0, 0, 1}})
			if !row.Fresh || row.Coordinator != n.id {
				t.Errorf("fresh %v, coordinator %s of %s", row.Fresh, row.Coordinator, n.id)
			}
			got := decode(t, row)
			for _, c := range all {
				if plain(got[c.name]) != c.want {
					t.Errorf("%s %s = %s arrives as %s (%T), want %s", c.name, c.cql, c.literal, plain(got[c.name]), got[c.name], c.want)
				}
			}
			t.Run("a row that changes", func(t *testing.T) { rowThatChanges(t, n) })
			t.Run("counters", func(t *testing.T) { counters(t, n) })
			t.Run("keys that are cut", func(t *testing.T) { keysThatAreCut(t, n) })
		})
	}
}

// rowThatChanges follows one row through its life, with times that the test chooses.
func rowThatChanges(t *testing.T, n node) {
	n.run(t, `CREATE TABLE ks."Mixed" (p text, c int, "Val" text, s text static, PRIMARY KEY (p, c)) WITH cdc = true`)
	r := n.reader(t, "Mixed")
	p, c := [][]byte{[]byte("p")}, []byte{0, 0, 0, 1}
	at := func(op event.Operation, time int64, clustering ...[]byte) (string, bool) {
		t.Helper()
		row := read(t.Context(), t, r, n, op, time, p, clustering...)
		if row.Values == nil {
			return "no row", row.Fresh
		}
		fields := decode(t, row)
		return fmt.Sprintf("%v %v %v", fields["Val"], fields["s"], fields["added"]), row.Fresh
	}
	expect := func(what, got string, fresh bool, want string, wantFresh bool) {
		t.Helper()
		if got != want || fresh != wantFresh {
			t.Errorf("%s: %s, fresh %v; want %s, %v", what, got, fresh, want, wantFresh)
		}
	}
	got, fresh := at(event.Insert, 10, c)
	expect("before the write is there", got, fresh, "no row", false)
	n.run(t, `INSERT INTO ks."Mixed" (p, c, "Val") VALUES ('p', 1, 'v') USING TIMESTAMP 10`)
	got, fresh = at(event.Insert, 10, c)
	expect("written", got, fresh, "v <nil> <nil>", true)
	got, fresh = at(event.Update, 11, c)
	expect("an event newer than the row", got, fresh, "v <nil> <nil>", false)
	got, fresh = at(event.Delete, 11, c)
	expect("a delete newer than the row", got, fresh, "v <nil> <nil>", false)
	n.run(t, `UPDATE ks."Mixed" USING TIMESTAMP 20 SET s = 'st' WHERE p = 'p'`)
	got, fresh = at(event.Update, 20)
	expect("the static row", got, fresh, "<nil> st <nil>", true)
	got, fresh = at(event.Update, 11, c)
	expect("a static column does not date the row", got, fresh, "v st <nil>", false)
	n.run(t, `ALTER TABLE ks."Mixed" ADD added int`, `UPDATE ks."Mixed" USING TIMESTAMP 30 SET added = 5 WHERE p = 'p' AND c = 1`)
	got, fresh = at(event.Update, 30, c)
	expect("a column that was added", got, fresh, "v st 5", true)
	n.run(t, `DELETE FROM ks."Mixed" USING TIMESTAMP 40 WHERE p = 'p' AND c = 1`)
	got, fresh = at(event.Delete, 40, c)
	expect("deleted", got, fresh, "no row", true)
	got, fresh = at(event.Update, 30, c)
	expect("an update whose row is gone", got, fresh, "no row", false)
}

// keysThatAreCut reads rows whose message keys are less than their primary keys.
func keysThatAreCut(t *testing.T, n node) {
	n.run(t, `CREATE TABLE ks.cut (p inet, c int, t time, d int, v text, PRIMARY KEY (p, c, t, d)) WITH cdc = true`)
	r := n.reader(t, "cut")
	k := r.Table().Messages.EventKey()
	one, mapped := []byte{0, 0, 0, 1}, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01")
	ns := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0x0b, 0xb8 + n} } // 3000 and n
	insert := func(v, time string, at int) {
		t.Helper()
		n.run(t, fmt.Sprintf(`INSERT INTO ks.cut (p, c, t, d, v) VALUES ('10.0.0.1', 1, '00:00:00.00000%s', 1, '%s') USING TIMESTAMP %d`, time, v, at))
	}
	check := func(what string, op event.Operation, at int64, p, time []byte, want string, wantFresh bool, exact string) {
		t.Helper()
		row := read(t.Context(), t, r, n, op, at, [][]byte{p}, one, time, one)
		got := "no row"
		if row.Values != nil {
			got = fmt.Sprint(decode(t, row)["v"])
		}
		if got != want || row.Fresh != wantFresh || row.ExactKey != exact || row.Coordinator != n.id {
			t.Errorf("%s: %s, fresh %v, exact key %q, coordinator %s; want %s, %v, %q", what, got, row.Fresh, row.ExactKey, row.Coordinator, want, wantFresh, exact)
		}
	}
	p := []byte{10, 0, 0, 1}
	exact := func(p, time []byte) string { return k.ExactKey([][]byte{p}, [][]byte{one, time, one}) }
	check("before the write is there", event.Insert, 10, p, ns(7), "no row", false, exact(p, ns(7)))
	insert("seven", "3007", 10)
	check("a time below µs", event.Insert, 10, p, ns(7), "seven", true, exact(p, ns(7)))
	check("the Java agent's event of it, which has the time in µs", "", 10, p, ns(0), "seven", true, exact(p, ns(7)))
	check("the Java agent's event of a newer write", "", 11, p, ns(0), "seven", false, exact(p, ns(7)))
	check("another row of the key that is not there yet", event.Insert, 20, p, ns(9), "seven", false, exact(p, ns(7)))
	insert("nine", "3009", 20)
	check("another row of the key", event.Insert, 20, p, ns(9), "nine", true, exact(p, ns(9)))
	insert("whole", "3000", 30)
	check("the row of whole µs", event.Insert, 30, p, ns(0), "whole", true, "")
	n.run(t, `DELETE FROM ks.cut USING TIMESTAMP 40 WHERE p = '10.0.0.1' AND c = 1 AND t = '00:00:00.000003009' AND d = 1`)
	check("one row of a key is gone", event.Delete, 40, p, ns(9), "whole", true, "")
	n.run(t, `DELETE FROM ks.cut USING TIMESTAMP 50 WHERE p = '10.0.0.1' AND c = 1 AND t = '00:00:00.000003000' AND d = 1`)
	check("the row of whole µs is gone", event.Delete, 50, p, ns(0), "seven", true, exact(p, ns(7)))
	insert("next", "4000", 55)
	n.run(t, `DELETE FROM ks.cut USING TIMESTAMP 60 WHERE p = '10.0.0.1' AND c = 1 AND t = '00:00:00.000003007' AND d = 1`)
	check("all rows of a key are gone", event.Delete, 60, p, ns(7), "no row", true, exact(p, ns(7)))
	check("the Java agent's event of it", "", 60, p, ns(0), "no row", true, "")

	n.run(t, `INSERT INTO ks.cut (p, c, t, d, v) VALUES (blobAsInet(0x00000000000000000000ffff0a000001), 1, '00:00:00.000003000', 1, 'mapped') USING TIMESTAMP 10`)
	check("an IPv4 address mapped into IPv6", event.Insert, 10, mapped, ns(0), "mapped", true, exact(mapped, ns(0)))
	check("the IPv4 address", event.Insert, 10, p, ns(0), "no row", false, "")

	// Empty is another clustering value than null, which stands for the partition.
	n.run(t, `CREATE TABLE ks.empty (p int, c int, v text, s text static, PRIMARY KEY (p, c)) WITH cdc = true`,
		`INSERT INTO ks.empty (p, c, v) VALUES (1, blobAsInt(0x), 'empty') USING TIMESTAMP 10`)
	row := read(t.Context(), t, n.reader(t, "empty"), n, event.Insert, 10, [][]byte{one}, []byte{})
	if row.Values == nil || !row.Fresh || row.Static || decode(t, row)["v"] != "empty" {
		t.Errorf("an empty clustering value: %+v", row)
	}

	// The same row by a key without loss, for which there is another schema.
	insert("faithful", "3007", 70)
	faithful, err := event.NewKeyIn(r.Table().Table, event.FaithfulForm)
	if err != nil {
		t.Fatal(err)
	}
	for time, want := range map[byte]bool{7: true, 8: false} {
		key, err := faithful.Append(nil, [][]byte{p}, [][]byte{one, ns(time), one})
		if err != nil {
			t.Fatal(err)
		}
		row, err := r.Read(t.Context(), readback.Request{Key: key, KeyForm: event.FaithfulForm, NodeID: n.id, Operation: event.Update, WriteTime: 70})
		if err != nil || (row.Values != nil) != want || row.Fresh != want {
			t.Errorf("the key without loss, %d ns: %+v, %v", time, row, err)
		}
		if s := row.Version.Schema; s.Fingerprint() == r.Table().Schema.Fingerprint() {
			t.Errorf("the schema is that of the Java agent's keys: %s", s.Data)
		}
	}

	key, err := k.Append(nil, [][]byte{p}, [][]byte{one, ns(7), one})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Read(t.Context(), readback.Request{Key: key, ExactKey: exact(p, ns(7)) + "AA", NodeID: n.id, Operation: event.Insert})
	var wrong *readback.KeyError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "exact key") {
		t.Errorf("an exact key that is none: %v", err)
	}
	_, err = r.Read(t.Context(), readback.Request{Key: key, KeyForm: "other", NodeID: n.id, Operation: event.Insert})
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), `the form "other"`) {
		t.Errorf("a form that is not known: %v", err)
	}
}

// counters reads counters, whose write times say less than those of other values.
func counters(t *testing.T, n node) {
	n.run(t, `CREATE TABLE ks.counters (p int, c int, hits counter, misses counter, PRIMARY KEY (p, c)) WITH cdc = true`)
	r := n.reader(t, "counters")
	one := []byte{0, 0, 0, 1}
	at := func(op event.Operation, time int64) (string, bool) {
		t.Helper()
		row := read(t.Context(), t, r, n, op, time, [][]byte{one}, one)
		if row.Values == nil {
			return "no row", row.Fresh
		}
		fields := decode(t, row)
		return fmt.Sprintf("%v %v", plain(fields["hits"]), plain(fields["misses"])), row.Fresh
	}
	expect := func(what string, op event.Operation, time int64, want string, wantFresh bool) {
		t.Helper()
		if got, fresh := at(op, time); got != want || fresh != wantFresh {
			t.Errorf("%s: %s, fresh %v; want %s, %v", what, got, fresh, want, wantFresh)
		}
	}
	written := func() int64 {
		t.Helper()
		answer, err := n.Select(t.Context(), cassandra.Query{Statement: `SELECT WRITETIME(hits) FROM ks.counters WHERE p = 1 AND c = 1`})
		if err != nil || len(answer.Rows) != 1 || len(answer.Rows[0][0]) != 8 {
			t.Fatalf("%v, %v", answer, err)
		}
		return int64(binary.BigEndian.Uint64(answer.Rows[0][0]))
	}
	expect("before the update is there", event.Update, 10, "no row", false)
	n.run(t, `UPDATE ks.counters SET hits = hits + 5 WHERE p = 1 AND c = 1`)
	first := written()
	expect("an update", event.Update, first, "5 <nil>", true)
	expect("an update that is not there yet", event.Update, first+1, "5 <nil>", false)
	n.run(t, `UPDATE ks.counters SET hits = hits - 2, misses = misses + 1 WHERE p = 1 AND c = 1`)
	second := written()
	expect("the last update", event.Update, second, "3 1", true)
	expect("one before: the newer time is not its own", event.Update, first, "3 1", false)
	n.run(t, `DELETE FROM ks.counters WHERE p = 1 AND c = 1`)
	expect("deleted", event.Delete, second+1, "no row", true)
}
