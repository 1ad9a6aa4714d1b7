// Schemas and rows against captures, golden values of facts, and faults.

package row_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func newEncoder(t testing.TB, table *schema.Table) *row.Encoder {
	t.Helper()
	e, err := row.New(table)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// versions are the tables of one scenario after each change of its schema.
var versions = map[string][]string{"alter": {
	`CREATE TYPE sc_alter.ud (x int); CREATE TABLE sc_alter.t (id int PRIMARY KEY, a int, u frozen<ud>)`,
	`CREATE TYPE sc_alter.ud (x int); CREATE TABLE sc_alter.t (id int PRIMARY KEY, a int, u frozen<ud>, b text)`,
	`CREATE TYPE sc_alter.ud (x int, y text); CREATE TABLE sc_alter.t (id int PRIMARY KEY, a int, u frozen<ud>, b text)`,
	`CREATE TYPE sc_alter.ud (x int, y text); CREATE TABLE sc_alter.t (id int PRIMARY KEY, a int, u frozen<ud>, b text, c list<int>)`,
	`CREATE TYPE sc_alter.ud (x int, y text); CREATE TABLE sc_alter.t (id int PRIMARY KEY, a int, u frozen<ud>, c list<int>)`,
}}

// Every captured row: registered schemas, and the payload read by another library
// and encoded again by us.
func TestCapturedRows(t *testing.T) {
	t.Parallel()
	for _, s := range capturetest.Load(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, m := range s.Data {
				table := s.Table(t, m)
				if v := versions[s.Name]; v != nil {
					table = capturetest.Table(t, v[m.SchemaVersion])
				}
				e := newEncoder(t, table)
				registered := s.Schemas[m.Topic][m.SchemaVersion]
				if diff := cmp.Diff(registered, capturetest.KeyValue{Key: e.KeySchema(), Value: e.ValueSchema()}); diff != "" {
					t.Fatalf("schema of %s version %d (-registered +ours):\n%s", m.Topic, m.SchemaVersion, diff)
				}
				if !m.Null {
					replay(t, e, m.Payload)
				}
			}
		})
	}
}

func replay(t *testing.T, e *row.Encoder, payload []byte) {
	t.Helper()
	s := oracleSchema(t, e.ValueSchema())
	fields := decode(t, s, payload)
	var multi bool
	values := make([][]byte, len(e.Columns()))
	for i, c := range e.Columns() {
		if v := plain(fields[c.Name]); v != nil {
			values[i] = raw(t, c.Type, v, &multi)
		}
	}
	got, err := e.Append(nil, values)
	if err != nil {
		t.Fatal(err)
	}
	if !multi && !bytes.Equal(got, payload) {
		t.Errorf("got  %x\nwant %x", got, payload)
	}
	if diff := cmp.Diff(fields, decode(t, s, got), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("%x (-captured +ours):\n%s", payload, diff)
	}
}

func hexes(t testing.TB, texts ...string) [][]byte {
	t.Helper()
	values := make([][]byte, len(texts))
	for i, text := range texts {
		if text != "null" {
			values[i] = append([]byte{}, capturetest.Hex(t, text)...)
		}
	}
	return values
}

// Values of single columns.
func TestAppend(t *testing.T) {
	t.Parallel()
	text := func(s string) string { return hex.EncodeToString(append([]byte{byte(2 * len(s))}, s...)) }
	for _, c := range []struct{ typ, raw, want string }{
		{"int", "null", "00"},
		{"int", "", "00"},
		{"text", "", "0200"},
		{"blob", "", "0200"},
		{"blob", "00ff", "020400ff"},
		{"boolean", "02", "0201"},
		{"tinyint", "ff", "0201"},
		{"smallint", "8000", "02ffff03"},
		{"int", "80000000", "02ffffffff0f"},
		{"bigint", "8000000000000000", "02ffffffffffffffffff01"},
		{"varint", "ff7f", "0204ff7f"},
		{"varint", "00", "020200"},
		{"varint", "ffffff80", "020280"},
		{"varint", "000080", "02040080"},
		{"decimal", "000000027ab8", "02047ab804"},
		{"decimal", "fffffffdff", "0202ff05"},
		{"float", "3f800000", "020000803f"},
		{"double", "3ff0000000000001", "02010000000000f03f"},
		{"inet", "20010db8000000000000000000000001", "02" + text("2001:db8:0:0:0:0:0:1")},
		{"inet", "7f000001", "02" + text("127.0.0.1")},
		{"timestamp", "ffffffffffffffff", "0201"},
		{"date", "7fffffff", "0201"},
		{"date", "80000001", "0202"},
		{"time", "0000000000000bb9", "0206"},
		{"uuid", "d2177dd0eaa211dea572001b779c76e3", "02" + text("d2177dd0-eaa2-11de-a572-001b779c76e3")},
		{"duration", "010305", "02010305"},
		{"list<int>", "00000000", "0200"},
		{"list<int>", "", "0200"},
		{"list<int>", "000000020000000400000001" + "00000004ffffffff", "0204020100"},
		{"set<text>", "00000001" + "00000000", "02020000"},
		{"map<text, int>", "00000001" + "0000000161" + "0000000400000001", "020202610200"},
		{"map<timestamp, int>", "00000001" + "00000008000001769960653b" + "0000000400000001", "0202" + text("2020-12-25T10:10:00.123Z") + "0200"},
		{"map<timestamp, int>", "00000001" + "00000008ffffffffffffffff" + "0000000400000001", "0202" + text("1969-12-31T23:59:59.999Z") + "0200"},
		{"map<timestamp, int>", "00000001" + "000000080000000000000000" + "0000000400000001", "0202" + text("1970-01-01T00:00:00Z") + "0200"},
		{"map<timestamp, int>", "00000001" + "000000087fffffffffffffff" + "0000000400000001", "0202" + text("+292278994-08-17T07:12:55.807Z") + "0200"},
		{"map<timestamp, int>", "00000001" + "000000088000000000000000" + "0000000400000001", "0202" + text("-292275055-05-16T16:47:04.192Z") + "0200"},
		{"map<date, int>", "00000001" + "0000000480004d46" + "0000000400000001", "0202" + text("2024-02-29") + "0200"},
		{"map<date, int>", "00000001" + "0000000400000000" + "0000000400000001", "0202" + text("-5877641-06-23") + "0200"},
		{"map<date, int>", "00000001" + "000000047ff506c6" + "0000000400000001", "0202" + text("0001-01-01") + "0200"},
		{"map<date, int>", "00000001" + "000000047ff506c5" + "0000000400000001", "0202" + text("0000-12-31") + "0200"},
		{"map<date, int>", "00000001" + "000000047ff50557" + "0000000400000001", "0202" + text("-0001-12-31") + "0200"},
		{"map<date, int>", "00000001" + "00000004802cc0a0" + "0000000400000001", "0202" + text("9999-12-31") + "0200"},
		{"map<date, int>", "00000001" + "00000004802cc0a1" + "0000000400000001", "0202" + text("+10000-01-01") + "0200"},
		{"map<time, int>", "00000001" + "00000008" + "0000000000000000" + "0000000400000001", "0202" + text("00:00") + "0200"},
		{"map<time, int>", "00000001" + "00000008" + "000000003b9aca00" + "0000000400000001", "0202" + text("00:00:01") + "0200"},
		{"map<time, int>", "00000001" + "00000008" + "00004e94914effff" + "0000000400000001", "0202" + text("23:59:59.999999999") + "0200"},
		{"map<time, int>", "00000001" + "00000008" + "00000000000f4240" + "0000000400000001", "0202" + text("00:00:00.001") + "0200"},
		{"map<time, int>", "00000001" + "00000008" + "0000000000000bb8" + "0000000400000001", "0202" + text("00:00:00.000003") + "0200"},
		{"map<tinyint, int>", "00000001" + "0000000180" + "0000000400000001", "0202" + text("-128") + "0200"},
		{"map<bigint, boolean>", "00000001" + "000000088000000000000000" + "0000000101", "0202" + text("-9223372036854775808") + "0100"},
		{"map<boolean, boolean>", "00000001" + "0000000100" + "0000000100", "0202" + text("false") + "0000"},
		{"tuple<int, text>", "0000000400000001" + "0000000178", "02" + "0202" + "020278"},
		{"tuple<int, text>", "ffffffff", "02" + "00" + "00"},
		{"tuple<int, text>", "", "02" + "00" + "00"},
		{"u", "0000000400000001", "02" + "0202" + "00"},
		{"u", "00000000" + "00000000", "02" + "00" + "0200"},
		{"list<frozen<u>>", "00000001" + "00000008" + "0000000400000001", "0202" + "0202" + "00" + "00"},
		{"vector<float, 2>", "3f80000040000000", "0204" + "0000803f" + "00000040" + "00"},
		{"vector<text, 2>", "0161" + "026262", "0204" + "0261" + "046262" + "00"},
		{"vector<smallint, 1>", "020001", "0202" + "02" + "00"},
	} {
		e := newEncoder(t, capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (k int PRIMARY KEY, v `+c.typ+`)`))
		got, err := e.Append([]byte{0xcc}, hexes(t, c.raw))
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.raw, err)
		} else if got := hex.EncodeToString(got); got != "cc"+c.want {
			t.Errorf("%s %s: %s, want cc%s", c.typ, c.raw, got, c.want)
		}
	}
}

// Values that are not of their type give an error that names the column.
func TestAppendErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, raw, want string }{
		{"int", "0001", "2 bytes, not 4"},
		{"bigint", "0001", "2 bytes, not 8"},
		{"boolean", "0001", "2 bytes, not 1"},
		{"uuid", "0001", "2 bytes, not 16"},
		{"inet", "0001", "2 bytes, not 4 or 16"},
		{"decimal", "00000001", "4 bytes, at least 5 wanted"},
		{"duration", "01", "missing"},
		{"duration", "0101ff", "cut off"},
		{"duration", "00f20000000000", "4294967296 months or days"},
		{"duration", "01010101", "1 bytes too many"},
		{"list<int>", "000000", "cut off"},
		{"list<int>", "7fffffff", "2147483647 elements in 0 bytes"},
		{"list<int>", "ffffffff", "-1 elements"},
		{"list<int>", "00000001" + "ffffffff", "element 1 of 1: null"},
		{"list<int>", "00000001" + "00000000", "element 1 of 1: 0 bytes, not 4"},
		{"list<int>", "00000001" + "00000004" + "0000", "element 1 of 1: the value is cut off"},
		{"list<int>", "00000000" + "00", "1 bytes too many"},
		{"map<int, int>", "00000001" + "00000000" + "00000000", "key 1 of 1: null"},
		{"map<int, int>", "00000001" + "0000000400000000" + "ffffffff", "value 1 of 1: null"},
		{"map<time, int>", "00000001" + "00000008ffffffffffffffff" + "0000000400000001", "key 1 of 1: not within a day"},
		{"tuple<int, text>", "000000", "field index_0: the value is cut off"},
		{"tuple<int, text>", "ffffffff" + "ffffffff" + "ffffffff", "4 bytes too many"},
		{"u", "ffffffff" + "00000002" + "00", "field y: the value is cut off"},
		{"vector<float, 2>", "00000000" + "000000", "element 2 of 2: the value is cut off"},
		{"vector<float, 2>", "00000000" + "00000000" + "00", "1 bytes too many"},
		{"vector<text, 1>", "ffffffffffffffffff", "element 1 of 1: the value is cut off"},
	} {
		e := newEncoder(t, capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (k int PRIMARY KEY, v `+c.typ+`)`))
		dst, err := e.Append([]byte{0xcc}, hexes(t, c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "row of table ks.t: column v of type ") || !strings.Contains(err.Error(), c.typ) {
			t.Errorf("%s %s: %v, want …%s", c.typ, c.raw, err, c.want)
		}
		if !bytes.Equal(dst, []byte{0xcc}) {
			t.Errorf("%s %s: dst became %x", c.typ, c.raw, dst)
		}
	}
	e := newEncoder(t, capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY)`))
	if _, err := e.Append(nil, nil); err == nil || !strings.Contains(err.Error(), "0 values for 1 columns") {
		t.Error(err)
	}
	if _, err := e.Append(nil, [][]byte{nil}); err == nil || !strings.Contains(err.Error(), "column k of type int: null") {
		t.Error(err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	e := newEncoder(t, capturetest.Table(t, `CREATE TABLE ks.t (k int, c int, b text, s text static, a empty, x list<frozen<tuple<empty>>>,
		PRIMARY KEY (k, c))`))
	var names []string
	for _, c := range e.Columns() {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"b", "s"}) || !slices.Equal(e.Omitted(), []string{"a", "x"}) {
		t.Errorf("columns %v, omitted %v", names, e.Omitted())
	}
}

// Types may nest as deep as a type's text allows.
func TestAppendDeep(t *testing.T) {
	t.Parallel()
	const depth = 30
	typ, raw, want := "int", "00000005", "0a"
	for range depth {
		typ = "list<frozen<" + typ + ">>"
		length := len(raw) / 2
		raw = "00000001" + hex.EncodeToString([]byte{byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)}) + raw
		want = "02" + want + "00"
	}
	typ = strings.ReplaceAll(typ, "frozen<int>", "int")
	e := newEncoder(t, capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY, v `+typ+`)`))
	if got, err := e.Append(nil, hexes(t, raw)); err != nil || hex.EncodeToString(got) != "02"+want {
		t.Errorf("%x %v, want 02%s", got, err, want)
	}
	_, err := e.Append(nil, hexes(t, raw[:len(raw)-2]))
	if err == nil || !strings.Contains(err.Error(), "column v of type list<frozen<") {
		t.Error(err)
	}
}

func TestSchemaText(t *testing.T) {
	t.Parallel()
	for statements, want := range map[string]string{
		// A tuple's name comes from its text in Java's driver.
		`CREATE TABLE ks.t (k int PRIMARY KEY, v tuple<text, text, bigint, double, text>)`:                       `"name":"Tuple_45767353","doc":"CQL type tuple<text, text, bigint, double, text>"`,
		`CREATE TYPE ks.u (x int); CREATE TABLE ks.t (k int PRIMARY KEY, v tuple<frozen<u>, frozen<list<int>>>)`: `"doc":"CQL type tuple<ks.u, list<int>>"`,
		// A record that was written is a reference; its name in full where it is also a type's.
		`CREATE TYPE ks.record (x int); CREATE TABLE ks.t (k int PRIMARY KEY, v record, w record)`: `{"name":"w","type":["null","ks.record"],"default":null}`,
		`CREATE TYPE ks.u (x duration); CREATE TABLE ks.t (k int PRIMARY KEY, v u, w duration)`:    `{"name":"w","type":["null","cql_duration"],"default":null}`,
		`CREATE TABLE ks.t (k int PRIMARY KEY, v vector<float, 3>)`:                                `{"name":"v","type":["null",{"type":"array","items":"float"}],"default":null}`,
		`CREATE TABLE ks.t (k int PRIMARY KEY, v counter)`:                                         `{"name":"v","type":["null","long"],"default":null}`,
		`CREATE TABLE ks.t (k int PRIMARY KEY, v 'some.Class', m map<blob, int>)`:                  `[{"name":"m","type":["null",{"type":"map","values":"int"}],"default":null},{"name":"v","type":["null","bytes"],"default":null}]`,
		// Names that Avro forbids.
		`CREATE TABLE ks.t (k int PRIMARY KEY, "d-ash" int, "1st" int, "a.b c" text)`:                   `"fields":[{"name":"_x0031_st",`,
		`CREATE TABLE 9ks.9t (k int PRIMARY KEY, "d-ash" int)`:                                          `{"type":"record","name":"_x0039_t","namespace":"9ks","doc":"Table 9ks.9t","fields":[{"name":"d_x002D_ash",`,
		`CREATE TYPE ks."u-v" (x int); CREATE TABLE ks.t (k int PRIMARY KEY, v frozen<"u-v">, w "u-v")`: `{"type":"record","name":"u_x002D_v","doc":"CQL type ks.u-v","fields":[{"name":"x","type":["null","int"],"default":null}]}],"default":null},{"name":"w","type":["null","u_x002D_v"],"default":null}]}`,
		// A type with the name of its table, which Java cannot write.
		`CREATE TYPE ks.t (x int); CREATE TABLE ks.t (k int PRIMARY KEY, v t)`: `{"type":"record","name":"_x0074_","doc":"CQL type ks.t",`,
		`CREATE TABLE ks.t4 (a text, b int, PRIMARY KEY (a, b))`:               `{"type":"record","name":"t4","namespace":"ks","doc":"Table ks.t4","fields":[{"name":"a","type":"string"},{"name":"b","type":["null","int"],"default":null}]}`,
	} {
		if got := newEncoder(t, capturetest.Table(t, statements)).ValueSchema(); !strings.Contains(got, want) {
			t.Errorf("%s:\ngot  %s\nwant …%s…", statements, got, want)
		}
	}
}

const allTypes = `CREATE TYPE ks.u (x int, l list<int>); CREATE TABLE ks.t (k int PRIMARY KEY, c_ascii ascii, c_bigint bigint, c_blob blob,
	c_boolean boolean, c_date date, c_decimal decimal, c_double double, c_duration duration, c_float float, c_inet inet, c_int int,
	c_smallint smallint, c_text text, c_time time, c_timestamp timestamp, c_timeuuid timeuuid, c_tinyint tinyint, c_uuid uuid, c_varint varint,
	l list<int>, s set<text>, m map<timestamp, varint>, md map<date, inet>, mt map<time, text>, u u, n map<text, frozen<map<int, frozen<list<frozen<u>>>>>>,
	t tuple<int, text, frozen<u>>, v vector<float, 2>, w vector<text, 2>, x counter, y 'some.Class', mb map<blob, decimal>, mf map<float, duration>,
	mv map<varint, frozen<map<decimal, boolean>>>, mk map<frozen<tuple<double, frozen<u>>>, frozen<list<inet>>>, ml map<frozen<list<inet>>, int>)`

func FuzzAppend(f *testing.F) {
	e := newEncoder(f, capturetest.Table(f, allTypes))
	s := oracleSchema(f, e.ValueSchema())
	for _, text := range []string{"00", "00000001", "0000000100000004000000ff", "000000010000000800000000000000ff0000000101", "3f80000040000000", "0161026262"} {
		for i := range e.Columns() {
			f.Add(uint8(i), capturetest.Hex(f, text))
		}
	}
	f.Fuzz(func(t *testing.T, column uint8, value []byte) {
		values := make([][]byte, len(e.Columns()))
		values[int(column)%len(values)] = value
		got, err := e.Append(nil, values)
		if err == nil {
			decode(t, s, got)
		}
	})
}

func TestAppendAllocates(t *testing.T) {
	table := capturetest.Table(t, allTypes)
	e := newEncoder(t, table)
	values := make([][]byte, len(e.Columns()))
	for i, c := range e.Columns() {
		values[i] = sample(t, c.Name)
	}
	buf := make([]byte, 0, 4096)
	if _, err := e.Append(buf, values); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { buf, _ = e.Append(buf[:0], values) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}

// sample is a value of a column of allTypes, or null.
func sample(t testing.TB, column string) []byte {
	t.Helper()
	return hexes(t, map[string]string{
		"c_inet": "20010db8000000000000000000000001", "c_uuid": "d2177dd0eaa211dea572001b779c76e3", "c_duration": "010305",
		"c_decimal": "000000027ab8", "c_varint": "ff7f", "l": "00000001" + "0000000400000001",
		"m": "00000001" + "00000008000001769b3b8d7b" + "0000000101", "md": "00000001" + "0000000480004d46" + "000000047f000001",
		"mt": "00000001" + "0000000800004e94914effff" + "0000000178", "u": "0000000400000001", "w": "0161026262", "v": "3f80000040000000",
		"n": "00000001" + "0000000161" + "00000024" + "00000001" + "0000000400000005" + "00000014" + "00000001" + "0000000c" + "0000000400000001" + "ffffffff",
	}[column])[0]
}

func BenchmarkAppend(b *testing.B) {
	e := newEncoder(b, capturetest.Table(b, allTypes))
	values := make([][]byte, len(e.Columns()))
	for i, c := range e.Columns() {
		values[i] = sample(b, c.Name)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = e.Append(buf[:0], values)
	}
}
