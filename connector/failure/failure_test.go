// What metrics and conditions call the failures that readers and publishers give.

package failure_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/connector/failure"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for want, all := range map[failure.Kind][]error{
		failure.NoTable:              {&readback.NoTableError{Keyspace: "ks", Table: "t"}},
		failure.Key:                  {&readback.KeyError{Err: refused}},
		failure.Row:                  {&pipeline.EncodeError{Err: errors.New("x")}},
		failure.Schema:               {&pulsar.SchemaError{Topic: "data-ks.t"}},
		failure.TooLarge:             {&pulsar.Error{Kind: pulsar.ErrTooLarge}},
		failure.PulsarRefused:        {&pulsar.Error{Kind: pulsar.ErrAuthentication}},
		failure.Topic:                {&pulsar.Error{Kind: pulsar.ErrAuthorization}, &pulsar.Error{Kind: pulsar.ErrTopicNotFound}},
		failure.Subscription:         {&pulsar.Error{Kind: pulsar.ErrConsumerBusy}},
		failure.Sink:                 {relay.ErrRefused},
		failure.PulsarUnreachable:    {&pulsar.Error{Kind: pulsar.ErrUnreachable}, &pulsar.Error{Err: refused}},
		failure.CassandraRefused:     {cassandra.ErrCredentials},
		failure.CassandraOverloaded:  {context.DeadlineExceeded},
		failure.CassandraUnreachable: {refused},
		failure.Other:                {errors.New("x")},
	} {
		for _, err := range all {
			if got := failure.KindOf(fmt.Errorf("read a row: %w", err)); got != want {
				t.Errorf("%v is %s, want %s", err, got, want)
			}
		}
	}
}
