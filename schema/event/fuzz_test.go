// Arbitrary bytes as keys: an error or a key that goes there and back, never a panic.

package event_test

import (
	"bytes"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

const allKeyTypes = `CREATE TYPE ks.u (x int, y time); CREATE TABLE ks.t (p_ascii ascii, p_bigint bigint, p_decimal decimal, c_blob blob, c_boolean boolean,
	c_date date, c_decimal decimal, c_double double, c_duration duration, c_float float, c_inet inet, c_int int, c_smallint smallint,
	c_text text, c_time time, c_timestamp timestamp, c_timeuuid timeuuid, c_tinyint tinyint, c_uuid uuid, c_varint varint,
	d_list frozen<list<decimal>>, d_tuple frozen<tuple<text, frozen<u>>>, d_map frozen<map<text, blob>>, d_m frozen<map<int, int>>, d_vector vector<text, 2>,
	PRIMARY KEY ((p_ascii, p_bigint, p_decimal), c_blob, c_boolean, c_date, c_decimal, c_double, c_duration, c_float, c_inet, c_int,
	c_smallint, c_text, c_time, c_timestamp, c_timeuuid, c_tinyint, c_uuid, c_varint, d_list, d_tuple, d_map, d_m, d_vector))`

func FuzzKeyDecode(f *testing.F) {
	k := newKey(f, capturetest.Table(f, allKeyTypes))
	for _, s := range capturetest.Load(f) {
		for _, m := range s.Events {
			f.Add(m.Key)
		}
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		partition, clustering, err := k.Decode(key)
		if err != nil {
			return
		}
		again, err := k.Append(nil, partition, clustering)
		if err != nil {
			t.Fatal(err)
		}
		p, c, err := k.Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		last, err := k.Append(nil, p, c)
		if err != nil || !bytes.Equal(last, again) {
			t.Fatalf("%x became %x, %v", again, last, err)
		}
	})
}

// The input is cut into the values of all columns in turn.
func FuzzKeyAppend(f *testing.F) {
	table := capturetest.Table(f, allKeyTypes)
	k := newKey(f, table)
	f.Add([]byte("0123456789abcdef"), uint8(4))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		partition, clustering := make([][]byte, len(table.PartitionKey)), make([][]byte, len(table.Clustering))
		for i := range len(partition) + len(clustering) {
			n := min(int(size), len(in))
			if i < len(partition) {
				partition[i] = in[:n]
			} else {
				clustering[i-len(partition)] = in[:n]
			}
			in, size = in[n:], size*5+1
			key, err := k.Append(nil, partition, clustering)
			if err != nil {
				continue
			}
			if _, _, err := k.Decode(key); err != nil {
				t.Fatal(err)
			}
		}
		split, err := event.SplitPartitionKey(table, in, nil)
		if err != nil {
			return
		}
		if joined, err := joinPartitionKey(nil, split); err != nil || !bytes.Equal(joined, in) {
			t.Fatalf("%x became %x, %v", in, joined, err)
		}
	})
}

// The text of a range is an error, or that of the range that it is read as.
func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"1:[BQAAAAE,BQAAAAEFAAAAAg)", "1:(AA,AQ]", "1:[,]", "2:[,]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := event.ParseRange(text); err == nil && r.String() != text {
			t.Fatalf("%q is read as %q", text, r)
		}
	})
}

// The text of an exact key is an error, or that of values which have the message key.
func FuzzDecodeExact(f *testing.F) {
	k := newKey(f, capturetest.Table(f, `CREATE TABLE ks.t (k time, c inet, d int, PRIMARY KEY (k, c, d))`))
	for _, text := range []string{"1:CQAAAAAAAAu5", "1:CQAAAAAAAAu5BQoAAAEA", "1:CQAAAAAAAAu5EQAAAAAAAAAAAAD//woAAAEB"} {
		f.Add([]byte{6, 0, 0}, text)
		f.Add([]byte("\x06\x02\x1010.0.0.1\x00"), text)
	}
	f.Fuzz(func(t *testing.T, key []byte, text string) {
		partition, clustering, err := k.DecodeExact(key, text)
		if err != nil {
			return
		}
		again, err := k.Append(nil, partition, clustering)
		if err != nil || text != "" && !bytes.Equal(again, key) {
			t.Fatalf("%q gives the key %x and not %x, %v", text, again, key, err)
		}
		if exact := k.ExactKey(partition, clustering); text != "" && exact != "" && exact != text {
			t.Fatalf("%q is also written %q", text, exact)
		}
	})
}
