// Records as a person reads them.

package avrojson_test

import (
	"encoding/hex"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/internal/avrojson"
)

func TestRender(t *testing.T) {
	s, err := avrojson.ParseRecord(`{"type":"record","name":"t","fields":[
		{"name":"id","type":"string"},
		{"name":"n","type":["null","int"]},
		{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
		{"name":"list","type":["null",{"type":"array","items":"string"}]},
		{"name":"inner","type":["null",{"type":"record","name":"u","fields":[{"name":"x","type":"int"}]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ data, whole, short string }{
		// id "ä", n = -1, at = 1, list = [a, b], inner.x = 5
		{"04c3a4" + "0201" + "0202" + "02040261026200" + "020a",
			`{"id":"ä","n":-1,"at":1,"list":["a","b"],"inner":{"x":5}}`, `{"id":"ä","n":-1,"at":1,"list":["a","b"],"inner":{"x":5}}`},
		{"00" + "00000000", `{"id":"","n":null,"at":null,"list":null,"inner":null}`, `{"id":""}`},
	} {
		data, err := hex.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		for want, render := range map[string]func(*avro.RecordSchema, []byte) (string, error){c.whole: avrojson.Render, c.short: avrojson.RenderWithoutNulls} {
			if got, err := render(s, data); err != nil || got != want {
				t.Errorf("%s is shown as %s, %v; want %s", c.data, got, err, want)
			}
		}
	}
	if got, err := avrojson.Render(s, []byte{0x20, 'c'}); err == nil {
		t.Errorf("a record that is cut off is shown as %s", got)
	}
	if _, err := avrojson.ParseRecord(`"string"`); err == nil {
		t.Error("a text is taken for a record")
	}
}
