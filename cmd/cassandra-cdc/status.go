// cassandra-cdc status

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

type statusCommand struct {
	Address string `help:"host:port where the agent serves its status. By default the httpAddress of its configuration." placeholder:"HOST:PORT"`
	Config  string `help:"Configuration file of the agent. By default ${configFile}, if it is there." placeholder:"FILE" type:"existingfile"`
	JSON    bool   `help:"Print JSON, for programs."`
}

// Help is kong's: what stands below the summary.
func (statusCommand) Help() string {
	return "The exit status is 0 while all is well, 1 while a condition of severity error holds, 2 when no agent answers. docs/conditions.md explains the conditions."
}

// noAnswer is the exit status where nobody says how the agent is.
const noAnswer = 2

func (c *statusCommand) Run(out io.Writer) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	address := c.Address
	if address == "" {
		cfg, err := config.Load(settings.Sources{File: configFile(c.Config), Environ: os.Environ()})
		if address = cfg.StatusAddress(); address == "" {
			return program.Status(noAnswer, errors.New("this agent serves no status: httpAddress is off"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "cassandra-cdc: the configuration has faults (see cassandra-cdc agent --check); asking at", address)
		}
	}
	report, err := status.Ask(ctx, address)
	if err != nil {
		return program.Status(noAnswer, err)
	}
	return show.Report(out, report, report.Conditions, c.JSON)
}
