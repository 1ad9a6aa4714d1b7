// cassandra-cdc agent

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent"
	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
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
	cfg, err := agent.LoadConfig(c.sources())
	ctx, stop := program.UntilSignal()
	defer stop()
	if c.Check {
		faults, err := check.Run(ctx, out, agent.Checks(cfg, err))
		switch {
		case err != nil:
		case faults == 1:
			err = errors.New("1 fault")
		case faults > 1:
			err = fmt.Errorf("%d faults", faults)
		}
		return err
	}
	if err != nil {
		return err
	}
	log, level := flags.LoggerWithLevel(os.Stderr)
	return agent.Run(ctx, cfg, log, level)
}

func (c *agentCommand) sources() settings.Sources {
	file := c.Config
	if _, err := os.Stat(agent.DefaultConfigFile); file == "" && err == nil {
		file = agent.DefaultConfigFile
	}
	return settings.Sources{File: file, Environ: os.Environ(), Parameters: c.Parameters, Set: c.Set}
}
