// Reading letters.

package deadletter

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/avrojson"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// quiet is how long the dead letter topic has to give nothing until a command takes it
// for read. Only a topic whose last letters are replayed needs it.
const quiet = 3 * time.Second

// Letter is one dead letter.
type Letter struct {
	ID       string `json:"id"`     // of the letter
	Origin   string `json:"origin"` // id that the message had on the events topic
	Events   string `json:"eventsTopic"`
	Keyspace string `json:"keyspace"`
	Table    string `json:"table"`
	Time     string `json:"time"` // RFC 3339
	Class    string `json:"class"`
	Reason   string `json:"reason"`
	Version  string `json:"connector"`     // its version
	Schema   int64  `json:"schemaVersion"` // of the events topic; -1 for none
	// Key is the message key: JSON where its schema is known, else 0x and hexadecimal; text
	// that is no Base64 as it is.
	Key string `json:"key"`

	delivery *pulsar.Delivery
	schema   *registry.Schema // of the message; nil where it is not known or there is none
	fault    error            // why it is not known
}

// Letters reads the letters of one subscription of an events topic.
type Letters struct {
	client  *pulsar.Client
	topic   string
	events  string
	schemas map[int64]*registry.Schema
}

// NewLetters reads the letters on a topic, whose messages came from the events topic.
func NewLetters(client *pulsar.Client, topic, events string) *Letters {
	return &Letters{client: client, topic: topic, events: events, schemas: map[int64]*registry.Schema{}}
}

// each calls take with each letter that was not replayed.
func (l *Letters) each(ctx context.Context, consumer *pulsar.Consumer, take func(*Letter) error) error {
	return consumer.Drain(ctx, quiet, func(d *pulsar.Delivery) error { return take(l.letter(ctx, d)) })
}

func (l *Letters) subscribe(ctx context.Context) (*pulsar.Consumer, error) {
	return l.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: l.topic, Subscription: Subscription, Type: pulsar.Exclusive, Name: "cassandra-cdc deadletter"})
}

// List calls take with each letter, and leaves all where they are.
func (l *Letters) List(ctx context.Context, take func(*Letter) error) error {
	consumer, err := l.subscribe(ctx)
	if err != nil {
		return err
	}
	defer consumer.Close()
	return l.each(ctx, consumer, take)
}

func (l *Letters) letter(ctx context.Context, d *pulsar.Delivery) *Letter {
	p := d.Properties
	a := &Letter{
		ID: d.ID, Origin: p[originProperty], Events: p[eventsProperty], Keyspace: p[keyspaceProperty], Table: p[tableProperty],
		Time: p[timeProperty], Class: p[classProperty], Reason: p[reasonProperty], Version: p[versionProperty], Schema: -1, delivery: d,
	}
	if text := p[schemaProperty]; text != "" {
		if a.Schema, a.fault = strconv.ParseInt(text, 10, 64); a.fault == nil {
			a.schema, a.fault = l.schemaAt(ctx, a.Schema)
		}
	}
	a.Key = a.keyText()
	return a
}

// schemaAt asks for each version once.
func (l *Letters) schemaAt(ctx context.Context, version int64) (*registry.Schema, error) {
	if s := l.schemas[version]; s != nil {
		return s, nil
	}
	s, err := l.client.SchemaAt(ctx, l.events, version)
	if err == nil {
		l.schemas[version] = s
	}
	return s, err
}

func (a *Letter) keyText() string {
	d := a.delivery
	if d.Key == nil {
		return d.KeyText
	}
	if a.schema != nil && a.schema.Type == registry.KeyValueType {
		if text, err := renderKey(a.schema, d.Key); err == nil {
			return text
		}
	}
	return "0x" + hex.EncodeToString(d.Key)
}

func renderKey(s *registry.Schema, key []byte) (string, error) {
	part, _, err := s.Split()
	if err != nil {
		return "", err
	}
	record, err := avrojson.ParseRecord(part.Schema)
	if err != nil {
		return "", err
	}
	return avrojson.Render(record, key)
}

// partition is where the message was on the events topic; 0 where that has none.
func (a *Letter) partition() int64 {
	parts := strings.Split(a.Origin, ":")
	if len(parts) < 3 {
		return 0
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return 0
	}
	return max(0, n)
}

// message is the message as it was on the events topic. It fails where its schema is not
// to be found.
func (a *Letter) message() (*pulsar.Message, error) {
	if a.fault != nil {
		return nil, fmt.Errorf("the schema that it was written with: %w", a.fault)
	}
	properties := map[string]string{}
	for name, value := range a.delivery.Properties {
		if name != originProperty && name != eventsProperty && !strings.HasPrefix(name, prefix) {
			properties[name] = value
		}
	}
	m := &pulsar.Message{Value: valueOf(a.delivery), Schema: a.schema, Properties: properties, Token: a.partition()}
	if m.Key = a.delivery.Key; a.textKey() {
		m.Key = []byte(a.delivery.KeyText)
	}
	return m, nil
}

// textKey says that the key was text: those of events are Base64, and flagged so.
func (a *Letter) textKey() bool {
	return a.delivery.Key == nil || a.schema == nil || a.schema.Type != registry.KeyValueType
}
