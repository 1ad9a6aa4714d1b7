// cassandra-cdc status

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
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

// noAnswer ends the program with a status of its own.
type noAnswer struct{ error }

func (noAnswer) ExitStatus() int { return 2 }

func (c *statusCommand) Run(out io.Writer) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	address := c.Address
	if address == "" {
		cfg, err := config.Load(settings.Sources{File: configFile(c.Config), Environ: os.Environ()})
		if address = cfg.StatusAddress(); address == "" {
			return noAnswer{errors.New("this agent serves no status: httpAddress is off")}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "cassandra-cdc: the configuration has faults (see cassandra-cdc agent --check); asking at", address)
		}
	}
	report, err := status.Ask(ctx, address)
	if err != nil {
		return noAnswer{err}
	}
	if c.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.Write(out, time.Now())
	}
	if err != nil {
		return err
	}
	switch failing := report.Failing(); failing {
	case 0:
		return nil
	case 1:
		return errors.New("1 condition of severity error holds")
	default:
		return fmt.Errorf("%d conditions of severity error hold", failing)
	}
}
