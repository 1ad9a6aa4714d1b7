// This file holds what becomes of schemas against a real broker's registry: versions
// and their look-up, reuse, and what is said of a refused one.

package pulsar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// send publishes one message and waits for the broker's answer.
func send(t *testing.T, p *pulsar.Producer, s *registry.Schema) error {
	t.Helper()
	ctx := within(t, time.Minute)
	answer := make(chan error, 1)
	p.Send(ctx, &pulsar.Message{Key: []byte("k"), Value: []byte{0}, Schema: s}, func(_ pulsar.Receipt, err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newNamespace makes a namespace and gives the name of a topic in it.
func newNamespace(t *testing.T, admin string) (namespace, topic string) {
	t.Helper()
	topic = newTopic(t)
	namespace = "public/" + strings.ToLower(topic[strings.LastIndex(topic, "/")+1:])
	call(t, "PUT", admin+"/admin/v2/namespaces/"+namespace, "{}")
	return namespace, "persistent://" + namespace + "/t"
}

// register puts a schema into the registry as another producer might have.
func register(t *testing.T, admin, topic string, s *registry.Schema) {
	t.Helper()
	data, err := s.RESTData()
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"type": s.Type, "schema": data, "properties": s.Properties})
	if err != nil {
		t.Fatal(err)
	}
	call(t, "POST", admin+"/admin/v2/schemas/"+strings.TrimPrefix(topic, "persistent://")+"/schema", string(body))
}

// The version of a message leads to the schema that it was written with, also where
// the table went back to an older one.
func TestSchemaVersions(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connectWeb(t, service, admin+"/")
	topic := newTopic(t)
	first, second := tableSchema("c int"), tableSchema("c int", "d string")
	// The events topic of a partitioned topic has its schemas in one place.
	call(t, "PUT", admin+"/admin/v2/persistent/"+strings.TrimPrefix(topic, "persistent://")+"/partitions", "2")
	p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: first})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	again := tableSchema("c int") // equal to the first, as after DROP and ADD of a column
	written := []*registry.Schema{first, second, first, again, second}
	for _, s := range written {
		if err := send(t, p, s); err != nil {
			t.Fatal(err)
		}
	}
	consumer, err := c.Subscribe(within(t, time.Minute), pulsar.ConsumerConfig{Topic: topic, Subscription: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	byVersion := map[int64]int{}
	for range written {
		d := receive(t, consumer, 1)[0]
		byVersion[d.SchemaVersion]++
	}
	if byVersion[0] != 3 || byVersion[1] != 2 {
		t.Errorf("messages by version: %v", byVersion)
	}
	for version, want := range []*registry.Schema{first, second} {
		for _, name := range []string{topic, strings.TrimPrefix(topic, "persistent://public/default/"), topic + "-partition-1"} {
			got, err := c.SchemaAt(within(t, time.Minute), name, int64(version))
			if err != nil || got.Fingerprint() != want.Fingerprint() {
				t.Errorf("version %d of %s: %v, %v", version, name, got, err)
			}
		}
	}
	_, err = c.SchemaAt(within(t, time.Minute), topic, 7)
	if e := (*pulsar.Error)(nil); !errors.Is(err, pulsar.ErrNoSchema) || !errors.As(err, &e) || e.Topic != topic || !strings.Contains(err.Error(), "version 7") {
		t.Errorf("a version that is not there: %v", err)
	}
}

// What may pass is told from what is final: only a registry that knows the topic can
// say that a version is not there.
func TestSchemaLookUpThatMayPass(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, c := range map[string]struct {
		web  string
		kind error
		says string
	}{
		"nobody listens":          {closed, pulsar.ErrUnreachable, closed},
		"another program":         {answer(404, "<html>"), pulsar.ErrNoRegistry, "404"},
		"another program's page":  {answer(200, "<html>"), pulsar.ErrNoRegistry, "not what Pulsar"},
		"no schemas of the topic": {admin, pulsar.ErrNoRegistry, "Schema not found"},
		"not authorized":          {answer(403, `{"reason":"no"}`), pulsar.ErrAuthorization, "no"},
		"not authenticated":       {answer(401, ""), pulsar.ErrAuthentication, "401"},
		"a broker in trouble":     {answer(503, ""), nil, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connectWeb(t, service, c.web).SchemaAt(within(t, time.Minute), "nobody-writes-here", 0)
			var e *pulsar.Error
			if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
	// A host that is down is passed over.
	topic := newTopic(t)
	register(t, admin, topic, tableSchema("c int"))
	if _, err := connectWeb(t, service, closed+","+strings.TrimPrefix(admin, "http://")).SchemaAt(within(t, time.Minute), topic, 0); err != nil {
		t.Errorf("the second host: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connectWeb(t, service, admin).SchemaAt(ctx, topic, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a stop: %v", err)
	}
}

// The text that DataStax's agent registered is found again by ours: no new version on
// the day when one takes over from the other. The captured answers of the registry are
// put in as they are.
func TestTopicThatAnotherProducerRegistered(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	c := connectWeb(t, service, admin)
	text, err := os.ReadFile("../../schema/registry/testdata/captured.json")
	if err != nil {
		t.Fatal(err)
	}
	var captured []struct {
		Topic      string
		Type       registry.Type
		Data       string
		Properties map[string]string
	}
	if err := json.Unmarshal(text, &captured); err != nil {
		t.Fatal(err)
	}
	topics := 0
	for _, v := range captured {
		if topics == 4 || !strings.HasPrefix(v.Topic, "events-") {
			continue
		}
		topics++
		topic := newTopic(t)
		java, err := registry.FromREST(v.Topic, v.Type, v.Data, v.Properties)
		if err != nil {
			t.Fatal(err)
		}
		register(t, admin, topic, java)
		p, err := c.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: java})
		if err != nil {
			t.Fatal(err)
		}
		if err := send(t, p, nil); err != nil {
			t.Error(err)
		}
		p.Close()
		var versions struct {
			All []struct{ Version int64 } `json:"getSchemaResponses"`
		}
		if err := json.Unmarshal([]byte(call(t, "GET", admin+"/admin/v2/schemas/"+strings.TrimPrefix(topic, "persistent://")+"/schemas", "")), &versions); err != nil {
			t.Fatal(err)
		}
		if len(versions.All) != 1 || versions.All[0].Version != 0 {
			t.Errorf("%s: versions %+v", v.Topic, versions.All)
		}
	}
	if topics < 4 {
		t.Errorf("only %d events topics", topics)
	}
}

// A refused schema is explained so that a person knows which column it is about and
// what to run; when that is done the same message goes through.
func TestRefusedSchemaIsExplained(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	strategy := func(namespace, rule string) {
		call(t, "PUT", admin+"/admin/v2/namespaces/"+namespace+"/schemaCompatibilityStrategy", fmt.Sprintf("%q", rule))
	}
	autoUpdate := func(namespace string, on bool) {
		call(t, "POST", admin+"/admin/v2/namespaces/"+namespace+"/isAllowAutoUpdateSchema", fmt.Sprint(on))
	}
	topicStrategy := func(namespace, rule string) {
		call(t, "PUT", admin+"/admin/v2/persistent/"+namespace+"/t/schemaCompatibilityStrategy", fmt.Sprintf("%q", rule))
	}
	key := func(fields string) *registry.Schema { // a key, and no value to speak of
		record := func(fields string) string {
			return `{"type":"record","name":"t","namespace":"ks","fields":[` + fields + `]}`
		}
		return registry.KeyValue(registry.Part{Type: registry.Avro, Schema: record(fields)}, registry.Part{Type: registry.Avro, Schema: record("")})
	}
	for name, c := range map[string]struct {
		rule     func(namespace string)
		old, new *registry.Schema
		says     []string
		not      string
		mend     func(namespace string)
	}{
		"the default": {
			func(string) {}, tableSchema("c int"), tableSchema("c string", "d int"),
			[]string{"compared with version 0", "column c type changed from int or null to string or null, in the value", "column d added", "the rule is FULL", "--compatibility ALWAYS_COMPATIBLE "},
			"", func(namespace string) { strategy(namespace, "ALWAYS_COMPATIBLE") },
		},
		"a key column that is gone": {
			func(namespace string) { strategy(namespace, "FORWARD") },
			key(`{"name":"a","type":"string"},{"name":"b","type":"int"}`), key(`{"name":"a","type":"string"}`),
			[]string{"column b removed, and it had no default (int), in the key", "the rule is FORWARD", "--compatibility BACKWARD "},
			"", func(namespace string) { strategy(namespace, "BACKWARD") },
		},
		"BACKWARD": {
			func(namespace string) { strategy(namespace, "BACKWARD") },
			key(`{"name":"a","type":"string"}`), key(`{"name":"a","type":"string"},{"name":"b","type":"int"}`),
			[]string{"column b added without default (int), in the key", "the rule is BACKWARD", "--compatibility FORWARD "},
			"", func(namespace string) { strategy(namespace, "FORWARD") },
		},
		"a rule of one topic": {
			func(namespace string) {
				call(t, "PUT", admin+"/admin/v2/persistent/"+namespace+"/t", "")
				topicStrategy(namespace, "BACKWARD")
			},
			key(`{"name":"a","type":"string"}`), key(`{"name":"a","type":"string"},{"name":"b","type":"int"}`),
			[]string{"the rule is BACKWARD", "topicPolicies set-schema-compatibility-strategy --strategy FORWARD persistent://"},
			"namespaces set-schema", func(namespace string) { topicStrategy(namespace, "FORWARD") },
		},
		"ALWAYS_INCOMPATIBLE": {
			func(namespace string) { strategy(namespace, "ALWAYS_INCOMPATIBLE") }, tableSchema("c int"), tableSchema("c int", "d int"),
			[]string{"column d added with default null", "ALWAYS_INCOMPATIBLE", "--compatibility FULL "},
			"", func(namespace string) { strategy(namespace, "FULL") },
		},
		"no new versions": {
			func(namespace string) { autoUpdate(namespace, false) }, tableSchema("c int"), tableSchema("c int", "d int"),
			[]string{"column d added with default null", "isAllowAutoUpdateSchema is false", "set-is-allow-auto-update-schema --enable "},
			"set-schema-compatibility-strategy", func(namespace string) { autoUpdate(namespace, true) },
		},
		"begin anew": {
			func(string) {}, tableSchema("c int"), tableSchema("c string"),
			[]string{"schemas delete persistent://"}, "",
			func(namespace string) { call(t, "DELETE", admin+"/admin/v2/schemas/"+namespace+"/t/schema", "") },
		},
		"another format": {
			func(string) {}, tableSchema("c int"), registry.Plain(registry.Part{Name: "t", Type: registry.JSON, Schema: `{"type":"record","name":"t","namespace":"ks","fields":[]}`}),
			[]string{"the schema's type changed from KEY_VALUE to JSON"}, "",
			func(namespace string) { call(t, "DELETE", admin+"/admin/v2/schemas/"+namespace+"/t/schema", "") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := connectWeb(t, service, admin)
			namespace, topic := newNamespace(t, admin)
			register(t, admin, topic, c.old)
			c.rule(namespace)
			p, err := client.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: c.old})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			_, made := client.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: c.new})
			for _, err := range []error{made, send(t, p, c.new)} {
				explained := client.Explain(within(t, time.Minute), err)
				t.Log(explained)
				var refused *pulsar.SchemaError
				if !errors.As(explained, &refused) || refused.Schema != c.new {
					t.Fatalf("got %T", explained)
				}
				for _, says := range append(c.says, "table ks.t", namespace) {
					if !strings.Contains(explained.Error(), says) {
						t.Errorf("the error does not say %q", says)
					}
				}
				if c.not != "" && strings.Contains(explained.Error(), c.not) {
					t.Errorf("the error speaks of %s", c.not)
				}
				if strings.Contains(explained.Error(), "\n") || len(explained.Error()) > 1500 {
					t.Errorf("%d characters", len(explained.Error()))
				}
			}
			c.mend(namespace)
			deadline := within(t, time.Minute)
			for err = send(t, p, c.new); err != nil && deadline.Err() == nil; err = send(t, p, c.new) {
				time.Sleep(100 * time.Millisecond) // brokers keep a namespace's rules for a moment
			}
			if err != nil {
				t.Errorf("after the mend: %v", err)
			}
		})
	}
}

// Without the web service the broker's words are what there is.
func TestRefusedSchemaWithoutTheWebService(t *testing.T) {
	t.Parallel()
	service, admin := broker(t)
	client := connectWeb(t, service, "http://127.0.0.1:1")
	topic := newTopic(t)
	register(t, admin, topic, tableSchema("c int"))
	_, err := client.Producer(within(t, time.Minute), pulsar.ProducerConfig{Topic: topic, Schema: tableSchema("c string")})
	explained := client.Explain(within(t, time.Minute), err)
	for _, says := range []string{"table ks.t", "the rule is FULL", "what differs is not known", "127.0.0.1:1", "set-schema-compatibility-strategy"} {
		if !strings.Contains(explained.Error(), says) {
			t.Errorf("the error does not say %q: %v", says, explained)
		}
	}
	other := errors.New("another")
	if got := client.Explain(t.Context(), other); got != other {
		t.Errorf("another error became %v", got)
	}
}
