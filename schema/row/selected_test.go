// Messages that show some columns of a table, read by other libraries.

package row_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestSelected(t *testing.T) {
	table := capturetest.Table(t, `CREATE TABLE ks.t (p text, c text, a text, ab text, "B" text, s text static, PRIMARY KEY (p, c))`)
	for expression, want := range map[string]string{
		".*":        "B a ab s",
		"a":         "a", // the whole name
		"a|ab":      "a ab",
		"b":         "", // in its case
		"(?i)b|s":   "B s",
		"p|c|s":     "s", // the primary key is not for choice
		"a$|^s":     "a s",
		"":          "",
		"[^a].*|ab": "B ab s",
	} {
		only, err := row.ParseColumns(expression)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []row.Format{row.KeyValueAvro, row.KeyValueJSON, row.PlainJSON} {
			fields := strings.Fields(want)
			if f == row.PlainJSON || want == "" {
				fields = append(fields, "c", "p")
			}
			slices.Sort(fields)
			m, err := row.NewMessages(row.Selected(table, only), f)
			if err != nil {
				t.Fatal(err)
			}
			var values [][]byte
			for _, c := range m.Columns() {
				values = append(values, []byte("value of "+c.Name))
			}
			payload, err := m.Row(values)
			if err != nil {
				t.Fatal(err)
			}
			got := fieldsOf(t, m, payload)
			if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, fields) {
				t.Errorf("%q as %s shows %q, want %q", expression, f, names, fields)
			}
			for name, v := range got {
				if v != "value of "+name {
					t.Errorf("%q as %s: %s is %v", expression, f, name, v)
				}
			}
			if partition, clustering, err := m.EventKey().Decode([]byte("\x02k\x02\x02d")); err != nil || string(partition[0])+string(clustering[0]) != "kd" {
				t.Errorf("%q as %s: the key is another one: %q, %q, %v", expression, f, partition, clustering, err)
			}
		}
	}
	if row.Selected(table, nil) != table {
		t.Error("no choice makes another table")
	}
	if _, err := row.ParseColumns("a(b"); err == nil || !strings.Contains(err.Error(), "a(b") {
		t.Errorf("an expression that is none: %v", err)
	}
}

// fieldsOf are the fields of a payload, which are those of its schema.
func fieldsOf(t *testing.T, m *row.Messages, payload []byte) map[string]any {
	t.Helper()
	text := string(m.Schema().Data)
	if m.Schema().Type == registry.KeyValueType {
		_, value, err := m.Schema().Split()
		if err != nil {
			t.Fatal(err)
		}
		text = value.Schema
	}
	var record struct{ Fields []struct{ Name string } }
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if m.Format() == row.KeyValueAvro {
		for name, v := range decode(t, oracleSchema(t, text), payload) {
			got[name] = plain(v)
		}
	} else if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	for _, f := range record.Fields {
		if _, ok := got[f.Name]; !ok {
			t.Errorf("the schema has a field %s, the payload not", f.Name)
		}
	}
	if len(record.Fields) != len(got) {
		t.Errorf("schema %s, payload %s", text, payload)
	}
	return got
}
