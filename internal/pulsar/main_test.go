// This file starts one broker for the tests that want one, and watches for
// goroutines that outlive their tests.

package pulsar_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

// The broker takes smaller messages than by default, so that tests of the limit are
// quick, and to see that the client finds out.
const maxMessageSize = 256 << 10

var shared struct {
	once   sync.Once
	env    *env.Env
	broker *env.Pulsar
	err    error
}

// broker is the service URL and the URL of the REST interface of a broker that
// the tests of this package share.
func broker(t testing.TB) (service, admin string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real broker, which -short leaves out")
	}
	shared.once.Do(func() {
		shared.env = envtest.ForMain("internal/pulsar")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		shared.broker, shared.err = shared.env.StartPulsar(ctx, env.PulsarOptions{
			WithoutFunctions: true,
			Conf:             map[string]string{"maxMessageSize": strconv.Itoa(maxMessageSize)},
		})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.broker.ServiceURL(), shared.broker.AdminURL()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.env != nil {
		if err := shared.env.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the broker:", err)
			code = 1
		}
	}
	if code == 0 {
		// The library leaves the reconnecting goroutine of a producer behind
		// that it gave up itself, as in TestTopicTerminated.
		if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/apache/pulsar-client-go/pulsar.(*partitionProducer).runEventsLoop.func1")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
