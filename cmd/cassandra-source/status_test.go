// The command line as a person meets it, and the connectors that the scripts ask for their
// status.

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cassandra-source": main})
}

// The scripts say "$WELL", "$ILL" and "$NOBODY" for the addresses of connectors.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for name, address := range connectors(t) {
				env.Setenv(name, address)
			}
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// connectors are the addresses of one that is well, one that is not, and of nobody.
func connectors(t *testing.T) map[string]string {
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
		Version: "1", RunsAs: "stand-alone", State: "publishing rows", Ready: true, Started: time.Now(),
		Tables: []status.Table{{Keyspace: "shop", Table: "customer", Events: 12}},
	}
	ill := well
	c := health.TableNotPublished
	ill.Ready, ill.Conditions = false, []health.State{{Code: c.Code, Severity: c.Severity, Title: c.Title, Remedy: c.Remedy, Since: time.Now()}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return map[string]string{"WELL": serve(well), "ILL": serve(ill), "NOBODY": l.Addr().String()}
}
