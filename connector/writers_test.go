// How events find the schema that they were written with, and what becomes of them while
// the registry does not answer.

package connector

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// fakeRegistry is a registry that a test fills and breaks.
type fakeRegistry struct {
	schemas map[int64]*registry.Schema
	trouble error // what it answers instead
	asked   int
}

func (r *fakeRegistry) lookUp(_ context.Context, version int64) (*registry.Schema, error) {
	r.asked++
	if r.trouble != nil {
		return nil, r.trouble
	}
	if s := r.schemas[version]; s != nil {
		return s, nil
	}
	return nil, &pulsar.Error{Op: "look up", Kind: pulsar.ErrNoSchema}
}

func newKey(t *testing.T, cql string) (*event.Key, *registry.Schema) {
	t.Helper()
	table := capturetest.Table(t, cql)
	k, err := event.NewKey(table)
	if err != nil {
		t.Fatal(err)
	}
	return k, k.Registry(table)
}

// appendKey is the message key of a row of text columns.
func appendKey(t *testing.T, k *event.Key, values ...string) []byte {
	t.Helper()
	var raw [][]byte
	for _, v := range values {
		raw = append(raw, []byte(v))
	}
	key, err := k.Append(nil, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const (
	oneColumn  = `CREATE TABLE ks.t (id text PRIMARY KEY)`
	twoColumns = `CREATE TABLE ks.t (a text, b text, PRIMARY KEY ((a, b)))`
)

func unreachable() error { return &pulsar.Error{Op: "look up", Kind: pulsar.ErrUnreachable} }

// rig makes writers for a table whose present key is oneColumn's.
func rig(t *testing.T) (w *writers, r *fakeRegistry, log *bytes.Buffer, key []byte) {
	t.Helper()
	now, current := newKey(t, oneColumn)
	_, old := newKey(t, twoColumns)
	r = &fakeRegistry{schemas: map[int64]*registry.Schema{
		0: old, 1: current, 2: registry.Plain(registry.Part{Type: registry.Avro, Schema: `"string"`}),
	}}
	log = &bytes.Buffer{}
	readKey := func(key []byte) error {
		_, _, err := now.Decode(key)
		return err
	}
	return newWriters(r.lookUp, readKey, func(error) {}, slog.New(slog.NewTextHandler(log, nil))), r, log, appendKey(t, now, "x")
}

func TestWriters(t *testing.T) {
	w, r, log, key := rig(t)
	for range 3 {
		writer := map[int64]*event.Writer{}
		for _, version := range []int64{1, 1, 0, 1, 0, 0} {
			got, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: version, Key: key})
			if err != nil || got == nil {
				t.Fatalf("version %d: %v, %v", version, got, err)
			}
			if seen := writer[version]; seen != nil && seen != got {
				t.Errorf("version %d has two writers", version)
			}
			writer[version] = got
		}
		if writer[0] == writer[1] {
			t.Error("two versions have one writer")
		}
		if none, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: -1, Key: key}); none != nil || err != nil {
			t.Errorf("a message without schema: %v, %v", none, err)
		}
		// What is final is asked for once too.
		if _, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: 9, Key: key}); !errors.Is(err, pulsar.ErrNoSchema) || !strings.Contains(err.Error(), "version 9") {
			t.Errorf("a version that is not there: %v", err)
		}
		if _, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: 2, Key: key}); err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "KEY_VALUE") {
			t.Errorf("a schema of something else: %v", err)
		}
	}
	if r.asked != 4 {
		t.Errorf("the registry was asked %d times for 4 versions", r.asked)
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", log)
	}
}

// No look-up and no allocation for an event of the version of the one before.
func TestKnownVersionCostsNothing(t *testing.T) {
	w, _, _, key := rig(t)
	messages, err := row.NewMessages(capturetest.Table(t, oneColumn), row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	table := &readback.Version{Messages: messages}
	d := &pulsar.Delivery{SchemaVersion: 1, Key: key}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		writer, err := w.of(ctx, d)
		if err != nil || writer == nil {
			t.Fatal(err)
		}
		if present, err := table.PresentKey(event.JavaForm, writer, d.Key); err != nil || &present[0] != &d.Key[0] {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// A registry that is away for a while holds the events of a version it has to tell.
func TestWritersWaitForTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, log, key := rig(t)
		if _, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: 0, Key: key}); err != nil {
			t.Fatal(err)
		}
		r.trouble = unreachable()
		got := make(chan *event.Writer, 1)
		go func() {
			writer, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: 1, Key: key})
			if err != nil {
				t.Error(err)
			}
			got <- writer
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("the event did not wait")
		}
		if n := r.asked; n < 100 || n > 1000 {
			t.Errorf("asked %d times in an hour", n)
		}
		if !strings.Contains(log.String(), "schema_version=1") {
			t.Errorf("log: %s", log)
		}
		r.trouble = nil
		if writer := <-got; writer == nil {
			t.Error("no writer")
		}
	})
}

// A web service that is there and in trouble is waited for, also at the start.
func TestNothingIsAssumedOfARegistryInTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, _, key := rig(t)
		r.trouble = &pulsar.Error{Op: "look up", Err: errors.New("HTTP status 503")}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if writer, err := w.of(ctx, &pulsar.Delivery{SchemaVersion: 1, Key: key}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", writer, err)
		}
	})
}

func TestAStopWhileWaitingForTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, _, key := rig(t)
		r.trouble, w.reached = unreachable(), true
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := w.of(ctx, &pulsar.Delivery{SchemaVersion: 1, Key: key})
			ended <- err
		}()
		time.Sleep(time.Minute)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// Where there is no way to the registry at all, the events of one version are read by the
// table's key, once that is said; those that it does not go with wait.
func TestWritersWithoutTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, log, key := rig(t)
		r.trouble = unreachable()
		for i := range 1000 {
			writer, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: 1, Key: key})
			if writer != nil || err != nil {
				t.Fatalf("event %d: %v, %v", i, writer, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if said := strings.Count(log.String(), "present key"); said != 1 {
			t.Errorf("said %d times: %s", said, log)
		}
		if r.asked > lookUpsBeforeAssuming+3 {
			t.Errorf("asked %d times for a thousand events within two minutes", r.asked)
		}
		old, _ := newKey(t, twoColumns)
		for name, d := range map[string]*pulsar.Delivery{
			"another version": {SchemaVersion: 0, Key: key},
			"another key":     {SchemaVersion: 1, Key: appendKey(t, old, "x", "y")},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			if writer, err := w.of(ctx, d); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s did not wait: %v, %v", name, writer, err)
			}
			cancel()
		}
		r.trouble = nil
		time.Sleep(2 * assumedPause)
		for version := range int64(2) {
			if writer, err := w.of(t.Context(), &pulsar.Delivery{SchemaVersion: version, Key: key}); writer == nil || err != nil {
				t.Errorf("version %d after the registry answered: %v, %v", version, writer, err)
			}
		}
	})
}

// What comes from the topic is the same event however it was written, and what is no
// event of the table is told apart by the reader, not here.
func TestEventsOfSeveralWriters(t *testing.T) {
	const present = `CREATE TABLE ks.t (b text, a text, PRIMARY KEY ((b, a)))`
	messages, err := row.NewMessages(capturetest.Table(t, present), row.KeyValueAvro)
	if err != nil {
		t.Fatal(err)
	}
	table := &readback.Version{Messages: messages}
	now, current := newKey(t, present)
	old, before := newKey(t, twoColumns)
	other, dropped := newKey(t, oneColumn)
	r := &fakeRegistry{schemas: map[int64]*registry.Schema{0: dropped, 1: before, 2: current}}
	log := slog.New(slog.DiscardHandler)
	s := source{writers: newWriters(r.lookUp, nil, func(error) {}, log), table: func() *readback.Version { return table }, log: log}
	value := event.AppendMutation(nil, event.Mutation{Digest: "d", NodeID: "n"})
	read := func(version int64, key []byte) string {
		t.Helper()
		e, err := s.event(t.Context(), &pulsar.Delivery{SchemaVersion: version, Key: key, Value: value})
		if err != nil || e.Digest != "d" || e.NodeID != "n" || e.Writer == nil {
			t.Fatalf("version %d: %+v, %v", version, e, err)
		}
		if e.Written != nil && !bytes.Equal(e.Written, key) {
			t.Errorf("version %d: written as %x", version, e.Written)
		}
		return hex.EncodeToString(e.Key)
	}
	want := appendKey(t, now, "y", "x")
	if got := read(2, want); got != hex.EncodeToString(want) {
		t.Errorf("the present version: %s", got)
	}
	if got := read(1, appendKey(t, old, "x", "y")); got != hex.EncodeToString(want) {
		t.Errorf("columns in another order: %s, want %x", got, want)
	}
	// A payload whose fields come in another order.
	r.schemas[3] = registry.KeyValue(registry.Part{Type: registry.Avro, Schema: now.Schema()}, registry.Part{Type: registry.Avro,
		Schema: `{"type":"record","name":"v","fields":[{"name":"nodeId","type":"string"},{"name":"more","type":"int"},{"name":"md5Digest","type":"string"}]}`})
	usual := value
	value = []byte{2, 'n', 7, 2, 'd'}
	read(3, want)
	value = usual
	key := appendKey(t, other, "x")
	if got := read(0, key); got != hex.EncodeToString(key) {
		t.Errorf("another table's key: %s, want it as it was", got)
	}
	e, err := s.event(t.Context(), &pulsar.Delivery{SchemaVersion: 0, Key: key, Value: value})
	if err != nil {
		t.Fatal(err)
	}
	var not *event.NotTheKeyError
	if _, err := table.PresentKey(event.JavaForm, e.Writer, e.Key); !errors.As(err, &not) || !strings.Contains(err.Error(), "(id string)") || !strings.Contains(err.Error(), "(b string, a string)") {
		t.Errorf("another table's key: %v", err)
	}
}
