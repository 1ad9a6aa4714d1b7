// Messages whose keys are without loss, in every format.

package row_test

import (
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// The key of the data topic has the form of the event's, and the value stays as it is.
func TestKeysWithoutLoss(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (p tinyint, c time, v time, PRIMARY KEY (p, c))`)
	for format, want := range map[row.Format]map[event.KeyForm]string{
		row.KeyValueAvro: {event.JavaForm: "\xfe\x03\x02\x06", event.FaithfulForm: "\x01\x02\xf2\x2e"},
		row.KeyValueJSON: {event.JavaForm: `{"p":255,"c":3}`, event.FaithfulForm: `{"p":-1,"c":3001}`},
		row.PlainJSON:    {event.JavaForm: `{"p":255,"c":3}`, event.FaithfulForm: `{"p":-1,"c":3001}`},
	} {
		var values []string
		for form, wantKey := range want {
			m, err := row.NewMessagesIn(table, format, form)
			if err != nil {
				t.Fatal(err)
			}
			eventKey, err := m.EventKey().Append(nil, hexes(t, "ff"), hexes(t, "0000000000000bb9"))
			if err != nil {
				t.Fatal(err)
			}
			if key, err := m.Key(eventKey); err != nil || string(key) != wantKey {
				t.Errorf("%s in the form %q: key %q, %v, want %q", format, form, key, err, wantKey)
			}
			row := hexes(t, "ff", "0000000000000bb9", "0000000000000bb9")
			value, err := m.Row(row[len(row)-len(m.Columns()):])
			if err != nil {
				t.Fatal(err)
			}
			schema := string(m.Schema().Data)
			if format.Properties() { // a schema of key and value
				key, rest, err := m.Schema().Split()
				if err != nil {
					t.Fatal(err)
				}
				if plain := strings.Contains(key.Schema, `{"name":"c","type":["null","long"],"default":null}`); plain != (form == event.FaithfulForm) {
					t.Errorf("%s in the form %q: key schema %s", format, form, key.Schema)
				}
				schema = rest.Schema
			}
			values = append(values, string(value)+schema)
		}
		if values[0] != values[1] {
			t.Errorf("%s: the values differ: %q", format, values)
		}
	}
}
