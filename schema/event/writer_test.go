// Events read by the schema that they were written with, where it is not the present
// one: what still names a row of the table, and what does not.

package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

func newWriter(t testing.TB, key, value string) *event.Writer {
	t.Helper()
	w, err := event.NewWriter(eventsSchema(key, value))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func eventsSchema(key, value string) *registry.Schema {
	return registry.KeyValue(registry.Part{Type: registry.Avro, Schema: key}, registry.Part{Type: registry.Avro, Schema: value})
}

func writerOf(t testing.TB, table *schema.Table) *event.Writer {
	t.Helper()
	return newWriter(t, newKey(t, table).Schema(), event.MutationSchema)
}

// What the Java agent registered describes what it wrote, and is what we write.
func TestWriterOfCapturedEvents(t *testing.T) {
	t.Parallel()
	events := 0
	for _, s := range capturetest.Load(t) {
		for _, m := range s.Events {
			registered := s.Schemas[m.Topic][m.SchemaVersion]
			w := newWriter(t, registered.Key, registered.Value)
			k := newKey(t, s.Table(t, m))
			r, err := k.ReaderOf(w)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			if !r.Same() {
				t.Errorf("%s: the key of %s is read in another way than our own", s.Name, m.Topic)
			}
			want, err := event.DecodeMutation(m.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := w.DecodeMutation(m.Payload); err != nil || got != want {
				t.Errorf("%s: payload %+v, %v; want %+v", s.Name, got, err, want)
			}
			events++
		}
	}
	if events < 100 {
		t.Fatalf("only %d events", events)
	}
}

// A key of either form is read by what it was written with, and not by that of the other.
func TestKeyOfEachForm(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, "CREATE TABLE ks.t (id tinyint, at time, PRIMARY KEY (id, at))")
	renamed := capturetest.Table(t, "CREATE TABLE ks.t (id tinyint, moment time, PRIMARY KEY (id, moment))")
	partition, clustering := [][]byte{{0xff}}, [][]byte{capturetest.Hex(t, "000020bdee920d15")}
	forms := []event.KeyForm{event.JavaForm, event.FaithfulForm}
	for _, form := range forms {
		written, err := event.NewKeyIn(table, form)
		if err != nil {
			t.Fatal(err)
		}
		key, err := written.Append(nil, partition, clustering)
		if err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, written.Schema(), event.MutationSchema)
		for _, present := range []*schema.Table{table, renamed} {
			k, err := event.NewKeyIn(present, form)
			if err != nil {
				t.Fatal(err)
			}
			r, err := k.ReaderOf(w)
			if err != nil {
				t.Errorf("form %q: %v", form, err)
				continue
			}
			if got, err := r.Present(key); err != nil || !bytes.Equal(got, key) {
				t.Errorf("form %q: %x, %v, want %x", form, got, err, key)
			}
			for _, other := range forms {
				if k, err := event.NewKeyIn(present, other); err != nil {
					t.Fatal(err)
				} else if _, err := k.ReaderOf(w); (err == nil) != (other == form) {
					t.Errorf("a key of form %q as one of form %q: %v", form, other, err)
				}
			}
		}
	}
}

// Every type of a key goes through another writer's schema unchanged: here one whose
// columns come in the opposite order, so that nothing is read by the table's own way.
func TestKeyOfAnotherOrder(t *testing.T) {
	t.Parallel()
	const values = `a text, b bigint, c decimal, d blob, e boolean, f date, g double, h duration, i float, j inet, k int, l smallint, m time,
		n timestamp, o timeuuid, p tinyint, q uuid, r varint, s frozen<list<int>>, u frozen<map<text, int>>, v frozen<tuple<int, text>>, w vector<float, 2>, x frozen<map<int, int>>`
	columns := strings.Split("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,u,v,w,x", ",")
	backwards := make([]string, len(columns))
	for i, c := range columns {
		backwards[len(columns)-1-i] = c
	}
	now := capturetest.Table(t, "CREATE TABLE ks.t ("+values+", PRIMARY KEY (("+strings.Join(columns, ", ")+")))")
	then := capturetest.Table(t, "CREATE TABLE ks.t ("+values+", PRIMARY KEY (("+strings.Join(backwards, ", ")+")))")
	uuid := "d2177dd0eaa211dea572001b779c76e3"
	raw := map[string][]byte{}
	for name, text := range map[string]string{
		"a": "c3a9", "b": "0000000000000007", "c": "000000027ab8", "d": "00ff", "e": "01", "f": "800048bd", "g": "3ff0000000000000", "h": "010305",
		"i": "3f800000", "j": "7f000001", "k": "fffffff0", "l": "ffff", "m": "00000000000003e8", "n": "0000000000000001", "o": uuid, "p": "80", "q": uuid,
		"r": "ff7f", "s": "00000001000000040000002a", "u": "00000001000000016b000000040000002a", "v": "0000000400000001ffffffff",
		"w": "3f8000003f800000", "x": "00000001000000040000000100000004000000ff",
	} {
		raw[name] = capturetest.Hex(t, text)
	}
	in := func(names []string) (all [][]byte) {
		for _, n := range names {
			all = append(all, raw[n])
		}
		return all
	}
	written, err := newKey(t, then).Append(nil, in(backwards), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newKey(t, now).ReaderOf(writerOf(t, then))
	if err != nil {
		t.Fatal(err)
	}
	partition, clustering, err := r.Decode(written)
	if err != nil || !equal(partition, in(columns)) || len(clustering) != 0 {
		t.Fatalf("got %x, %v, want %x", partition, err, in(columns))
	}
	want, err := newKey(t, now).Append(nil, in(columns), nil)
	if err != nil {
		t.Fatal(err)
	}
	if present, err := r.Present(written); err != nil || !bytes.Equal(present, want) || r.Same() {
		t.Errorf("in the present form %x, %v, want %x", present, err, want)
	}
	for n := range written {
		if _, _, err := r.Decode(written[:n]); err == nil {
			t.Errorf("the first %d bytes: no error", n)
		}
	}
	if _, _, err := r.Decode(append(written, 0)); err == nil {
		t.Error("a byte too many: no error")
	}
}

// The table was altered, or dropped and made again, since the event was written.
func TestKeyOfAnotherTable(t *testing.T) {
	t.Parallel()
	const before = `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (id text, n int, PRIMARY KEY (id, n))`
	for name, c := range map[string]struct {
		before, now string
		same        bool   // the bytes are those of the present key
		says        string // of the error; "" where the key still names a row
	}{
		"another regular column":          {before, `CREATE TABLE ks.t (id text, n int, v text, PRIMARY KEY (id, n))`, true, ""},
		"a renamed column":                {before, `CREATE TABLE ks.t (id text, number int, PRIMARY KEY (id, number))`, true, ""},
		"all columns renamed":             {before, `CREATE TABLE ks.t (key text, number int, PRIMARY KEY (key, number))`, true, ""},
		"the same columns in other parts": {`CREATE TABLE ks.t (id text, n int, PRIMARY KEY ((id, n)))`, before, false, ""},
		"a type with more fields": {`CREATE TYPE ks.u (x int); CREATE TABLE ks.t (id text, n frozen<u>, PRIMARY KEY (id, n))`,
			`CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (id text, n frozen<u>, PRIMARY KEY (id, n))`, false, ""},
		"the same columns in another order": {`CREATE TABLE ks.t (a text, b text, PRIMARY KEY ((a, b)))`, `CREATE TABLE ks.t (a text, b text, PRIMARY KEY ((b, a)))`, false, ""},
		"a shorter key":                     {before, `CREATE TABLE ks.t (id text PRIMARY KEY, n int)`, false, "2 columns, not 1"},
		"a longer key":                      {before, `CREATE TABLE ks.t (id text, n int, o int, PRIMARY KEY (id, n, o))`, false, "2 columns, not 3"},
		"another type":                      {before, `CREATE TABLE ks.t (id text, n bigint, PRIMARY KEY (id, n))`, false, "n is int or null, and n is bigint"},
		"a type that looks the same":        {before, `CREATE TABLE ks.t (id text, n date, PRIMARY KEY (id, n))`, false, "n is date"},
		"another name and type":             {before, `CREATE TABLE ks.t (id text, m bigint, PRIMARY KEY (id, m))`, false, "n is int or null, and m is bigint"},
		"another name and part":             {`CREATE TABLE ks.t (id text, n int, PRIMARY KEY ((id, n)))`, `CREATE TABLE ks.t (id text, m int, PRIMARY KEY (id, m))`, false, "m has another part in the key"},
		"names that moved":                  {before, `CREATE TABLE ks.t (n text, id int, PRIMARY KEY (n, id))`, false, "id is string"},
		"a name that moved":                 {`CREATE TABLE ks.t (a text, b text, PRIMARY KEY (a, b))`, `CREATE TABLE ks.t (b text, c text, PRIMARY KEY (b, c))`, false, "b is in another place"},
		"a list of other things":            {`CREATE TABLE ks.t (l frozen<list<int>> PRIMARY KEY)`, `CREATE TABLE ks.t (l frozen<list<text>> PRIMARY KEY)`, false, "l is array of int"},
		"a map for a list":                  {`CREATE TABLE ks.t (l frozen<list<int>> PRIMARY KEY)`, `CREATE TABLE ks.t (l frozen<map<text, int>> PRIMARY KEY)`, false, "l is array of int"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := newKey(t, capturetest.Table(t, c.now)).ReaderOf(writerOf(t, capturetest.Table(t, c.before)))
			if c.says == "" {
				if err != nil || r.Same() != c.same {
					t.Errorf("%v", err)
				}
				return
			}
			var not *event.NotTheKeyError
			if !errors.As(err, &not) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "ks.t") {
				t.Fatalf("got %v, want %q", err, c.says)
			}
			if not.Written == not.Key || !strings.Contains(err.Error(), "("+not.Written+")") || !strings.Contains(err.Error(), "("+not.Key+")") {
				t.Errorf("the error does not name both keys: %v", err)
			}
		})
	}
}

// Before and after ALTER TABLE … RENAME the key has the same bytes and the same row.
func TestKeyOfARenamedColumn(t *testing.T) {
	t.Parallel()
	then := capturetest.Table(t, `CREATE TABLE ks.t (id text, n int, PRIMARY KEY (id, n))`)
	now := capturetest.Table(t, `CREATE TABLE ks.t (id text, number int, PRIMARY KEY (id, number))`)
	r, err := newKey(t, now).ReaderOf(writerOf(t, then))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range [][]byte{{0, 0, 0, 7}, nil} {
		written, err := newKey(t, then).Append(nil, [][]byte{[]byte("x")}, [][]byte{n})
		if err != nil {
			t.Fatal(err)
		}
		partition, clustering, err := r.Decode(written)
		if err != nil || !equal(partition, [][]byte{[]byte("x")}) || !equal(clustering, [][]byte{n}) {
			t.Errorf("got %x %x, %v", partition, clustering, err)
		}
		if present, err := r.Present(written); err != nil || !bytes.Equal(present, written) {
			t.Errorf("in the present form %x, %v, want %x", present, err, written)
		}
	}
}

// A value of a user-defined type from before ALTER TYPE … ADD has the fields of then.
func TestKeyOfATypeThatGrew(t *testing.T) {
	t.Parallel()
	then := capturetest.Table(t, `CREATE TYPE ks.u (x int); CREATE TABLE ks.t (id frozen<u> PRIMARY KEY)`)
	now := capturetest.Table(t, `CREATE TYPE ks.u (x int, y text); CREATE TABLE ks.t (id frozen<u> PRIMARY KEY)`)
	value := [][]byte{{0, 0, 0, 4, 0, 0, 0, 42}}
	written, err := newKey(t, then).Append(nil, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newKey(t, now).ReaderOf(writerOf(t, then))
	if err != nil {
		t.Fatal(err)
	}
	if partition, _, err := r.Decode(written); err != nil || !equal(partition, value) {
		t.Errorf("got %x, %v, want %x", partition, err, value)
	}
}

// Fields in another order, and fields that we do not know, of every type of Avro.
func TestMutationOfAnotherWriter(t *testing.T) {
	t.Parallel()
	const text = `{"type":"record","name":"MutationValue","namespace":"x","fields":[
		{"name":"nodeId","type":{"type":"string","logicalType":"uuid"}},
		{"name":"a","type":"null"},{"name":"b","type":"boolean"},{"name":"c","type":"int"},{"name":"d","type":"long"},{"name":"e","type":"float"},
		{"name":"f","type":"double"},{"name":"g","type":"bytes"},{"name":"h","type":{"type":"fixed","name":"fix","size":3}},
		{"name":"i","type":{"type":"enum","name":"en","symbols":["A","B"]}},{"name":"j","type":{"type":"array","items":"string"}},
		{"name":"k","type":{"type":"map","values":["string","null"]}},
		{"name":"l","type":{"type":"record","name":"inner","fields":[{"name":"x","type":["null","int"]},{"name":"y","type":"x.fix"}]}},
		{"name":"m","type":["null","inner"]},{"name":"columns","type":["null",{"type":"array","items":"string"}]},
		{"name":"md5Digest","type":["string","null"]}]}`
	hamba, err := avro.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (id text PRIMARY KEY)`)).Schema(), text)
	inner := map[string]any{"x": 7, "y": [3]byte{1, 2, 3}}
	for digest, want := range map[any]string{"0123": "0123", nil: ""} {
		payload, err := avro.Marshal(hamba, map[string]any{
			"nodeId": "n", "a": nil, "b": true, "c": 1000, "d": int64(1) << 40, "e": float32(1), "f": 2.0, "g": []byte("bytes"), "h": [3]byte{4, 5, 6},
			"i": "B", "j": []string{"x", "yy"}, "k": map[string]any{"a": "text", "b": nil}, "l": inner, "m": map[string]any{"x.inner": inner},
			"columns": []string{"one"}, "md5Digest": digest,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.DecodeMutation(payload); err != nil || got != (event.Mutation{Digest: want, NodeID: "n"}) {
			t.Errorf("got %+v, %v", got, err)
		}
		for n := range payload {
			if _, err := w.DecodeMutation(payload[:n]); err == nil {
				t.Errorf("the first %d of %d bytes: no error", n, len(payload))
			}
		}
	}
}

// A count that no bytes stand behind is an error at once, not a long loop.
func TestMutationWithAnEndlessArray(t *testing.T) {
	t.Parallel()
	w := newWriter(t, newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (id text PRIMARY KEY)`)).Schema(), `{"type":"record","name":"v","fields":[
		{"name":"nothing","type":{"type":"array","items":"null"}},{"name":"md5Digest","type":"string"},{"name":"nodeId","type":"string"}]}`)
	if _, err := w.DecodeMutation([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0}); err == nil {
		t.Error("no error")
	}
}

// A schema that is not that of events is no reason to guess.
func TestNoWriter(t *testing.T) {
	t.Parallel()
	key := newKey(t, capturetest.Table(t, `CREATE TABLE ks.t (id text PRIMARY KEY)`)).Schema()
	value := func(fields string) string {
		return `{"type":"record","name":"v","fields":[` + fields + `]}`
	}
	const digest, node = `{"name":"md5Digest","type":"string"}`, `{"name":"nodeId","type":"string"}`
	for says, s := range map[string]*registry.Schema{
		"not KEY_VALUE":         registry.Plain(registry.Part{Type: registry.Avro, Schema: key}),
		"the key is JSON":       registry.KeyValue(registry.Part{Type: registry.JSON, Schema: key}, registry.Part{Type: registry.Avro, Schema: event.MutationSchema}),
		"not a record":          eventsSchema(`"string"`, event.MutationSchema),
		"not declared":          eventsSchema(`"nothing"`, event.MutationSchema),
		"md5Digest":             eventsSchema(key, value(node)),
		"nodeId":                eventsSchema(key, value(digest+`,{"name":"nodeId","type":"long"}`)),
		"contains itself":       eventsSchema(key, value(digest+`,`+node+`,{"name":"v","type":["null","v"]}`)),
		"more than 65536 types": eventsSchema(key, value(digest+`,`+node+bomb())),
	} {
		if _, err := event.NewWriter(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// bomb is a field whose type doubles with every line.
func bomb() string {
	text := `,{"name":"f0","type":{"type":"record","name":"r0","fields":[]}}`
	for i := 1; i < 64; i++ {
		text += fmt.Sprintf(`,{"name":"f%d","type":{"type":"record","name":"r%d","fields":[{"name":"a","type":"r%d"},{"name":"b","type":"r%d"}]}}`, i, i, i-1, i-1)
	}
	return text
}

// The known version costs what it did without versions.
func TestKnownWriterAllocatesNothingMore(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (id text, n int, PRIMARY KEY (id, n))`)
	k := newKey(t, table)
	w := writerOf(t, table)
	r, err := k.ReaderOf(w)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.Append(nil, [][]byte{[]byte("some id")}, [][]byte{big.NewInt(1 << 30).Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	payload := event.AppendMutation(nil, event.Mutation{Digest: strings.Repeat("0", 32), NodeID: "d2177dd0-eaa2-11de-a572-001b779c76e3"})
	allocations := func(decode func() error) float64 {
		return testing.AllocsPerRun(100, func() {
			if err := decode(); err != nil {
				t.Fatal(err)
			}
		})
	}
	for what, pair := range map[string][2]func() error{
		"key": {
			func() error { _, _, err := k.Decode(key); return err },
			func() error { _, _, err := r.Decode(key); return err },
		},
		"payload": {
			func() error { _, err := event.DecodeMutation(payload); return err },
			func() error { _, err := w.DecodeMutation(payload); return err },
		},
	} {
		if without, with := allocations(pair[0]), allocations(pair[1]); with > without {
			t.Errorf("%s: %v allocations, %v without a writer", what, with, without)
		}
	}
}

func FuzzWriterSchema(f *testing.F) {
	key := newKey(f, capturetest.Table(f, allKeyTypes))
	f.Add(key.Schema(), []byte{2, 1, 3})
	for _, s := range capturetest.Load(f) {
		for topic, versions := range s.Schemas {
			if strings.HasPrefix(topic, "events-") {
				f.Add(versions[0].Key, []byte{0})
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string, in []byte) {
		w, err := event.NewWriter(eventsSchema(text, event.MutationSchema))
		if err != nil {
			return
		}
		r, err := key.ReaderOf(w)
		if err != nil {
			return
		}
		if _, err := r.Present(in); err != nil {
			return
		}
		if _, _, err := r.Decode(in); err != nil && !r.Same() {
			t.Errorf("%x has a present form and cannot be read: %v", in, err)
		}
	})
}
