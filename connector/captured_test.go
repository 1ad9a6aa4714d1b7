// The connector behind the Java agent: its events, as they were captured, go through a real
// broker to the connector, which reads a real Cassandra that holds what the Java connector
// read. What it publishes is what the Java connector published: keys, values, properties
// and schemas.

package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capture"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

func TestEventsOfTheJavaAgent(t *testing.T) {
	e := envtest.ForTest(t)
	p, err := e.StartPulsar(t.Context(), env.PulsarOptions{WithoutFunctions: true})
	if err != nil {
		t.Fatal(err)
	}
	node, err := e.StartCassandra(t.Context(), env.CassandraOptions{Version: env.Cassandra50})
	if err != nil {
		t.Fatal(err)
	}
	session, err := cassandra.Connect(t.Context(), cassandra.Config{ContactPoints: []string{node.Address()}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	b := testBroker{p}
	client := b.connect(t.Context(), t, slog.New(slog.NewTextHandler(t.Output(), nil)))
	for _, s := range capturetest.Whole(t) {
		t.Run(s.Name, func(t *testing.T) {
			r := &captured{Scenario: s, broker: b, node: node.Address(), session: session, client: client}
			r.run(t)
		})
	}
}

// captured is one captured run that is done again.
type captured struct {
	*capture.Scenario
	broker  testBroker
	node    string
	session *cassandra.Session
	client  *pulsar.Client
	running []*captive
}

// captive is a connector for a table and a format.
type captive struct {
	name   string // of the table
	format string
	topic  string // its data topic, whose messages were captured
	check  *pulsar.Consumer
	ended  chan error
}

func (c *captured) run(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c.exec(ctx, t, c.Created...)
	for topic := range c.Registered {
		for _, format := range capture.Formats {
			if name, ok := strings.CutPrefix(topic, capture.DataTopic(format, "")); ok && len(c.events(name)) > 0 {
				c.start(ctx, t, name, format)
			}
		}
	}
	if len(c.running) == 0 {
		return // the Java agent publishes nothing for this table, or the Java connector did not begin
	}
	for i, statement := range c.Statements {
		if !statement.Failed {
			c.exec(ctx, t, statement.CQL)
		}
		for _, m := range c.Events {
			if c.statementOf(m) == i && c.follows(capture.TableName(m.Topic)) {
				c.send(ctx, t, m)
			}
		}
		c.await(ctx, t)
	}
	for _, one := range c.running {
		c.compare(ctx, t, one)
	}
	stop()
	for _, one := range c.running {
		if err := <-one.ended; err != nil {
			t.Errorf("the connector of %s: %v", one.topic, err)
		}
	}
}

func (c *captured) exec(ctx context.Context, t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.session.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// events are those of a table.
func (c *captured) events(name string) (all []capture.Message) {
	for _, m := range c.Events {
		if capture.TableName(m.Topic) == name {
			all = append(all, m)
		}
	}
	return all
}

func (c *captured) follows(name string) bool {
	for _, one := range c.running {
		if one.name == name {
			return true
		}
	}
	return false
}

// statementOf is the statement that an event is of: the one that names its write time, or
// the last one that began before it.
func (c *captured) statementOf(m capture.Message) int {
	text := m.Properties[event.WriteTimeProperty]
	at, _ := strconv.ParseInt(text, 10, 64)
	last := 0
	for i, s := range c.Statements {
		if slices.Contains(strings.Fields(strings.ToUpper(s.CQL)), text) && strings.Contains(strings.ToUpper(s.CQL), "USING TIMESTAMP") {
			return i
		}
		if !s.Failed && s.Begun*1000 <= at {
			last = i
		}
	}
	return last
}

func (c *captured) start(ctx context.Context, t *testing.T, name, format string) {
	t.Helper()
	keyspace, table, _ := strings.Cut(name, ".")
	one := &captive{name: name, format: format, topic: capture.DataTopic(format, name), ended: make(chan error, 1)}
	var err error
	if one.check, err = c.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: one.topic, Subscription: "check"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.check.Close)
	cfg := config.Config{
		Keyspace: keyspace, Table: table, EventsTopic: capture.EventsTopic(name), EventsSubscription: format, OutputFormat: format, DestinationTopic: one.topic,
		ContactPoints: []string{c.node}, PulsarServiceURL: c.broker.ServiceURL(), PulsarWebServiceURL: c.broker.AdminURL(), HTTPAddress: "off",
	}
	// The subscription is there before the first event.
	sub, err := c.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: cfg.EventsTopic, Subscription: format, Type: pulsar.KeyShared})
	if err != nil {
		t.Fatal(err)
	}
	sub.Close()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	go func() { one.ended <- Run(ctx, cfg, quiet(log)) }()
	c.running = append(c.running, one)
}

// send publishes an event as the Java agent did.
func (c *captured) send(ctx context.Context, t *testing.T, m capture.Message) {
	t.Helper()
	registered := c.Registered[m.Topic][m.SchemaVersion]
	s, err := registry.FromREST(m.Topic, registry.Type(registered.Type), registered.Data, registered.Properties)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.client.Producer(ctx, pulsar.ProducerConfig{Topic: m.Topic, Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Send(ctx, &pulsar.Message{Key: m.Key, Value: m.Payload, Properties: m.Properties}, func(_ pulsar.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// await waits until every connector has acknowledged all events.
func (c *captured) await(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, one := range c.running {
		for c.backlog(ctx, t, capture.EventsTopic(one.name), one.format) > 0 {
			select {
			case err := <-one.ended:
				t.Fatalf("the connector of %s ended: %v", one.topic, err)
			case <-ctx.Done():
				t.Fatalf("the connector of %s does not acknowledge its events", one.topic)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func (c *captured) backlog(ctx context.Context, t *testing.T, topic, subscription string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.broker.AdminURL()+"/admin/v2/persistent/public/default/"+url.PathEscape(topic)+"/stats", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct {
		Subscriptions map[string]struct{ MsgBacklog int }
	}
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		t.Fatalf("statistics of %s: %v", topic, err)
	}
	return stats.Subscriptions[subscription].MsgBacklog
}

// compare holds what a connector published against what the Java connector did, which may
// have read a row later, when it had changed again, and has failed on some tables.
func (c *captured) compare(ctx context.Context, t *testing.T, one *captive) {
	t.Helper()
	ours, theirs := map[string][]*pulsar.Delivery{}, map[string][]capture.Message{}
	n := 0
	err := one.check.Drain(ctx, 2*time.Second, func(d *pulsar.Delivery) error {
		ours[d.KeyText] = append(ours[d.KeyText], d)
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if events := len(c.events(one.name)); n != events {
		t.Errorf("%s: %d messages for %d events", one.topic, n, events)
	}
	for _, m := range c.Data[one.format] {
		if m.Topic == one.topic {
			theirs[m.KeyText] = append(theirs[m.KeyText], m)
		}
	}
	for key, messages := range theirs {
		failed := len(messages) < len(ours[key])
		for i, m := range messages {
			candidates := ours[key]
			if !failed {
				candidates = candidates[min(i, len(candidates)):]
			}
			difference := "there is none"
			if len(candidates) > 0 {
				difference = c.differ(ctx, t, one, m, candidates[0])
				if !failed && !sameProperties(m.Properties, candidates[0].Properties) {
					t.Errorf("%s: properties %v, captured %v", one.topic, candidates[0].Properties, m.Properties)
				}
			}
			if !slices.ContainsFunc(candidates, func(d *pulsar.Delivery) bool { return c.differ(ctx, t, one, m, d) == "" }) {
				t.Errorf("%s: message %d with the key %q: %s", one.topic, i, key, difference)
			}
		}
	}
}

// sameProperties leaves out the exact key, which the Java connector does not have.
func sameProperties(captured, ours map[string]string) bool {
	ours = maps.Clone(ours)
	delete(ours, event.ExactKeyProperty)
	return maps.Equal(captured, ours)
}

// differ says how the value of a message of ours, or its schema, differs from a captured one.
func (c *captured) differ(ctx context.Context, t *testing.T, one *captive, m capture.Message, d *pulsar.Delivery) string {
	t.Helper()
	s, err := c.client.SchemaAt(ctx, one.topic, d.SchemaVersion)
	if err != nil {
		t.Fatal(err)
	}
	registered := c.Registered[one.topic][m.SchemaVersion]
	if text, err := s.RESTData(); err != nil || text != registered.Data || string(s.Type) != registered.Type || !maps.Equal(s.Properties, registered.Properties) {
		return fmt.Sprintf("schema %s %s %v (%v), captured %s %s %v", s.Type, text, s.Properties, err, registered.Type, registered.Data, registered.Properties)
	}
	if d.Properties[event.ExactKeyProperty] != "" && (m.Null || string(m.Payload) == "{}") {
		return "" // the Java connector looks for the row of the cut key, which is not there
	}
	if m.Null != d.Null || !bytes.Equal(m.Payload, d.Value) && !c.reordered(t, one, s, m.Payload, d.Value) {
		return fmt.Sprintf("value %q, null %v; captured %q, %v", d.Value, d.Null, m.Payload, m.Null)
	}
	return ""
}

// reordered says that two values differ in the order of what is in sets and maps alone,
// which the Java connector does not keep.
func (c *captured) reordered(t *testing.T, one *captive, s *registry.Schema, captured, ours []byte) bool {
	t.Helper()
	messages := c.messages(t, one, s)
	if len(captured) != len(ours) || messages == nil {
		return false
	}
	read := capture.FromJSON
	if one.format == string(row.KeyValueAvro) {
		_, value, err := s.Split()
		if err != nil {
			t.Fatal(err)
		}
		read = func(payload []byte) (capture.Fields, error) { return capture.FromAvro(value.Schema, payload) }
	}
	var values [2][][]byte
	for i, payload := range [][]byte{captured, ours} {
		fields, err := read(payload)
		if err != nil {
			return false
		}
		if values[i], _, err = fields.Raw(messages.Columns()); err != nil {
			return false
		}
	}
	for i, column := range messages.Columns() {
		a, b := values[0][i], values[1][i]
		if !bytes.Equal(a, b) && (!unordered(column.Type) || !bytes.Equal(sorted(a), sorted(b))) {
			return false
		}
	}
	return true
}

// messages are those of the version of the table that has the schema.
func (c *captured) messages(t *testing.T, one *captive, s *registry.Schema) *row.Messages {
	t.Helper()
	for version := range c.Versions {
		table := c.Table(one.topic, version)
		if table == nil {
			continue
		}
		messages, err := row.NewMessages(table, row.Format(one.format))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(messages.Schema().Data, s.Data) {
			return messages
		}
	}
	return nil
}

// unordered says that there is a set or a map in a type.
func unordered(t *cql.Type) bool {
	if t == nil {
		return false
	}
	return t.Kind == cql.Set || t.Kind == cql.Map || unordered(t.Elem) || unordered(t.Key) ||
		slices.ContainsFunc(t.Fields, func(f cql.Field) bool { return unordered(f.Type) })
}

func sorted(b []byte) []byte {
	b = bytes.Clone(b)
	slices.Sort(b)
	return b
}
