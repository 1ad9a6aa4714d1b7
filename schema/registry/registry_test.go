// This file holds the descriptions against what DataStax's agent and connector
// put into a real registry (testdata/captured.json).

package registry_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// captured is an answer of GET /admin/v2/schemas/{topic}/schemas.
type captured struct {
	Topic      string            `json:"topic"`
	Version    int               `json:"version"`
	Type       registry.Type     `json:"type"`
	Data       string            `json:"data"`
	Properties map[string]string `json:"properties"`
}

func loadCaptured(t *testing.T) []captured {
	t.Helper()
	b, err := os.ReadFile("testdata/captured.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []captured
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d captured schemas", len(all))
	}
	return all
}

// What the registry returned, taken apart and put together, is the same again:
// properties and REST text to the byte.
func TestCapturedRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range loadCaptured(t) {
		s, err := registry.FromREST(c.Topic, c.Type, c.Data, c.Properties)
		if err != nil {
			t.Errorf("%s version %d: %v", c.Topic, c.Version, err)
			continue
		}
		if d := cmp.Diff(c.Properties, s.Properties); d != "" {
			t.Errorf("%s version %d: properties (-captured +ours):\n%s", c.Topic, c.Version, d)
		}
		text, err := s.RESTData()
		if err != nil || text != c.Data {
			t.Errorf("%s version %d: got %s, %v, want %s", c.Topic, c.Version, text, err, c.Data)
		}
		if c.Type != registry.KeyValueType {
			continue
		}
		if s.Name != "KeyValue" {
			t.Errorf("%s: name %q", c.Topic, s.Name)
		}
		key, value, err := s.Split()
		if err != nil {
			t.Errorf("%s: %v", c.Topic, err)
			continue
		}
		if again := registry.KeyValue(key, value); again.Fingerprint() != s.Fingerprint() {
			t.Errorf("%s: not the same after split", c.Topic)
		}
	}
}

// The schema of an events topic, from its parts.
func TestEventsTopic(t *testing.T) {
	t.Parallel()
	const key = `{"type":"record","name":"t","namespace":"sc_all_types","doc":"Primary key schema for table sc_all_types.t","fields":[{"name":"id","type":"string"}]}`
	const value = `{"type":"record","name":"MutationValue","namespace":"com.datastax.oss.cdc","fields":[{"name":"columns","type":["null",{"type":"array","items":"string","java-class":"[Ljava.lang.String;"}],"default":null},{"name":"md5Digest","type":["null","string"],"default":null},{"name":"nodeId","type":["null",{"type":"string","logicalType":"uuid"}],"default":null}]}`
	s := registry.KeyValue(
		registry.Part{Name: "t", Type: registry.Avro, Schema: key},
		registry.Part{Type: registry.Avro, Schema: value, Properties: map[string]string{"__jsr310ConversionEnabled": "false", "__alwaysAllowNull": "true"}},
	)
	if got, want := string(s.Data), "\x00\x00\x00\x94"+key+"\x00\x00\x01\x62"+value; got != want {
		t.Errorf("description: got %q, want %q", got, want)
	}
	for _, c := range loadCaptured(t) {
		if c.Topic != "events-sc_all_types.t" {
			continue
		}
		if d := cmp.Diff(c.Properties, s.Properties); d != "" {
			t.Errorf("properties (-captured +ours):\n%s", d)
		}
		if text, err := s.RESTData(); err != nil || text != c.Data {
			t.Errorf("got %s, %v, want %s", text, err, c.Data)
		}
		return
	}
	t.Fatal("not among the captured schemas")
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	part := registry.Part{Name: "t", Type: registry.Avro, Schema: `"int"`, Properties: map[string]string{"a": "b"}}
	base := registry.KeyValue(part, part)
	if base.Fingerprint() != registry.KeyValue(part, part).Fingerprint() {
		t.Error("equal schemas differ")
	}
	for what, change := range map[string]func(*registry.Part){
		"name":       func(p *registry.Part) { p.Name = "u" },
		"type":       func(p *registry.Part) { p.Type = registry.JSON },
		"schema":     func(p *registry.Part) { p.Schema = `"long"` },
		"properties": func(p *registry.Part) { p.Properties = map[string]string{"a": "c"} },
	} {
		p := part
		p.Properties = maps.Clone(part.Properties)
		change(&p)
		if registry.KeyValue(part, p).Fingerprint() == base.Fingerprint() {
			t.Errorf("a different %s is not told apart", what)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"", "\x00\x00\x00", "\x00\x00\x00\x01", "\x00\x00\x00\x01a", "\xff\xff\xff\xff\x00\x00\x00\x00",
		"\x00\x00\x00\x00\x7f\xff\xff\xff", "\x00\x00\x00\x01a\x00\x00\x00\x01bc",
	} {
		if _, _, err := registry.SplitKeyValue([]byte(data)); err == nil {
			t.Errorf("%q: no error", data)
		}
	}
	separated := map[string]string{"kv.encoding.type": "SEPARATED"}
	for _, c := range []struct {
		data  string
		props map[string]string
		want  string
	}{
		{`{"key":1`, separated, "unexpected EOF"},
		{`{"key":1}`, separated, "no key or no value"},
		{`{"key":1,"value":2} 3`, separated, "text after"},
		{`{"key":1,"value":2}`, map[string]string{"kv.encoding.type": "INLINE"}, "INLINE"},
		{`{"key":1,"value":2}`, map[string]string{"kv.encoding.type": "SEPARATED", "key.schema.properties": "x"}, "key.schema.properties"},
	} {
		if _, err := registry.FromREST("t", registry.KeyValueType, c.data, c.props); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.data, err, c.want)
		}
	}
	if _, _, err := registry.Plain(registry.Part{Type: registry.JSON}).Split(); err == nil {
		t.Error("a JSON schema split")
	}
	if _, err := registry.KeyValue(registry.Part{Schema: "x"}, registry.Part{Schema: "1"}).RESTData(); err == nil {
		t.Error("a part that is not JSON came out as JSON")
	}
}

func FuzzSplitKeyValue(f *testing.F) {
	f.Add(registry.KeyValue(registry.Part{Schema: "k"}, registry.Part{Schema: "vv"}).Data)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		k, v, err := registry.SplitKeyValue(data)
		if err != nil {
			return
		}
		if again := registry.KeyValue(registry.Part{Schema: string(k)}, registry.Part{Schema: string(v)}).Data; string(again) != string(data) {
			t.Errorf("%x became %x", data, again)
		}
	})
}
