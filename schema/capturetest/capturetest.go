// Package capturetest gives tests what the Java product really published: messages
// of its events topics and data topics, the schemas it registered, and the tables.
//
// testdata holds scenarios of DataStax CDC for Apache Cassandra 2.3.9 with
// Cassandra 4.0.19 and Pulsar 4.0.8, in the form that package capture reads: of the
// messages and schemas the fields that are compared. The environment variable
// CDC_CAPTURES names a folder with more scenarios of the same form.
package capturetest

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capture"
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

// Message is one raw message.
type Message = capture.Message

// Table is the table of a message.
func (s *Scenario) Table(tb testing.TB, m Message) *schema.Table {
	tb.Helper()
	t := (&capture.Scenario{Versions: []*schema.Snapshot{s.Tables}}).Table(m.Topic, 0)
	if t == nil {
		tb.Fatalf("%s: no table of topic %s in schema.cql", s.Name, m.Topic)
	}
	return t
}

// Whole reads all scenarios with all that was captured of them.
func Whole(tb testing.TB) []*capture.Scenario {
	tb.Helper()
	root, err := fs.Sub(captured, "testdata")
	if err != nil {
		tb.Fatal(err)
	}
	all, err := capture.Read(root)
	if err != nil {
		tb.Fatal(err)
	}
	if dir := os.Getenv("CDC_CAPTURES"); dir != "" {
		more, err := capture.Read(os.DirFS(dir))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, more...)
	}
	return all
}

// Load reads all scenarios.
func Load(tb testing.TB) []*Scenario {
	tb.Helper()
	var all []*Scenario
	for _, s := range Whole(tb) {
		one := &Scenario{Name: s.Name, Tables: s.Versions[0], Schemas: map[string][]KeyValue{}, Events: s.Events, Data: s.Data["key-value-avro"]}
		for topic, versions := range s.Registered {
			for _, v := range versions {
				var kv struct{ Key, Value json.RawMessage }
				if err := json.Unmarshal([]byte(v.Data), &kv); err != nil {
					tb.Fatal(err)
				}
				one.Schemas[topic] = append(one.Schemas[topic], KeyValue{string(kv.Key), string(kv.Value)})
			}
		}
		all = append(all, one)
	}
	return all
}

// Tables builds the tables of CREATE TYPE and CREATE TABLE statements; all other
// statements are ignored.
func Tables(tb testing.TB, statements string) *schema.Snapshot {
	tb.Helper()
	s, err := capture.Tables(statements)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Table builds the table of one CREATE TABLE statement, after any CREATE TYPEs.
func Table(tb testing.TB, statements string) *schema.Table {
	tb.Helper()
	all := Tables(tb, statements).Tables()
	if len(all) != 1 {
		tb.Fatalf("%d tables in %s", len(all), statements)
	}
	return all[0]
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
