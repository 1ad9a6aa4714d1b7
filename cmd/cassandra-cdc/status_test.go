// The agents that the scripts ask for their status.

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// agents are the addresses of one that is well, one that is not, and of nobody.
func agents(t *testing.T) map[string]string {
	serve := func(r status.Report) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := json.NewEncoder(w).Encode(r); err != nil {
				t.Error(err)
			}
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	well := status.Report{
		Version: "1", State: "following the commit log", Ready: true, Started: time.Now(),
		Tables: []status.Table{{Keyspace: "shop", Table: "customer", Events: 12}},
	}
	ill := well
	c := health.BrokerUnreachable
	ill.Ready, ill.Conditions = false, []health.State{{Code: c.Code, Severity: c.Severity, Title: c.Title, Remedy: c.Remedy, Since: time.Now()}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return map[string]string{"WELL": serve(well), "ILL": serve(ill), "NOBODY": l.Addr().String()}
}
