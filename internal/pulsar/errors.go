// This file sorts what the client library and the broker report into the kinds
// that a caller treats differently.

package pulsar

import (
	"context"
	"errors"
	"strings"

	client "github.com/apache/pulsar-client-go/pulsar"

	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Kinds of failure, to be asked for with errors.Is. A failure of no kind is the
// broker's or the network's and may pass: try again later.
var (
	ErrUnreachable     = errors.New("broker unreachable")
	ErrAuthentication  = errors.New("credentials refused")
	ErrAuthorization   = errors.New("not authorized")
	ErrTopicNotFound   = errors.New("topic not found")
	ErrTopicTerminated = errors.New("topic terminated")
	// ErrProducerFenced: another producer took the topic over; this one is dead.
	ErrProducerFenced = errors.New("producer fenced")
	// ErrProducerBusy: a producer of this name is connected. It may be this
	// process's own previous connection, which the broker drops after a while.
	ErrProducerBusy = errors.New("producer name in use")
	// ErrConsumerBusy: the subscription has a consumer and does not share.
	ErrConsumerBusy = errors.New("subscription in use")
	// ErrTooLarge: the message can never be published to this broker.
	ErrTooLarge = errors.New("message too large")
	// ErrClosed: the producer, consumer or client was closed, by Close or
	// because it cannot go on. Make a new one.
	ErrClosed = errors.New("closed")
)

// Error is a failed operation on the broker.
type Error struct {
	Op    string // what was attempted, e.g. "create producer"
	Topic string // empty where none is involved
	Kind  error  // one of the Err variables, nil for a failure of no kind
	Err   error  // what the client library or the broker said; may be nil
	Hint  string // what to do; may be empty
}

// Error is one line: operation, topic, kind, cause, hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("pulsar: ")
	b.WriteString(e.Op)
	if e.Topic != "" {
		b.WriteString(" " + e.Topic)
	}
	if e.Kind != nil {
		b.WriteString(": " + e.Kind.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + oneLine(e.Err.Error()))
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// failure makes the error of a failed operation. A context's end is passed on
// as it is, wrapped with the operation.
func failure(op, topic string, schema *registry.Schema, err error) error {
	if reason, ok := schemaReason(err); ok {
		return &SchemaError{Topic: topic, Schema: schema, Reason: reason}
	}
	return &Error{Op: op, Topic: topic, Kind: kindOf(err), Err: err}
}

// The words by which a kind is known. The library hands the broker's answer on
// as text "server error: <ServerError of PulsarApi.proto>: <message>" or as the
// bare name of the ServerError; over HTTP as "Code: <status>".
var words = []struct {
	kind error
	any  []string
}{
	{ErrProducerFenced, []string{"ProducerFenced"}},
	{ErrProducerBusy, []string{"ProducerBusy"}},
	{ErrConsumerBusy, []string{"ConsumerBusy"}},
	{ErrTopicNotFound, []string{"TopicNotFound", "Code: 404"}},
	{ErrTopicTerminated, []string{"TopicTerminated"}},
	{ErrAuthorization, []string{"AuthorizationError", "not authorized", "Code: 403"}},
	{ErrAuthentication, []string{"AuthenticationError", "authenticate", "auth credentials", "Code: 401"}},
	{ErrTooLarge, []string{"exceeds MaxMessageSize"}},
	{ErrUnreachable, []string{
		"connection error", "connection closed", "connection refused", "connection reset", "broken pipe", "no such host",
		"request timed out", "i/o timeout", "ServiceNotReady", "network is unreachable", "no route to host",
	}},
}

func kindOf(err error) error {
	switch {
	case errors.Is(err, client.ErrMessageTooLarge), errors.Is(err, client.ErrMetaTooLarge):
		return ErrTooLarge
	case errors.Is(err, client.ErrTopicNotfound):
		return ErrTopicNotFound
	case errors.Is(err, client.ErrTopicTerminated):
		return ErrTopicTerminated
	case errors.Is(err, client.ErrProducerFenced):
		return ErrProducerFenced
	case errors.Is(err, client.ErrProducerClosed):
		return ErrClosed
	case errors.Is(err, context.Canceled):
		return nil
	}
	text := err.Error()
	for _, w := range words {
		for _, s := range w.any {
			if strings.Contains(text, s) {
				return w.kind
			}
		}
	}
	return nil
}

// final reports whether the producer that failed with this kind is dead.
func final(kind error) bool {
	switch kind {
	case ErrClosed, ErrProducerFenced, ErrTopicNotFound, ErrTopicTerminated:
		return true
	}
	return false
}

// schemaReason finds the broker's refusal of a schema. That the schema could
// not be asked for, because the connection broke, is not one, although the
// library reports both as a schema error.
func schemaReason(err error) (string, bool) {
	text := oneLine(err.Error())
	for _, s := range []string{"IncompatibleSchema", "InvalidSchemaData", "schema auto updating is disabled"} {
		if strings.Contains(text, s) {
			for _, before := range []string{"server error: IncompatibleSchema: ", "get schema version fail, err: "} {
				if _, after, ok := strings.Cut(text, before); ok {
					text = after
				}
			}
			return text, true
		}
	}
	return "", false
}

// oneLine takes out the line breaks of errors.Join and of schemas that the
// broker quotes.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
