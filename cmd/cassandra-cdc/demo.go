// cassandra-cdc demo

package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/integration/demo"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type demoCommand struct {
	Run_ demoRunCommand `cmd:"" name:"run" default:"withargs" help:"Run the demo (the default)."`
	CQL  demoCQLCommand `cmd:"" name:"cql" help:"Run a CQL statement against the demo's Cassandra and print what it returns."`
}

type demoRunCommand struct {
	Cassandra string `help:"Cassandra release line: ${enum}." enum:"5.0,4.1,4.0,3.11" default:"5.0"`
	As        string `help:"How the connector runs: ${enum}; source is pulsar-admin sources create, function is pulsar-admin functions create." enum:"source,function,standalone" default:"source"`
	Keep      bool   `help:"Leave everything running at the end, until Ctrl-C, and say how to look around."`
	Dir       string `help:"Keep the servers' files and logs in this directory." placeholder:"DIR" type:"path"`
}

func (c *demoRunCommand) Run(out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()
	dist := filepath.Dir(self)
	archives, err := filepath.Glob(filepath.Join(dist, "cassandra-source-*.nar"))
	if err != nil {
		return err
	}
	archives = append(archives, filepath.Join(dist, "cassandra-source.nar")) // named where there is none
	return demo.Run(ctx, demo.Options{
		Cassandra: c.Cassandra, As: c.As, Keep: c.Keep, Dir: c.Dir, Out: out,
		Agent: self, Source: filepath.Join(dist, "cassandra-source"), Archive: archives[0],
	})
}

type demoCQLCommand struct {
	Address   string `arg:"" help:"host:port of the node, as the demo printed it."`
	Statement string `arg:"" help:"The statement, in quotes."`
}

func (c *demoCQLCommand) Run(out io.Writer) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	return demo.CQL(ctx, out, c.Address, c.Statement)
}
