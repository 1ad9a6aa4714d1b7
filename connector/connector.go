// Package connector is stage 2: it turns the events of one table into its data topic.
//
// The way of the data: topics.go receives events and publishes rows, [readback] reads
// rows, and [pipeline] brings them together, so that what is published for a key is
// always its latest state. The connector never writes to Cassandra.
package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Run is a connector until ctx ends, which is a stop in good order and no error. Any
// error is one that needs a person. Rows are published by rows, or
// where that is nil by a producer of the connector's own.
func Run(ctx context.Context, cfg config.Config, rows pipeline.Publisher, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		log.Warn("configuration", "warning", w)
	}
	cfg = cfg.WithDefaults()
	session, err := cassandra.Connect(ctx, cfg.Cassandra(log))
	if err != nil {
		return err
	}
	defer session.Close()
	reader, err := readback.New(ctx, session, cfg.Keyspace, cfg.Table, cfg.Format())
	if err != nil {
		return err
	}
	version := reader.Table()
	if !version.Table.CDC {
		return fmt.Errorf("table %s has cdc = false, so that there will be no events: ALTER TABLE %s WITH cdc = true", version.Table.CQL(), version.Table.CQL())
	}
	if left := version.Messages.Omitted(); len(left) > 0 {
		log.Warn("columns of types that the output format has no form for are left out", "table", version.Table, "columns", left)
	}
	client, err := pulsar.Connect(ctx, cfg.Pulsar(log))
	if err != nil {
		return err
	}
	defer client.Close()
	if rows == nil {
		// The data topic's schema is there before the first row, so that consumers may
		// subscribe with it.
		producer := cfg.Producer(cfg.Destination(cfg.Keyspace, cfg.Table))
		producer.Schema = version.Schema
		data, err := openData(ctx, client, producer, log)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		defer data.Close()
		rows = publisher{data, client.Explain}
	}
	topic := cfg.Events(cfg.Keyspace, cfg.Table)
	subscription, kind := cfg.Subscription()
	events, err := client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: subscription, Type: kind, Name: "CDC Consumer"})
	if err != nil {
		return err
	}
	defer events.Close()
	letters := &deadLetters{client: client, topic: cfg.DeadLetters(cfg.Keyspace, cfg.Table)}
	defer letters.close()

	written := newWriters(func(ctx context.Context, version int64) (*registry.Schema, error) {
		return client.SchemaAt(ctx, topic, version)
	}, func(key []byte) error {
		_, _, err := reader.Table().Messages.EventKey().Decode(key)
		return err
	}, log)

	log.Info("connector started", "table", version.Table, "events", topic, "data", cfg.Destination(cfg.Keyspace, cfg.Table), "format", cfg.Format(), "subscription", subscription)
	return pipeline.New(pipeline.Config{
		Source: source{events, letters, written, reader.Table, log}, Reader: reader, Publisher: rows, DeadLetters: letters, Classify: classify,
		InFlight: cfg.InFlightEvents, Digests: cfg.CacheMaxDigest, Keys: cfg.CacheMaxCapacity, DigestLife: time.Duration(cfg.CacheExpireMS) * time.Millisecond,
		Log: log,
	}).Run(ctx)
}

// openData makes the producer of the data topic. While the broker refuses the table's
// schema it waits, and says so: nothing is received meanwhile, so nothing is lost.
func openData(ctx context.Context, client *pulsar.Client, cfg pulsar.ProducerConfig, log *slog.Logger) (*pulsar.Producer, error) {
	for pause := time.Second; ; pause = min(2*pause, longestLookUpPause) {
		p, err := client.Producer(ctx, cfg)
		var refused *pulsar.SchemaError
		if !errors.As(err, &refused) {
			return p, err
		}
		log.Error("the data topic does not take the table's schema; waiting until it does", "error", client.Explain(ctx, err), "pause", pause)
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// classify says what a failed read or publication calls for.
func classify(err error) pipeline.Class {
	var key *readback.KeyError
	var gone *readback.NoTableError
	switch {
	case errors.As(err, &gone):
		return pipeline.Fatal
	case errors.Is(err, pulsar.ErrClosed), errors.Is(err, pulsar.ErrProducerFenced), errors.Is(err, pulsar.ErrTopicTerminated),
		errors.Is(err, pulsar.ErrTopicNotFound), errors.Is(err, pulsar.ErrAuthorization), cassandra.Denied(err):
		return pipeline.Fatal
	case errors.As(err, &key), errors.Is(err, pulsar.ErrTooLarge), cassandra.Invalid(err):
		return pipeline.Impossible
	}
	return pipeline.Retry
}
