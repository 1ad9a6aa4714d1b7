// Events that come again after a restart, on a real broker with de-duplication.

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// The second agent goes on from an older checkpoint: what the first had published is not
// stored again, and what it had not is.
func TestDeduplication(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	broker, err := envtest.ForTest(t).StartPulsar(ctx, env.PulsarOptions{WithoutFunctions: true, Conf: map[string]string{"brokerDeduplicationEnabled": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	table := capturetest.Table(t, "CREATE TABLE ks.t (id text PRIMARY KEY)")
	cfg := config.Config{PulsarDeduplication: true, HTTPAddress: "off"}
	// Entries have two events each; from and to count entries.
	run := func(from, to int64) {
		t.Helper()
		client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: broker.ServiceURL(), WebServiceURL: broker.AdminURL()})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		p := newPublisher(client, "node", cfg, newOperations(cfg, space{}, slog.New(slog.DiscardHandler)))
		mark := checkpoint.NewWatermark(0)
		for n := from; n < to; n++ {
			var list []change
			for _, row := range []string{"a", "b"} {
				list = append(list, change{table: table, key: fmt.Appendf(nil, "%d%s", n, row), operation: event.Insert, writeTime: 1})
			}
			if err := p.publish(ctx, list, "digest", commitlog.Position{Segment: 1795623279977, Offset: 100 * (n + 1)}, mark); err != nil {
				t.Fatal(err)
			}
		}
		p.flush(ctx)
		if !mark.Settled() || mark.Offset() != 100*to {
			t.Errorf("entries %d to %d: acknowledged to %d, settled %v", from, to, mark.Offset(), mark.Settled())
		}
		p.close(ctx)
	}
	run(0, 30)
	run(10, 40)

	client, err := pulsar.Connect(ctx, pulsar.Config{ServiceURL: broker.ServiceURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	consumer, err := client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: "events-ks.t", Subscription: "s", Type: pulsar.Exclusive})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	var got, want []string
	for n := range 40 {
		want = append(want, fmt.Sprintf("%da", n), fmt.Sprintf("%db", n))
	}
	for range want {
		d, err := consumer.Receive(ctx)
		if err != nil {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		got = append(got, string(d.Key[1:])) // behind Avro's length
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
