// Command cassandra-cdc is what a person runs: the agent beside a Cassandra node, and
// the demo that shows the whole way of a write.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type commands struct {
	program.Flags

	Agent      agentCommand      `cmd:"" help:"Follow the commit log of this Cassandra node and publish an event for every changed row."`
	Status     statusCommand     `cmd:"" help:"Show how the agent on this machine is: tables, lag, cdc_raw, conditions with what to do about them."`
	Doctor     doctorCommand     `cmd:"" help:"Look at everything an agent needs, the cluster and this machine, and say what to do about what is wrong."`
	Demo       demoCommand       `cmd:"" help:"Start Cassandra and Pulsar on this machine and show writes arriving on a Pulsar topic."`
	Quarantine quarantineCommand `cmd:"" help:"What the agent could not publish: list it, and try again."`
	DeadLetter deadLetterCommand `cmd:"" name:"deadletter" help:"What the connector could not publish: list it, and try again."`
	Segment    segmentCommand    `cmd:"" help:"Look into commit log segments: what is in them, and whether it is whole."`
	Man        manCommand        `cmd:"" help:"Print the manual page, for man -l or a directory of man pages."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

type versionCommand struct{}

func (versionCommand) Run() error {
	_, err := fmt.Println(program.Version())
	return err
}

const name = "cassandra-cdc"

// vars are what help texts name.
var vars = kong.Vars{"configFile": config.DefaultFile}

func main() {
	var c commands
	parsed := kong.Parse(&c, kong.Name(name), kong.BindTo(os.Stdout, (*io.Writer)(nil)), vars,
		kong.Description("Change data capture from Apache Cassandra into Apache Pulsar."))
	program.Exit(name, parsed.Run(&c.Flags))
}
