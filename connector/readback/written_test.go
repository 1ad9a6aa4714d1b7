// Keys that were written before the table's key changed, read back from a real node.

package readback_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// writer is that of the table as it is now.
func writer(t *testing.T, r *readback.Reader) *event.Writer {
	t.Helper()
	w, err := event.NewWriter(registry.KeyValue(
		registry.Part{Type: registry.Avro, Schema: r.Table().Messages.EventKey().Schema()},
		registry.Part{Type: registry.Avro, Schema: event.MutationSchema}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestKeysFromBeforeTheTableChanged(t *testing.T) {
	n := startNode(t, env.Cassandra50)
	n.run(t, "CREATE TABLE ks.w (id text, n int, v text, PRIMARY KEY (id, n))", "INSERT INTO ks.w (id, n, v) VALUES ('x', 7, 'one')")
	r := n.reader(t, "w")
	first := writer(t, r)
	key, err := r.Table().Messages.EventKey().Append(nil, [][]byte{[]byte("x")}, [][]byte{{0, 0, 0, 7}})
	if err != nil {
		t.Fatal(err)
	}
	request := func(w *event.Writer) readback.Request {
		return readback.Request{Key: key, Writer: w, NodeID: n.id, WriteTime: event.NoWriteTime}
	}
	shows := func(w *event.Writer, v string, present []byte) {
		t.Helper()
		row, err := r.Read(t.Context(), request(w))
		if err != nil {
			t.Fatal(err)
		}
		if len(row.Values) != 1 || string(row.Values[0]) != v || !bytes.Equal(row.Key, present) {
			t.Errorf("got %q with the key %x, want %q with %x", row.Values, row.Key, v, present)
		}
	}
	shows(first, "one", key)
	shows(nil, "one", key)

	n.run(t, "ALTER TABLE ks.w RENAME n TO number")
	shows(first, "one", key)
	renamed := writer(t, r)
	shows(renamed, "one", key)

	n.run(t, "DROP TABLE ks.w", "CREATE TABLE ks.w (number int, id text, v text, PRIMARY KEY ((number, id)))", "INSERT INTO ks.w (number, id, v) VALUES (7, 'x', 'two')")
	shows(renamed, "two", []byte{14, 2, 'x'})
	var fault *readback.KeyError
	var not *event.NotTheKeyError
	if _, err := r.Read(t.Context(), request(first)); !errors.As(err, &fault) || !errors.As(err, &not) ||
		!strings.Contains(err.Error(), "(id string, n int or null)") || !strings.Contains(err.Error(), "(number int, id string)") {
		t.Errorf("a key that is no key any more: %v", err)
	}
}
