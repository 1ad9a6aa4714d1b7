// Command connector measures the connector on a real node and a real broker: how fast it
// turns waiting events into rows on the data topic, and what it, Cassandra and Pulsar take
// for it.
//
// `run` does all of it with servers of its own; out come tables, and a last line of JSON
// with all figures and whether each goal is reached. The other commands are the same load
// and the same clocks for servers and a connector that run already, such as the Java product.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

type commands struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Start Cassandra, Pulsar and the connector here and measure everything."`
	Fill    fillCommand    `cmd:"" help:"Write the rows and their events to servers that run; the connector must not run yet."`
	Measure measureCommand `cmd:"" help:"Measure a connector of those servers: start this, then the connector."`
}

func main() {
	var c commands
	parsed := kong.Parse(&c, kong.Name("bench-connector"), kong.Description("Measure the connector."))
	ctx, stop := program.UntilSignal()
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	program.Exit("bench-connector", parsed.Run())
}

// The goals of issue 7, and the Java connector's figures that they refer to: 300,000 events
// with distinct keys, little other load, on a machine of this class.
const (
	javaSpeed     = 3_700.0 // rows/s
	javaCPU       = 250.0   // s per million rows
	javaCassandra = 185.0   // s per million rows

	goalSpeed = 3.0 // times the Java connector's rows/s
	goalCPU   = 0.2 // of its CPU seconds a row
	goalReads = 0.4 // of Cassandra, an event of hot keys
)

// mode is a way of publishing: settings of the connector beside those that every run needs.
type mode struct {
	name     string
	settings map[string]any
}

// The last one is measured with every kind of load.
var modes = []mode{
	{"unbatched", map[string]any{"pulsarBatching": "none"}},
	{"any", map[string]any{"pulsarBatching": "any"}},
	{"defaults", nil},
}

// result is one measurement.
type result struct {
	Events          int                     `json:"events"`
	Messages        int                     `json:"messages"` // on the data topic
	Seconds         float64                 `json:"seconds"`  // from its first message to its last
	EventsPerSecond float64                 `json:"events_per_second"`
	ReadsPerEvent   float64                 `json:"reads_per_event"` // of rows or partitions, as Cassandra counts them
	Processes       map[string]measure.Used `json:"processes"`
}

// report is the last line of the output.
type report struct {
	Cassandra string            `json:"cassandra"`
	Scenarios map[string]result `json:"scenarios"` // by name and mode
	Goals     map[string]bool   `json:"goals"`
	OK        bool              `json:"ok"`
}

func printJSON(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// say tells on standard error what takes long.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.1fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

var began = time.Now()

// target is where the load of other servers is.
type target struct {
	Scenario     string `help:"Kind of load: ${enum}. The table is bench.SCENARIO." enum:"distinct,hot,partitions" default:"distinct"`
	Events       int    `help:"How many events." default:"300000"`
	EventsTopic  string `help:"The table's events topic, without partitions." default:"events-bench.distinct"`
	Subscription string `help:"The connector's subscription." default:"sub"`
	DataTopic    string `help:"The table's data topic, without partitions." default:"data-bench.distinct"`
	Batching     string `help:"How events share entries: ${enum}, as the agent's setting pulsarBatching." enum:"none,key,bucket,any" default:"none"`
}

func (t target) topics() topics {
	return topics{t.EventsTopic, t.Subscription, t.DataTopic, batchings[t.Batching]}
}

var batchings = map[string]pulsar.Batching{"none": pulsar.BatchNone, "key": pulsar.BatchByKey, "bucket": pulsar.BatchByBucket, "any": pulsar.BatchAny}

func (t target) scenario() scenario {
	for _, s := range scenarios {
		if s.name == t.Scenario {
			return s
		}
	}
	panic("a scenario that the flag does not allow")
}

// fillCommand prepares servers that run already.
type fillCommand struct {
	target
	ContactPoint string `help:"host:port of the node's native transport." default:"localhost:9042"`
	ServiceURL   string `help:"Pulsar's address." default:"pulsar://localhost:6650"`
}

// Run writes rows and events.
func (c *fillCommand) Run(ctx context.Context) error {
	session, err := connect(ctx, c.ContactPoint)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := c.scenario().fill(ctx, session, c.Events); err != nil {
		return err
	}
	return c.scenario().publish(ctx, session, c.ServiceURL, c.topics(), c.Events)
}

func connect(ctx context.Context, address string) (*cassandra.Session, error) {
	return cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{address}, OnlyContactPoints: true, Timeout: time.Minute})
}

// measureCommand measures somebody else's connector.
type measureCommand struct {
	target
	AdminURL string         `help:"Pulsar's HTTP interface." default:"http://localhost:8080"`
	PID      map[string]int `help:"A process to measure, by a name for it." placeholder:"NAME=PID"`
}

// Run waits until the events are acknowledged.
func (c *measureCommand) Run(ctx context.Context) error {
	before, err := measure.UsageOfAll(c.PID)
	if err != nil {
		return err
	}
	r, err := await(ctx, measure.Broker{AdminURL: c.AdminURL}, c.topics(), c.Events, nil)
	if err != nil {
		return err
	}
	if r.Processes, err = measure.UsedSince(before, c.PID, c.Events); err != nil {
		return err
	}
	return printJSON(r)
}

// await waits until all events are acknowledged and reads the clock of the data topic.
func await(ctx context.Context, broker measure.Broker, t topics, events int, ended <-chan struct{}) (r result, err error) {
	if err := broker.Drained(ctx, t.events, t.subscription, ended); err != nil {
		return r, err
	}
	took, err := broker.Span(ctx, t.data)
	if err != nil {
		return r, err
	}
	r.Events, r.Seconds, r.EventsPerSecond = events, took.Seconds(), float64(events)/took.Seconds()
	r.Messages, err = broker.Messages(ctx, t.data)
	return r, err
}
