// Command agent measures the node agent on a real commit log and a real broker: how fast it
// publishes a backlog, what it takes while nothing happens, and how long a write takes to
// its event.
//
// `run` does all of it with servers of its own; out come tables, and a last line of JSON
// with all figures and whether each goal is reached. The other commands are the same load
// and the same clocks for servers and an agent that run already, such as the Java product.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type commands struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Start Cassandra, Pulsar and the agent here and measure everything."`
	Backlog backlogCommand `cmd:"" help:"Put the backlog into a node's cdc_raw, and say which table the node needs for it."`
	Replay  replayCommand  `cmd:"" help:"Measure how fast a running agent publishes what is waiting: start this, then the agent."`
	Latency latencyCommand `cmd:"" help:"Measure how long a write takes to its event."`
}

func main() {
	var c commands
	parsed := kong.Parse(&c, kong.Name("bench-agent"), kong.Description("Measure the node agent."))
	ctx, stop := program.UntilSignal()
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	program.Exit("bench-agent", parsed.Run())
}

// The goals of issue 6, and the Java agent's figures that they refer to: Cassandra 4.0.19,
// 500,000 events, little other load, on a machine of this class.
const (
	goalSpeed   = 3.0  // times the Java agent's events/s
	goalCPU     = 0.25 // of its CPU seconds an event
	goalRSS     = 96   // MiB
	goalIdle    = 0.5  // % of a core
	goalMedian  = 30   // ms, write to event
	goalHighest = 250  // ms, 99 of 100 writes
)

// java is the Java agent's replay of such a backlog.
type java struct {
	EventsPerSecond float64
	CPUPerMillion   float64 // of the whole Cassandra process that it lives in
}

var (
	javaUnbatched = java{41_000, 30}
	javaBatched   = java{90_000, 18}
)

// mode is a way of publishing: settings of the agent beside those that every run needs.
type mode struct {
	name     string
	settings map[string]any
	java     java // what it is held against
}

var modes = []mode{
	{"defaults", nil, javaUnbatched},
	{"key", map[string]any{"pulsarBatching": "key"}, javaBatched},
	{"bucket", map[string]any{"pulsarBatching": "bucket"}, javaBatched},
	{"bucket-10000", map[string]any{"pulsarBatching": "bucket", "pulsarMaxPendingMessages": 10_000}, javaBatched},
	{"any", map[string]any{"pulsarBatching": "any"}, javaBatched},
	{"any-10000", map[string]any{"pulsarBatching": "any", "pulsarMaxPendingMessages": 10_000}, javaBatched},
}

// report is the last line of the output.
type report struct {
	Cassandra string                    `json:"cassandra"`
	Events    int                       `json:"events"`
	Replays   map[string]measure.Replay `json:"replays"`
	IdleCPU   float64                   `json:"idle_percent_of_a_core"`
	Latencies map[string]latency        `json:"latency_ms"` // by writes/s
	Goals     map[string]bool           `json:"goals"`
	OK        bool                      `json:"ok"`
}

func printJSON(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// say tells on standard error what takes long.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.1fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

var began = time.Now()

// backlogCommand prepares a node that runs already.
type backlogCommand struct {
	CDCRaw    string `name:"cdc-raw" help:"The node's cdc_raw_directory." required:"" type:"existingdir"`
	Cassandra string `help:"Release line that writes the backlog." enum:"5.0,4.1,4.0" default:"4.0"`
	Events    int    `help:"How many mutations." default:"500000"`
	Cache     string `help:"Where backlogs are kept." required:"" type:"path"`
}

// Run prepares the node.
func (c *backlogCommand) Run(ctx context.Context) error {
	b, err := makeBacklog(ctx, c.Cache, c.Cassandra, c.Events)
	if err != nil {
		return err
	}
	fmt.Printf("%s;\n%s;\n", createKeyspace, createBacklog)
	fmt.Println("-- Run these on the node first. The agent must not run yet.")
	return b.copyTo(c.CDCRaw)
}

// target is a running cluster and the process whose use of the machine is measured.
type target struct {
	AdminURL    string         `help:"Pulsar's HTTP interface." default:"http://localhost:8080"`
	EventsTopic string         `help:"The table's events topic, without partitions." default:"events-bench.backlog"`
	PID         map[string]int `help:"A process to measure, by a name for it." placeholder:"NAME=PID"`
}

// replayCommand measures somebody else's replay.
type replayCommand struct {
	target
	Events int `help:"How many events the backlog makes." default:"500000"`
}

// Run waits for the replay.
func (c *replayCommand) Run(ctx context.Context) error {
	broker := measure.Broker{AdminURL: c.AdminURL}
	if n, err := broker.Messages(ctx, c.EventsTopic); err != nil || n > 0 {
		return errors.Join(err, fmt.Errorf("%s has %d messages: delete it, so that the first is the replay's", c.EventsTopic, n))
	}
	before, err := measure.UsageOfAll(c.PID)
	if err != nil {
		return err
	}
	r, err := broker.AwaitReplay(ctx, c.EventsTopic, c.Events, nil)
	if err != nil {
		return err
	}
	r.Processes, err = measure.UsedSince(before, c.PID, c.Events)
	return errors.Join(err, printJSON(r))
}

// latencyCommand measures the way of a write through somebody else's agent.
type latencyCommand struct {
	ContactPoint string        `help:"host:port of the node's native transport." default:"localhost:9042"`
	ServiceURL   string        `help:"Pulsar's address." default:"pulsar://localhost:6650"`
	EventsTopic  string        `help:"The table's events topic." default:"events-bench.latency"`
	Rate         int           `help:"Writes a second." default:"100"`
	Writes       time.Duration `help:"How long to write." default:"30s"`
}

// Run writes and waits for the events.
func (c *latencyCommand) Run(ctx context.Context) error {
	m, err := newMeter(ctx, c.ContactPoint, c.ServiceURL, c.EventsTopic)
	if err != nil {
		return err
	}
	defer m.close()
	l, err := m.measure(ctx, c.Rate, c.Writes)
	if err != nil {
		return err
	}
	return printJSON(l)
}
