// The checks of one scenario: its events, and each format of its data topics.

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capture"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// result is one line of the report.
type result struct {
	scenario, what string // what is events, or a format
	messages       int
	note           string // what the Java product did not do
	faults         []string
}

// shown bounds the faults that are printed of one result.
const shown = 5

func (r result) String() string {
	line := fmt.Sprintf("%s %s ok %s", r.scenario, r.what, plural(r.messages, "message"))
	if len(r.faults) > 0 {
		line = fmt.Sprintf("%s %s FAILED %s, %s", r.scenario, r.what, plural(r.messages, "message"), plural(len(r.faults), "fault"))
	}
	if r.note != "" {
		line += " (" + r.note + ")"
	}
	for i, f := range r.faults {
		if i == shown {
			return line + fmt.Sprintf("\n    and %d more", len(r.faults)-shown)
		}
		line += "\n    " + f
	}
	return line
}

func (r *result) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func check(s *capture.Scenario) []result {
	all := []result{checkEvents(s)}
	for _, name := range capture.Formats {
		all = append(all, checkData(s, name))
	}
	return all
}

// description makes the schema of a topic for a version of its table.
type description func(*schema.Table) (*registry.Schema, error)

// match finds, for each version that was registered for a topic, the version of the
// table that gives the same schema to the byte. Where there is none it says how the
// registered one differs from that of the last table.
func (r *result) match(s *capture.Scenario, topic string, describe description) []*schema.Table {
	var tables []*schema.Table
	for i, registered := range s.Registered[topic] {
		var found *schema.Table
		difference := "there is no such table"
		for version := range s.Versions {
			t := s.Table(topic, version)
			if t == nil {
				continue
			}
			ours, err := describe(t)
			if err != nil {
				difference = err.Error()
			} else if difference = differ(ours, registered); difference == "" {
				found = t
				break
			}
		}
		if found == nil {
			r.fault("schema of %s version %d: %s", topic, i, difference)
		}
		tables = append(tables, found)
	}
	return tables
}

// differ says how a schema of ours differs from a registered one.
func differ(ours *registry.Schema, registered capture.Registered) string {
	text, err := ours.RESTData()
	switch {
	case err != nil:
		return err.Error()
	case text != registered.Data:
		at := 0
		for at < len(text) && at < len(registered.Data) && text[at] == registered.Data[at] {
			at++
		}
		return fmt.Sprintf("differs at byte %d: ours …%.80s, registered …%.80s", at, text[at:], registered.Data[at:])
	case string(ours.Type) != registered.Type:
		return fmt.Sprintf("type %s, registered %s", ours.Type, registered.Type)
	case !maps.Equal(ours.Properties, registered.Properties):
		return fmt.Sprintf("properties %v, registered %v", ours.Properties, registered.Properties)
	}
	return ""
}

// tableOf is the table that a message was written with.
func (r *result) tableOf(m capture.Message, tables []*schema.Table) *schema.Table {
	if m.SchemaVersion >= len(tables) {
		r.fault("message with key %q: schema version %d of %s is not in schemas.json", m.KeyText, m.SchemaVersion, m.Topic)
		return nil
	}
	return tables[m.SchemaVersion] // nil has its fault already
}

func checkEvents(s *capture.Scenario) result {
	r := result{scenario: s.Name, what: "events", messages: len(s.Events)}
	tables := map[string][]*schema.Table{}
	for topic := range s.Registered {
		if strings.HasPrefix(topic, capture.EventsTopic("")) {
			tables[topic] = r.match(s, topic, func(t *schema.Table) (*registry.Schema, error) {
				k, err := event.NewKey(t)
				if err != nil {
					return nil, err
				}
				return k.Registry(t), nil
			})
		}
	}
	for _, m := range s.Events {
		if t := r.tableOf(m, tables[m.Topic]); t != nil {
			r.checkEvent(m, t)
		}
	}
	if len(s.Events) == 0 {
		r.note = "the Java agent publishes none for this table"
	}
	return r
}

func (r *result) checkEvent(m capture.Message, t *schema.Table) {
	fault := func(format string, args ...any) {
		r.fault("event with key %q: %s", m.KeyText, fmt.Sprintf(format, args...))
	}
	k, err := event.NewKey(t)
	if err != nil {
		fault("%v", err)
		return
	}
	partition, clustering, err := k.Decode(m.Key)
	if err != nil {
		fault("%v", err)
		return
	}
	if key, err := k.Append(nil, partition, clustering); err != nil || !bytes.Equal(key, m.Key) {
		fault("key %x, captured %x, %v", key, m.Key, err)
	}
	checkKeyText(m, m.Key, false, fault)
	value, err := event.DecodeMutation(m.Payload)
	if err != nil {
		fault("%v", err)
		return
	}
	if payload := event.AppendMutation(nil, value); !bytes.Equal(payload, m.Payload) {
		fault("payload %x, captured %x", payload, m.Payload)
	}
	if producer := event.ProducerName(value.NodeID, t); producer != m.Producer {
		fault("producer %s, captured %s", producer, m.Producer)
	}
	if topic := event.Topic(event.DefaultTopicPrefix, t); topic != m.Topic {
		fault("topic %s, captured %s", topic, m.Topic)
	}
	properties, err := event.ParseProperties(m.Properties)
	if err != nil {
		fault("%v", err)
	}
	if ours := properties.Map(); !maps.Equal(ours, m.Properties) {
		fault("properties %v, captured %v", ours, m.Properties)
	}
}

// checkKeyText checks how a key is in the message's metadata.
func checkKeyText(m capture.Message, key []byte, isText bool, fault func(string, ...any)) {
	text := base64.StdEncoding.EncodeToString(key)
	if isText {
		text = string(key)
	}
	if text != m.KeyText || m.Flagged == isText {
		fault("the key is %q in the metadata, flagged %v; captured %q, %v", text, !isText, m.KeyText, m.Flagged)
	}
}

func checkData(s *capture.Scenario, name string) result {
	messages := s.Data[name]
	r := result{scenario: s.Name, what: name, messages: len(messages)}
	format, err := row.ParseFormat(name)
	if err != nil {
		r.fault("%v", err)
		return r
	}
	tables := map[string][]*schema.Table{}
	expected := 0 // events of the tables whose data topics were captured
	for topic := range s.Registered {
		if !strings.HasPrefix(topic, capture.DataTopic(name, "")) {
			continue
		}
		tables[topic] = r.match(s, topic, func(t *schema.Table) (*registry.Schema, error) {
			m, err := row.NewMessages(t, format)
			if err != nil {
				return nil, err
			}
			return m.Schema(), nil
		})
	}
	topics := map[string]bool{}
	for _, m := range messages {
		topics[m.Topic] = true
		if t := r.tableOf(m, tables[m.Topic]); t != nil {
			r.checkMessage(s, m, t, format)
		}
	}
	for _, e := range s.Events {
		if len(topics) == 0 || topics[capture.DataTopic(name, capture.TableName(e.Topic))] {
			expected++
		}
	}
	switch {
	case expected == 0:
		r.note = "there is no event to publish a row for"
	case len(messages) < expected:
		r.note = fmt.Sprintf("the Java connector failed: of %s it published %d", plural(expected, "event"), len(messages))
	}
	return r
}

func (r *result) checkMessage(s *capture.Scenario, m capture.Message, t *schema.Table, format row.Format) {
	fault := func(format string, args ...any) {
		r.fault("message with key %q: %s", m.KeyText, fmt.Sprintf(format, args...))
	}
	messages, err := row.NewMessages(t, format)
	if err != nil {
		fault("%v", err)
		return
	}
	eventKey := eventOf(s, m, messages)
	if eventKey == nil {
		fault("no event gives this key: %x", m.Key)
		return
	}
	checkKeyText(m, m.Key, format.TextKey(), fault)
	for property := range m.Properties {
		if property != event.WriteTimeProperty || !format.Properties() {
			fault("property %s, which our messages do not have", property)
		}
	}
	if m.Null || bytes.Equal(m.Payload, messages.NoRow()) {
		if ours := messages.NoRow(); !bytes.Equal(ours, m.Payload) || (ours == nil) != m.Null {
			fault("the payload of a row that is gone is %q, captured %q, null %v", ours, m.Payload, m.Null)
		}
		return
	}
	checkPayload(m, t, messages, eventKey, fault)
}

// eventOf is the key of the event that a message of a data topic came from.
func eventOf(s *capture.Scenario, m capture.Message, messages *row.Messages) []byte {
	for _, e := range s.Events {
		if capture.TableName(e.Topic) != capture.TableName(m.Topic) {
			continue
		}
		if key, err := messages.Key(e.Key); err == nil && bytes.Equal(key, m.Key) {
			return e.Key
		}
	}
	return nil
}

// checkPayload takes a payload apart with another library and has it made again.
func checkPayload(m capture.Message, t *schema.Table, messages *row.Messages, eventKey []byte, fault func(string, ...any)) {
	read := capture.FromJSON
	if messages.Format() == row.KeyValueAvro {
		read = func(payload []byte) (capture.Fields, error) {
			_, value, err := messages.Schema().Split()
			if err != nil {
				return capture.Fields{}, err
			}
			return capture.FromAvro(value.Schema, payload)
		}
	}
	fields, err := read(m.Payload)
	if err != nil {
		fault("the captured payload: %v", err)
		return
	}
	values, unordered, err := fields.Raw(messages.Columns())
	if err != nil {
		fault("the captured payload: %v", err)
		return
	}
	encode := messages.Row
	if _, clustering, err := messages.EventKey().Decode(eventKey); err == nil && len(t.Static) > 0 && slices.IndexFunc(clustering, isNull) == 0 {
		encode = messages.StaticRow
	}
	ours, err := encode(values)
	if err != nil {
		fault("%v", err)
		return
	}
	if bytes.Equal(ours, m.Payload) {
		return
	}
	again, err := read(ours)
	if err != nil || !unordered || len(ours) != len(m.Payload) || !fields.Equal(again) {
		fault("payload %q, captured %q, %v", ours, m.Payload, err)
	}
}

func isNull(v []byte) bool { return v == nil }
