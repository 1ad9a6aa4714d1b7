// Command kill shows that no death of the agent loses an event: real servers, a writer that
// knows what it wrote, an agent that is killed again and again, and at the end a look at
// every event on the topics.
//
// In comes how long to go on and a seed; out go lines of progress and one page. The exit
// status is 1 when anything was lost, came out of order or was left behind.
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
	Minutes   float64       `help:"How long to write and kill." default:"30"`
	Seed      uint64        `help:"Decides what is written, and when the agent dies." default:"1"`
	Life      time.Duration `help:"How long an agent lives on average." default:"20s"`
	Rate      int           `help:"Statements a second." default:"300"`
	Cassandra string        `help:"Cassandra release line: ${enum}." enum:"5.0,4.1,4.0" default:"5.0"`
	Agent     string        `help:"The agent's binary; by default it is built." placeholder:"FILE" type:"existingfile"`
	Dir       string        `help:"Keep the servers' files and logs in this directory." placeholder:"DIR" type:"path"`
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("kill"), kong.Description("Kill the agent again and again under load, and count what is lost."))
	ctx, stop := program.UntilSignal()
	defer stop()
	program.Exit("kill", c.run(ctx))
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
	if missing := servers.Check(ctx, c.Cassandra, env.PulsarStandalone); len(missing) > 0 {
		return env.MissingError(missing)
	}
	page, err := run(ctx, servers, options{
		duration: time.Duration(c.Minutes * float64(time.Minute)), seed: c.Seed, life: c.Life, rate: c.Rate,
		cassandra: c.Cassandra, agent: c.Agent, say: say,
	})
	if err != nil {
		return err
	}
	page.print(os.Stdout)
	return page.verdict()
}
