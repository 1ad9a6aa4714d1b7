// The connector of the demo: hosted by Pulsar as a source or a function, as a user creates
// it, or a process of its own.

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	source "github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

// The ways to run the connector.
const (
	AsSource     = "source"     // pulsar-admin sources create
	AsFunction   = "function"   // pulsar-admin functions create
	AsStandalone = "standalone" // cassandra-source run
)

// hostedName is the name of the source or function.
const hostedName = "cassandra-customer"

func (s *Stage) startConnector(ctx context.Context, servers *env.Env, o Options) (err error) {
	switch o.As {
	case AsSource:
		return s.create(ctx, servers, "sources", "--archive", o.Archive, "--destination-topic-name", DataTopic, "--source-config", s.settings(eventsFor))
	case AsFunction:
		return s.create(ctx, servers, "functions", "--go", o.Source, "--inputs", eventsFor, "--output", DataTopic, "--user-config", s.settings(""))
	}
	path := filepath.Join(servers.WorkDir(), "connector.yaml")
	if err := writeYAML(path, source.Config{
		PulsarServiceURL: s.Pulsar.ServiceURL(), PulsarWebServiceURL: s.Pulsar.AdminURL(), Keyspace: keyspace, Table: table, EventsTopic: eventsFor, DestinationTopic: DataTopic,
		ContactPoints: []string{s.Cassandra.Host()}, Port: s.Cassandra.Port(),
	}); err != nil {
		return err
	}
	s.Connector, err = servers.StartProgram(ctx, env.ProgramOptions{
		Name: "connector", Path: o.Source, Args: []string{"run", "--config", path}, Ready: "connector started",
	})
	return err
}

// connectorExited is closed when the connector's own process has ended; never where
// Pulsar runs it, and starts it again.
func (s *Stage) connectorExited() <-chan struct{} {
	if s.Connector == nil {
		return nil
	}
	return s.Connector.Exited()
}

// connectorLog is where the connector's log is: a function's is in the broker's.
func (s *Stage) connectorLog() string {
	switch {
	case s.Connector != nil:
		return s.Connector.LogFile()
	case s.hostedAs == "functions":
		return s.Pulsar.LogFile()
	}
	return filepath.Join(s.Pulsar.Home(), "logs", "functions", "public", "default", hostedName, hostedName+"-0.log")
}

// settings are those that Pulsar hands to a connector that it hosts, as JSON. A function's
// events topic is its input, and left out here.
func (s *Stage) settings(events string) string {
	settings := map[string]any{
		"keyspace": keyspace, "table": table,
		"contactPoints": s.Cassandra.Host(), "port": s.Cassandra.Port(), "pulsarWebServiceUrl": s.Pulsar.AdminURL(),
	}
	if events != "" {
		settings["events.topic"] = events
	}
	text, err := json.Marshal(settings)
	if err != nil {
		panic(err) // these values have a form in JSON
	}
	return string(text)
}

// hostedStatus asks Pulsar for the state of the connector that it hosts.
func (s *Stage) hostedStatus(ctx context.Context) (string, error) {
	return s.Pulsar.Get(ctx, "/admin/v3/"+s.hostedAs+"/public/default/"+hostedName+"/status")
}

// create creates the source or function with pulsar-admin and waits until its instance
// runs.
func (s *Stage) create(ctx context.Context, servers *env.Env, kind string, args ...string) error {
	s.hostedAs = kind
	began := time.Now()
	out, err := s.Pulsar.AdminCommand(ctx, append([]string{kind, "create", "--name", hostedName}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pulsar-admin %s create: %w: %s", kind, err, strings.TrimSpace(string(out)))
	}
	status := ""
	for deadline := time.Now().Add(arrivalTime); ; {
		status, err = s.hostedStatus(ctx)
		if err == nil && strings.Contains(status, `"running":true`) {
			servers.Say("%s: runs %.1f s after pulsar-admin %s create", hostedName, time.Since(began).Seconds(), kind)
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the connector does not run; its status: %s", status), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
