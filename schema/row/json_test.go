// JSON rows and keys: values of single columns, what is null and what is left out, and faults.

package row_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func newJSON(t testing.TB, table *schema.Table, withKey bool) *row.JSON {
	t.Helper()
	e, err := row.NewJSON(table, withKey)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Values of single columns. The forms of native types are those of the captures, or of
// the Java converter where it has one.
func TestAppendJSON(t *testing.T) {
	t.Parallel()
	text := func(s string) string { return hex.EncodeToString([]byte(s)) }
	for _, c := range []struct{ typ, raw, want string }{
		{"int", "null", `null`},
		{"int", "", `null`},
		{"text", "", `""`},
		{"text", text("a\"\\/<&'\x7f"), `"a\"\\/<&'` + "\x7f" + `"`},
		{"text", text("\b\t\n\f\r\x00\x1f\x0b"), `"\b\t\n\f\r\u0000\u001F\u000B"`},
		{"text", text("é世\u2028\uffff"), "\"é世\u2028\uffff\""},
		{"text", text("x😀y\U0010ffff"), `"x\uD83D\uDE00y\uDBFF\uDFFF"`},
		{"ascii", text("abc"), `"abc"`},
		{"blob", "", `""`},
		{"blob", "deadbeef00ff", `"3q2+7wD/"`},
		{"boolean", "02", `true`},
		{"boolean", "00", `false`},
		{"tinyint", "fe", `-2`},
		{"smallint", "8000", `-32768`},
		{"int", "80000000", `-2147483648`},
		{"bigint", "8000000000000000", `-9223372036854775808`},
		{"varint", "ff7f", `"/38="`},
		{"varint", "00", `"AA=="`},
		{"varint", "ffffffff", `"/w=="`},
		{"decimal", "000000027ab8", `{"bigint":"erg=","scale":2}`},
		{"decimal", "fffffffdff", `{"bigint":"/w==","scale":-3}`},
		{"float", "3f800000", `1.0`},
		{"float", "00000000", `0.0`},
		{"float", "80000000", `-0.0`},
		{"float", "4b189680", `1.0E7`},
		{"float", "4b18967f", `9999999.0`},
		{"float", "3a83126f", `0.001`},
		{"float", "00000001", `1.4E-45`},
		{"float", "60ad78ec", `1.0E20`},
		{"float", "ff7fffff", `-3.4028235E38`},
		{"float", "7fc00000", `"NaN"`},
		{"float", "ff800000", `"-Infinity"`},
		{"double", "3ff199999999999a", `1.1`},
		{"double", "4014000000000000", `5.0`},
		{"double", "7e37e43c8800759c", `1.0E300`},
		{"double", "0000000000000001", `4.9E-324`},
		{"double", "3f50624dd2f1a9fb", `9.999999999999998E-4`},
		{"double", "7ff0000000000000", `"Infinity"`},
		{"inet", "20010db8000000000000000000000001", `"2001:db8:0:0:0:0:0:1"`},
		{"inet", "7f000001", `"127.0.0.1"`},
		{"timestamp", "ffffffffffffffff", `-1`},
		{"date", "80000000", `0`},
		{"date", "7ff506c6", `-719162`},
		{"time", "0000000000000bb9", `3`},
		{"uuid", "d2177dd0eaa211dea572001b779c76e3", `"d2177dd0-eaa2-11de-a572-001b779c76e3"`},
		{"duration", "010305", `{"months":-1,"days":-2,"nanoseconds":-3}`},
		{"list<int>", "00000000", `[]`},
		{"list<int>", "", `[]`},
		{"list<int>", "00000002" + "0000000400000001" + "00000004ffffffff", `[1,-1]`},
		{"set<text>", "00000001" + "00000000", `[""]`},
		{"map<text, int>", "00000002" + "0000000161" + "0000000400000001" + "0000000122" + "0000000400000002", `{"a":1,"\"":2}`},
		{"map<int, text>", "00000001" + "0000000400000001" + "0000000178", `{"1":"x"}`},
		{"map<inet, int>", "00000001" + "000000040a000001" + "0000000400000003", `{"10.0.0.1":3}`},
		{"map<timestamp, int>", "00000001" + "00000008000001769960653b" + "0000000400000001", `{"2020-12-25T10:10:00.123Z":1}`},
		{"map<uuid, date>", "00000001" + "00000010d2177dd0eaa211dea572001b779c76e3" + "0000000480000001", `{"d2177dd0-eaa2-11de-a572-001b779c76e3":1}`},
		// A list of what makes the Java connector fail.
		{"list<date>", "00000001" + "0000000480000001", `[1]`},
		{"list<time>", "00000001" + "000000080000000000000bb8", `[3]`},
		{"list<tinyint>", "00000001" + "00000001ff", `[-1]`},
		{"list<inet>", "00000001" + "000000047f000001", `["/127.0.0.1"]`},
		{"map<inet, inet>", "00000001" + "000000047f000001" + "000000047f000001", `{"127.0.0.1":"/127.0.0.1"}`},
		{"list<frozen<map<inet, int>>>", "00000001" + "00000014" + "00000001" + "000000047f000001" + "0000000400000001", `[{"/127.0.0.1":1}]`},
		{"set<frozen<tuple<inet>>>", "00000001" + "00000008" + "000000047f000001", `[{"index_0":"/127.0.0.1"}]`},
		{"list<frozen<a>>", "00000001" + "00000020" + "000000047f000001" + "00000014" + "00000001" + "000000047f000001" + "000000047f000001",
			`[{"i":"127.0.0.1","m":{"127.0.0.1":"/127.0.0.1"}}]`},
		{"list<varint>", "00000001" + "00000001ff", `["/w=="]`},
		{"set<duration>", "00000001" + "00000003010305", `[{"months":-1,"days":-2,"nanoseconds":-3}]`},
		{"map<text, frozen<u>>", "00000001" + "000000016b" + "00000008" + "0000000400000001", `{"k":{"x":1}}`},
		{"map<text, frozen<list<timestamp>>>", "00000001" + "000000016b" + "00000010" + "00000001" + "000000080000000000000001", `{"k":[1]}`},
		// Tuples are null as columns, as they are in the Java connector's messages.
		{"tuple<int, text>", "0000000400000001" + "0000000178", `null`},
		{"list<frozen<tuple<int, text>>>", "00000001" + "00000008" + "0000000400000001", `[{"index_0":1,"index_1":null}]`},
		{"list<frozen<tuple<int, text>>>", "00000001" + "0000000c" + "ffffffff" + "00000004" + text("abcd"), `[{"index_0":null,"index_1":"abcd"}]`},
		{"w", "0000000400000001" + "0000000c" + "0000000400000002" + "ffffffff", `{"n":1,"tp":{"index_0":2,"index_1":null}}`},
		{"u", "0000000400000001", `{"x":1}`},
		{"u", "ffffffff" + "00000001" + text("y"), `{"y":"y"}`},
		{"u", "00000000" + "00000000", `{"y":""}`},
		{"u", "", `{}`},
		{"vector<float, 2>", "3f80000040000000", `[1.0,2.0]`},
		{"vector<text, 2>", "0161" + "026262", `["a","bb"]`},
		{"counter", "0000000000000001", `1`},
		{"'some.Class'", "00ff", `"AP8="`},
		{"list<empty>", "00000000", `null`},
		// Map keys are the texts that they are in Avro.
		{"map<blob, int>", "00000001" + "0000000200ff" + "0000000400000001", `{"0x00ff":1}`},
		{"map<double, int>", "00000001" + "000000087ff8000000000000" + "0000000400000001", `{"NaN":1}`},
		{"map<frozen<tuple<text, int>>, int>", "00000001" + "00000009" + "0000000122" + "ffffffff" + "0000000400000001", `{"[\"\\\"\", null]":1}`},
		// Names are those of the schema.
		{"x", "0000000400000001", `{"d_x002D_ash":1}`},
	} {
		e := newJSON(t, capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TYPE ks.a (i inet, m frozen<map<inet, inet>>); CREATE TYPE ks.w (n int, tp frozen<tuple<int, text>>);
			CREATE TYPE ks.x ("d-ash" int);
			CREATE TABLE ks.t (k int PRIMARY KEY, v `+c.typ+`)`), false)
		values := hexes(t, c.raw)[:len(e.Columns())]
		got, err := e.Append([]byte{'.'}, values)
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.raw, err)
		} else if want := `.{"v":` + c.want + `}`; string(got) != want {
			t.Errorf("%s %s: %s, want %s", c.typ, c.raw, got, want)
		} else if !json.Valid(got[1:]) {
			t.Errorf("%s %s: %s is no JSON", c.typ, c.raw, got)
		}
	}
}

// Every ASCII character at every place of a short text, and one beyond.
func TestJSONTextReadsBack(t *testing.T) {
	t.Parallel()
	e := newJSON(t, capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY, v text)`), false)
	for at := range 20 {
		for _, c := range append([]rune("é\u2028\uffff😀"), asciiRunes()...) {
			want := strings.Repeat("x", at) + string(c) + strings.Repeat("y", 19-at)
			got, err := e.Append(nil, [][]byte{[]byte(want)})
			if err != nil {
				t.Fatal(err)
			}
			var read struct{ V string }
			if err := json.Unmarshal(got, &read); err != nil || read.V != want {
				t.Errorf("%q became %s, %v", want, got, err)
			}
		}
	}
}

func asciiRunes() (all []rune) {
	for c := range rune(0x80) {
		all = append(all, c)
	}
	return all
}

// Which columns and fields an object has, and in what order.
func TestJSONObjects(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (p1 smallint, p2 tinyint, c1 text, c2 time, b int, a int, z tuple<int>, s2 int static, s1 int static,
		PRIMARY KEY ((p1, p2), c1, c2))`)
	names := func(e *row.JSON) (all []string) {
		for _, c := range e.Columns() {
			all = append(all, c.Name)
		}
		return all
	}
	check := func(what string, got []byte, err error, want string) {
		t.Helper()
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", what, got, err, want)
		}
	}
	e := newJSON(t, table, false)
	if got := names(e); !slices.Equal(got, []string{"a", "b", "s1", "s2"}) || !slices.Equal(e.Omitted(), []string{"z"}) {
		t.Errorf("columns %v, omitted %v", got, e.Omitted())
	}
	values := hexes(t, "00000001", "null", "00000003", "null")
	got, err := e.Append(nil, values)
	check("row", got, err, `{"a":1,"b":null,"z":null,"s1":3,"s2":null}`)
	got, err = e.AppendStatic(nil, values)
	check("static row", got, err, `{"s1":3,"s2":null}`)
	if strings.Contains(e.ValueSchema(), `"z"`) {
		t.Errorf("the schema has a tuple: %s", e.ValueSchema())
	}

	e = newJSON(t, table, true)
	if got := names(e); !slices.Equal(got, []string{"p1", "p2", "c1", "c2", "a", "b", "s1", "s2"}) {
		t.Errorf("columns with the key %v", got)
	}
	values = hexes(t, "ffff", "fe", "78", "0000000000000bb9", "00000001", "null", "00000003", "null")
	got, err = e.Append(nil, values)
	check("row with the key", got, err, `{"p1":-1,"p2":-2,"c1":"x","c2":3,"a":1,"b":null,"z":null,"s1":3,"s2":null}`)
	got, err = e.AppendStatic(nil, values)
	check("static row with the key", got, err, `{"s1":3,"s2":null}`)
	got, err = e.AppendKey(nil, hexes(t, "ffff", "fe", "78", "0000000000000bb9"))
	check("key", got, err, `{"p1":65535,"p2":254,"c1":"x","c2":3}`)
	got, err = e.AppendKey(nil, hexes(t, "0001", "02", "null", "null"))
	check("key of a partition", got, err, `{"p1":1,"p2":2,"c1":null,"c2":null}`)

	e = newJSON(t, capturetest.Table(t, `CREATE TABLE ks.t (k int, c int, PRIMARY KEY (k, c))`), false)
	got, err = e.Append(nil, hexes(t, "00000001", "00000002"))
	check("row of a table with nothing else", got, err, `{"k":1,"c":2}`)
}

// Values that are not of their type give an error that names the column.
func TestAppendJSONErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, raw, want string }{
		{"text", "ff", "not UTF-8"},
		{"ascii", "e9", "not UTF-8"},
		{"text", "eda080", "not UTF-8"}, // half of a surrogate pair
		{"tinyint", "0001", "2 bytes, not 1"},
		{"smallint", "00", "1 bytes, not 2"},
		{"int", "0001", "2 bytes, not 4"},
		{"date", "0001", "2 bytes, not 4"},
		{"bigint", "0001", "2 bytes, not 8"},
		{"float", "0001", "2 bytes, not 4"},
		{"double", "0001", "2 bytes, not 8"},
		{"boolean", "0001", "2 bytes, not 1"},
		{"uuid", "0001", "2 bytes, not 16"},
		{"inet", "0001", "2 bytes, not 4 or 16"},
		{"decimal", "00000001", "4 bytes, at least 5 wanted"},
		{"duration", "0101ff", "cut off"},
		{"list<int>", "7fffffff", "2147483647 elements in 0 bytes"},
		{"list<int>", "00000001" + "ffffffff", "element 1 of 1: null"},
		{"list<text>", "00000001" + "00000001ff", "element 1 of 1: not UTF-8"},
		{"list<varint>", "00000001" + "00000000", "element 1 of 1: no bytes"},
		{"list<int>", "00000000" + "00", "1 bytes too many"},
		{"map<int, int>", "00000001" + "00000000" + "00000000", "key 1 of 1: null"},
		{"map<text, int>", "00000001" + "00000001ff" + "00000000", "key 1 of 1: not UTF-8"},
		{"map<int, int>", "00000001" + "0000000400000000" + "ffffffff", "value 1 of 1: null"},
		{"u", "ffffffff" + "00000002" + "00", "field y: the value is cut off"},
		{"u", "ffffffff" + "ffffffff" + "ffffffff", "4 bytes too many"},
		{"vector<float, 2>", "00000000" + "000000", "element 2 of 2: the value is cut off"},
		{"vector<float, 2>", "00000000" + "00000000" + "00", "1 bytes too many"},
	} {
		e := newJSON(t, capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (k int PRIMARY KEY, v `+c.typ+`)`), false)
		dst, err := e.Append([]byte{'.'}, hexes(t, c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "row of table ks.t: column v of type "+c.typ) {
			t.Errorf("%s %s: %v, want …%s", c.typ, c.raw, err, c.want)
		}
		if string(dst) != "." {
			t.Errorf("%s %s: dst became %s", c.typ, c.raw, dst)
		}
	}
	e := newJSON(t, capturetest.Table(t, `CREATE TABLE ks.t (k int, c int, s int static, PRIMARY KEY (k, c))`), true)
	for what, call := range map[string]func() ([]byte, error){
		"row of table ks.t: 0 values for 3 columns":            func() ([]byte, error) { return e.Append(nil, nil) },
		"static row of table ks.t: 0 values for 3 columns":     func() ([]byte, error) { return e.AppendStatic(nil, nil) },
		"primary key of table ks.t: 1 values for 2 columns":    func() ([]byte, error) { return e.AppendKey(nil, hexes(t, "00000001")) },
		"row of table ks.t: column k of type int: null":        func() ([]byte, error) { return e.Append(nil, make([][]byte, 3)) },
		"primary key of table ks.t: column k of type int: nul": func() ([]byte, error) { return e.AppendKey(nil, make([][]byte, 2)) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (k frozen<list<empty>> PRIMARY KEY)`)
	for _, name := range []string{"key-value-avro", "key-value-json", "json"} {
		f, err := row.ParseFormat(name)
		if err != nil || string(f) != name {
			t.Errorf("%s: %s, %v", name, f, err)
		}
		if _, err := row.NewMessages(table, f); err == nil || !strings.Contains(err.Error(), "ks.t") || !strings.Contains(err.Error(), "column k") {
			t.Errorf("%s: a key that events cannot hold: %v", name, err)
		}
	}
	if _, err := row.ParseFormat(""); err == nil {
		t.Error("no name is a format")
	}
	if _, err := row.NewMessages(capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY)`), "xml"); err == nil || !strings.Contains(err.Error(), `"xml"`) {
		t.Error(err)
	}
}

// Whatever the bytes, an error or JSON that is valid and valid UTF-8.
func FuzzAppendJSON(f *testing.F) {
	e := newJSON(f, capturetest.Table(f, allTypes), false)
	for _, text := range []string{"00", "00000001", "0000000100000004000000ff", "000000010000000800000000000000ff0000000101", "3f80000040000000", "f09f9880225c"} {
		for i := range e.Columns() {
			f.Add(uint8(i), capturetest.Hex(f, text))
		}
	}
	f.Fuzz(func(t *testing.T, column uint8, value []byte) {
		values := make([][]byte, len(e.Columns()))
		values[int(column)%len(values)] = value
		got, err := e.Append([]byte{'['}, values)
		if err != nil {
			if !bytes.Equal(got, []byte{'['}) {
				t.Errorf("dst became %q", got)
			}
			return
		}
		if got = append(got, ']'); !json.Valid(got) || !utf8.Valid(got) {
			t.Errorf("%q is no JSON", got)
		}
	})
}

func TestAppendJSONAllocates(t *testing.T) {
	for name, row := range map[string]func(testing.TB) (*row.JSON, [][]byte){"every type": everyType, "twelve columns": twelveColumns} {
		e, values := row(t)
		buf := make([]byte, 0, 4096)
		if _, err := e.Append(buf, values); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { buf, _ = e.Append(buf[:0], values) }); n != 0 {
			t.Errorf("%s: %v allocations a row", name, n)
		}
	}
}

func everyType(t testing.TB) (*row.JSON, [][]byte) {
	e := newJSON(t, capturetest.Table(t, allTypes), false)
	values := make([][]byte, len(e.Columns()))
	for i, c := range e.Columns() {
		values[i] = sample(t, c.Name)
	}
	return e, values
}

// twelveColumns is a row of 12 columns with 256 bytes of values.
func twelveColumns(t testing.TB) (*row.JSON, [][]byte) {
	t.Helper()
	e := newJSON(t, capturetest.Table(t, `CREATE TABLE ks.t (k int PRIMARY KEY, c01 text, c02 text, c03 bigint, c04 int, c05 boolean, c06 double,
		c07 timestamp, c08 uuid, c09 date, c10 blob, c11 decimal, c12 list<int>)`), false)
	values := hexes(t, strings.Repeat("61", 100), strings.Repeat("7a", 41), "000000174876e800", "0000002a", "01", "400921fb54442d18",
		"0000018df4c1d565", "d2177dd0eaa211dea572001b779c76e3", "80004d46", strings.Repeat("5a", 32), "000000027ab8",
		"00000003"+"0000000400000001"+"0000000400000002"+"0000000400000003")
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if len(values) != 12 || size < 250 || size > 260 {
		t.Fatalf("%d columns, %d bytes", len(values), size)
	}
	return e, values
}

func BenchmarkAppendJSON(b *testing.B) {
	e, values := twelveColumns(b)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = e.Append(buf[:0], values)
	}
}
