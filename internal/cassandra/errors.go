// What failed statements call for.

package cassandra

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/gocql/gocql"
)

// Invalid says that the cluster refused a statement for what it says: a table or a
// column that is not there, a value that does not fit, a limit that a guardrail sets.
func Invalid(err error) bool { return hasCode(err, gocql.ErrCodeSyntax, gocql.ErrCodeInvalid) }

// Denied says that the cluster refused who asked.
func Denied(err error) bool { return hasCode(err, gocql.ErrCodeUnauthorized, gocql.ErrCodeCredentials) }

// Unavailable says that fewer replicas are up than the consistency level asks for.
func Unavailable(err error) bool { return hasCode(err, gocql.ErrCodeUnavailable) }

// Timeout says that the answer, or the replicas', did not come in time.
func Timeout(err error) bool {
	return hasCode(err, gocql.ErrCodeReadTimeout) || errors.Is(err, gocql.ErrTimeoutNoResponse)
}

// Failed says that the node, or a replica, could not run the statement: a limit of
// tombstones, a broken file, a fault of its own.
func Failed(err error) bool { return hasCode(err, gocql.ErrCodeReadFailure, gocql.ErrCodeServer) }

// Overloaded says that the cluster, or the way to it, has more to do than it can.
func Overloaded(err error) bool {
	return hasCode(err, gocql.ErrCodeOverloaded) || Timeout(err) || errors.Is(err, gocql.ErrNoStreams)
}

// unreachable is a failure to connect that says nothing of who asked.
type unreachable struct{ error }

func (e unreachable) Unwrap() error { return e.error }

// Unreachable says that no node could be asked, or that the connection broke meanwhile.
func Unreachable(err error) bool {
	var never unreachable
	var network *net.OpError
	if errors.As(err, &never) || errors.As(err, &network) {
		return true
	}
	return slices.ContainsFunc([]error{
		gocql.ErrNoConnections, gocql.ErrNoConnectionsStarted, gocql.ErrConnectionClosed, gocql.ErrTooManyTimeouts, gocql.ErrHostQueryFailed,
		gocql.ErrSessionClosed, io.EOF, io.ErrUnexpectedEOF,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

// Away says that the same may succeed later: nothing was refused for what it says or who
// asked, but there was no answer, or none yet.
func Away(err error) bool {
	return Unreachable(err) || Unavailable(err) || Overloaded(err) || Failed(err) ||
		hasCode(err, gocql.ErrCodeBootstrapping) || errors.Is(err, context.DeadlineExceeded)
}

func hasCode(err error, codes ...int) bool {
	var refused gocql.RequestError
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code())
}
