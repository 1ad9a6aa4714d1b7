// The report as a person sees it, and what somebody is told who asks the wrong place.

package status_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/connector/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

var now = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func report() *status.Report {
	c := health.ReadsFail
	table := status.Table{
		Keyspace: "shop", Table: "customer", EventsTopic: "events-shop.customer", Subscription: "sub", SubscriptionType: "Key_Shared",
		DataTopic: "data-shop.customer", Format: "key-value-avro", SchemaVersion: "5",
	}
	backlog := int64(7)
	table.Fill(metrics.State{
		Events: 300, InFlight: 12, Covered: map[string]uint64{"digest": 180, "same-row": 9}, Rows: 80, Deletes: 20, DeadLetters: 1, Failures: 3, StaleReads: 5, StaleRows: 2,
		EventRate: 81.25, RowRate: 27, Latency: 42 * time.Millisecond,
		LastProgress: now.Add(-5 * time.Second), Waiting: 5 * time.Second, LastError: "read a row of shop.customer: timed out", LastErrorAt: now.Add(-2 * time.Second),
		Backlog: &backlog, Remembered: &pipeline.Remembered{Keys: 90, Capacity: 32767},
	})
	return &status.Report{
		Version: "1.2.3", RunsAs: "source public/default/customers, instance 0", State: "publishing rows", Ready: true, Started: now.Add(-49 * time.Hour),
		Conditions: []health.State{{Code: c.Code, Severity: c.Severity, Subject: "shop.customer", Title: c.Title, Detail: "timed out", Remedy: "Do something.", Since: now.Add(-3 * time.Minute)}},
		Tables:     []status.Table{table}, Queries: metrics.Queries{Queries: 50, Failed: 3, Rows: 120, Concurrency: 16}, InFlight: status.InFlight{Events: 12, Bytes: 2048},
		Settings: map[string]string{"keyspace": "shop"},
	}
}

func text(t *testing.T, r *status.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, now); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	want := `ready: publishing rows, up 2 days, as source public/default/customers, instance 0 (cassandra-source 1.2.3)

in flight     12 events, 2.0 KiB
queries       50 of 2.40 rows each, 16 at a time, 3 failed
table         shop.customer
from          events-shop.customer, subscription sub (Key_Shared)
to            data-shop.customer, key-value-avro, schema version 5
events        300, 81.2 a second; 180 covered by the event of another replica, 9 by a row that was published as it is
rows          80 and 20 deletes, 27.0 a second, 42 ms from write to publication
backlog       7; nothing acknowledged for 5 s
stale         5 reads repeated, 2 rows published all the same
dead letters  1
failures      3, the last 2 s ago: read a row of shop.customer: timed out

ERROR: reads-fail shop.customer, for 3 min
  Cassandra answers, but reads of rows fail: timed out
  Do something.
`
	if diff := cmp.Diff(want, text(t, report())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of several tables there is a line each.
func TestWriteOfSeveralTables(t *testing.T) {
	r := report()
	r.Conditions = nil
	r.Tables = append(r.Tables, status.Table{Keyspace: "shop", Table: "order_line_item", Events: 5, LatencySeconds: 90})
	want := `ready: publishing rows, up 2 days, as source public/default/customers, instance 0 (cassandra-source 1.2.3)

in flight  12 events, 2.0 KiB
queries    50 of 2.40 rows each, 16 at a time, 3 failed

TABLE                 EVENTS  PER SECOND  ROWS  PER SECOND  LATENCY  IN FLIGHT  BACKLOG    DEAD LETTERS  LAST ERROR
shop.customer         300     81.2        100   27.0        42 ms    12         7          1             2 s ago: read a row of shop.customer: timed out
shop.order_line_item  5       0.0         0     0.0         1 min    0          not known  0
`
	if diff := cmp.Diff(want, text(t, r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteOfAFreshConnector(t *testing.T) {
	want := "NOT READY: connecting to Cassandra, up 1.5 s, as stand-alone (cassandra-source 1)\n\nin flight  0 events, 0 B\nqueries    0 of 0.00 rows each, 0 at a time, 0 failed\ntables     none yet\n"
	got := text(t, &status.Report{Version: "1", RunsAs: "stand-alone", State: "connecting to Cassandra", Started: now.Add(-1500 * time.Millisecond)})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAsk(t *testing.T) {
	want := report()
	connector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(want) //nolint:errcheck // the test would show it
	}))
	defer connector.Close()
	got, err := status.Ask(t.Context(), connector.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"version":"1","state":"following the commit log"}`)) //nolint:errcheck // the test would show it
	}))
	defer agent.Close()
	if _, err := status.Ask(t.Context(), agent.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "is no connector") {
		t.Errorf("of an agent: %v", err)
	}
}
