// The report as a person sees it, and what somebody is told who asks the wrong place.

package status_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

var now = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func report() *status.Report {
	failed := now.Add(-90 * time.Second)
	return &status.Report{
		Version: "1.2.3", State: "following the commit log", Started: now.Add(-49 * time.Hour),
		Node: status.Node{HostID: "e9085ba3-f5a7-4c76-b505-3b436c4a8816", Release: "5.0.6", DataCenter: "dc1"},
		Conditions: []health.State{
			{
				Code: "schema-refused", Severity: health.Error, Blocks: true, Subject: "events-shop.customer", Title: "Pulsar's schema registry refuses the schema of a table",
				Detail: "pulsar: schema of events-shop.customer refused by the broker: BACKWARD", Remedy: strings.Repeat("Allow schema updates. ", 8), Since: failed,
			},
			{Code: "cdc-raw-filling", Severity: health.Warning, Title: "cdc_raw holds more than 50 % of what it may", Detail: "51 of 100 MiB", Remedy: "Do something.", Since: now.Add(-3 * time.Hour)},
		},
		Tables: []status.Table{
			{Keyspace: "shop", Table: "customer", Events: 123456, EventsPerSecond: 81.25, LagSeconds: 90.04, InFlight: 3, Errors: 7, LastError: strings.Repeat("refused ", 20), LastErrorAt: &failed},
			{Keyspace: "shop", Table: "order_line_item", Events: 5},
		},
		Log: status.Log{
			CDCRawBytes: 51 << 20, CDCRawLimitBytes: 100 << 20, Segments: 3, OldestSegment: 1767360000000, OldestSegmentAge: 125,
			UnreadBytes: 3 << 20, UnackedBytes: 512 << 10, Quarantine: 2, Checkpoint: "1767360000000:4096", CheckpointAge: 0.42,
		},
		InFlight: status.InFlight{Events: 3, Bytes: 420, EventsAllowed: 16384, BytesAllowed: 16 << 20},
	}
}

func TestWrite(t *testing.T) {
	var b strings.Builder
	if err := report().Write(&b, now); err != nil {
		t.Fatal(err)
	}
	want := `NOT READY: following the commit log, up 2 days (cassandra-cdc 1.2.3)

node        e9085ba3-f5a7-4c76-b505-3b436c4a8816, Cassandra 5.0.6, data center dc1
cdc_raw     [##########----------] 51 %, 51.0 MiB of 100.0 MiB
behind      3.5 MiB, of them 3.0 MiB unread; 3 segments, the oldest 1767360000000, begun 2 min ago
checkpoint  1767360000000:4096, stored 0.4 s ago
in flight   3 events of 16384, 420 B of 16.0 MiB
quarantine  2

TABLE                 EVENTS  PER SECOND  LAG    IN FLIGHT  ERRORS  LAST ERROR
shop.customer         123456  81.2        1 min  3          7       1 min ago: refused refused refused refused refused refused refused refused refused refused…
shop.order_line_item  5       0.0         0 s    0          0

ERROR: schema-refused events-shop.customer, for 1 min
  Pulsar's schema registry refuses the schema of a table: pulsar: schema of events-shop.customer refused by the broker: BACKWARD
  Allow schema updates. Allow schema updates. Allow schema updates. Allow schema updates. Allow
  schema updates. Allow schema updates. Allow schema updates. Allow schema updates.

WARNING: cdc-raw-filling, for 3 h 0 min
  cdc_raw holds more than 50 % of what it may: 51 of 100 MiB
  Do something.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An agent that has only begun knows nothing yet.
func TestWriteOfAFreshAgent(t *testing.T) {
	var b strings.Builder
	r := &status.Report{Version: "1", State: "waiting for Cassandra", Started: now.Add(-1500 * time.Millisecond)}
	if err := r.Write(&b, now); err != nil {
		t.Fatal(err)
	}
	want := `NOT READY: waiting for Cassandra, up 1.5 s (cassandra-cdc 1)

cdc_raw     0 B, its limit is not known
behind      0 B, of them 0 B unread; 0 segments
checkpoint  none yet
in flight   0 events of 0, 0 B of 0 B

no table has had an event since the start
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAsk(t *testing.T) {
	want := report()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status" {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(want) //nolint:errcheck // the test would show it
	}))
	defer server.Close()
	got, err := status.Ask(t.Context(), server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAskTheWrongPlace(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	json := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) })) //nolint:errcheck // the test would show it
	defer json.Close()
	for address, words := range map[string]string{
		nobody: "no agent answers at " + nobody, other.Listener.Addr().String(): "is no agent: status 404", json.Listener.Addr().String(): "is no agent", "not an address": "host:port",
	} {
		if _, err := status.Ask(t.Context(), address); err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", address, err, words)
		}
	}
}
