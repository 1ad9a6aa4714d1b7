// What a person and a monitoring system see of a connector whose pipeline the tests play.

package operations_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var config = operations.TableConfig{
	Keyspace: "shop", Table: "customer", EventsTopic: "events-shop.customer", Subscription: "sub", SubscriptionType: pulsar.KeyShared,
	DataTopic: "data-shop.customer", DeadLetterTopic: "events-shop.customer-sub-DLQ", Format: "key-value-avro", Schema: func() string { return "v3" },
	Gauges: metrics.Gauges{Remembered: func() pipeline.Remembered { return pipeline.Remembered{Keys: 42} }},
}

// start starts operations that serve nothing, in a bubble of its own time.
func start(t *testing.T, log *bytes.Buffer) *operations.Operations {
	o := operations.New(operations.Config{RunsAs: "stand-alone", Log: slog.New(slog.NewTextHandler(log, nil))})
	o.Start(operations.Settings{})
	t.Cleanup(o.Close)
	o.Waiting("")
	return o
}

// holds checks the codes of the conditions that hold.
func holds(t *testing.T, o *operations.Operations, when string, codes ...string) {
	t.Helper()
	var got []string
	for _, c := range o.Report().Conditions {
		got = append(got, c.Code)
	}
	slices.Sort(got)
	if slices.Sort(codes); !slices.Equal(got, codes) {
		t.Fatalf("%s: %v, want %v", when, got, codes)
	}
}

func publish(table *operations.Table) {
	table.Published(pipeline.Published{})
	table.Covered(1, pipeline.ByPublication)
}

// A failure that the next attempt mends is counted, and no condition.
func TestAFailureThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := start(t, &log)
		table := o.Table(config)
		for range 20 {
			table.Received(nil)
			table.Failed(context.DeadlineExceeded, pipeline.Retry)
			publish(table)
			time.Sleep(13 * time.Second)
			holds(t, o, "after a failure")
		}
		if s := o.Report().Tables[0]; s.Failures != 20 || s.LastError == "" {
			t.Errorf("%+v", s)
		}
		if log.Len() > 0 {
			t.Errorf("the log of a healthy connector: %s", &log)
		}
	})
}

// Failures that go on are a condition until what they are about succeeds, and rows that go
// through meanwhile do not make it come and go.
func TestFailuresThatLast(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		code  string
		ready bool
	}{
		"reads time out":         {context.DeadlineExceeded, "reads-fail", true},
		"no node":                {&net.OpError{Op: "dial", Err: errors.New("refused")}, "node-unreachable", false},
		"no broker":              {&pulsar.Error{Kind: pulsar.ErrUnreachable}, "broker-unreachable", false},
		"no permission":          {&pulsar.Error{Kind: pulsar.ErrAuthorization}, "topic-refused", false},
		"schema":                 {&pulsar.SchemaError{Topic: "data-shop.customer"}, "schema-refused", false},
		"the sink refuses a row": {relay.ErrRefused, "row-not-published", true},
		"anything else":          {errors.New("hm"), "row-not-published", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				o := start(t, &log)
				table := o.Table(config)
				table.Received(nil) // the one that is in trouble
				for range 30 {
					table.Failed(c.err, pipeline.Retry)
					time.Sleep(time.Second)
					table.Received(nil)
					publish(table)
				}
				time.Sleep(5 * time.Second)
				holds(t, o, "while it lasts", c.code)
				r := o.Report()
				if r.Ready != c.ready || r.Conditions[0].Subject != "shop.customer" || r.Conditions[0].Detail != c.err.Error() {
					t.Errorf("%+v", r)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 {
					t.Errorf("%d lines in the log, want one:\n%s", n, &log)
				}
				table.Received(nil)
				publish(table)
				time.Sleep(15 * time.Second)
				holds(t, o, "when it is over")
			})
		})
	}
}

// That nothing else is in flight ends a failure at once: its events are acknowledged.
func TestAFailureEndsWithItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, &bytes.Buffer{})
		table := o.Table(config)
		table.Received(nil)
		for range 5 {
			table.Failed(relay.ErrRefused, pipeline.Retry)
			time.Sleep(time.Second)
		}
		holds(t, o, "refused", "row-not-published")
		publish(table)
		time.Sleep(3 * time.Second)
		holds(t, o, "published")
	})
}

// What stops the connector is told at once.
func TestAFatalFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, &bytes.Buffer{})
		o.Table(config).Failed(&readback.NoTableError{Keyspace: "shop", Table: "customer"}, pipeline.Fatal)
		holds(t, o, "dropped", "table-not-published")
	})
}

// A broker that is away refuses nothing: it is seen by its silence.
func TestABrokerThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, &bytes.Buffer{})
		table := o.Table(config)
		time.Sleep(time.Hour)
		holds(t, o, "idle")
		table.Received(nil)
		table.Received(nil)
		time.Sleep(20 * time.Second)
		holds(t, o, "soon")
		time.Sleep(13 * time.Second)
		holds(t, o, "silent", "broker-unreachable")
		if d := o.Report().Conditions[0].Detail; !strings.Contains(d, "2 events") {
			t.Error(d)
		}
		publish(table)
		time.Sleep(3 * time.Second)
		holds(t, o, "it is back")
	})
}

func TestWhatAPersonShouldKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, &bytes.Buffer{})
		shared := config
		shared.SubscriptionType = pulsar.Shared
		table := o.Table(shared)
		holds(t, o, "Shared", "shared-subscription")
		table.Registry(errors.New("connection refused"))
		holds(t, o, "no registry", "shared-subscription", "registry-unreachable")
		table.Registry(nil)

		table.Received(nil)
		table.Buried(nil, &readback.KeyError{Err: errors.New("x")})
		time.Sleep(time.Hour)
		holds(t, o, "a dead letter", "shared-subscription", "dead-letters")
		if d := o.Report().Conditions[0].Detail; d != "1 since the start, in events-shop.customer-sub-DLQ" {
			t.Error(d)
		}

		stale := func(stale, rows int) {
			for i := range rows {
				table.Received(nil)
				if i%(rows/stale) == 0 { // a look may come in between
					table.Stale(true)
				}
				publish(table)
			}
			time.Sleep(4 * time.Second)
		}
		stale(9, 9)
		holds(t, o, "some stale rows", "shared-subscription", "dead-letters")
		stale(50, 100)
		holds(t, o, "many stale rows", "shared-subscription", "dead-letters", "stale-rows")
		time.Sleep(11 * time.Minute)
		holds(t, o, "none any more", "shared-subscription", "dead-letters")
		stale(50, 10000)
		holds(t, o, "many, but few of all", "shared-subscription", "dead-letters")

		o.End(table)
		holds(t, o, "the table is left out", "dead-letters")
		if n := len(o.Report().Tables); n != 0 {
			t.Errorf("%d tables", n)
		}
	})
}

// The start waits for whatever is missing, and says what that is.
func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := operations.New(operations.Config{Log: slog.New(slog.DiscardHandler)})
		attempts := 0
		denied := &pulsar.Error{Kind: pulsar.ErrAuthorization}
		err := o.Try(t.Context(), operations.Step{Doing: "subscribing", Subject: "events-shop.customer", Otherwise: health.SubscriptionRefused}, func() error {
			if attempts++; attempts == 2 {
				holds(t, o, "refused", "subscription-refused")
				if r := o.Report(); r.State != "subscribing" || r.Ready {
					t.Errorf("%+v", r)
				}
			}
			if attempts < 5 {
				return denied
			}
			return nil
		})
		holds(t, o, "allowed")
		if err != nil || attempts != 5 {
			t.Errorf("%v after %d attempts", err, attempts)
		}
		step := operations.Step{Otherwise: health.NodeUnreachable, Final: func(err error) bool { return errors.Is(err, denied) }}
		if err := o.Try(t.Context(), step, func() error { return denied }); !errors.Is(err, denied) {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := o.Try(ctx, step, func() error { return errors.New("x") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// The endpoint over HTTP: what it says while the connector starts, publishes, and is in
// trouble.
func TestEndpoint(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	o := operations.New(operations.Config{
		RunsAs: "source public/default/customers, instance 0", Log: slog.New(slog.DiscardHandler),
	})
	o.Start(operations.Settings{Address: address, Shown: map[string]string{"keyspace": "shop"}})
	defer o.Close()
	get := func(path string, want int) string {
		t.Helper()
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: %s (%v): %s", path, resp.Status, err, body)
		}
		return string(body)
	}
	o.Waiting("connecting to Cassandra")
	if body := get("/readyz", http.StatusServiceUnavailable); !strings.Contains(body, "connecting to Cassandra") {
		t.Error(body)
	}
	get("/healthz", http.StatusOK)

	table := o.Table(config)
	o.Waiting("")
	table.Received(nil)
	publish(table)
	get("/readyz", http.StatusOK)
	for _, series := range []string{
		`cassandra_cdc_source_events_total{keyspace="shop",table="customer"} 1`, `cassandra_cdc_source_remembered_keys{keyspace="shop",table="customer"} 42`,
		`cassandra_cdc_condition{code="table-not-published",severity="error"} 0`,
	} {
		if !strings.Contains(get("/metrics", http.StatusOK), "\n"+series+"\n") {
			t.Errorf("no %s", series)
		}
	}
	if strings.Contains(get("/metrics", http.StatusOK), "cdc-raw-full") {
		t.Error("a condition of the agent")
	}

	table.Failed(&readback.NoTableError{Keyspace: "shop", Table: "customer"}, pipeline.Fatal)
	if body := get("/readyz", http.StatusServiceUnavailable); !strings.Contains(body, "table-not-published (shop.customer)") {
		t.Error(body)
	}
	r, err := status.Ask(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Tables[0]; r.Ready || r.State != "publishing rows" || r.Settings["keyspace"] != "shop" || got.SchemaVersion != "v3" || got.Rows != 1 ||
		got.DataTopic != "data-shop.customer" || got.RememberedKeys != 42 || !strings.Contains(got.LastError, "does not exist") {
		t.Errorf("%+v", r)
	}

	// Another instance on this machine with the same address goes on without.
	second := operations.New(operations.Config{Log: slog.New(slog.DiscardHandler)})
	second.Start(operations.Settings{Address: address})
	defer second.Close()
	holds(t, second, "the address is taken", "status-not-served")
}
