// Dead letters of a real broker: the commands show them, leave them where they are, and
// send them back to the events topic as they came from there.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/connector/deadletter"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

const events = "persistent://public/default/events-ks.t"

// letterBox is a broker with an events topic of three partitions.
type letterBox struct {
	t      *testing.T
	broker *env.Pulsar
	client *pulsar.Client
	sub    *pulsar.Consumer // of the connector
}

func (b *letterBox) rest(method, path, body string) (http.Header, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.broker.AdminURL()+"/admin/v2/"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		b.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, text, err)
	}
	return resp.Header, string(text)
}

// sent is a message as the broker has it.
type sent struct {
	Partition, Key, Flagged, Value string
	Null                           bool
	Schema                         int64
	Properties                     map[string]string
}

func (b *letterBox) sent(d *pulsar.Delivery) sent {
	b.t.Helper()
	id := strings.Split(d.ID, ":")
	header, _ := b.rest("GET", fmt.Sprintf("persistent/public/default/events-ks.t-partition-%s/ledger/%s/entry/%s", id[2], id[0], id[1]), "")
	return sent{id[2], d.KeyText, header.Get("X-Pulsar-Partition-Key-B64-Encoded"), string(d.Value), d.Null, d.SchemaVersion, d.Properties}
}

// receive gives the next messages of the connector's subscription.
func (b *letterBox) receive(n int) (all []*pulsar.Delivery) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	for range n {
		d, err := b.sub.Receive(ctx)
		if err != nil {
			b.t.Fatalf("%d of %d messages came: %v", len(all), n, err)
		}
		if err := b.sub.Ack(d); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// run runs a command and returns what it prints.
func (b *letterBox) run(args ...string) (string, error) {
	b.t.Helper()
	var out bytes.Buffer
	var c commands
	grammar, err := kong.New(&c, kong.Name(name), kong.BindTo(&out, (*io.Writer)(nil)), vars)
	if err != nil {
		b.t.Fatal(err)
	}
	args = append([]string{"deadletter"}, args...)
	parsed, err := grammar.Parse(append(args, "--events-topic", events, "--pulsar-url", b.broker.ServiceURL(), "--pulsar-web-url", b.broker.AdminURL()))
	if err != nil {
		b.t.Fatal(err)
	}
	err = parsed.Run(&c.Flags)
	return out.String(), err
}

// letters are those that the list shows, in JSON.
func (b *letterBox) letters() (all []deadletter.Letter) {
	b.t.Helper()
	out, err := b.run("list", "--format", "json")
	if err != nil {
		b.t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var l deadletter.Letter
		if err := d.Decode(&l); err == io.EOF {
			return all
		} else if err != nil {
			b.t.Fatalf("%v in %s", err, out)
		}
		all = append(all, l)
	}
}

// send publishes a message of each kind: events of two versions of the table, one of them
// null, and messages that are none.
func (b *letterBox) send() {
	b.t.Helper()
	before := newEvents(b.t, `CREATE TABLE ks.t (id text PRIMARY KEY)`)
	now := newEvents(b.t, `CREATE TABLE ks.t (id text, n int, PRIMARY KEY (id, n))`)
	value := event.AppendMutation(nil, event.Mutation{Digest: "d", NodeID: "n"})
	properties := event.Properties{Segment: 1, Offset: 2, Token: 3, WriteTime: 4, Operation: event.Insert}.Map()
	for _, p := range []struct {
		cfg      pulsar.ProducerConfig
		messages []pulsar.Message
	}{
		{pulsar.ProducerConfig{Schema: before.schema}, []pulsar.Message{{Key: before.key([]byte("old")), Value: value, Properties: properties, Token: 2}}},
		{pulsar.ProducerConfig{Schema: now.schema}, []pulsar.Message{
			{Key: now.key([]byte("ä"), []byte{0, 0, 0, 1}), Value: value, Properties: properties, Token: 1},
			{Key: now.key([]byte("no value"), []byte{0, 0, 0, 2}), Token: 0},
		}},
		{pulsar.ProducerConfig{TextKey: true}, []pulsar.Message{
			{Key: []byte("a text"), Value: []byte("\x00no event"), Properties: map[string]string{"reason": "its own"}, Token: 1},
			{Key: []byte("Zm9v"), Value: []byte{}, Token: 2}, // a text that could be Base64, and nothing
		}},
	} {
		p.cfg.Topic, p.cfg.Route = events, func(m *pulsar.Message, _ int) int { return int(m.Token) }
		producer, err := b.client.Producer(b.t.Context(), p.cfg)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, m := range p.messages {
			producer.Send(b.t.Context(), &m, func(_ pulsar.Receipt, err error) {
				if err != nil {
					b.t.Error(err)
				}
			})
		}
		if err := producer.Flush(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		producer.Close()
	}
}

func TestDeadLetters(t *testing.T) {
	broker, err := envtest.ForTest(t).StartPulsar(t.Context(), env.PulsarOptions{WithoutFunctions: true})
	if err != nil {
		t.Fatal(err)
	}
	b := &letterBox{t: t, broker: broker}
	b.rest("PUT", "namespaces/public/default/schemaCompatibilityStrategy", `"ALWAYS_COMPATIBLE"`)
	b.rest("PUT", "persistent/public/default/events-ks.t/partitions", "3")
	b.client, err = pulsar.Connect(t.Context(), pulsar.Config{ServiceURL: broker.ServiceURL(), WebServiceURL: broker.AdminURL(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer b.client.Close()
	b.sub, err = b.client.Subscribe(t.Context(), pulsar.ConsumerConfig{Topic: events, Subscription: "sub"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.sub.Close()
	const n = 5
	b.send()
	var want []sent
	w := deadletter.NewWriter(b.client, deadletter.Config{Topic: deadletter.Topic(events, "sub"), Events: events, Keyspace: "ks", Table: "t", Version: "v1"})
	defer w.Close()
	for _, d := range b.receive(n) {
		want = append(want, b.sent(d))
		e := &pipeline.Event{ID: d.ID, Delivery: d}
		var reason error = &readback.KeyError{Err: errors.New("cut off")}
		if d.SchemaVersion < 0 {
			e.Fault = errors.New("no Avro")
			reason = e.Fault
		}
		if err := w.Bury(t.Context(), e, reason); err != nil {
			t.Fatal(err)
		}
	}

	letters := b.letters()
	if len(letters) != n {
		t.Fatalf("%d letters of %d: %+v", len(letters), n, letters)
	}
	byKey := map[string]deadletter.Letter{}
	for _, l := range letters {
		byKey[l.Key] = l
		at, err := time.Parse(time.RFC3339, l.Time)
		if l.Events != events || l.Keyspace != "ks" || l.Table != "t" || l.Version != "v1" || err != nil || time.Since(at) > time.Minute || strings.Count(l.Origin, ":") != 3 {
			t.Errorf("%+v", l)
		}
	}
	for key, want := range map[string][3]string{
		`{"id":"old"}`:                  {"key", "the event's key: cut off", "0"},
		`{"id":"ä","n":1}`:              {"key", "the event's key: cut off", "1"},
		`{"id":"no value","n":2}`:       {"key", "the event's key: cut off", "1"},
		"a text":                        {"no-event", "no Avro", "-1"},
		"0x" + fmt.Sprintf("%x", "foo"): {"no-event", "no Avro", "-1"},
	} {
		if l := byKey[key]; (l.Class != want[0]) || l.Reason != want[1] || fmt.Sprint(l.Schema) != want[2] {
			t.Errorf("the letter with the key %s: %+v", key, l)
		}
	}
	out, err := b.run("list")
	if err != nil || !regexp.MustCompile(`(?m)^ID +TIME +TABLE +KEY +CLASS +REASON\n`).MatchString(out) ||
		!regexp.MustCompile(`(?m)^\d+:\d+:-?\d+:-?\d+ +20\S+Z +ks\.t +\{"id":"old"\} +key +the event's key: cut off$`).MatchString(out) {
		t.Errorf("list: %s %v", out, err)
	}

	// Nothing is consumed, and nothing is published by a dry run.
	if out, err := b.run("replay", "--all", "--dry-run"); err != nil || !strings.HasSuffix(out, "would publish 5\n") {
		t.Errorf("dry run: %s %v", out, err)
	}
	if got := b.letters(); len(got) != n {
		t.Errorf("%d letters after a dry run", len(got))
	}
	if out, err := b.run("replay", "--id", "1:2:3:4"); err == nil || !strings.Contains(err.Error(), "there is no letter 1:2:3:4") || out != "published 0\n" {
		t.Errorf("a letter that is not there: %s %v", out, err)
	}

	first := byKey[`{"id":"old"}`]
	if out, err := b.run("replay", "--id", first.ID); err != nil || out != first.ID+": published the event of ks.t with the key {\"id\":\"old\"}\npublished 1\n" {
		t.Errorf("replay of one: %s %v", out, err)
	}
	got := []sent{b.sent(b.receive(1)[0])}
	if left := b.letters(); len(left) != n-1 || slices.ContainsFunc(left, func(l deadletter.Letter) bool { return l.ID == first.ID }) {
		t.Errorf("after the replay of one: %+v", left)
	}
	if out, err := b.run("replay", "--all"); err != nil || !strings.HasSuffix(out, "published 4\n") {
		t.Errorf("replay: %s %v", out, err)
	}
	for _, d := range b.receive(n - 1) {
		got = append(got, b.sent(d))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g sent) bool { return fmt.Sprint(g) == fmt.Sprint(w) && maps.Equal(g.Properties, w.Properties) }) {
			t.Errorf("not on the events topic as it was:\n%+v; got\n%+v", w, got)
		}
	}
	if left := b.letters(); len(left) != 0 {
		t.Errorf("after the replay of all: %+v", left)
	}
	if _, stats := b.rest("GET", "persistent/public/default/events-ks.t-sub-DLQ/stats", ""); !strings.Contains(stats, `"cassandra-cdc"`) {
		t.Errorf("no subscription keeps the letters: %s", stats)
	}
}

// eventKey makes keys of a table's events.
type eventKey struct {
	t      *testing.T
	keys   *event.Key
	schema *registry.Schema
}

func newEvents(t *testing.T, cql string) eventKey {
	t.Helper()
	table := capturetest.Table(t, cql)
	k, err := event.NewKey(table)
	if err != nil {
		t.Fatal(err)
	}
	return eventKey{t, k, k.Registry(table)}
}

func (k eventKey) key(partition []byte, clustering ...[]byte) []byte {
	k.t.Helper()
	key, err := k.keys.Append(nil, [][]byte{partition}, clustering)
	if err != nil {
		k.t.Fatal(err)
	}
	return key
}
