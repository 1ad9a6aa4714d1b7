// Failures that pass: the cluster is away, or too busy.

package cassandra

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/gocql/gocql"
)

// unreachable is a failure to connect that says nothing of the settings, but that no
// node answered as one should.
type unreachable struct{ error }

func (e unreachable) Unwrap() error { return e.error }

// Away says that no node could answer, and that the same may succeed later: nothing was
// refused for what it says or who asked.
func Away(err error) bool {
	var never unreachable
	var network net.Error
	if errors.As(err, &never) || errors.As(err, &network) {
		return true
	}
	for _, passes := range []error{
		gocql.ErrNoConnections, gocql.ErrNoConnectionsStarted, gocql.ErrTimeoutNoResponse, gocql.ErrTooManyTimeouts, gocql.ErrConnectionClosed,
		gocql.ErrNoStreams, gocql.ErrUnavailable, gocql.ErrHostQueryFailed, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return hasCode(err, gocql.ErrCodeServer, gocql.ErrCodeUnavailable, gocql.ErrCodeOverloaded, gocql.ErrCodeBootstrapping,
		gocql.ErrCodeReadTimeout, gocql.ErrCodeReadFailure, gocql.ErrCodeUnprepared)
}
