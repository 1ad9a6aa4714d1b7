// Package capture reads what the Java product really published: messages of its
// events topics and data topics, the schemas it registered, and the tables.
//
// In comes a folder with a folder for each scenario:
//
//	schema.cql            the tables as they were created
//	statements.jsonl      what was run then
//	events*.jsonl         messages of events topics
//	data-<format>.jsonl   messages of a data topic
//	schemas.json          what the registry held
//
// Out come [Scenario]s; and with [FromAvro] and [FromJSON] the raw CQL values that a
// payload was made of, read by other libraries than ours. The package compares
// nothing.
package capture

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Scenario is one captured run.
type Scenario struct {
	Name string
	// Created is the statements of schema.cql.
	Created []string
	// Statements were run then, one after the other.
	Statements []Statement
	// Versions is the tables as of schema.cql, and then after each change of them.
	Versions []*schema.Snapshot
	// Registered is what the registry held, by topic and in the order of versions. The
	// topic is a short name.
	Registered map[string][]Registered
	Events     []Message
	Data       map[string][]Message // by the name of the format
}

// Statement is one that was run. Failed ones changed nothing.
type Statement struct {
	CQL    string
	Failed bool
	Begun  int64 // ms since 1970
}

// Registered is one version of a schema, as the registry's REST interface shows it.
type Registered struct {
	Type       string
	Data       string
	Properties map[string]string
}

// Message is one raw message. The topic is a short name; KeyText is the key as it is
// in the metadata, where Flagged says that it is Base64; SchemaVersion is the index of
// the schema it was written with.
type Message struct {
	Topic         string
	Producer      string
	Key           []byte
	KeyText       string
	Flagged       bool
	Null          bool
	Payload       []byte
	Properties    map[string]string
	SchemaVersion int
}

// Formats are the formats of data topics that a scenario may have, by name.
var Formats = []string{"key-value-avro", "key-value-json", "json"}

// EventsTopic and DataTopic are the names of a table's topics in captures. The name
// is that of keyspace and table with a dot between them.
func EventsTopic(name string) string { return "events-" + name }

// DataTopic is the topic of a format.
func DataTopic(format, name string) string { return "data-" + format + "-" + name }

// TableName is what a topic says of its table: keyspace and table with a dot between
// them.
func TableName(topic string) string {
	if name, ok := strings.CutPrefix(topic, "events-"); ok {
		return name
	}
	for _, f := range Formats {
		if name, ok := strings.CutPrefix(topic, DataTopic(f, "")); ok {
			return name
		}
	}
	return topic
}

// Table is a version of the table that a topic is of; nil when there is none.
func (s *Scenario) Table(topic string, version int) *schema.Table {
	keyspace, table, _ := strings.Cut(TableName(topic), ".")
	return s.Versions[version].Lookup(keyspace, table)
}

// Read reads all scenarios of a folder.
func Read(root fs.FS) ([]*Scenario, error) {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir, err := fs.Sub(root, e.Name())
		if err != nil {
			return nil, err
		}
		s, err := read(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		s.Name = e.Name()
		all = append(all, s)
	}
	return all, nil
}

func read(dir fs.FS) (*Scenario, error) {
	s := &Scenario{Data: map[string][]Message{}}
	var err error
	if err := s.statements(dir); err != nil {
		return nil, err
	}
	if s.Registered, err = registered(dir); err != nil {
		return nil, err
	}
	files, err := fs.Glob(dir, "events*.jsonl")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		m, err := messages(dir, name)
		if err != nil {
			return nil, err
		}
		s.Events = append(s.Events, m...)
	}
	for _, f := range Formats {
		if s.Data[f], err = messages(dir, "data-"+f+".jsonl"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// statements reads what was run, and the tables as of then.
func (s *Scenario) statements(dir fs.FS) error {
	text, err := fs.ReadFile(dir, "schema.cql")
	if err != nil {
		return err
	}
	var d definitions
	for statement := range strings.SplitSeq(string(text), ";") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if _, err := d.run(statement); err != nil {
			return err
		}
		s.Created = append(s.Created, statement)
	}
	first, err := d.snapshot()
	if err != nil {
		return err
	}
	s.Versions = append(s.Versions, first)
	return lines(dir, "statements.jsonl", func(line []byte) error {
		var run struct {
			CQL   string
			Error *string
			Begun int64 `json:"t_start_ms"`
		}
		if err := json.Unmarshal(line, &run); err != nil {
			return err
		}
		s.Statements = append(s.Statements, Statement{run.CQL, run.Error != nil, run.Begun})
		if run.Error != nil {
			return nil
		}
		changed, err := d.run(strings.TrimRight(run.CQL, "; \n"))
		if err != nil || !changed {
			return err
		}
		next, err := d.snapshot()
		s.Versions = append(s.Versions, next)
		return err
	})
}

func registered(dir fs.FS) (map[string][]Registered, error) {
	text, err := fs.ReadFile(dir, "schemas.json")
	if err != nil {
		return nil, err
	}
	var topics map[string]struct{ GetSchemaResponses []Registered }
	if err := json.Unmarshal(text, &topics); err != nil {
		return nil, fmt.Errorf("schemas.json: %w", err)
	}
	m := map[string][]Registered{}
	for topic, t := range topics {
		m[topic] = t.GetSchemaResponses
	}
	return m, nil
}

func messages(dir fs.FS, name string) ([]Message, error) {
	var all []Message
	err := lines(dir, name, func(text []byte) error {
		var line struct {
			Topic             string
			ProducerName      string `json:"producer_name"`
			KeyString         string `json:"key_string"`
			KeyFlag           bool   `json:"key_b64_flag"`
			KeyHex            string `json:"key_hex"`
			NullValue         bool   `json:"null_value"`
			PayloadHex        string `json:"payload_hex"`
			Properties        map[string]string
			SchemaVersionText string `json:"schema_version_hex"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		m := Message{
			Topic: path.Base(line.Topic), Producer: line.ProducerName, KeyText: line.KeyString, Flagged: line.KeyFlag,
			Null: line.NullValue, Properties: line.Properties,
		}
		var version []byte
		var errs [3]error
		m.Key, errs[0] = hex.DecodeString(line.KeyHex)
		m.Payload, errs[1] = hex.DecodeString(line.PayloadHex)
		version, errs[2] = hex.DecodeString(line.SchemaVersionText)
		for _, b := range version {
			m.SchemaVersion = m.SchemaVersion<<8 | int(b)
		}
		all = append(all, m)
		return errors.Join(errs[:]...)
	})
	return all, err
}

// lines calls take with every line of a file, which need not be there.
func lines(dir fs.FS, name string, take func(line []byte) error) error {
	text, err := fs.ReadFile(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, len(text)+1)
	for n := 1; in.Scan(); n++ {
		if err := take(in.Bytes()); err != nil {
			return fmt.Errorf("%s line %d: %w", name, n, err)
		}
	}
	return in.Err()
}
