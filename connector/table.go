// The pipeline of one table: from its events topic to its data topic.

package connector

import (
	"context"
	"fmt"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/deadletter"
	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// runTable publishes the rows of one table until ctx ends or something needs a person.
// doing is what the connector as a whole waits for meanwhile; "" when it goes on with
// other tables.
func (c *connector) runTable(ctx context.Context, name tableName, doing string) error {
	events, data := c.cfg.Events(name.keyspace, name.table), c.cfg.Destination(name.keyspace, name.table)
	buried := c.cfg.DeadLetters(name.keyspace, name.table)
	subscription, kind := c.cfg.Subscription()

	reader, err := c.openTable(ctx, name, doing)
	if err != nil {
		return err
	}
	version := reader.Table()
	rows, closeRows, err := c.openData(ctx, data, version, doing)
	if err != nil {
		return err
	}
	defer closeRows()
	consumer, err := c.subscribe(ctx, events, doing)
	if err != nil {
		return err
	}
	defer consumer.Close()
	letters := deadletter.NewWriter(c.client, deadletter.Config{
		Topic: buried, Events: events, Keyspace: name.keyspace, Table: name.table, Version: program.Version(),
	})
	defer letters.Close()

	watched := c.Operations.Table(operations.TableConfig{
		Keyspace: name.keyspace, Table: name.table, EventsTopic: events, Subscription: subscription, SubscriptionType: kind,
		DataTopic: data, DeadLetterTopic: buried, Format: string(c.cfg.Format()),
		Schema: func() string { return reader.Table().Schema.Fingerprint()[:12] },
	})
	defer c.Operations.End(watched)
	written := newWriters(func(ctx context.Context, version int64) (*registry.Schema, error) {
		return c.client.SchemaAt(ctx, events, version)
	}, func(key []byte) error {
		_, _, err := reader.Table().Messages.EventKey().Decode(key)
		return err
	}, watched.Registry, c.Log)
	p := pipeline.New(pipeline.Config{
		Source: source{consumer, written, reader.Table, c.Log}, Reader: reader, Publisher: rows, DeadLetters: letters, Classify: classify,
		Limits: c.limits, Digests: c.cfg.CacheMaxDigest, Keys: c.cfg.CacheMaxCapacity, DigestLife: time.Duration(c.cfg.CacheExpireMS) * time.Millisecond,
		Repeat: !c.cfg.SameRowSuppressed(), FirstRetry: c.cfg.FirstRetry(), LongestRetry: c.cfg.LongestRetry(),
		Observer: c.observers(watched), Log: c.Log,
	})
	behind := followBacklog(ctx, func(ctx context.Context) (int64, error) { return c.client.Backlog(ctx, events, subscription) })
	defer behind.close()
	watched.Starts(metrics.Gauges{Remembered: p.Remembered, Backlog: behind.now})
	c.Log.Info("connector started", "table", version.Table, "events", events, "data", data, "format", c.cfg.Format(), "subscription", subscription)
	if doing != "" {
		c.Operations.Waiting("")
	}
	return p.Run(ctx)
}

// openTable is the reader of a table with CDC.
func (c *connector) openTable(ctx context.Context, name tableName, doing string) (reader *readback.Reader, err error) {
	err = c.try(ctx, operations.Step{Doing: doing, Subject: name.String(), Otherwise: health.TableNotPublished}, func() error {
		if reader, err = c.cluster.Reader(ctx, name.keyspace, name.table, c.cfg.Format()); err != nil {
			return err
		}
		if t := reader.Table().Table; !t.CDC {
			return fmt.Errorf("table %s has cdc = false, so that there will be no events: ALTER TABLE %s WITH cdc = true", t.CQL(), t.CQL())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if left := reader.Table().Messages.Omitted(); len(left) > 0 {
		c.Log.Warn("columns of types that the output format has no form for are left out", "table", name, "columns", left)
	}
	return reader, nil
}

func (c *connector) subscribe(ctx context.Context, events, doing string) (consumer *pulsar.Consumer, err error) {
	subscription, kind := c.cfg.Subscription()
	err = c.try(ctx, operations.Step{Doing: doing, Subject: events, Otherwise: health.SubscriptionRefused}, func() error {
		consumer, err = c.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: events, Subscription: subscription, Type: kind, Name: "CDC Consumer"})
		return err
	})
	return consumer, err
}

// observers are told of the work on a table.
func (c *connector) observers(watched pipeline.Observer) pipeline.Observer {
	if c.Observer == nil {
		return watched
	}
	return pipeline.Observers{watched, c.Observer}
}

// openData is the publisher of a data topic. The connector's own producer registers the
// table's schema before the first row, so that consumers may subscribe with it; while the
// broker refuses the schema nothing is received, so nothing is lost.
func (c *connector) openData(ctx context.Context, topic string, version *readback.Version, doing string) (rows pipeline.Publisher, closeRows func(), err error) {
	if c.Rows != nil {
		return c.Rows(topic), func() {}, nil
	}
	var producer *pulsar.Producer
	err = c.try(ctx, operations.Step{Doing: doing, Subject: topic, Otherwise: health.BrokerUnreachable}, func() (err error) {
		settings := c.cfg.Producer(topic)
		settings.Schema = version.Schema
		producer, err = c.client.Producer(ctx, settings)
		return c.client.Explain(ctx, err)
	})
	if err != nil {
		return nil, nil, err
	}
	return publisher{producer, c.client.Explain}, producer.Close, nil
}
