// cassandra-cdc doctor

package main

import (
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/doctor"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

type doctorCommand struct {
	Config string   `help:"Configuration file of the agent. By default ${configFile}, if it is there." placeholder:"FILE" type:"existingfile"`
	Set    []string `help:"One setting; wins over all others. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
	JSON   bool     `help:"Print JSON, for programs."`
}

// Help is kong's: what stands below the summary.
func (doctorCommand) Help() string {
	return "Nothing is changed. It looks at all that cassandra-cdc agent --check looks at, and beyond: room, clocks, the whole cluster, the agent that runs. The exit status is 1 when there is a fault; advice is none."
}

func (c *doctorCommand) Run(out io.Writer) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	cfg, err := config.Load(settings.Sources{File: configFile(c.Config), Environ: os.Environ(), Set: c.Set})
	run := check.Run
	if c.JSON {
		run = check.RunJSON
	}
	return faultsOf(run(ctx, out, doctor.Examination(cfg, err)))
}
