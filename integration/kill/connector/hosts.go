// How Pulsar hosts the connector: as a source and as a function, each for a table of its
// own.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/hosted"
)

// What hosts the connector.
const (
	asSource   = "source"
	asFunction = "function"
	asBoth     = "both"
)

// parallelism is how many instances of a source or function there are.
const parallelism = 2

type processes func(*env.Pulsar) ([]int, error)

// host is one of the two.
type host struct {
	kind      string // of pulsar-admin's commands
	table     string // and the source's or function's name
	processes []process
}

// process is one that can be killed.
type process struct {
	what  string
	often int // in a round
	list  processes
}

// programs are the processes of cassandra-source.
func (h host) programs(p *env.Pulsar) ([]int, error) { return h.processes[0].list(p) }

func (o options) hosts() (all []host) {
	if o.as != asFunction {
		all = append(all, host{"sources", "by_source", []process{
			{"cassandra-source", 3, hosted.Programs}, {"the Java instance", 2, hosted.Instances},
		}})
	}
	if o.as != asSource {
		all = append(all, host{"functions", "by_function", []process{{"cassandra-source as a function", 3, hosted.Functions}}})
	}
	return all
}

// create creates the source or function as a user does.
func (s *stage) create(ctx context.Context, h host, archive, program string) error {
	settings := map[string]any{
		"keyspace": keyspace, "table": h.table, "events.topic": eventsTopic(h.table), "events.subscription.name": subscription,
		"contactPoints": s.node.Host(), "port": s.node.Port(), "pulsarWebServiceUrl": s.broker.AdminURL(),
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	args := []string{h.kind, "create", "--name", h.table, "--parallelism", strconv.Itoa(parallelism)}
	if h.kind == "sources" {
		args = append(args, "--archive", archive, "--destination-topic-name", dataTopic(h.table), "--source-config", string(text))
	} else {
		args = append(args, "--go", program, "--inputs", eventsTopic(h.table), "--output", dataTopic(h.table), "--user-config", string(text))
	}
	if out, err := s.broker.AdminCommand(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("pulsar-admin %s create: %w: %s", h.kind, err, strings.TrimSpace(string(out)))
	}
	return nil
}
