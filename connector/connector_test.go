// How the connector starts where Cassandra does not answer, and which failures it
// waits out, gives up on, or stops for.

package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "hunter2secret"

// quiet is a host that serves nothing.
func quiet(log *slog.Logger) Host {
	return Host{Operations: operations.New(operations.Config{Log: log}), Log: log}
}

func TestUnreachableCassandra(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for name, point := range map[string]string{"closed port": closed, "no such host": "no-such-host.invalid:9042"} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Config{Keyspace: "ks", Table: "t", ContactPoints: []string{point}, LocalDC: "dc1", Username: "me", Password: secret, HTTPAddress: "off"}
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			log := &lockedBuffer{}
			ended := make(chan error, 1)
			go func() { ended <- Run(ctx, cfg, quiet(log.logger())) }()
			log.until(ctx, t, "node-unreachable", 1)
			stop()
			if err := <-ended; err != nil {
				t.Errorf("the end of a connector that waits: %v", err)
			}
			for _, says := range []string{"Cassandra", point, "is the node up"} {
				if !strings.Contains(log.String(), says) {
					t.Errorf("the log does not say %q: %s", says, log)
				}
			}
			if strings.Contains(log.String(), "gocql") || strings.Contains(log.String(), secret) {
				t.Errorf("not what a person wants to read: %s", log)
			}
		})
	}
}

func TestRunRefusesAFaultyConfiguration(t *testing.T) {
	err := Run(t.Context(), config.Config{}, quiet(slog.New(slog.DiscardHandler)))
	if err == nil || !strings.Contains(err.Error(), "keyspace: it is missing") || !strings.Contains(err.Error(), "table: it is missing") {
		t.Errorf("got %v", err)
	}
}

// refusal is an answer of Cassandra, with a code of the native protocol.
type refusal int

func (r refusal) Code() int       { return int(r) }
func (r refusal) Message() string { return "no" }
func (r refusal) Error() string   { return fmt.Sprintf("code %#x", int(r)) }

func TestClassify(t *testing.T) {
	kind := func(k error) error { return &pulsar.Error{Op: "send to", Topic: "t", Kind: k} }
	for _, c := range []struct {
		err  error
		want pipeline.Class
	}{
		// The cluster or the broker has trouble: it passes.
		{errors.New("anything else"), pipeline.Retry},
		{context.DeadlineExceeded, pipeline.Retry},
		{io.ErrUnexpectedEOF, pipeline.Retry},
		{refusal(0x1000), pipeline.Retry}, // unavailable
		{refusal(0x1001), pipeline.Retry}, // overloaded
		{refusal(0x1200), pipeline.Retry}, // read timeout
		{refusal(0x1300), pipeline.Retry}, // read failure
		{refusal(0x0000), pipeline.Retry}, // server error
		{kind(pulsar.ErrUnreachable), pipeline.Retry},
		{kind(nil), pipeline.Retry},
		{&pulsar.SchemaError{Topic: "t"}, pipeline.Retry}, // until a person makes it compatible
		// The event will never do.
		{&readback.KeyError{Err: errors.New("cut off")}, pipeline.Impossible},
		{kind(pulsar.ErrTooLarge), pipeline.Impossible},
		{refusal(0x2000), pipeline.Impossible}, // syntax
		{refusal(0x2200), pipeline.Impossible}, // invalid: a column that was dropped
		// The connector cannot go on: no permission, or a producer that is dead for good.
		{refusal(0x2100), pipeline.Fatal}, // unauthorized
		{refusal(0x0100), pipeline.Fatal}, // credentials
		{kind(pulsar.ErrAuthorization), pipeline.Fatal},
		{kind(pulsar.ErrClosed), pipeline.Fatal},
		{kind(pulsar.ErrProducerFenced), pipeline.Fatal},
		{kind(pulsar.ErrTopicTerminated), pipeline.Fatal},
		{kind(pulsar.ErrTopicNotFound), pipeline.Fatal},
	} {
		if got := classify(fmt.Errorf("read a row: %w", c.err)); got != c.want {
			t.Errorf("%v: class %d, want %d", c.err, got, c.want)
		}
	}
}
