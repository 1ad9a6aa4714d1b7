// Reaching the node and the broker, however long it takes: the order in which they and the
// agent are started does not matter.

package agent

import (
	"context"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// connections are what the agent holds while it runs.
type connections struct {
	session *cassandra.Session
	local   cassandra.Node
	schemas *schemas
	client  *pulsar.Client
}

// connect reaches both. The error is the end of ctx.
func connect(ctx context.Context, cfg config.Config, n node.Node, ops *operations) (*connections, error) {
	c := &connections{}
	ops.waiting("waiting for Cassandra")
	err := ops.try(ctx, nodeTroubles, "", nodeTrouble, func() error { return c.reachNode(ctx, cfg, n, ops) })
	if err != nil {
		return nil, err
	}
	ops.knowNode(c.local)
	ops.waiting("waiting for Pulsar")
	settings := cfg.Pulsar(ops.log)
	settings.Metrics = ops.metrics.Registry()
	err = ops.try(ctx, brokerTroubles, settings.ServiceURL, brokerTrouble, func() (err error) {
		c.client, err = pulsar.Connect(ctx, settings)
		return err
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *connections) reachNode(ctx context.Context, cfg config.Config, n node.Node, ops *operations) (err error) {
	c.session, err = cassandra.Connect(ctx, cfg.Cassandra(n, ops.log))
	if err != nil {
		return err
	}
	if c.local, err = c.session.Local(ctx, ""); err == nil {
		dirs := []string{n.CDCRawDirectory, n.CommitLogDirectory}
		c.schemas, err = openSchemas(ctx, c.session, c.local.HostID, cfg.HistoryFile(), dirs, ops)
	}
	if err != nil {
		c.session.Close()
	}
	return err
}

// close says good-bye, and does not wait for a side that does not answer.
func (c *connections) close() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c.client != nil {
			c.client.Close()
		}
		c.session.Close()
	}()
	select {
	case <-done:
	case <-time.After(closeTime):
	}
}
