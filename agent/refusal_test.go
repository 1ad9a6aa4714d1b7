// Events whose schema the broker refuses, against a real broker: the agent waits for a
// person, says what is wrong, and goes on.

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestRefusedEventsSchemaHoldsTheAgent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	broker, err := envtest.ForTest(t).StartPulsar(ctx, env.PulsarOptions{WithoutFunctions: true})
	if err != nil {
		t.Fatal(err)
	}
	strategy := func(rule string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, broker.AdminURL()+"/admin/v2/namespaces/public/default/schemaCompatibilityStrategy", strings.NewReader(fmt.Sprintf("%q", rule)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatal(resp.Status)
		}
	}
	log := &lockedBuffer{}
	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: broker.ServiceURL(), WebServiceURL: broker.AdminURL(), Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	table := func(id byte, cql string) *schema.Table {
		tab := capturetest.Table(t, cql)
		tab.ID = schema.ID{id}
		return tab
	}
	before := table(1, "CREATE TABLE ks.t (id text PRIMARY KEY)")
	after := table(2, "CREATE TABLE ks.t (id text, n int, PRIMARY KEY ((id, n)))")
	afterKey := []byte{0, 1, 'x', 0, 0, 4, 0, 0, 0, 7, 0}

	// An agent that published the table before, and one that did not.
	publisherOf := func(node string) *publisher {
		return newPublisher(client, node, config.Config{}, newOperations(config.Config{HTTPAddress: "off"}, space{}, slog.New(slog.NewTextHandler(log, nil))))
	}
	first, second := publisherOf("node-1"), publisherOf("node-2")
	marks := map[*publisher]*checkpoint.Watermark{first: checkpoint.NewWatermark(0), second: checkpoint.NewWatermark(0)}
	publish := func(p *publisher, tab *schema.Table, key []byte, at int64) error {
		return p.publish(ctx, []change{{table: tab, key: key, operation: event.Insert, writeTime: 1}}, "digest", commitlog.Position{Segment: 1, Offset: at}, marks[p])
	}
	if err := publish(first, before, []byte("x"), 10); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- publish(first, after, afterKey, 20) }()
	go func() { ended <- publish(second, after, afterKey, 30) }()
	said := func(text string) int { return strings.Count(log.String(), text) }
	for said("condition=schema-refused") < 2 && ctx.Err() == nil && len(ended) == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("a refused schema ended the agent: %v\n%s", err, log)
	case err := <-first.failed:
		t.Fatalf("a refused schema failed an event: %v", err)
	default:
	}
	for _, says := range []string{"level=ERROR", "events-ks.t", "column n added without default", "the rule is FULL", "--compatibility FORWARD public/default"} {
		if said(says) == 0 {
			t.Errorf("the log does not say %q: %s", says, log)
		}
	}
	strategy("FORWARD")
	for range 2 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	for p, end := range map[*publisher]int64{first: 20, second: 30} {
		p.flush(ctx)
		if w := marks[p]; !w.Settled() || w.Offset() != end {
			t.Errorf("offset %d, want %d; settled %v", w.Offset(), end, w.Settled())
		}
	}
	// A stop does not wait for the person.
	strategy("ALWAYS_INCOMPATIBLE")
	ctx, cancel = context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := publish(first, table(3, "CREATE TABLE ks.t (id text, n int, o int, PRIMARY KEY ((id, n, o)))"), nil, 40); err == nil {
		t.Error("no error")
	}
}
