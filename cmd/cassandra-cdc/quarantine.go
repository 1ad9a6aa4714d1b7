// cassandra-cdc quarantine

package main

import (
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

type quarantineCommand struct {
	List   quarantineListCommand   `cmd:"" help:"List what the agent could not publish: where in the log, how much, since when, why."`
	Replay quarantineReplayCommand `cmd:"" help:"Decode the entries again, publish their events, and move what was published aside. The agent may run meanwhile."`
}

type quarantineListCommand struct {
	Config string `help:"Configuration file of the agent. By default ${configFile}, if it is there." placeholder:"FILE" type:"existingfile"`
}

func (c *quarantineListCommand) Run(out io.Writer) error {
	cfg, err := config.Load(settings.Sources{File: configFile(c.Config), Environ: os.Environ()})
	if err != nil {
		return err
	}
	return agent.ListQuarantine(cfg, out)
}

type quarantineReplayCommand struct {
	Config string `help:"Configuration file of the agent. By default ${configFile}, if it is there." placeholder:"FILE" type:"existingfile"`
	DryRun bool   `help:"Only say what would be published; needs no broker."`
}

func (c *quarantineReplayCommand) Run(out io.Writer, flags *program.Flags) error {
	cfg, err := config.Load(settings.Sources{File: configFile(c.Config), Environ: os.Environ()})
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()
	return agent.ReplayQuarantine(ctx, cfg, c.DryRun, out, flags.Logger(os.Stderr))
}
