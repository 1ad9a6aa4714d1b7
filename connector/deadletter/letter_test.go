// What a letter carries beside its message, and that the message comes out of it again as
// it went in.

package deadletter

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

var (
	part  = registry.Part{Name: "t", Type: registry.Avro, Schema: `{"type":"record","name":"t","fields":[{"name":"id","type":"string"},{"name":"n","type":["null","int"]}]}`}
	keyed = registry.KeyValue(part, part)
)

// delivered is the letter as a consumer gets it.
func delivered(m *pulsar.Message) *pulsar.Delivery {
	d := &pulsar.Delivery{ID: "9:8:-1:0", KeyText: string(m.Key), Value: m.Value, Null: m.Value == nil, Properties: m.Properties, SchemaVersion: -1}
	if key, err := base64.StdEncoding.DecodeString(d.KeyText); err == nil && d.KeyText != "" {
		d.Key = key
	}
	return d
}

func TestLetter(t *testing.T) {
	w := NewWriter(nil, Config{Topic: "dlq", Events: "events-ks.t", Keyspace: "ks", Table: "t", Version: "v1"})
	own := map[string]string{"segpos": "1:2", "reason": "its own"}
	for name, c := range map[string]struct {
		d       pulsar.Delivery
		schema  *registry.Schema
		key     string // as it is shown
		textKey bool
	}{
		"an event":            {pulsar.Delivery{KeyText: "BGlkAgI=", Key: []byte("\x04id\x02\x02"), Value: []byte("v"), SchemaVersion: 7}, keyed, `{"id":"id","n":1}`, false},
		"a null":              {pulsar.Delivery{KeyText: "BGlkAgI=", Key: []byte("\x04id\x02\x02"), Null: true, SchemaVersion: 7}, keyed, `{"id":"id","n":1}`, false},
		"a key of no record":  {pulsar.Delivery{KeyText: "/w==", Key: []byte{255}, Value: []byte("v"), SchemaVersion: 7}, keyed, "0xff", false},
		"a text key":          {pulsar.Delivery{KeyText: "no Base64", Value: []byte("v"), SchemaVersion: -1}, nil, "no Base64", true},
		"a text like Base64":  {pulsar.Delivery{KeyText: "Zm9v", Key: []byte("foo"), Value: []byte{}, SchemaVersion: -1}, nil, "0x666f6f", true},
		"another schema":      {pulsar.Delivery{KeyText: "Zm9v", Key: []byte("foo"), Value: []byte("v"), SchemaVersion: 3}, registry.Plain(part), "0x666f6f", true},
		"no key and no value": {pulsar.Delivery{SchemaVersion: -1}, nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			c.d.ID, c.d.Properties = "1:2:3:4", own
			m := w.letter(&c.d, false, &readback.KeyError{Err: errors.New("cut off")})
			l := NewLetters(nil, "dlq", "events-ks.t")
			l.schemas[c.d.SchemaVersion] = c.schema
			a := l.letter(t.Context(), delivered(m))
			if a.Origin != "1:2:3:4" || a.Events != "events-ks.t" || a.Keyspace != "ks" || a.Table != "t" || a.Version != "v1" || a.Class != "key" || a.Reason != "the event's key: cut off" || a.Schema != c.d.SchemaVersion || a.Key != c.key {
				t.Errorf("%+v", a)
			}
			got, err := a.message()
			want := &pulsar.Message{Key: c.d.Key, Value: c.d.Value, Properties: own, Schema: c.schema, Token: 3}
			if c.textKey {
				want.Key = []byte(c.d.KeyText)
			}
			if want.Value == nil && !c.d.Null {
				want.Value = []byte{}
			}
			if err != nil || a.textKey() != c.textKey || got.Schema != want.Schema {
				t.Errorf("text key %v, schema %v, %v", a.textKey(), got.Schema, err)
			}
			got.Schema, want.Schema = nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the message (-want +got):\n%s", diff)
			}
		})
	}
	if len(own) != 2 {
		t.Errorf("the delivery's properties were changed: %v", own)
	}
}

// A letter whose schema is not to be had stays, rather than being replayed as another.
func TestLetterWithoutItsSchema(t *testing.T) {
	a := &Letter{Schema: 5, fault: pulsar.ErrNoSchema, delivery: &pulsar.Delivery{KeyText: "AA==", Key: []byte{0}}}
	if _, err := a.message(); !errors.Is(err, pulsar.ErrNoSchema) {
		t.Error(err)
	}
	if got := a.keyText(); got != "0x00" {
		t.Errorf("the key is shown as %s", got)
	}
}

func TestClasses(t *testing.T) {
	for want, err := range map[string]error{
		"key":       &readback.KeyError{Err: errors.New("x")},
		"row":       &pipeline.EncodeError{Err: errors.New("x")},
		"too-large": &pulsar.Error{Op: "send to", Kind: pulsar.ErrTooLarge},
		"other":     errors.New("x"),
	} {
		if got := classOf(false, fmt.Errorf("publish: %w", err)); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
	if got := classOf(true, errors.New("no Avro")); got != NoEvent {
		t.Errorf("a message that is no event is %s", got)
	}
}

func TestLongReason(t *testing.T) {
	got := shorten(strings.Repeat("a", longestReason-1) + "äb")
	if len(got) > longestReason+len("…") || !utf8.ValidString(got) || !strings.HasSuffix(got, "a…") {
		t.Errorf("%d bytes, ends with %q", len(got), got[len(got)-10:])
	}
	if got := shorten("short"); got != "short" {
		t.Error(got)
	}
}

func TestTopic(t *testing.T) {
	if got := Topic("persistent://a/b/events-ks.t", "sub"); got != "persistent://a/b/events-ks.t-sub-DLQ" {
		t.Error(got)
	}
}
