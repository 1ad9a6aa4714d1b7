// Keys that the wire cuts, and keys without loss, from the write to the data topic.

package demo

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	source "github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// keysOfEachForm writes rows whose keys differ below µs, first with the agent as it is,
// then with faithfulKeys and rangeDeletes.
func keysOfEachForm(ctx context.Context, t *testing.T, s *Stage, configFile string) {
	exec := func(statements ...string) {
		t.Helper()
		for _, cql := range statements {
			if err := s.session.Exec(ctx, cql); err != nil {
				t.Fatalf("%s: %v", cql, err)
			}
		}
	}
	exec("CREATE TABLE demo.moment (id tinyint, at time, v text, PRIMARY KEY (id, at)) WITH cdc = true")
	rows, log := momentConnector(ctx, t, s)
	next := func(want arrival) {
		t.Helper()
		got := rows(t)
		delete(got.properties, "writetime")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(arrival{})); diff != "" {
			t.Fatalf("message (-want +got):\n%s\n%s", diff, log())
		}
	}
	// The first is the library's reading of 36000123456 µs, in ns.
	const cut, whole = `{"id":255,"at":36000123456000}`, `{"id":-1,"at":36000123456789}`
	ns := map[string]string{"exactkey": "1:Av8JAAAgve6SDRU"} // 0xff and 0x20bdee920d15
	exec("INSERT INTO demo.moment (id, at, v) VALUES (-1, '10:00:00.123456789', 'ns')")
	next(arrival{key: cut, value: `{"v":"ns"}`, properties: ns})
	exec("INSERT INTO demo.moment (id, at, v) VALUES (-1, '10:00:00.123456', 'us')")
	next(arrival{key: cut, value: `{"v":"us"}`, properties: map[string]string{}})
	exec("DELETE FROM demo.moment WHERE id = -1 AND at = '10:00:00.123456'")
	next(arrival{key: cut, value: `{"v":"ns"}`, properties: ns}) // the row that is left
	exec("DELETE FROM demo.moment WHERE id = -1 AND at = '10:00:00.123456789'")
	next(arrival{key: cut, value: "null", properties: ns})

	var cfg config.Config
	text, err := os.ReadFile(configFile)
	if err == nil {
		err = yaml.Unmarshal(text, &cfg)
	}
	cfg.FaithfulKeys, cfg.RangeDeletes = true, true
	if err == nil {
		err = writeYAML(configFile, cfg)
	}
	if err == nil {
		err = s.Agent.Stop(ctx)
	}
	if err == nil {
		err = s.Agent.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	exec("INSERT INTO demo.moment (id, at, v) VALUES (-1, '10:00:00.123456789', 'faithful')")
	next(arrival{key: whole, value: `{"v":"faithful"}`, version: 1, properties: map[string]string{}})
	exec("DELETE FROM demo.moment WHERE id = -1 AND at > '09:00:00' AND at <= '09:30:00'",
		"DELETE FROM demo.moment WHERE id = -1 AND at = '10:00:00.123456789'")
	next(arrival{key: whole, value: "null", version: 1, properties: map[string]string{}})
	if !strings.Contains(log(), "rows of a range were deleted") {
		t.Errorf("the connector says nothing of the range:\n%s", log())
	}
}

// momentConnector starts a connector of demo.moment until the test ends. rows waits for
// the next message of its data topic.
func momentConnector(ctx context.Context, t *testing.T, s *Stage) (rows func(t *testing.T) arrival, log func() string) {
	t.Helper()
	const topic = "data-demo.moment"
	consumer, err := s.client.Subscribe(ctx, pulsar.ConsumerConfig{Topic: topic, Subscription: "keys", Name: "keys"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(consumer.Close)
	log = startSource(ctx, t, s, source.Config{Keyspace: "demo", Table: "moment"})
	return func(t *testing.T) arrival {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		d, err := consumer.Receive(ctx)
		if err != nil {
			t.Fatalf("%v; the connector's log:\n%s", err, log())
		}
		a, err := s.watch.decode(ctx, topic, d)
		if err != nil {
			t.Fatal(err)
		}
		a.keyText = ""
		return a
	}, log
}
