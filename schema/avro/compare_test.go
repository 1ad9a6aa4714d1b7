// Schemas of others, read and compared.

package avro_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
)

func parse(t *testing.T, text string) *avro.Type {
	t.Helper()
	typ, err := avro.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return typ
}

// record is the schema of a record with these fields, "name type" with an optional
// default behind.
func record(fields ...string) string {
	var texts []string
	for _, f := range fields {
		name, rest, _ := strings.Cut(f, " ")
		typ, value, ok := strings.Cut(rest, " = ")
		text := fmt.Sprintf(`{"name":%q,"type":%s`, name, typ)
		if ok {
			text += `,"default":` + value
		}
		texts = append(texts, text+"}")
	}
	return `{"type":"record","name":"t","namespace":"ks","doc":"Table ks.t","fields":[` + strings.Join(texts, ",") + `]}`
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const optional = `["null","int"] = null`
	address := func(fields string) string {
		return `["null",{"type":"record","name":"address","fields":[{"name":"street","type":["null","string"],"default":null}` + fields + `]}] = null`
	}
	for _, c := range []struct {
		name          string
		before, after string
		want          []string
	}{
		{"the same", record(`a "string"`, `b `+optional), record(`a "string"`, `b `+optional), nil},
		{"another order and doc", record(`a "string"`, `b `+optional), strings.Replace(record(`b `+optional, `a "string"`), "Table ks.t", "other", 1), nil},
		{"a column more", record(`a "string"`), record(`a "string"`, `b `+optional), []string{"b: added with default null (int or null)"}},
		{"a key column more", record(`a "string"`), record(`a "string"`, `b "int"`), []string{"b: added without default (int)"}},
		{"a column less", record(`a "string"`, `b `+optional), record(`a "string"`), []string{"b: removed (int or null)"}},
		{"a key column less", record(`a "string"`, `b "int"`), record(`a "string"`), []string{"b: removed, and it had no default (int)"}},
		{"another type", record(`b ` + optional), record(`b ["null","string"] = null`), []string{"b: type changed from int or null to string or null"}},
		{"another meaning", record(`b {"type":"int","logicalType":"date"}`), record(`b "int"`), []string{"b: type changed from int (date) to int"}},
		{"null no more", record(`b ` + optional), record(`b "int"`), []string{"b: type changed from int or null to int", "b: default changed from null to none"}},
		{"no default any more", record(`b ` + optional), record(`b ["null","int"]`), []string{"b: default changed from null to none"}},
		{"inside a list", record(`b {"type":"array","items":"int"}`), record(`b {"type":"array","items":"long"}`), []string{"b: type changed from int to long"}},
		{"inside a user-defined type", record(`b ` + address("")), record(`b ` + address(`,{"name":"post_x002D_code","type":"int"}`)), []string{"b.post-code: added without default (int)"}},
		{"a name that Avro forbids", record(`_x0031_st "int"`), record(`_x0031_st "long"`), []string{"1st: type changed from int to long"}},
		{"a list of records", record(`b "int"`), record(`b {"type":"map","values":` + record(`x "int"`) + `}`), []string{"b: type changed from int to map of record ks.t"}},
	} {
		var got []string
		for _, change := range avro.Compare(parse(t, c.before), parse(t, c.after)) {
			got = append(got, change.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Names are looked up as Java's Avro does: cql_decimal has no namespace and is named
// bare within one.
func TestParseNames(t *testing.T) {
	t.Parallel()
	typ := parse(t, `{"type":"record","name":"t","namespace":"1ks","fields":[
		{"name":"a","type":{"type":"record","name":"cql_decimal","namespace":"","fields":[{"name":"scale","type":"int"}],"logicalType":"cql_decimal"}},
		{"name":"b","type":["null","cql_decimal"],"default":null},
		{"name":"c","type":{"type":"record","name":"u","fields":[]}},
		{"name":"d","type":"u"},{"name":"e","type":"1ks.u"},{"name":"f","type":{"type":"u"}},{"name":"g","type":{"type":{"type":"bytes"}}}]}`)
	for i, want := range []string{"record cql_decimal", "record cql_decimal or null", "record 1ks.u", "record 1ks.u", "record 1ks.u", "record 1ks.u", "bytes"} {
		if got := typ.Fields[i].Type.String(); got != want {
			t.Errorf("field %d: %s, want %s", i, got, want)
		}
	}
	if typ.Fields[1].Default != "null" || typ.Fields[0].Default != "" {
		t.Errorf("defaults %q", typ.Fields)
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"": "EOF", "{": "unexpected EOF", `"int" 1`: "text behind", "17": "17 is no type", "[]": "a union of nothing", `"x"`: "x is not declared",
		`{"type":"array"}`: "a type is missing", `{"type":"record","fields":[]}`: "without name", `{"type":"record","name":"t","fields":[{"name":"a"}]}`: "field a of t",
		`{"type":"record","name":"t","fields":[{"name":"a","type":["null","t"]}]}`: "contains itself", `{"type":"map","values":["int",{"type":"x"}]}`: "x is not declared",
	} {
		if _, err := avro.Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
