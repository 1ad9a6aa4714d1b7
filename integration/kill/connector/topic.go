// The data topic: every message from its beginning, decoded with an Avro library and the
// registry's own answer, and what the broker says of the other topics.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/hamba/avro/v2"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

const (
	eventsTopic  = "events-" + keyspace + "." + table
	dataTopic    = "data-" + keyspace + "." + table
	subscription = "sub" // the connector's default
	deadLetters  = eventsTopic + "-" + subscription + "-DLQ"
)

// state is a row, or the static column of a partition, in a message or in the table. nil
// is one that is not there.
type state struct {
	Seq *int64  `avro:"seq" json:"seq"`
	N   *int32  `avro:"n" json:"n"`
	V   *string `avro:"v" json:"v"`
	S   *int64  `avro:"s" json:"s"`
}

type key struct {
	P int64  `avro:"p" json:"p"`
	C *int32 `avro:"c" json:"c"`
}

func (k key) row() rowKey {
	if k.C == nil {
		return rowKey{partition: k.P, whole: true}
	}
	return rowKey{partition: k.P, clustering: *k.C}
}

// decoder reads messages of the data topic. The table never changes: there is one
// version of the schema.
type decoder struct{ key, value avro.Schema }

func (s *stage) newDecoder(ctx context.Context) (*decoder, error) {
	body, err := s.broker.Get(ctx, "/admin/v2/schemas/public/default/"+dataTopic+"/schema/0")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Type       registry.Type     `json:"type"`
		Data       string            `json:"data"`
		Properties map[string]string `json:"properties"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, err
	}
	both, err := registry.FromREST(dataTopic, answer.Type, answer.Data, answer.Properties)
	if err != nil {
		return nil, err
	}
	key, value, err := both.Split()
	if err != nil {
		return nil, err
	}
	d := &decoder{}
	if d.key, err = avro.ParseWithCache(key.Schema, "", &avro.SchemaCache{}); err != nil {
		return nil, err
	}
	d.value, err = avro.ParseWithCache(value.Schema, "", &avro.SchemaCache{})
	return d, err
}

func (d *decoder) decode(m *pulsar.Delivery) (k rowKey, s *state, err error) {
	var named key
	if err := avro.Unmarshal(d.key, m.Key, &named); err != nil {
		return k, nil, fmt.Errorf("key of message %s: %w", m.ID, err)
	}
	if m.SchemaVersion != 0 {
		return k, nil, fmt.Errorf("message %s has schema version %d", m.ID, m.SchemaVersion)
	}
	if m.Null {
		return named.row(), nil, nil
	}
	s = &state{}
	if err := avro.Unmarshal(d.value, m.Value, s); err != nil {
		return k, nil, fmt.Errorf("value of message %s: %w", m.ID, err)
	}
	return named.row(), s, nil
}

func topicPath(topic string) string {
	return "/admin/v2/persistent/public/default/" + url.PathEscape(topic)
}

// backlog is how many events the connector has not acknowledged.
func (s *stage) backlog(ctx context.Context) (int, error) {
	body, err := s.broker.Get(ctx, topicPath(eventsTopic)+"/stats")
	if err != nil {
		return 0, err
	}
	var stats struct {
		Subscriptions map[string]struct {
			Backlog int `json:"msgBacklog"`
		} `json:"subscriptions"`
	}
	err = json.Unmarshal([]byte(body), &stats)
	return stats.Subscriptions[subscription].Backlog, err
}

// entries is how many batches of messages a topic holds, 0 where there is none of that
// name.
func (s *stage) entries(ctx context.Context, topic string) (int, error) {
	list, err := s.broker.Get(ctx, "/admin/v2/persistent/public/default")
	if err != nil || !strings.Contains(list, "/"+topic+`"`) {
		return 0, err
	}
	body, err := s.broker.Get(ctx, topicPath(topic)+"/internalStats")
	if err != nil {
		return 0, err
	}
	var stats struct {
		Entries int `json:"numberOfEntries"`
	}
	err = json.Unmarshal([]byte(body), &stats)
	return stats.Entries, err
}
