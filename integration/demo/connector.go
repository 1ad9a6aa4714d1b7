// The connector of the demo: hosted by Pulsar as a source, as a user creates it, or a
// process of its own.

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
	AsStandalone = "standalone" // cassandra-source run
)

const sourceName = "cassandra-customer"

func (s *Stage) startConnector(ctx context.Context, servers *env.Env, o Options) (err error) {
	if o.As == AsSource {
		return s.createSource(ctx, o.Archive, servers)
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

// connectorLog is where the connector's log is.
func (s *Stage) connectorLog() string {
	if s.Connector != nil {
		return s.Connector.LogFile()
	}
	return filepath.Join(s.Pulsar.Home(), "logs", "functions", "public", "default", sourceName, sourceName+"-0.log")
}

// createSource creates the source and waits until its instance runs.
func (s *Stage) createSource(ctx context.Context, archive string, servers *env.Env) error {
	config, err := json.Marshal(map[string]any{
		"keyspace": keyspace, "table": table, "events.topic": eventsFor,
		"contactPoints": s.Cassandra.Host(), "port": s.Cassandra.Port(), "pulsarWebServiceUrl": s.Pulsar.AdminURL(),
	})
	if err != nil {
		return err
	}
	began := time.Now()
	out, err := s.Pulsar.AdminCommand(ctx, "sources", "create", "--name", sourceName, "--archive", archive,
		"--destination-topic-name", DataTopic, "--source-config", string(config)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pulsar-admin sources create: %w: %s", err, strings.TrimSpace(string(out)))
	}
	status := ""
	for deadline := time.Now().Add(arrivalTime); ; {
		status, err = s.Pulsar.Get(ctx, "/admin/v3/sources/public/default/"+sourceName+"/status")
		if err == nil && strings.Contains(status, `"running":true`) {
			servers.Say("source %s: runs %.1f s after pulsar-admin sources create", sourceName, time.Since(began).Seconds())
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the source does not run; its status: %s", status), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
