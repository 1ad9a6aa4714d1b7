// What is measured: one row of many types, and one event.

package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// rowWork is a row as a SELECT gives it, and as a map of Go values.
type rowWork struct {
	encoder *row.Encoder
	objects *row.JSON
	values  [][]byte
	schema  avro.Schema
	fields  map[string]any
}

// columns have 256 bytes of values in all.
var columns = []struct {
	name, typ, raw string
	value          any
}{
	{"a_name", "text", hex.EncodeToString([]byte("Ada Lovelace, Countess of")), "Ada Lovelace, Countess of"},
	{"b_note", "text", hex.EncodeToString([]byte(note)), note},
	{"c_count", "int", "000f4240", 1000000},
	{"d_total", "bigint", "00000002540be400", int64(10000000000)},
	{"e_active", "boolean", "01", true},
	{"f_price", "double", "40091eb851eb851f", 3.14},
	{"g_ratio", "float", "3f000000", float32(0.5)},
	{"h_day", "date", "80004d46", time.Unix(0x4d46*86400, 0).UTC()},
	{"i_changed", "timestamp", "000001769960653b", time.UnixMilli(0x1769960653b).UTC()},
	{"j_owner", "uuid", "d2177dd0eaa211dea572001b779c76e3", "d2177dd0-eaa2-11de-a572-001b779c76e3"},
	{"k_data", "blob", strings.Repeat("c0ffee0123456789", 6), bytes.Repeat([]byte{0xc0, 0xff, 0xee, 1, 0x23, 0x45, 0x67, 0x89}, 6)},
	{"l_level", "smallint", "0007", 7},
}

var note = strings.Repeat("The quick brown fox jumps over the lazy dog; ", 3)[:128]

func newRow() (*rowWork, error) {
	w := &rowWork{fields: map[string]any{}}
	table := &schema.Table{Keyspace: "ks", Name: "t", PartitionKey: []schema.Column{{Name: "id", Type: &cql.Type{Kind: cql.UUID}}}}
	for _, c := range columns {
		typ, err := cql.Parse(c.typ, nil)
		if err != nil {
			return nil, err
		}
		raw, err := hex.DecodeString(c.raw)
		if err != nil {
			return nil, err
		}
		table.Regular = append(table.Regular, schema.Column{Name: c.name, Kind: schema.Regular, Type: typ})
		w.values = append(w.values, raw)
		w.fields[c.name] = c.value
	}
	var err error
	if w.encoder, err = row.New(table); err != nil {
		return nil, err
	}
	if w.objects, err = row.NewJSON(table, false); err != nil {
		return nil, err
	}
	if w.schema, err = avro.Parse(w.encoder.ValueSchema()); err != nil {
		return nil, err
	}
	ours, err := w.encoder.Append(nil, w.values)
	if err != nil {
		return nil, err
	}
	theirs, err := avro.Marshal(w.schema, w.fields)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(ours, theirs) {
		return nil, fmt.Errorf("the two rows differ: %x and %x", ours, theirs)
	}
	return w, nil
}

func (w *rowWork) size() (n int) {
	for _, v := range w.values {
		n += len(v)
	}
	return n
}

func (w *rowWork) ours(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		var err error
		if buf, err = w.encoder.Append(buf[:0], w.values); err != nil {
			b.Fatal(err)
		}
	}
}

func (w *rowWork) json(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 4096)
	for b.Loop() {
		var err error
		if buf, err = w.objects.Append(buf[:0], w.values); err != nil {
			b.Fatal(err)
		}
	}
}

func (w *rowWork) hamba(b *testing.B) {
	b.ReportAllocs()
	var buf bytes.Buffer
	encoder := avro.NewEncoderForSchema(w.schema, &buf)
	for b.Loop() {
		buf.Reset()
		if err := encoder.Encode(w.fields); err != nil {
			b.Fatal(err)
		}
	}
}

// eventWork is an event of a table with one partition key and two clustering columns.
type eventWork struct {
	key                   *event.Key
	partition, clustering [][]byte
	body                  []byte
	value                 event.Mutation
}

func newEvent() (*eventWork, error) {
	column := func(name string, kind schema.ColumnKind, typ cql.Kind) schema.Column {
		return schema.Column{Name: name, Kind: kind, Type: &cql.Type{Kind: typ}}
	}
	key, err := event.NewKey(&schema.Table{Keyspace: "ks", Name: "t",
		PartitionKey: []schema.Column{column("id", schema.PartitionKey, cql.UUID)},
		Clustering:   []schema.Column{column("day", schema.Clustering, cql.Timestamp), column("name", schema.Clustering, cql.Text)}})
	if err != nil {
		return nil, err
	}
	return &eventWork{
		key:        key,
		partition:  [][]byte{{0xd2, 0x17, 0x7d, 0xd0, 0xea, 0xa2, 0x11, 0xde, 0xa5, 0x72, 0, 0x1b, 0x77, 0x9c, 0x76, 0xe3}},
		clustering: [][]byte{{0, 0, 1, 0x76, 0x99, 0x60, 0x65, 0x3b}, []byte("temperature")},
		body:       make([]byte, 300),
		value:      event.Mutation{Digest: strings.Repeat("0123456789abcdef", 2), NodeID: "d2177dd0-eaa2-11de-a572-001b779c76e3"},
	}, nil
}

func (w *eventWork) encode(b *testing.B) {
	b.ReportAllocs()
	key, value := make([]byte, 0, 256), make([]byte, 0, 256)
	for b.Loop() {
		var err error
		if key, err = w.key.Append(key[:0], w.partition, w.clustering); err != nil {
			b.Fatal(err)
		}
		if w.key.ExactKey(w.partition, w.clustering) != "" {
			b.Fatal("the key is not exact")
		}
		value = event.AppendMutation(value[:0], w.value)
	}
}

func (w *eventWork) withDigest(b *testing.B) {
	b.ReportAllocs()
	key, value := make([]byte, 0, 256), make([]byte, 0, 256)
	for b.Loop() {
		var err error
		if key, err = w.key.Append(key[:0], w.partition, w.clustering); err != nil {
			b.Fatal(err)
		}
		digest := event.Digest(w.body, nil)
		value = event.AppendMutation(value[:0], event.Mutation{Digest: string(digest[:]), NodeID: w.value.NodeID})
	}
}
