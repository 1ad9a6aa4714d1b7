// Keys without loss, in another form than the Java agent's.

package event_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestFaithfulKey(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (a tinyint, b smallint, c time, d frozen<list<tinyint>>, PRIMARY KEY (a, b, c, d))`)
	k, err := event.NewKeyIn(table, event.FaithfulForm)
	if err != nil {
		t.Fatal(err)
	}
	partition := [][]byte{{0xff}}
	clustering := [][]byte{{0xff, 0xfe}, capturetest.Hex(t, "0000000000000bb9"), capturetest.Hex(t, "00000001"+"00000001"+"ff")}
	key, err := k.Append(nil, partition, clustering)
	if err != nil {
		t.Fatal(err)
	}
	if want := "01" + "02" + "03" + "02" + "f22e" + "02" + "020100"; hex.EncodeToString(key) != want {
		t.Errorf("key %x, want %s", key, want)
	}
	if exact := k.ExactKey(partition, clustering); exact != "" || k.Form() != event.FaithfulForm {
		t.Errorf("exact key %q, form %q", exact, k.Form())
	}
	p, c, err := k.Decode(key)
	if err != nil || !equal(p, partition) || !equal(c, clustering) {
		t.Errorf("decoded %x %x, %v", p, c, err)
	}
	java := newKey(t, table)
	if want := strings.Replace(java.Schema(), `{"type":"long","logicalType":"time-micros"}`, `"long"`, 1); k.Schema() != want || want == java.Schema() {
		t.Errorf("schema %s, want %s", k.Schema(), want)
	}
	if java.Form() != event.JavaForm {
		t.Errorf("the form is %q where none was asked for", java.Form())
	}
}

// A table whose keys are the same in both forms has events that say nothing of it.
func TestFaithfulKeyThatMakesNoDifference(t *testing.T) {
	t.Parallel()
	table := capturetest.Table(t, `CREATE TABLE ks.t (a int, b inet, d frozen<list<time>>, v time, PRIMARY KEY (a, b, d))`)
	k, err := event.NewKeyIn(table, event.FaithfulForm)
	if err != nil {
		t.Fatal(err)
	}
	if k.Form() != event.JavaForm || k.Schema() != newKey(t, table).Schema() {
		t.Errorf("form %q, schema %s", k.Form(), k.Schema())
	}
}

func TestKeyFormAsAProperty(t *testing.T) {
	t.Parallel()
	m := event.Properties{Segment: 1, Offset: 2, KeyForm: event.FaithfulForm, WriteTime: event.NoWriteTime, NoToken: true}
	if got := m.Map()["keyform"]; got != "faithful" {
		t.Errorf("property %q", got)
	}
	if got, err := event.ParseProperties(m.Map()); got != m || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if _, ok := (event.Properties{}).Map()["keyform"]; ok {
		t.Error("the Java agent's form has the property")
	}
}
