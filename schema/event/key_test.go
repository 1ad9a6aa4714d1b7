// The key record against the golden vector and against captured events.

package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func newKey(t testing.TB, table *schema.Table) *event.Key {
	t.Helper()
	k, err := event.NewKey(table)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeySchema(t *testing.T) {
	t.Parallel()
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks1.table1 (id text, b int, PRIMARY KEY (id, b))`))
	want := `{"type":"record","name":"table1","namespace":"ks1","doc":"Primary key schema for table ks1.table1",` +
		`"fields":[{"name":"id","type":"string"},{"name":"b","type":["null","int"]}]}`
	if k.Schema() != want {
		t.Errorf("got  %s\nwant %s", k.Schema(), want)
	}

	// The second decimal is a reference.
	k = newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (a decimal, b decimal, PRIMARY KEY (a, b))`))
	want = `{"name":"b","type":["null","cql_decimal"]}]}`
	if !strings.HasSuffix(k.Schema(), want) {
		t.Errorf("got %s\nwant …%s", k.Schema(), want)
	}
}

// Bytes that the Java agent's code made for a table of all awkward types.
func TestKeyGolden(t *testing.T) {
	t.Parallel()
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (a text, v1 varint, d1 decimal, b int, u uuid, d2 decimal,
		v2 varint, ts timestamp, dt date, tm time, dur duration, PRIMARY KEY ((a, v1, d1), b, u, d2, v2, ts, dt, tm, dur))`))
	raw := func(texts ...string) (values [][]byte) {
		for _, text := range texts {
			values = append(values, capturetest.Hex(t, text))
		}
		return values
	}
	partition := raw("78", "ff7f", "000000027ab8")
	clustering := append(raw("00000007", "d2177dd0eaa211dea572001b779c76e3", "fffffffdff", "013a", fmt.Sprintf("%016x", 1608891000000),
		"800048bd", fmt.Sprintf("%016x", 36600000000*1000)), nil)
	for _, c := range []struct {
		clustering [][]byte
		want       string
	}{
		{clustering, "027804ff7f047ab804020e024864323137376464302d656161322d313164652d613537322d3030316237373963373665330202ff050204013a0280938396d35d02faa2020280b8bdd8900200"},
		{nil, "027804ff7f047ab8040000000000000000"},
	} {
		got, err := k.Append([]byte("before"), partition, c.clustering)
		if err != nil {
			t.Fatal(err)
		}
		if text := hex.EncodeToString(got[len("before"):]); text != c.want {
			t.Errorf("got  %s\nwant %s", text, c.want)
		}
		p, cl, err := k.Decode(got[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		wantClustering := make([][]byte, 8)
		copy(wantClustering, c.clustering)
		if !equal(p, partition) || !equal(cl, wantClustering) {
			t.Errorf("decoded %x %x, want %x %x", p, cl, partition, wantClustering)
		}
	}
}

// equal tells nil (null) from empty.
func equal(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) })
}

func TestKeyQuirks(t *testing.T) {
	t.Parallel()
	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (a tinyint, b smallint, c time, d inet, e duration, f varint, PRIMARY KEY (a, b, c, d, e, f))`))
	partition := [][]byte{{0xff}}
	clustering := [][]byte{{0xff, 0xff}, capturetest.Hex(t, "0000000000000bb9"), // 3001 ns
		capturetest.Hex(t, "20010db8000000000000000000000001"), capturetest.Hex(t, "0103f0ffffffff"), capturetest.Hex(t, "ffff80")}
	key, err := k.Append(nil, partition, clustering)
	if err != nil {
		t.Fatal(err)
	}
	want := "fe03" + "02feff07" + "0206" + "0228" + hex.EncodeToString([]byte("2001:db8:0:0:0:0:0:1")) + "020103ffffffff0f" + "020280"
	if got := hex.EncodeToString(key); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p, c, err := k.Decode(key)
	if err != nil {
		t.Fatal(err)
	}
	clustering[1] = capturetest.Hex(t, "0000000000000bb8") // cut to µs
	clustering[4] = []byte{0x80}                           // as few bytes as possible
	if !equal(p, partition) || !equal(c, clustering) {
		t.Errorf("decoded %x %x, want %x %x", p, c, partition, clustering)
	}

	// Java makes an address that is mapped into IPv6 an IPv4 one. Empty is null.
	key, err = k.Append(nil, partition, [][]byte{{}, nil, capturetest.Hex(t, "00000000000000000000ffff0a000001")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "fe03" + "00" + "00" + "0210" + hex.EncodeToString([]byte("10.0.0.1")) + "0000"; hex.EncodeToString(key) != want {
		t.Errorf("got %x want %s", key, want)
	}
}

func TestKeyErrors(t *testing.T) {
	t.Parallel()
	_, err := event.NewKey(capturetest.Table(t, `CREATE TABLE ks.t (k int, c empty, PRIMARY KEY (k, c))`))
	if err == nil || !strings.Contains(err.Error(), "table ks.t: column c of type empty") {
		t.Error(err)
	}

	k := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (k int, c uuid, PRIMARY KEY (k, c))`))
	four := make([]byte, 4)
	for _, c := range []struct {
		partition, clustering [][]byte
		want                  string
	}{
		{[][]byte{{1, 2}}, nil, "column k of type int: 2 bytes, not 4"},
		{[][]byte{{}}, nil, "column k of type int: 0 bytes, not 4"},
		{[][]byte{nil}, nil, "column k of type int: null in a partition key"},
		{[][]byte{four}, [][]byte{four}, "column c of type uuid: 4 bytes, not 16"},
		{[][]byte{four, four}, nil, "2 partition key and 0 clustering values for 1 and 1 columns"},
		{[][]byte{four}, [][]byte{nil, nil}, "1 partition key and 2 clustering values for 1 and 1 columns"},
	} {
		dst, err := k.Append([]byte("x"), c.partition, c.clustering)
		if err == nil || !strings.Contains(err.Error(), c.want) || string(dst) != "x" {
			t.Errorf("%x %x: %q %v, want …%s", c.partition, c.clustering, dst, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"":             "column k of type int: the Avro record is cut off",
		"00":           "column c of type uuid: the Avro record is cut off",
		"0004":         "column c of type uuid: 2 is not between 0 and 1",
		"0002027a":     `column c of type uuid: "z" is no UUID`,
		"000000":       "1 bytes behind the Avro record",
		"808080801000": "column k of type int: 2147483648 is not between",
	} {
		if _, _, err := k.Decode(capturetest.Hex(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s", text, err, want)
		}
	}
}

// Every captured event: schema, key there and back, token, names, payload.
func TestCapturedEvents(t *testing.T) {
	t.Parallel()
	for _, s := range capturetest.Load(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, m := range s.Events {
				table := s.Table(t, m)
				k := newKey(t, table)
				registered := s.Schemas[m.Topic]
				if len(registered) == 0 || registered[0].Key != k.Schema() || registered[0].Value != event.MutationSchema {
					t.Errorf("schema of %s:\ngot  %s\nwant %+v", m.Topic, k.Schema(), registered)
				}
				if event.Topic(event.DefaultTopicPrefix, table) != m.Topic {
					t.Errorf("topic %s, want %s", event.Topic(event.DefaultTopicPrefix, table), m.Topic)
				}
				value, err := event.DecodeMutation(m.Payload)
				if err != nil {
					t.Fatal(err)
				}
				if got := event.AppendMutation(nil, value); !bytes.Equal(got, m.Payload) {
					t.Errorf("payload %x, want %x", got, m.Payload)
				}
				if got := event.ProducerName(value.NodeID, table); got != m.Producer {
					t.Errorf("producer %s, want %s", got, m.Producer)
				}
				checkCapturedKey(t, table, k, m)
			}
		})
	}
}

func checkCapturedKey(t *testing.T, table *schema.Table, k *event.Key, m capturetest.Message) {
	t.Helper()
	partition, clustering, err := k.Decode(m.Key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Append(nil, partition, clustering)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, m.Key) || base64.StdEncoding.EncodeToString(got) != m.KeyText {
		t.Errorf("key %x, want %x", got, m.Key)
	}
	properties, err := event.ParseProperties(m.Properties)
	if err != nil {
		t.Error(err)
	}
	for name, value := range properties.Map() {
		if m.Properties[name] != value {
			t.Errorf("property %s=%s, want %s", name, value, m.Properties[name])
		}
	}
	if len(properties.Map()) != len(m.Properties) {
		t.Errorf("properties %v, want %v", properties.Map(), m.Properties)
	}
	joined, err := joinPartitionKey(nil, partition)
	if err != nil {
		t.Fatal(err)
	}
	split, err := event.SplitPartitionKey(table, joined, nil)
	if err != nil || !equal(split, partition) {
		t.Errorf("partition key %x splits into %x, %v, want %x", joined, split, err, partition)
	}
	if token := event.Token(asWritten(table, partition)); token != properties.Token {
		t.Errorf("token of %x is %d, want %d", joined, token, properties.Token)
	}
}

// The ns below µs that the statements had and the key record has lost.
var lostNanos = map[uint64]uint64{
	3723000004000:  5,   // 01:02:03.000004005
	86399999999000: 999, // 23:59:59.999999999
}

// asWritten is a partition key with what its record has lost put back.
func asWritten(table *schema.Table, partition [][]byte) []byte {
	partition = slices.Clone(partition)
	for i, c := range table.PartitionKey {
		if c.Type.Kind == cql.Time {
			ns := binary.BigEndian.Uint64(partition[i]) + lostNanos[binary.BigEndian.Uint64(partition[i])]
			partition[i] = binary.BigEndian.AppendUint64(nil, ns)
		}
	}
	key, _ := joinPartitionKey(nil, partition)
	return key
}

func TestPartition(t *testing.T) {
	t.Parallel()
	for token, want := range map[int64]int{math.MinInt64: 0, -1: 32767, 0: 32768, math.MaxInt64: 65535} {
		if got := event.Partition(token, 1<<16); got != want {
			t.Errorf("token %d: %d, want %d", token, got, want)
		}
		if got := event.Partition(token, 3); got != want%3 {
			t.Errorf("token %d of 3: %d, want %d", token, got, want%3)
		}
	}
}

func TestSplitPartitionKeyErrors(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (a int, b text, PRIMARY KEY ((a, b)))`)
	for text, want := range map[string]string{
		"":                         "ends before column a",
		"0004":                     "ends within column a",
		"000400000001":             "ends within column a",
		"00040000000101":           "column a ends with byte 0x1",
		"00040000000100":           "ends before column b",
		"00040000000100000178":     "ends within column b",
		"0004000000010000017800ff": "1 too many",
	} {
		_, err := event.SplitPartitionKey(table, capturetest.Hex(t, text), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "table ks.t") {
			t.Errorf("%s: %v, want …%s", text, err, want)
		}
	}
}

func BenchmarkKeyAppend(b *testing.B) {
	k := newKey(b, capturetest.Table(b, `CREATE TABLE ks.t (a uuid, b timestamp, c text, PRIMARY KEY (a, b, c))`))
	partition, clustering := [][]byte{make([]byte, 16)}, [][]byte{make([]byte, 8), []byte("text")}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = k.Append(buf[:0], partition, clustering)
	}
}
