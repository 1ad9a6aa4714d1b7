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
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Rows says who publishes the rows of a data topic. Where it is nil the connector has
// producers of its own.
type Rows func(topic string) pipeline.Publisher

// Observe says who is told of the work on a table.
type Observe func(keyspace, table string) pipeline.Observer

// connector is what all tables share.
type connector struct {
	cfg     config.Config
	log     *slog.Logger
	rows    Rows
	observe []Observe
	limits  *pipeline.Limits
	cluster *readback.Cluster
	session *cassandra.Session
	client  *pulsar.Client
}

// Run is a connector until ctx ends, which is a stop in good order and no error. Any
// error is one that needs a person: while Cassandra or Pulsar is away it waits.
func Run(ctx context.Context, cfg config.Config, rows Rows, log *slog.Logger, observe ...Observe) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		log.Warn("a setting needs a look", "warning", w)
	}
	cfg = cfg.WithDefaults()
	c := &connector{cfg: cfg, log: log, rows: rows, observe: observe, limits: pipeline.NewLimits(cfg.InFlightEvents, int(cfg.InFlightBytes))}
	err := c.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *connector) run(ctx context.Context) error {
	err := c.held(ctx, "Cassandra does not answer; waiting until it does", func() (err error) {
		c.session, err = cassandra.Connect(ctx, c.cfg.Cassandra(c.log))
		return err
	})
	if err != nil {
		return err
	}
	defer c.session.Close()
	c.cluster = readback.NewCluster(c.session, c.cfg.Reads(c.log))
	err = c.held(ctx, "Pulsar does not answer; waiting until it does", func() (err error) {
		c.client, err = pulsar.Connect(ctx, c.cfg.Pulsar(c.log))
		return err
	})
	if err != nil {
		return err
	}
	defer c.client.Close()
	if c.cfg.Several() {
		return c.runTables(ctx)
	}
	return c.runTable(ctx, tableName{c.cfg.Keyspace, c.cfg.Table})
}

// Pauses between two attempts of what is waited for.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// held calls attempt until it succeeds or fails in a way that no time can mend, with
// growing pauses. waiting is what the log says meanwhile.
func (c *connector) held(ctx context.Context, waiting string, attempt func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := attempt()
		if err == nil || !passes(err) {
			return err
		}
		c.log.Error(waiting, "error", err, "pause", pause)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
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
