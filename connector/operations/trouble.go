// What keeps the connector from its work, as a condition.

package operations

import (
	"context"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/failure"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// troubles are the conditions that a failure can be a case of.
var troubles = []*health.Condition{
	health.NodeUnreachable, health.NodeCredentialsRefused, health.ReadsFail, health.TableNotPublished,
	health.BrokerUnreachable, health.BrokerCredentialsRefused, health.TopicRefused, health.SubscriptionRefused, health.SchemaRefused,
	health.RowNotPublished,
}

// conditionOf is what a failure is a case of; otherwise is for those that do not tell.
func conditionOf(err error, otherwise *health.Condition) *health.Condition {
	switch failure.KindOf(err) {
	case failure.CassandraUnreachable:
		return health.NodeUnreachable
	case failure.CassandraOverloaded:
		return health.ReadsFail
	case failure.CassandraRefused:
		return health.NodeCredentialsRefused
	case failure.NoTable:
		return health.TableNotPublished
	case failure.PulsarUnreachable:
		return health.BrokerUnreachable
	case failure.PulsarRefused:
		return health.BrokerCredentialsRefused
	case failure.Topic:
		if otherwise == health.SubscriptionRefused {
			return otherwise
		}
		return health.TopicRefused
	case failure.Subscription:
		return health.SubscriptionRefused
	case failure.Schema:
		return health.SchemaRefused
	}
	return otherwise
}

// Step is a part of the start that may have to wait for others.
type Step struct {
	Doing   string // for people: connecting to Cassandra; "" when the connector goes on with other work meanwhile
	Subject string // of the condition: a topic, a table, or ""
	// Otherwise is the condition of a failure that does not tell what it is:
	// SubscriptionRefused for whatever reads the events topic.
	Otherwise *health.Condition
	// Final says that trying again is of no use; nil: it always is.
	Final func(error) bool
}

// Pauses between two attempts.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// Try calls attempt until it succeeds, fails for good, or ctx ends, with growing pauses.
// Meanwhile the connector waits for it and the condition of the error holds.
func (o *Operations) Try(ctx context.Context, s Step, attempt func() error) error {
	if s.Doing != "" {
		o.Waiting(s.Doing)
	}
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := attempt()
		switch {
		case err == nil:
			o.board.ClearAll(troubles, s.Subject)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		o.board.SetOneOf(troubles, conditionOf(err, s.Otherwise), s.Subject, err)
		if s.Final != nil && s.Final(err) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
