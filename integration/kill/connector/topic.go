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

const subscription = "sub"

func eventsTopic(table string) string { return "events-" + keyspace + "." + table }
func dataTopic(table string) string   { return "data-" + keyspace + "." + table }

// deadLetters is where events go that can never succeed.
func deadLetters(table string) string { return eventsTopic(table) + "-" + subscription + "-DLQ" }

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

func (k key) row(table string) rowKey {
	if k.C == nil {
		return rowKey{table, k.P, 0, true}
	}
	return rowKey{table, k.P, *k.C, false}
}

// decoder reads messages of a data topic. The table never changes: there is one version
// of the schema.
type decoder struct {
	table      string
	key, value avro.Schema
}

func (s *stage) newDecoder(ctx context.Context, table string) (*decoder, error) {
	body, err := s.broker.Get(ctx, "/admin/v2/schemas/public/default/"+dataTopic(table)+"/schema/0")
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
	both, err := registry.FromREST(dataTopic(table), answer.Type, answer.Data, answer.Properties)
	if err != nil {
		return nil, err
	}
	key, value, err := both.Split()
	if err != nil {
		return nil, err
	}
	d := &decoder{table: table}
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
		return named.row(d.table), nil, nil
	}
	s = &state{}
	if err := avro.Unmarshal(d.value, m.Value, s); err != nil {
		return k, nil, fmt.Errorf("value of message %s: %w", m.ID, err)
	}
	return named.row(d.table), s, nil
}

func topicPath(topic string) string {
	return "/admin/v2/persistent/public/default/" + url.PathEscape(topic)
}

// backlog is how many events of all tables are not acknowledged.
func (s *stage) backlog(ctx context.Context) (total int, err error) {
	for _, host := range s.hosts {
		body, err := s.broker.Get(ctx, topicPath(eventsTopic(host.table))+"/stats")
		if err != nil {
			return 0, err
		}
		var stats struct {
			Subscriptions map[string]struct {
				Backlog int `json:"msgBacklog"`
			} `json:"subscriptions"`
		}
		if err := json.Unmarshal([]byte(body), &stats); err != nil {
			return 0, err
		}
		total += stats.Subscriptions[subscription].Backlog
	}
	return total, nil
}

// entries is how many batches of messages the topics of all tables hold.
func (s *stage) entries(ctx context.Context, topic func(table string) string) (total int, err error) {
	for _, host := range s.hosts {
		n, err := s.entriesOf(ctx, topic(host.table))
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// entriesOf is 0 where there is no topic of that name.
func (s *stage) entriesOf(ctx context.Context, topic string) (int, error) {
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
