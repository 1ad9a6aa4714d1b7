// cassandra-cdc agent

package main

import (
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type agentCommand struct {
	Config string `help:"Configuration file (YAML)." required:"" placeholder:"FILE" type:"existingfile"`
}

func (c *agentCommand) Run(flags *program.Flags) error {
	cfg, err := agent.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()
	log, level := flags.LoggerWithLevel(os.Stderr)
	return agent.Run(ctx, cfg, log, level)
}
