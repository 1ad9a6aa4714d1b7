// Command cassandra-source is the connector: it turns the events of one table into its
// data topic. It runs stand-alone, as the child of the launcher that Pulsar hosts, or as
// an instance of a Pulsar function.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/connector"
	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/function"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

type commands struct {
	program.Flags

	Run     runCommand     `cmd:"" help:"Run stand-alone: read the events of a table, publish its rows."`
	Status  statusCommand  `cmd:"" help:"Show how a connector is: its tables, rows and latency, conditions with what to do about them."`
	Hosted  hostedCommand  `cmd:"" hidden:"" help:"Run as the child of Pulsar's launcher."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type runCommand struct {
	Config string   `help:"Configuration file (YAML)." placeholder:"FILE" type:"existingfile"`
	Set    []string `help:"One setting; wins over all others. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
}

func (c *runCommand) Run(flags *program.Flags) error {
	cfg, err := config.Load(settings.Sources{File: c.Config, Environ: os.Environ(), Set: c.Set})
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()
	log, level := flags.LoggerWithLevel(os.Stderr)
	return connector.Run(ctx, cfg, connector.Host{
		Operations: operations.New(operations.Config{RunsAs: "stand-alone", Level: level, Log: log}), Log: log,
	})
}

type versionCommand struct{}

func (versionCommand) Run() error {
	_, err := fmt.Println(program.Version())
	return err
}

// collectAt is how much the heap grows between two collections, in percent of what is
// alive: so little is, for milliseconds each, that a collection for each as much again
// would take a fifth of the time. The environment's GOGC goes before.
const collectAt = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if text, given, err := function.Configuration(os.Args[1:]); given {
		if err == nil {
			err = runFunction(text)
		}
		program.Exit("cassandra-source", err)
	}
	var c commands
	parsed := kong.Parse(&c, kong.Name("cassandra-source"), kong.BindTo(os.Stdout, (*io.Writer)(nil)),
		kong.Description("Pulsar source connector for Apache Cassandra change data capture."))
	program.Exit("cassandra-source", parsed.Run(&c.Flags))
}
