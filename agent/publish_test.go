// What the message of an event holds.

package agent

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestMessage(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p int, c time, PRIMARY KEY (p, c))`)
	key, err := event.NewKey(table)
	if err != nil {
		t.Fatal(err)
	}
	out := &output{table: table, key: key, schema: key.Registry(table)}
	at, p := commitlog.Position{Segment: 7, Offset: 100}, capturetest.Hex(t, "00000001")
	const token = "-4069959284402364209"
	for _, c := range []struct {
		name string
		in   change
		key  string
		want map[string]string
	}{
		{
			"a row", change{clustering: [][]byte{capturetest.Hex(t, "0000000000000bb8")}, operation: event.Insert, writeTime: 5},
			"02" + "0206", map[string]string{"segpos": "7:100", "token": token, "writetime": "5", "operation": "insert"},
		}, {
			"a row whose key is cut", change{clustering: [][]byte{capturetest.Hex(t, "0000000000000bb9")}, operation: event.Update, writeTime: 5},
			"02" + "0206", map[string]string{"segpos": "7:100", "token": token, "writetime": "5", "operation": "update", "exactkey": "1:BQAAAAEJAAAAAAAAC7k"},
		}, {
			"a partition without a write time", change{operation: event.Delete, writeTime: mutation.NoTimestamp},
			"02" + "00", map[string]string{"segpos": "7:100", "token": token, "operation": "delete"},
		}, {
			"a range of rows",
			change{operation: event.DeleteRange, writeTime: 5, deleted: &event.Range{End: event.Bound{Values: [][]byte{capturetest.Hex(t, "0000000000000bb9")}, Inclusive: true}}},
			"02" + "00", map[string]string{"segpos": "7:100", "token": token, "writetime": "5", "operation": "delete-range", "range": "1:(,CQAAAAAAAAu5]"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.table, c.in.key = table, p
			m, err := out.message(c.in, []byte("payload"), at)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(m.Key); got != c.key || string(m.Value) != "payload" || m.Schema != out.schema || m.Token != event.Token(p) {
				t.Errorf("key %s, want %s; %+v", got, c.key, m)
			}
			if diff := cmp.Diff(c.want, m.Properties); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
		})
	}
}

// The setting changes keys whose columns it concerns, and says so.
func TestMessageWithAFaithfulKey(t *testing.T) {
	cfg := Config{FaithfulKeys: true}
	if cfg.keyForm() != event.FaithfulForm || (Config{}).keyForm() != event.JavaForm {
		t.Fatalf("forms %q and %q", cfg.keyForm(), Config{}.keyForm())
	}
	for ddl, want := range map[string]map[string]string{
		`CREATE TABLE ks.t (p int, c time, PRIMARY KEY (p, c))`:   {"key": "0202f22e", "keyform": "faithful"},
		`CREATE TABLE ks.t (p int, c bigint, PRIMARY KEY (p, c))`: {"key": "0202f22e", "keyform": ""},
	} {
		table := capturetest.Table(t, ddl)
		key, err := event.NewKeyIn(table, cfg.keyForm())
		if err != nil {
			t.Fatal(err)
		}
		out := &output{table: table, key: key}
		m, err := out.message(change{table: table, key: capturetest.Hex(t, "00000001"), clustering: [][]byte{capturetest.Hex(t, "0000000000000bb9")}}, nil, commitlog.Position{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{"key": hex.EncodeToString(m.Key), "keyform": m.Properties["keyform"]}
		if diff := cmp.Diff(want, got); diff != "" || m.Properties["exactkey"] != "" {
			t.Errorf("%s: %v (-want +got):\n%s", ddl, m.Properties, diff)
		}
	}
}
