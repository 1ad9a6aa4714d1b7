// Kinds of failure that may pass by themselves.

package cassandra

import (
	"context"
	"errors"
	"net"

	"github.com/gocql/gocql"
)

// Overloaded says that the cluster was reached and did not answer in time, has no room for
// the request, or has fewer replicas up than it needs.
func Overloaded(err error) bool {
	return hasCode(err, gocql.ErrCodeUnavailable, gocql.ErrCodeOverloaded, gocql.ErrCodeBootstrapping, gocql.ErrCodeReadTimeout, gocql.ErrCodeReadFailure) ||
		errors.Is(err, gocql.ErrTimeoutNoResponse) || errors.Is(err, gocql.ErrTooManyTimeouts) || errors.Is(err, gocql.ErrNoStreams) ||
		errors.Is(err, context.DeadlineExceeded)
}

// Unreachable says that no node could be asked, or that the connection broke meanwhile.
func Unreachable(err error) bool {
	var network *net.OpError
	return errors.Is(err, gocql.ErrNoConnections) || errors.Is(err, gocql.ErrConnectionClosed) || errors.Is(err, gocql.ErrSessionClosed) || errors.As(err, &network)
}
