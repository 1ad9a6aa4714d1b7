// The exact key: there when and only when the message key has lost something, and back
// to the same values.

package event_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql/cqltest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestExactKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, typ, raw, want string }{
		// 1 of the partition key in 05 00000001, then length and value.
		{"a time of whole µs", "time", "0000000000000bb8", ""},
		{"a time below µs", "time", "0000000000000bb9", "1:BQAAAAEJAAAAAAAAC7k"},
		{"a time of half µs", "time", "00000000000001f4", "1:BQAAAAEJAAAAAAAAAfQ"},
		{"an IPv4 address", "inet", "0a000001", ""},
		{"an IPv6 address", "inet", "20010db8000000000000000000000001", ""},
		{"an IPv4 address that is mapped into IPv6", "inet", "00000000000000000000ffff0a000001", "1:BQAAAAERAAAAAAAAAAAAAP//CgAAAQ"},
		{"a number of as few bytes as needed", "varint", "ff7f", ""},
		{"a number of more bytes than needed", "varint", "ffff7f", "1:BQAAAAEE//9/"},
		{"a decimal", "decimal", "00000002ff7f", ""},
		{"a decimal of more bytes than needed", "decimal", "00000002ffff7f", "1:BQAAAAEIAAAAAv//fw"},
		{"a boolean", "boolean", "01", ""},
		{"a boolean of another byte", "boolean", "05", "1:BQAAAAECBQ"},
		{"an empty value where null is what empty becomes", "int", "", "1:BQAAAAEB"},
		{"an empty text", "text", "", ""},
		{"a list keeps what it would lose", "frozen<list<time>>", "00000001" + "00000008" + "0000000000000bb9", ""},
		{"a blob", "blob", "00ff", ""},
	} {
		k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (k int, c `+c.typ+`, PRIMARY KEY (k, c))`))
		partition, clustering := [][]byte{{0, 0, 0, 1}}, [][]byte{append([]byte{}, capturetest.Hex(t, c.raw)...)}
		got := k.ExactKey(partition, clustering)
		if got != c.want {
			t.Errorf("%s: exact key %q, want %q", c.name, got, c.want)
		}
		key, err := k.Append(nil, partition, clustering)
		if err != nil {
			t.Fatal(err)
		}
		p, cl, err := k.DecodeExact(key, got)
		if err != nil || !equal(p, partition) || !equal(cl, clustering) {
			t.Errorf("%s: decoded %x %x, %v", c.name, p, cl, err)
		}
	}
}

// An event of a whole partition has no clustering values to tell.
func TestExactKeyOfAPartition(t *testing.T) {
	t.Parallel()
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (k time, c int, d int, PRIMARY KEY (k, c, d))`))
	partition := [][]byte{capturetest.Hex(t, "0000000000000bb9")}
	for _, clustering := range [][][]byte{nil, {nil}, {nil, nil}} {
		if got := k.ExactKey(partition, clustering); got != "1:CQAAAAAAAAu5" {
			t.Errorf("%d clustering values: %q", len(clustering), got)
		}
	}
	key, err := k.Append(nil, partition, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, c, err := k.DecodeExact(key, "1:CQAAAAAAAAu5")
	if err != nil || !equal(p, partition) || !equal(c, [][]byte{nil, nil}) {
		t.Errorf("decoded %x %x, %v", p, c, err)
	}
	// A clustering value that is there takes the others with it.
	short := k.ExactKey(partition, [][]byte{{0, 0, 0, 1}})
	full := k.ExactKey(partition, [][]byte{{0, 0, 0, 1}, nil})
	if short != full || short != "1:CQAAAAAAAAu5BQAAAAEA" {
		t.Errorf("%q and %q", short, full)
	}
}

func TestExactKeyErrors(t *testing.T) {
	t.Parallel()
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (k time, c int, PRIMARY KEY (k, c))`))
	key, err := k.Append(nil, [][]byte{capturetest.Hex(t, "0000000000000bb9")}, [][]byte{{0, 0, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"CQAAAAAAAAu5BQAAAAE":       `do not begin with "1:"`,
		"2:CQAAAAAAAAu5BQAAAAE":     "a newer version",
		"1:":                        "0 values for 2 columns",
		"1:!":                       "illegal base64",
		"1:CQAAAAAAAAu5BQAAAAE=":    "illegal base64",
		"1:CQAAAAAAAAu5BQAAAAF":     "illegal base64", // bits behind the last byte
		"1:CQAAAA\nAAAAu5BQAAAAE":   "line break",
		"1:CQAAAAAAAAu5BQAAAA":      "cut off",
		"1:gA":                      "cut off",
		"1:iQAAAAAAAAALuQUAAAAB":    "cut off", // a length in more bytes than needed
		"1:////////////fw":          "cut off",
		"1:CQAAAAAAAAu5BQAAAAEA":    "3 values for 2 columns",
		"1:CQAAAAAAAAu5":            "another message key",
		"1:CQAAAAAAABOIBQAAAAE":     "another message key",
		"1:AAUAAAAB":                "column k of type time: null in a partition key",
		"1:BQAAAAEFAAAAAQ":          "column k of type time: 4 bytes, not 8",
		strings.Repeat("1:A", 1000): "illegal base64",
	} {
		_, _, err := k.DecodeExact(key, text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "table ks.t: exact key") || len(err.Error()) > 500 {
			t.Errorf("%.40q: %v, want …%s", text, err, want)
		}
	}
	if p, _, err := k.DecodeExact(key, "1:CQAAAAAAAAu5BQAAAAE"); err != nil || p[0][7] != 0xb9 {
		t.Errorf("%x, %v", p, err)
	}
	if p, _, err := k.DecodeExact(key, ""); err != nil || p[0][7] != 0xb8 {
		t.Errorf("no exact key: %x, %v", p, err)
	}
}

// Whatever the types and values: an exact key is there when and only when the message
// key does not come back to the same values, and with it they do.
func TestRandomExactKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := randomTable(t)
		k, err := event.NewKeyIn(table, rapid.SampledFrom([]event.KeyForm{event.JavaForm, event.FaithfulForm}).Draw(t, "form"))
		if err != nil {
			return // a type that is never in a primary key
		}
		checkExact(t, k, randomValues(t, table.PartitionKey, false), randomValues(t, table.Clustering, true))
	})
}

// randomTable has mostly keys of types that lose something.
func randomTable(t *rapid.T) *schema.Table {
	named := 0
	columns := func(kind schema.ColumnKind, n int) (list []schema.Column) {
		for i := range n {
			typ := &cql.Type{Kind: rapid.SampledFrom([]cql.Kind{
				cql.Time, cql.Inet, cql.VarInt, cql.Decimal, cql.Boolean, cql.Duration, cql.TinyInt, cql.SmallInt, cql.Int, cql.Text, cql.UUID,
			}).Draw(t, "scalar")}
			if rapid.IntRange(0, 4).Draw(t, "any type") == 0 {
				typ = cqltest.Type(t)
				nameTypes(typ, &named)
			}
			list = append(list, schema.Column{Name: strings.Repeat("c", i+1) + kind.String(), Kind: kind, Type: typ})
		}
		return list
	}
	return &schema.Table{
		Keyspace: "ks", Name: "t", PartitionKey: columns(schema.PartitionKey, rapid.IntRange(1, 3).Draw(t, "partition key")),
		Clustering: columns(schema.Clustering, rapid.IntRange(0, 3).Draw(t, "clustering")),
	}
}

// randomValues are values of the columns, often in a form that is not the shortest.
func randomValues(t *rapid.T, columns []schema.Column, optional bool) (values [][]byte) {
	for _, c := range columns {
		v := cqltest.Value(t, c.Type)
		switch odd := rapid.IntRange(0, 3).Draw(t, "odd"); {
		case odd == 0 && c.Type.Kind == cql.Time:
			v = binary.BigEndian.AppendUint64(nil, uint64(rapid.SampledFrom([]int64{0, 1, 500, 999, 1000, 1500, -1, -1000}).Draw(t, "ns")))
		case odd == 0 && c.Type.Kind == cql.Inet:
			v = append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"), 10, 0, 0, 1)
		case odd == 0 && c.Type.Kind == cql.VarInt:
			v = append([]byte{byte(int8(v[0]) >> 7)}, v...)
		case odd == 0 && c.Type.Kind == cql.Decimal:
			v = slices.Insert(slices.Clone(v), 4, byte(int8(v[4])>>7))
		case odd == 0 && c.Type.Kind == cql.Boolean:
			v = []byte{7}
		case odd == 0 && c.Type.Kind == cql.Duration:
			v = []byte{0x80, 2, 4, 6} // one month in two bytes
		case odd == 1 && optional:
			v = nil
		case odd == 2 && optional && !c.Type.HasParts():
			v = []byte{}
		}
		values = append(values, v)
	}
	return values
}

func checkExact(t *rapid.T, k *event.Key, partition, clustering [][]byte) {
	key, err := k.Append(nil, partition, clustering)
	if err != nil {
		return // a value that is none of its type
	}
	p, c, err := k.Decode(key)
	if err != nil {
		t.Fatalf("%x: %v", key, err)
	}
	exact := k.ExactKey(partition, clustering)
	if lost := !equal(p, partition) || !equal(c, clustering); lost != (exact != "") {
		t.Fatalf("%x %x came back as %x %x, and the exact key is %q", partition, clustering, p, c, exact)
	}
	properties, err := event.ParseProperties(event.Properties{ExactKey: exact}.Map())
	if err != nil || properties.ExactKey != exact {
		t.Fatalf("%q became %q, %v", exact, properties.ExactKey, err)
	}
	if p, c, err = k.DecodeExact(key, exact); err != nil || !equal(p, partition) || !equal(c, clustering) {
		t.Fatalf("%x %x came back from %q as %x %x, %v", partition, clustering, exact, p, c, err)
	}
	if again, err := k.Append(nil, p, c); err != nil || !bytes.Equal(again, key) {
		t.Fatalf("%x became %x, %v", key, again, err)
	}
}
