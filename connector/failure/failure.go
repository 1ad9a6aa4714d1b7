// Package failure sorts what goes wrong in the connector into kinds, for metrics, status
// and conditions. What is done about a failure is decided elsewhere.
package failure

import (
	"errors"

	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// Kind is a kind of failure, as metrics name it.
type Kind string

// The kinds.
const (
	CassandraUnreachable Kind = "cassandra-unreachable" // no node answers
	CassandraOverloaded  Kind = "cassandra-overloaded"  // reads time out, or replicas are missing
	CassandraRefused     Kind = "cassandra-refused"     // user name, password or permission
	NoTable              Kind = "no-table"
	PulsarUnreachable    Kind = "pulsar-unreachable"
	PulsarRefused        Kind = "pulsar-refused" // credentials
	Topic                Kind = "topic"          // no permission, or it is not there, or it was terminated
	Schema               Kind = "schema"         // refused by the registry
	Subscription         Kind = "subscription"   // it has a consumer and does not share
	Sink                 Kind = "sink"           // Pulsar's sink refused the row
	Key                  Kind = "key"            // of the event, cannot be read
	Row                  Kind = "row"            // has no form in the output format
	TooLarge             Kind = "too-large"
	Statement            Kind = "statement" // refused by Cassandra for what it says
	Other                Kind = "other"
)

// KindOf sorts an error of a read, of a publication, or of the start.
func KindOf(err error) Kind {
	var (
		table  *readback.NoTableError
		key    *readback.KeyError
		row    *pipeline.EncodeError
		schema *pulsar.SchemaError
		broker *pulsar.Error
	)
	switch {
	case errors.As(err, &table):
		return NoTable
	case errors.As(err, &key):
		return Key
	case errors.As(err, &row):
		return Row
	case errors.As(err, &schema):
		return Schema
	case errors.Is(err, pulsar.ErrTooLarge):
		return TooLarge
	case errors.Is(err, pulsar.ErrAuthentication):
		return PulsarRefused
	case errors.Is(err, pulsar.ErrAuthorization), errors.Is(err, pulsar.ErrTopicTerminated), errors.Is(err, pulsar.ErrTopicNotFound):
		return Topic
	case errors.Is(err, pulsar.ErrConsumerBusy):
		return Subscription
	case errors.Is(err, relay.ErrRefused):
		return Sink
	case errors.As(err, &broker): // of no kind: the broker's or the network's
		return PulsarUnreachable
	case errors.Is(err, cassandra.ErrCredentials), cassandra.Denied(err):
		return CassandraRefused
	case cassandra.Invalid(err):
		return Statement
	case cassandra.Unreachable(err):
		return CassandraUnreachable
	case cassandra.Away(err):
		return CassandraOverloaded
	}
	return Other
}
