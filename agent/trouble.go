// What keeps the agent from going on, as a condition; and trying until it is over. Node and
// broker may come and go, at the start too: nothing of it ends the agent.

package agent

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Conditions of which one at a time can hold.
var (
	nodeTroubles   = []*health.Condition{health.NodeUnreachable, health.NodeCredentialsRefused, health.CheckpointNotWritten}
	brokerTroubles = []*health.Condition{
		health.BrokerUnreachable, health.BrokerCredentialsRefused, health.TopicRefused, health.SchemaRefused, health.PublishFailed,
	}
	followTroubles = append([]*health.Condition{health.LogUnreadable}, brokerTroubles...)
)

// trouble is an error together with its condition.
type trouble struct {
	condition *health.Condition
	err       error
}

func (t trouble) Error() string { return t.err.Error() }
func (t trouble) Unwrap() error { return t.err }

// troubleOf is what an error that ended the following is a case of.
func troubleOf(err error) *health.Condition {
	var known trouble
	if errors.As(err, &known) {
		return known.condition
	}
	return health.LogUnreadable
}

// nodeTrouble sorts what went wrong while the node was asked for its schema.
func nodeTrouble(err error) *health.Condition {
	var file *fs.PathError
	switch {
	case errors.Is(err, cassandra.ErrCredentials), cassandra.Denied(err):
		return health.NodeCredentialsRefused
	case errors.As(err, &file): // the history of the schema, in the working directory
		return health.CheckpointNotWritten
	}
	return health.NodeUnreachable
}

// brokerTrouble sorts what the broker, or the way to it, said.
func brokerTrouble(err error) *health.Condition {
	switch reasonOf(err) {
	case "schema":
		return health.SchemaRefused
	case "credentials":
		return health.BrokerCredentialsRefused
	case "topic":
		return health.TopicRefused
	case "message":
		return health.PublishFailed
	}
	return health.BrokerUnreachable
}

// publishTrouble sorts why an event was not taken. That the broker is away is no reason:
// events wait for it.
func publishTrouble(err error) *health.Condition {
	if c := brokerTrouble(err); c != health.BrokerUnreachable {
		return c
	}
	return health.PublishFailed
}

// reasonOf is the label of a failure to publish.
func reasonOf(err error) string {
	var refused *pulsar.SchemaError
	switch {
	case errors.As(err, &refused):
		return "schema"
	case errors.Is(err, pulsar.ErrAuthentication):
		return "credentials"
	case errors.Is(err, pulsar.ErrAuthorization), errors.Is(err, pulsar.ErrTopicTerminated), errors.Is(err, pulsar.ErrTopicNotFound):
		return "topic"
	case errors.Is(err, pulsar.ErrTooLarge):
		return "message"
	}
	return "broker"
}

// Pauses between two attempts.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// try calls attempt until it succeeds or ctx ends, with growing pauses. Meanwhile the
// condition of the error holds: one of group.
func (o *operations) try(ctx context.Context, group []*health.Condition, subject string, sort func(error) *health.Condition, attempt func() error) error {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		o.beat()
		err := attempt()
		switch {
		case err == nil:
			o.board.ClearAll(group, subject)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		o.board.SetOneOf(group, sort(err), subject, err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
