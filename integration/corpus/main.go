// Command corpus makes a corpus of commit log segments with real Cassandra nodes.
//
// In come release lines, the names of scenarios (CQL files in scenarios/) and a variant of
// the commit log's settings; out go, for each release and scenario, a folder with the
// segments of a node that was started for it, with its schema and settings, and with
// what Cassandra's own CommitLogReader reads in the segments (package oracle). README.md
// lists the files. It never uses our own decoder: the corpus is what that is held against.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/oracle"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type command struct {
	Cassandra []string `help:"Release lines: ${enum}." enum:"5.0,4.1,4.0,3.11" default:"5.0"`
	Scenario  []string `help:"Scenarios: ${enum}." enum:"${scenarios}" required:"" placeholder:"NAME"`
	Out       string   `help:"Folder of the corpus; a scenario that is there already is replaced." required:"" type:"path" placeholder:"DIR"`
	Rows      int      `help:"Rows that the scenario bench writes into each of its two tables." default:"1000000"`
	variant
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("corpus"), kong.Vars{"scenarios": strings.Join(scenarioNames(), ",")},
		kong.Description("Make a corpus of commit log segments with real Cassandra nodes, and what Cassandra's own reader reads in them."))
	program.Exit("corpus", c.run())
}

func (c *command) run() (err error) {
	ctx, stop := program.UntilSignal()
	defer stop()
	began := time.Now()
	say := func(line string) { fmt.Fprintf(os.Stderr, "%7.1fs %s\n", time.Since(began).Seconds(), line) }
	e, err := env.New(env.Options{Progress: say})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if missing := e.Check(ctx, c.Cassandra...); len(missing) > 0 {
		return env.MissingError(missing)
	}
	// What no release has is told before the first node starts.
	for _, line := range c.Cassandra {
		if err := c.check(line); err != nil {
			return err
		}
	}
	for _, line := range c.Cassandra {
		reader, err := oracle.New(ctx, e, line)
		if err != nil {
			return err
		}
		m := maker{env: e, reader: reader, line: line, variant: c.variant, rows: c.Rows, out: c.Out, say: say}
		for _, name := range c.Scenario {
			dir, err := m.make(ctx, name)
			if err != nil {
				return fmt.Errorf("cassandra %s, scenario %s: %w", line, name, err)
			}
			made, err := filepath.Rel(c.Out, dir)
			if err != nil {
				return err
			}
			say(made + ": made")
		}
	}
	return nil
}
