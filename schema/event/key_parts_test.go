// Primary keys with columns that the Java agent publishes no events for.

package event_test

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestKeyOfParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, raw, schema, want string }{
		{"frozen<list<int>>", "00000001" + "0000000400000005", `["null",{"type":"array","items":"int"},"bytes"]}`, "02" + "020a00"},
		{"frozen<tuple<int, text>>", "0000000400000001" + "ffffffff", `["null",{"type":"record","name":"Tuple_f4ae4162","doc":"CQL type tuple<int, text>",`, "02" + "0202" + "00"},
		// A component is missing, not null: that is another key.
		{"frozen<tuple<int, text>>", "0000000400000001", `]},"bytes"]}`, "04" + "10" + "0000000400000001"},
		{"frozen<u>", "0000000400000001" + "0000000178", `{"type":"record","name":"u","doc":"CQL type ks.u",`, "02" + "0202" + "020278"},
		{"frozen<map<text, int>>", "00000001" + "0000000161" + "0000000400000001", `["null",{"type":"map","values":"int"},"bytes"]}`, "02" + "02" + "0261" + "02" + "00"},
		{"frozen<map<int, int>>", "00000001" + "0000000400000001" + "0000000400000001", `"type":["null","bytes"]}`, "02" + "28" + "00000001" + "0000000400000001" + "0000000400000001"},
		{"frozen<list<time>>", "00000001" + "00000008" + "00000000000003e9", `"bytes"]}`, "04" + "20" + "00000001" + "00000008" + "00000000000003e9"},
		{"vector<text, 2>", "0161" + "026262", `["null",{"type":"array","items":"string"},"bytes"]}`, "02" + "04" + "0261" + "046262" + "00"},
		{"'org.example.MyType'", "00ff", `["null","bytes"]}`, "02" + "0400ff"},
	} {
		k := newKey(t, capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (k int, c `+c.typ+`, PRIMARY KEY (k, c))`))
		if !strings.Contains(k.Schema(), c.schema) {
			t.Errorf("%s: schema %s, want …%s", c.typ, k.Schema(), c.schema)
		}
		partition, clustering := [][]byte{{0, 0, 0, 1}}, [][]byte{capturetest.Hex(t, c.raw)}
		key, err := k.Append(nil, partition, clustering)
		if err != nil || hex.EncodeToString(key) != "02"+c.want {
			t.Errorf("%s %s: %x %v, want 02%s", c.typ, c.raw, key, err, c.want)
		}
		if _, got, err := k.Decode(key); err != nil || !equal(got, clustering) {
			t.Errorf("%s %s: decoded %x, %v", c.typ, c.raw, got, err)
		}
		if key, err = k.Append(nil, partition, nil); err != nil || hex.EncodeToString(key) != "0200" {
			t.Errorf("%s: without a clustering key %x, %v", c.typ, key, err)
		}
	}
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (k frozen<list<int>>, "d-ash" int, PRIMARY KEY (k, "d-ash"))`))
	if want := `"fields":[{"name":"k","type":[{"type":"array","items":"int"},"bytes"]},{"name":"d_x002D_ash","type":["null","int"]}]}`; !strings.HasSuffix(k.Schema(), want) {
		t.Errorf("schema %s, want …%s", k.Schema(), want)
	}
	for text, want := range map[string]string{
		"":           "column k of type frozen<list<int>>: the Avro record is cut off",
		"04":         "2 is not between 0 and 1",
		"00feffff7f": "cut off", // more items than bytes
		"0001":       "cut off",
	} {
		if _, _, err := k.Decode(capturetest.Hex(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s", text, err, want)
		}
	}
	_, err := k.Append(nil, [][]byte{capturetest.Hex(t, "0000000100000004")}, nil)
	if err == nil || !strings.Contains(err.Error(), "column k of type frozen<list<int>>: element 1 of 1: the value is cut off") {
		t.Error(err)
	}
}

var logicalType = regexp.MustCompile(`,"logicalType":"[^"]*"|,"namespace":""`)

// Whatever the types, a key comes back byte for byte, but for the numbers and times
// of columns that the Java agent publishes too; and another library can read it.
func TestRandomKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := cqltest.Type(t)
		named := 0
		nameTypes(typ, &named)
		table := &schema.Table{Keyspace: "ks", Name: "t", PartitionKey: []schema.Column{{Name: "k", Type: typ}},
			Clustering: []schema.Column{{Name: "c", Kind: schema.Clustering, Type: typ}}}
		k, err := event.NewKey(table)
		if err != nil {
			if strings.Contains(err.Error(), "type empty ") || strings.Contains(err.Error(), "type counter ") {
				return // never in a primary key
			}
			t.Fatal(err)
		}
		v, w := cqltest.Value(t, typ), cqltest.Value(t, typ)
		key, err := k.Append(nil, [][]byte{v}, [][]byte{w})
		if err != nil {
			t.Fatalf("%x %x: %v", v, w, err)
		}
		s, err := avro.ParseWithCache(logicalType.ReplaceAllString(k.Schema(), ""), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatalf("%v in %s", err, k.Schema())
		}
		var read any
		if err := avro.Unmarshal(s, key, &read); err != nil {
			t.Fatalf("%x in %s: %v", key, k.Schema(), err)
		}
		p, c, err := k.Decode(key)
		if err != nil {
			t.Fatalf("%x: %v", key, err)
		}
		if typ.HasParts() && (!bytes.Equal(p[0], v) || !bytes.Equal(c[0], w)) {
			t.Fatalf("%x and %x came back as %x and %x", v, w, p, c)
		}
		again, err := k.Append(nil, p, c)
		if err != nil || !bytes.Equal(again, key) {
			t.Fatalf("%x became %x, %v", key, again, err)
		}
	})
}

// nameTypes gives each user-defined type a name of its own.
func nameTypes(t *cql.Type, n *int) {
	if t.Kind == cql.UDT {
		*n++
		t.Name = strings.Repeat("u", *n)
		for i := range t.Fields {
			t.Fields[i].Name = strings.Repeat("f-", i+1)
		}
	}
	for _, f := range t.Fields {
		nameTypes(f.Type, n)
	}
	for _, part := range []*cql.Type{t.Key, t.Elem} {
		if part != nil {
			nameTypes(part, n)
		}
	}
}
