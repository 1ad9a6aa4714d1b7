// cassandra-cdc deadletter

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/deadletter"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

type deadLetterCommand struct {
	List   deadLetterListCommand   `cmd:"" help:"List the events that the connector could not publish: when, of which table and row, why. It leaves them where they are."`
	Replay deadLetterReplayCommand `cmd:"" help:"Send dead letters to the events topic again, as they came from there, and remove them from the dead letters. The connector may run meanwhile."`
}

// deadLetters are the flags that say which dead letters, and how to reach them.
type deadLetters struct {
	EventsTopic  string `help:"The topic that the agents publish to, for example events-ks.table." required:"" placeholder:"TOPIC"`
	Subscription string `help:"The connector's subscription (events.subscription.name)." default:"sub" placeholder:"NAME"`
	Topic        string `help:"The topic of the dead letters. By default the events topic, the subscription and DLQ, joined by hyphens." placeholder:"TOPIC"`
	PulsarURL    string `name:"pulsar-url" help:"Service URL of Pulsar. It wins over the configuration." placeholder:"URL"`
	PulsarWebURL string `name:"pulsar-web-url" help:"URL of Pulsar's REST interface, which knows how events were written. It wins over the configuration; by default port 8080 of the host of the service URL." placeholder:"URL"`
	Config       string `help:"Configuration file of an agent: how to reach Pulsar, with which credentials. By default ${configFile}, if it is there. The agent's environment variables count too." placeholder:"FILE" type:"existingfile"`
}

// open connects to Pulsar.
func (f *deadLetters) open(ctx context.Context, flags *program.Flags) (*pulsar.Client, *deadletter.Letters, error) {
	cfg, err := config.Load(settings.Sources{File: configFile(f.Config), Environ: os.Environ()})
	if err != nil {
		return nil, nil, err
	}
	if f.PulsarURL != "" {
		cfg.PulsarServiceURL, cfg.PulsarWebServiceURL = f.PulsarURL, ""
	}
	if f.PulsarWebURL != "" {
		cfg.PulsarWebServiceURL = f.PulsarWebURL
	}
	client, err := pulsar.Connect(ctx, cfg.Pulsar(flags.Logger(os.Stderr)))
	if err != nil {
		return nil, nil, err
	}
	topic := f.Topic
	if topic == "" {
		topic = deadletter.Topic(f.EventsTopic, f.Subscription)
	}
	return client, deadletter.NewLetters(client, topic, f.EventsTopic), nil
}

type deadLetterListCommand struct {
	deadLetters
	Format string `help:"${enum}: a table, or a JSON object a line." enum:"text,json" default:"text"`
}

func (c *deadLetterListCommand) Run(out io.Writer, flags *program.Flags) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	client, letters, err := c.open(ctx, flags)
	if err != nil {
		return err
	}
	defer client.Close()
	if c.Format == "json" {
		return letters.List(ctx, func(l *deadletter.Letter) error { return json.NewEncoder(out).Encode(l) })
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tTIME\tTABLE\tKEY\tCLASS\tREASON")
	err = letters.List(ctx, func(l *deadletter.Letter) error {
		_, err := fmt.Fprintf(table, "%s\t%s\t%s.%s\t%s\t%s\t%s\n", l.ID, l.Time, l.Keyspace, l.Table, l.Key, l.Class, l.Reason)
		return err
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

type deadLetterReplayCommand struct {
	deadLetters
	ID     []string `help:"The letter with this id, as the list shows it. Repeatable." required:"" xor:"which" placeholder:"ID"`
	All    bool     `help:"All letters that are there now." required:"" xor:"which"`
	DryRun bool     `help:"Only say what would be published."`
}

func (c *deadLetterReplayCommand) Run(out io.Writer, flags *program.Flags) error {
	ctx, stop := program.UntilSignal()
	defer stop()
	client, letters, err := c.open(ctx, flags)
	if err != nil {
		return err
	}
	defer client.Close()
	done, did := 0, "published"
	if c.DryRun {
		did = "would publish"
	}
	err = letters.Replay(ctx, deadletter.ReplayOptions{IDs: c.ID, DryRun: c.DryRun}, func(l *deadletter.Letter, err error) {
		if err != nil {
			fmt.Fprintf(out, "%s: stays: %v\n", l.ID, err)
			return
		}
		done++
		fmt.Fprintf(out, "%s: %s the event of %s.%s with the key %s\n", l.ID, did, l.Keyspace, l.Table, l.Key)
	})
	fmt.Fprintf(out, "%s %d\n", did, done)
	return err
}
