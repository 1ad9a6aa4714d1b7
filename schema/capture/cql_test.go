// Tables from CREATE, ALTER and DROP statements, and raw values from payloads.

package capture_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capture"
)

// describe is a table on one line: columns with their kinds and types.
func describe(t *schema.Table) string {
	if t == nil {
		return "none"
	}
	var b strings.Builder
	for _, list := range [][]schema.Column{t.PartitionKey, t.Clustering, t.Regular, t.Static} {
		for _, c := range list {
			b.WriteString(c.Name + " " + c.Kind.String()[:1] + " " + c.Type.String())
			if c.Descending {
				b.WriteString(" DESC")
			}
			b.WriteString("; ")
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestTables(t *testing.T) {
	t.Parallel()
	const create = `CREATE TYPE ks.u (x int); CREATE TABLE IF NOT EXISTS ks.t (a int, b text, c frozen<u>, s map<int, text> STATIC, "V" decimal,
		PRIMARY KEY ((a, b), c)) WITH cdc = true AND CLUSTERING ORDER BY (c DESC) AND comment = '(';`
	const base = "a p int; b p text; c c frozen<u> DESC; "
	for _, c := range []struct{ more, want string }{
		{"", base + "V r decimal; s s map<int, text>"},
		{`INSERT INTO ks.t (a) VALUES (1); ALTER TABLE ks.t WITH cdc = false`, base + "V r decimal; s s map<int, text>"},
		{`ALTER TABLE ks.t ADD d list<int>`, base + "V r decimal; d r list<int>; s s map<int, text>"},
		{`alter table ks.t add (d int, e int static); ALTER TABLE ks.t DROP (d, "V")`, base + "e s int; s s map<int, text>"},
		{`ALTER TABLE ks.t DROP "V"; ALTER TABLE ks.t RENAME a TO "A" AND c TO cc`, "A p int; b p text; cc c frozen<u> DESC; s s map<int, text>"},
		{`DROP TABLE ks.t`, "none"},
		{"-- nothing\n// of it\nDROP TABLE ks.t", "none"},
		{`DROP TABLE IF EXISTS ks.t; CREATE TABLE ks.t (k int PRIMARY KEY)`, "k p int"},
	} {
		s, err := capture.Tables(create + c.more)
		if err != nil {
			t.Errorf("%s: %v", c.more, err)
		} else if got := describe(s.Lookup("ks", "t")); got != c.want {
			t.Errorf("%s: %s, want %s", c.more, got, c.want)
		}
	}
	s, err := capture.Tables(`CREATE TYPE ks.u (x int); CREATE TABLE ks.t (k int PRIMARY KEY, v u); ALTER TYPE ks.u ADD y text; ALTER TYPE ks.u RENAME x TO z`)
	if err != nil {
		t.Fatal(err)
	}
	if fields := s.Lookup("ks", "t").Regular[0].Type.Fields; len(fields) != 2 || fields[0].Name != "z" || fields[1].Name != "y" {
		t.Errorf("fields %v", fields)
	}
	for _, bad := range []string{
		`CREATE TABLE ks.t`, `CREATE TABLE ks.t (a int`, `CREATE TABLE ks.t (a int)`, `CREATE TABLE ks.t (a PRIMARY)`,
		`ALTER TABLE ks.t ADD a int`, `CREATE TABLE ks.t (a int PRIMARY KEY); ALTER TABLE ks.t ADD (b int`,
		`CREATE TABLE ks.t (a int PRIMARY KEY); ALTER TABLE ks.t RENAME a`, `CREATE TABLE ks.t (a int, PRIMARY KEY )`,
	} {
		if _, err := capture.Tables(bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func FuzzTables(f *testing.F) {
	f.Add(`CREATE TYPE ks.u (x int); CREATE TABLE ks.t (a int, "b""" u, PRIMARY KEY ((a), b)) WITH CLUSTERING ORDER BY (b DESC)`)
	f.Add(`CREATE TABLE ks.t (a int PRIMARY KEY); ALTER TABLE ks.t ADD (b int, c int static); ALTER TABLE ks.t RENAME a TO d`)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = capture.Tables(text) // an error or not, but no panic
	})
}

// The same values out of JSON and of Avro.
func TestRaw(t *testing.T) {
	t.Parallel()
	s, err := capture.Tables(`CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (k int PRIMARY KEY, m map<text, int>, u u, d decimal, f float, n int)`)
	if err != nil {
		t.Fatal(err)
	}
	columns := s.Lookup("ks", "t").Regular
	fromJSON, err := capture.FromJSON([]byte(`{"d":{"bigint":"erg=","scale":2},"f":"-Infinity","m":{"int":7},"n":null,"u":{"y":"z"}}`))
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := hex.DecodeString("02" + "047ab804" + "02" + "000080ff" + "02" + "0206696e740e00" + "00" + "02" + "00" + "02027a")
	fromAvro, err := capture.FromAvro(`{"type":"record","name":"t","namespace":"ks","fields":[
		{"name":"d","type":["null",{"type":"record","name":"cql_decimal","fields":[{"name":"bigint","type":"bytes"},{"name":"scale","type":"int"}]}]},
		{"name":"f","type":["null","float"]},{"name":"m","type":["null",{"type":"map","values":"int"}]},{"name":"n","type":["null","int"]},
		{"name":"u","type":["null",{"type":"record","name":"u","fields":[{"name":"x","type":["null","int"]},{"name":"y","type":["null","string"]}]}]}]}`, payload)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"000000027ab8", "ff800000", "00000001" + "00000003696e74" + "0000000400000007", "null", "ffffffff" + "000000017a"}
	for name, fields := range map[string]capture.Fields{"JSON": fromJSON, "Avro": fromAvro} {
		values, unordered, err := fields.Raw(columns)
		if err != nil || unordered {
			t.Fatalf("%s: %v, unordered %v", name, err, unordered)
		}
		for i, v := range values {
			got := hex.EncodeToString(v)
			if v == nil {
				got = "null"
			}
			if got != want[i] {
				t.Errorf("%s: column %s is %s, want %s", name, columns[i].Name, got, want[i])
			}
		}
	}
	for text, says := range map[string]string{
		`{"n":"x"}`: "column n of type int: string where an integer is wanted", `{"n":1.5}`: "column n", `{"m":[]}`: "where an object is wanted",
		`{"d":{"bigint":"!","scale":1}}`: "column d", `{"u":{"x":true}}`: "column u",
	} {
		fields, err := capture.FromJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := fields.Raw(columns); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
}

// Map keys are read back from their text.
func TestRawMapKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, text, want string }{
		{"text", "a", "61"},
		{"boolean", "true", "01"},
		{"tinyint", "-1", "ff"},
		{"bigint", "-9223372036854775808", "8000000000000000"},
		{"double", "1.0E10", "4202a05f20000000"},
		{"float", "NaN", "7fc00000"},
		{"inet", "10.0.0.1", "0a000001"},
		{"inet", "/10.0.0.1", "0a000001"},
		{"uuid", "d2177dd0-eaa2-11de-a572-001b779c76e3", "d2177dd0eaa211dea572001b779c76e3"},
		{"date", "1969-12-31", "7fffffff"},
		{"timestamp", "2020-12-25T10:10:00.123Z", "000001769960653b"},
		{"time", "10:10", "0000214999ffb000"},
		{"time", "00:00:01.000000005", "000000003b9aca05"},
		{"varint", "-129", "ff7f"},
		{"varint", "-128", "80"},
		{"varint", "128", "0080"},
		{"varint", "0", "00"},
		{"decimal", "314.16", "000000027ab8"},
		{"decimal", "-1E+3", "fffffffdff"},
		{"decimal", "1.5E-10", "0000000b0f"},
		{"frozen<list<int>>", "[1, -2]", "00000002" + "0000000400000001" + "00000004fffffffe"},
		{"frozen<set<inet>>", "[/10.0.0.1]", "00000001" + "000000040a000001"},
		{"frozen<list<text>>", "[]", "00000000"},
		{"frozen<map<int, text>>", "{1=a}", "00000001" + "0000000400000001" + "0000000161"},
	} {
		s, err := capture.Tables(`CREATE TABLE ks.t (k int PRIMARY KEY, m map<` + c.typ + `, boolean>)`)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := capture.FromJSON([]byte(`{"m":{"` + c.text + `":true}}`))
		if err != nil {
			t.Fatal(err)
		}
		values, _, err := fields.Raw(s.Lookup("ks", "t").Regular)
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.text, err)
			continue
		}
		got := hex.EncodeToString(values[0])
		if got = strings.TrimSuffix(got, "0000000101"); len(got) < 16 || got[16:] != c.want {
			t.Errorf("%s %s: %s, want %s", c.typ, c.text, got, c.want)
		}
	}
}
