// cassandra-cdc agent

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent"
	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/doctor"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

type agentCommand struct {
	Config     string   `help:"Configuration file (YAML). By default ${configFile}, if it is there." placeholder:"FILE" type:"existingfile"`
	Parameters string   `help:"Settings as DataStax's agent takes them: k=v,k=v with \\, for a comma in a value. They win over file and environment." placeholder:"K=V,K=V"`
	Set        []string `help:"One setting; wins over all others. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
	Check      bool     `help:"Look at settings, files, Cassandra and Pulsar, list all faults at once, and end: with status 1 if there are any."`
}

func (c *agentCommand) Run(flags *program.Flags, out io.Writer) error {
	cfg, err := config.Load(c.sources())
	ctx, stop := program.UntilSignal()
	defer stop()
	if c.Check {
		return faultsOf(check.Run(ctx, out, doctor.Checks(cfg, err)))
	}
	if err != nil {
		return err
	}
	log, level := flags.LoggerWithLevel(os.Stderr)
	return agent.Run(ctx, cfg, log, level)
}

// faultsOf makes an error of a number of faults.
func faultsOf(faults int, err error) error {
	switch {
	case err != nil || faults == 0:
		return err
	case faults == 1:
		return errors.New("1 fault")
	}
	return fmt.Errorf("%d faults", faults)
}

func (c *agentCommand) sources() settings.Sources {
	return settings.Sources{File: configFile(c.Config), Environ: os.Environ(), Parameters: c.Parameters, Set: c.Set}
}

// configFile is the file that was named, else the default one if it is there.
func configFile(named string) string {
	if _, err := os.Stat(config.DefaultFile); named == "" && err == nil {
		return config.DefaultFile
	}
	return named
}
