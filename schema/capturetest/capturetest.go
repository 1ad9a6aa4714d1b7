// Package capturetest gives tests what the Java product really published: messages
// of its events topics and data topics, the schemas it registered, and the tables.
//
// testdata holds scenarios of DataStax CDC for Apache Cassandra 2.3.9 with
// Cassandra 4.0.19 and Pulsar 4.0.8: schema.cql as it was run, and of the messages
// and schemas the fields that tests compare. The environment variable
// CDC_CAPTURES names a folder with more scenarios of the same form.
package capturetest

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

//go:embed testdata
var captured embed.FS

// Scenario is one captured run.
type Scenario struct {
	Name   string
	Tables *schema.Snapshot // as of schema.cql
	// Schemas is the text of what was registered, key and value, by topic and in
	// the order of the versions. The topic is a short name.
	Schemas map[string][]KeyValue
	Events  []Message
	Data    []Message // key-value-avro
}

// KeyValue is the text of a KEY_VALUE schema.
type KeyValue struct{ Key, Value string }

// Message is one raw message. The topic is a short name; KeyText is the key as it
// is in the metadata; SchemaVersion is the index of the schema it was written with.
type Message struct {
	Topic         string
	Producer      string
	Key           []byte
	KeyText       string
	Null          bool
	Payload       []byte
	Properties    map[string]string
	SchemaVersion int
}

// Table is the table of a message.
func (s *Scenario) Table(tb testing.TB, m Message) *schema.Table {
	tb.Helper()
	_, name, _ := strings.Cut(m.Topic, "-")
	name = strings.TrimPrefix(name, "key-value-avro-")
	keyspace, table, _ := strings.Cut(name, ".")
	t := s.Tables.Lookup(keyspace, table)
	if t == nil {
		tb.Fatalf("%s: no table %s in schema.cql", s.Name, name)
	}
	return t
}

// Load reads all scenarios.
func Load(tb testing.TB) []*Scenario {
	tb.Helper()
	root, err := fs.Sub(captured, "testdata")
	if err != nil {
		tb.Fatal(err)
	}
	all := load(tb, root)
	if dir := os.Getenv("CDC_CAPTURES"); dir != "" {
		all = append(all, load(tb, os.DirFS(dir))...)
	}
	return all
}

func load(tb testing.TB, root fs.FS) []*Scenario {
	tb.Helper()
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		tb.Fatal(err)
	}
	var all []*Scenario
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		file := func(name string) []byte {
			b, err := fs.ReadFile(root, path.Join(e.Name(), name))
			if err != nil {
				tb.Fatal(err)
			}
			return b
		}
		all = append(all, &Scenario{
			Name:    e.Name(),
			Tables:  Tables(tb, string(file("schema.cql"))),
			Schemas: schemas(tb, file("schemas.json")),
			Events:  messages(tb, file("events.jsonl")),
			Data:    messages(tb, file("data-key-value-avro.jsonl")),
		})
	}
	return all
}

func schemas(tb testing.TB, text []byte) map[string][]KeyValue {
	tb.Helper()
	var topics map[string]struct {
		GetSchemaResponses []struct{ Data string }
	}
	if err := json.Unmarshal(text, &topics); err != nil {
		tb.Fatal(err)
	}
	m := map[string][]KeyValue{}
	for topic, versions := range topics {
		for _, v := range versions.GetSchemaResponses {
			var kv struct{ Key, Value json.RawMessage }
			if err := json.Unmarshal([]byte(v.Data), &kv); err != nil {
				tb.Fatal(err)
			}
			m[topic] = append(m[topic], KeyValue{string(kv.Key), string(kv.Value)})
		}
	}
	return m
}

func messages(tb testing.TB, lines []byte) []Message {
	tb.Helper()
	var all []Message
	for in := bufio.NewScanner(bytes.NewReader(lines)); in.Scan(); {
		var line struct {
			Topic             string
			ProducerName      string `json:"producer_name"`
			KeyString         string `json:"key_string"`
			KeyHex            string `json:"key_hex"`
			NullValue         bool   `json:"null_value"`
			PayloadHex        string `json:"payload_hex"`
			Properties        map[string]string
			SchemaVersionText string `json:"schema_version_hex"`
		}
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			tb.Fatal(err)
		}
		m := Message{
			Topic: path.Base(line.Topic), Producer: line.ProducerName, KeyText: line.KeyString, Null: line.NullValue,
			Key: Hex(tb, line.KeyHex), Payload: Hex(tb, line.PayloadHex), Properties: line.Properties,
		}
		for _, b := range Hex(tb, line.SchemaVersionText) {
			m.SchemaVersion = m.SchemaVersion<<8 | int(b)
		}
		all = append(all, m)
	}
	return all
}

// Hex reads hexadecimal text.
func Hex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
