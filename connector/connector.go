// Package connector is stage 2: it turns the events of tables into their data topics.
//
// The way of the data: topics.go receives events and publishes rows, [readback] reads
// rows, and [pipeline] brings them together, so that what is published for a key is
// always its latest state. Each table has a pipeline of its own (table.go); tables.go
// says which tables there are. The connector never writes to Cassandra.
package connector

import (
	"context"
	"errors"
	"log/slog"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Host is what a connector runs in.
type Host struct {
	// Operations are what the connector says of itself. Required; Run starts and ends them.
	Operations *operations.Operations
	// Rows is who publishes the rows of a data topic; nil means producers of the
	// connector's own.
	Rows func(topic string) pipeline.Publisher
	// Observer is told of the work on all tables, beside the operations; nil for none.
	Observer pipeline.Observer
	Log      *slog.Logger
}

// connector is what all tables share.
type connector struct {
	Host
	cfg     config.Config
	limits  *pipeline.Limits
	cluster *readback.Cluster
	session *cassandra.Session
	client  *pulsar.Client
}

// Run is a connector until ctx ends, which is a stop in good order and no error. Any
// error is one that needs a person: while Cassandra or Pulsar is away it waits.
func Run(ctx context.Context, cfg config.Config, host Host) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		host.Log.Warn("a setting needs a look", "warning", w)
	}
	shown := cfg.Shown()
	cfg = cfg.WithDefaults()
	c := &connector{Host: host, cfg: cfg, limits: pipeline.NewLimits(cfg.InFlightEvents, int(cfg.InFlightBytes))}
	host.Operations.Metrics().Holds(c.limits.Held)
	host.Operations.Start(operations.Settings{Address: cfg.StatusAddress(), LongestRetry: cfg.LongestRetry(), Shown: shown})
	defer host.Operations.Close()
	err := c.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *connector) run(ctx context.Context) error {
	err := c.try(ctx, operations.Step{Doing: "connecting to Cassandra", Otherwise: health.NodeUnreachable}, func() (err error) {
		c.session, err = cassandra.Connect(ctx, c.cfg.Cassandra(c.Log))
		return err
	})
	if err != nil {
		return err
	}
	defer c.session.Close()
	reads := c.cfg.Reads(c.Log)
	reads.Observer = c.Operations.Metrics()
	c.cluster = readback.NewCluster(c.session, reads)
	settings := c.cfg.Pulsar(c.Log)
	settings.Metrics = c.Operations.Metrics().Registry()
	err = c.try(ctx, operations.Step{Doing: "connecting to Pulsar", Subject: settings.ServiceURL, Otherwise: health.BrokerUnreachable}, func() (err error) {
		c.client, err = pulsar.Connect(ctx, settings)
		return err
	})
	if err != nil {
		return err
	}
	defer c.client.Close()
	if c.cfg.Several() {
		return c.runTables(ctx)
	}
	return c.runTable(ctx, tableName{c.cfg.Keyspace, c.cfg.Table}, "preparing the table")
}

// try is that of the operations for what a person has to mend in the settings if time
// does not.
func (c *connector) try(ctx context.Context, s operations.Step, attempt func() error) error {
	s.Final = func(err error) bool { return !passes(err) }
	return c.Operations.Try(ctx, s, attempt)
}

// passes says whether a failure to start is one of those that pass by themselves or are
// mended elsewhere, without a change of the connector's settings.
func passes(err error) bool {
	var refused *pulsar.SchemaError
	return errors.As(err, &refused) || errors.Is(err, pulsar.ErrUnreachable) || cassandra.Away(err)
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
