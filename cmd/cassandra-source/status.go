// cassandra-source status

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

type statusCommand struct {
	Address string `help:"host:port where the connector serves its status. By default the httpAddress of its configuration." placeholder:"HOST:PORT"`
	Config  string `help:"Configuration file of the connector." placeholder:"FILE" type:"existingfile"`
	JSON    bool   `help:"Print JSON, for programs."`
}

// Help is kong's: what stands below the summary.
func (statusCommand) Help() string {
	return "The exit status is 0 while all is well, 1 while a condition of severity error holds, 2 when no connector answers. docs/conditions.md explains the conditions. A connector that Pulsar hosts answers where its httpAddress is set."
}

// noAnswer is the exit status where nobody says how the connector is.
const noAnswer = 2

func (c *statusCommand) Run(out io.Writer) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	address := c.Address
	if address == "" {
		cfg, err := config.Load(settings.Sources{File: c.Config, Environ: os.Environ()})
		if address = cfg.StatusAddress(); address == "" {
			return program.Status(noAnswer, errors.New("this connector serves no status: httpAddress is off"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "cassandra-source: the configuration has faults; asking at", address)
		}
	}
	report, err := status.Ask(ctx, address)
	if err != nil {
		return program.Status(noAnswer, err)
	}
	return show.Report(out, report, report.Conditions, c.JSON)
}
