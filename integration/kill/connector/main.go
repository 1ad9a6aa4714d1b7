// Command connector shows that no death on the way of a row loses it: real servers, a
// connector that Pulsar's functions worker hosts, a writer that knows its keys, and kills
// of the program, its launcher, the worker with the broker, the node and the agent. At the
// end the last message of every key is held against the table.
//
// In comes how long to go on and a seed; out go lines of progress and one page. The exit
// status is 1 when any key differs, an older state came behind a newer one, or anything
// was left behind.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type command struct {
	Minutes float64       `help:"How long to write and kill." default:"30"`
	Seed    uint64        `help:"Decides what is written, and what dies when." default:"1"`
	Between time.Duration `help:"Time between two kills on average." default:"12s"`
	Away    time.Duration `help:"Longest time that a killed server stays away." default:"2m"`
	Rate    int           `help:"Statements a second." default:"300"`
	As      string        `help:"What hosts the connector: ${enum}." enum:"source,function,both" default:"source"`
	Archive string        `help:"The connector's archive; by default it is packed." placeholder:"FILE" type:"existingfile"`
	Dir     string        `help:"Keep the servers' files and logs in this directory." placeholder:"DIR" type:"path"`
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("kill-connector"), kong.Description("Kill everything on the way of a row, at random and under load, and compare table and topic."))
	ctx, stop := program.UntilSignal()
	defer stop()
	program.Exit("kill-connector", c.run(ctx))
}

func (c *command) run(ctx context.Context) (err error) {
	began := time.Now()
	say := func(line string) { fmt.Fprintf(os.Stderr, "%7.1fs %s\n", time.Since(began).Seconds(), line) }
	servers, err := env.New(env.Options{WorkDir: c.Dir, Progress: say})
	if err != nil {
		return err
	}
	defer func() {
		if closed := servers.Close(); err == nil {
			err = closed
		}
	}()
	if missing := servers.Check(ctx, env.Cassandra50, env.PulsarStandalone); len(missing) > 0 {
		return env.MissingError(missing)
	}
	page, err := run(ctx, servers, options{
		duration: time.Duration(c.Minutes * float64(time.Minute)), seed: c.Seed, between: c.Between, away: c.Away, rate: c.Rate, as: c.As,
		archive: c.Archive, say: say,
	})
	if err != nil {
		return err
	}
	page.print(os.Stdout)
	return page.verdict()
}
