// docs/types.md: made from the code (go test ./schema/avro -run TypesDocument -update), and checked.

package avro_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

var update = flag.Bool("update", false, "write docs/types.md anew")

const document = "../../docs/types.md"

const udt = "CREATE TYPE ks.address (street text, number int); "

// examples are one value of each type. java says what the Java product does with a
// column of the type where that is not the same.
var examples = []struct{ typ, value, raw, java string }{
	{"ascii", "'abc'", "616263", ""},
	{"text, varchar", "'é'", "c3a9", ""},
	{"boolean", "true", "01", ""},
	{"blob", "0x00ff", "00ff", ""},
	{"tinyint", "-1", "ff", "In a primary key it has no sign."},
	{"smallint", "-1", "ffff", "In a primary key it has no sign."},
	{"int", "-1", "ffffffff", ""},
	{"bigint", "-1", "ffffffffffffffff", ""},
	{"varint", "-129", "ff7f", "Two's complement, big endian, in as few bytes as keep the sign (BigInteger.toByteArray)."},
	{"decimal", "314.16", "000000027ab8", "The unscaled value as in varint, then the scale."},
	{"float", "1.1", "3f8ccccd", ""},
	{"double", "1E10", "4202a05f20000000", ""},
	{"inet", "'2001:db8::1'", "20010db8000000000000000000000001", "IPv6 in full; an IPv4 address that is mapped into IPv6 is IPv4. In collections and tuples: crashes."},
	{"timestamp", "'2020-12-25T10:10:00.123Z'", "000001769960653b", ""},
	{"date", "'2024-02-29'", "80004d46", "In collections and tuples: crashes."},
	{"time", "'10:10:00.123456789'", "00002149a15b7d15", "Nanoseconds below µs are cut. In collections and tuples: crashes."},
	{"uuid", "d2177dd0-eaa2-41de-a572-001b779c76e3", "d2177dd0eaa241dea572001b779c76e3", ""},
	{"timeuuid", "d2177dd0-eaa2-11de-a572-001b779c76e3", "d2177dd0eaa211dea572001b779c76e3", ""},
	{"duration", "-1mo2d3ns", "010305", "Cassandra allows it in no map key."},
	{"counter", "7", "0000000000000007", "Left out. Here the total, as a SELECT gives it."},
	{"list<int>", "[1, 2]", "00000002" + "0000000400000001" + "0000000400000002", ""},
	{"set<text>", "{'a'}", "00000001" + "0000000161", "The order of Java's HashSet; here that of Cassandra."},
	{"map<text, int>", "{'a': 1}", "00000001" + "0000000161" + "0000000400000001", "The order of Java's HashMap; here that of Cassandra."},
	{"map<int, int>", "{5: 1}", "00000001" + "0000000400000005" + "0000000400000001", "Keys are texts: see below."},
	{"tuple<int, text>", "(1, null)", "0000000400000001" + "ffffffff", "The name is the hash of the type's text in the driver."},
	{"address", "{street: 'a', number: null}", "0000000161" + "ffffffff", "A user-defined type. Fields added after a value was written are null."},
	{"vector<float, 2>", "[1, 2]", "3f80000040000000", ""},
	{"list<frozen<map<date, frozen<tuple<inet, address>>>>>", "[{}]", "00000001" + "00000004" + "00000000", "Crashes, as with most nestings. Here the same rules at every depth."},
	{"'org.example.MyType'", "0x00ff", "00ff", "Left out. Here the bytes of the value, whatever the class makes of them."},
}

// example encodes the example of a type as a column, as a map key, and as a part of
// the primary key.
func example(t *testing.T, typ, raw string) (schema, payload, key, keySchema, keyPayload string) {
	t.Helper()
	value := append([]byte{}, capturetest.Hex(t, raw)...)
	table := capturetest.Table(t, udt+"CREATE TABLE ks.t (k int PRIMARY KEY, v "+typ+")")
	e, err := row.New(table)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Append(nil, [][]byte{value})
	if err != nil {
		t.Fatal(err)
	}
	schema, payload = lastField(t, e.ValueSchema()), hex.EncodeToString(got[1:])
	text, err := table.Regular[0].Type.AppendText(nil, value)
	key = "`" + string(text) + "`"
	if err != nil {
		key = "–"
	}
	keySchema, keyPayload = keyExample(t, event.JavaForm, typ, raw)
	return schema, payload, key, keySchema, keyPayload
}

// keyExample encodes the example of a type as a clustering column, in a form of keys.
func keyExample(t *testing.T, form event.KeyForm, typ, raw string) (schema, payload string) {
	t.Helper()
	k, err := event.NewKeyIn(capturetest.Table(t, udt+"CREATE TABLE ks.t (k int, v "+typ+", PRIMARY KEY (k, v))"), form)
	if err != nil {
		return "–", ""
	}
	got, err := k.Append(nil, [][]byte{{0, 0, 0, 0}}, [][]byte{append([]byte{}, capturetest.Hex(t, raw)...)})
	if err != nil {
		t.Fatal(err)
	}
	return lastField(t, k.Schema()), hex.EncodeToString(got[2:])
}

// lastField is the type of the record's last field, without the null of its union.
func lastField(t *testing.T, schema string) string {
	t.Helper()
	var record struct {
		Fields []struct{ Type json.RawMessage }
	}
	if err := json.Unmarshal([]byte(schema), &record); err != nil {
		t.Fatal(err)
	}
	var union []json.RawMessage
	if err := json.Unmarshal(record.Fields[len(record.Fields)-1].Type, &union); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, typ := range union[1:] {
		types = append(types, string(typ))
	}
	return strings.Join(types, " or ")
}

func types(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# How CQL types look in Avro

Made by ` + "`go test ./schema/avro -run TypesDocument -update`" + ` from the code that does it: schemas and bytes below are its output.

Every field but a partition key's is a union with null, in front of the bytes here: ` + "`00`" + ` for null, ` + "`02`" + ` and then the value
otherwise. A value of no bytes is null, except where no bytes are a proper value (texts, blobs, collections, tuples, user-defined
types, custom types). Types nest by the same rules to any depth. What DataStax' "CDC for Apache Cassandra" encodes has the same bytes here; the
last column says where it does not, or leaves the column out, or fails.

| CQL type | Avro schema | example | bytes | notes; the Java product |
|---|---|---|---|---|
`)
	cell := func(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
	for _, x := range examples {
		schema, payload, _, _, _ := example(t, first(x.typ), x.raw)
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | `%s` | %s |\n", x.typ, schema, cell(x.value), payload, x.java)
	}
	b.WriteString(`
The hidden column of type ` + "`empty`" + ` that dense compact tables have is left out, and so is every type with it inside.

## As map key

Keys of Avro maps are strings. They are what Java's ` + "`toString`" + ` gives for the driver's object. The Java product fails on keys that are
blobs, tuples, user-defined types, vectors or custom types: blobs and custom types are hexadecimal here, tuples and
user-defined types are JSON in the words of Cassandra's ` + "`toJson`" + `, vectors are printed like lists. Inside of lists, sets and maps
that are keys, an address has a slash in front, as Java prints it there. Floats have the digits of Java 19 and newer, of which an older
Java prints some with more than needed. Numbers of more than 8 KiB are hexadecimal.

## As part of the primary key

Key records come back to the connector, which reads the row they name, so that nothing may be lost. Where a type is made of
others, the field is a union of its schema and ` + "`bytes`" + `: the raw CQL value, for values that the schema would change (a tuple
that ends early, nanoseconds below µs, a number of more bytes than needed). Where a map has keys that are no texts the field is
` + "`bytes`" + ` alone. The Java agent publishes no events for tables with such columns. tinyint and smallint without sign, and time in µs,
are its own ways with columns of these types.

Where a column of another type loses something in its field (a time below µs; an IPv4 address mapped into IPv6; a varint or decimal of more
bytes than needed; a boolean of another byte than 0 and 1; an empty value of a type that has none), and only then, the event has
the property ` + "`exactkey`" + `, and so has the row's message on the data topic: the primary key as it is. Java does not look at it. Its text is ` + "`1:`" + ` (the
version) and, in Base64 without padding, the raw values of the partition key and, unless the event is of a whole partition, those
of the clustering columns: for each its length and one as an unsigned varint, then its bytes; 0 is null. Rows with the same message
key differ in it, and only in it.

Bytes here are those of a clustering column behind the branch of its union, which is ` + "`" + `02` + "`" + `, or ` + "`" + `04` + "`" + ` for the raw value.

| CQL type | example | as map key | as part of the primary key | bytes |
|---|---|---|---|---|
`)
	for _, x := range examples {
		_, _, key, schema, payload := example(t, first(x.typ), x.raw)
		if schema != "–" {
			schema, payload = "`"+schema+"`", "`"+payload+"`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", x.typ, cell(x.value), cell(key), schema, payload)
	}
	b.WriteString(`
With the agent's setting ` + "`faithfulKeys: true`" + ` nothing is lost in three types, and the events of tables that have them in their keys have the
property ` + "`keyform=faithful`" + `. The connector reads both forms, and gives the data topic's key the form of the event's. DataStax's
connector reads tinyint and smallint in it, but takes the time for µs. A table's messages have other keys from the moment of the change on (a
time within the first 86 seconds of a day even the bytes of another time in the old form), so that a topic of its own (` + "`topicPrefix`" + `
and the connector's topics) or an empty table is the place to begin with it.

| CQL type | example | by default | bytes | ` + "`faithfulKeys`" + ` | bytes |
|---|---|---|---|---|---|
`)
	for _, x := range examples {
		_, _, _, schema, payload := example(t, first(x.typ), x.raw)
		faithful, bytes := keyExample(t, event.FaithfulForm, first(x.typ), x.raw)
		if bytes != payload {
			fmt.Fprintf(&b, "| `%s` | `%s` | `%s` | `%s` | `%s` | `%s` |\n", x.typ, cell(x.value), schema, payload, faithful, bytes)
		}
	}
	b.WriteString(`
## Properties of an event

| property | content |
|---|---|
`)
	for _, p := range [][2]string{
		{event.SegPosProperty, "Where the mutation ends in the commit log: segment, colon, offset."},
		{event.TokenProperty, "The token of the partition."},
		{event.WriteTimeProperty, "µs since 1970; not there when the mutation has none."},
		{event.OperationProperty, fmt.Sprintf("`%s`, `%s`, `%s` or `%s`. This and what follows is not in the Java agent's events.", event.Insert, event.Update, event.Delete, event.DeleteRange)},
		{event.ExactKeyProperty, "The primary key, where the message key has lost a part of it."},
		{event.KeyFormProperty, fmt.Sprintf("`%s`, or not there.", event.FaithfulForm)},
		{event.RangeProperty, fmt.Sprintf("Of `%s`, which there is with the agent's setting `rangeDeletes`: `1:` and the first values of the clustering columns at both ends, "+
			"with a comma between, in the form of `%s`. Brackets are square where the rows that begin with these values are within, and round where not. "+
			"The order is that of the clustering: where a column is DESC, the higher value is the start. No values: the start or end of the partition. `%s` is all of it.",
			event.DeleteRange, event.ExactKeyProperty, event.Range{Start: event.Bound{Inclusive: true}, End: event.Bound{Inclusive: true}})},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p[0], p[1])
	}
	b.WriteString(`
## Names

Names of tables, columns, user-defined types and their fields are kept where Java's Avro accepts them: a letter or underscore,
then letters, digits and underscores, where letters and digits are those of Unicode within 16 bits. Every other character becomes
` + "`_xHHHH_`" + ` with its code point in at least four upper-case hexadecimal digits. The underscore of a name that already has such a
sequence is written ` + "`_x005F_`" + `; these are the only names that Java accepts and that are not kept. To get the name back, replace each
` + "`_xHHHH_`" + ` (four to six digits), from left to right, by its character.

| name | Avro name |
|---|---|
`)
	for _, name := range []string{"id", "camelCase", "é", "int", "d-ash", "with space", "a.b", "1st", "100%", "price €", "a_x0020_b"} {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", name, avro.Name(name))
	}
	b.WriteString(`
* The namespace is the keyspace's name. One that begins with a digit is kept, since Java does not look at namespaces; stricter readers of
  schemas refuse it.
* A record that has the name of an Avro or Pulsar type (` + "`int`, `record`" + `) keeps it and is referred to with its namespace. Names of
  fields are not confined in that way.
* A user-defined type with the name of its table would be a second record of that name: its first character is escaped
  (` + "`t` becomes `_x0074_`" + `).
* ` + "`doc`" + ` of every record has the name as it is in Cassandra.
`)
	return b.String()
}

// first is the type of a row of the table, which may have a second name.
func first(typ string) string {
	if name, _, ok := strings.Cut(typ, ", varchar"); ok {
		return name
	}
	return typ
}

func TestTypesDocument(t *testing.T) {
	t.Parallel()
	want := types(t)
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/types.md is not what the code does; make it with: go test ./schema/avro -run TypesDocument -update\n(-file +code):\n%s", diff)
	}
	// Every type there is has a line.
	for kind := cql.ASCII; kind <= cql.Custom; kind++ {
		found := kind == cql.Empty
		for _, x := range examples {
			table := capturetest.Table(t, udt+"CREATE TABLE ks.t (k int PRIMARY KEY, v "+first(x.typ)+")")
			found = found || table.Regular[0].Type.Kind == kind
		}
		if !found {
			t.Errorf("type %s has no line", &cql.Type{Kind: kind})
		}
	}
}
