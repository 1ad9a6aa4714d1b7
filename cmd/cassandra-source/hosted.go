// cassandra-source hosted: the child of the launcher that Pulsar runs as a source.

package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector"
	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/connector/pipeline"
	"github.com/cassandra-cdc/cassandra-cdc/connector/relay"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type hostedCommand struct{}

// leaveTime bounds a stop in good order, below what the launcher waits for.
const leaveTime = 5 * time.Second

func (hostedCommand) Run(flags *program.Flags) error {
	// A launcher that is gone is seen at the end of its stream; a write to it must not
	// end the process before.
	signal.Ignore(syscall.SIGPIPE)
	rows := relay.NewPublisher(os.Stdout)
	log, level := flags.HostedLogger(os.Stderr)
	err := runHosted(rows, log, level)
	if err != nil {
		rows.Fail(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return err
}

func runHosted(rows *relay.Publisher, log *slog.Logger, level *slog.LevelVar) error {
	settings, err := relay.ReadSettings(os.Stdin)
	if err != nil {
		return err
	}
	cfg, err := config.Hosted(settings)
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()
	watched := operations.New(operations.Config{
		RunsAs: fmt.Sprintf("source %s/%s/%s, instance %d", settings.Tenant, settings.Namespace, settings.Name, settings.Instance), Level: level, Log: log,
	})
	go rows.Flush(ctx)
	go watched.Metrics().RecordUser(ctx, rows.Record)
	go func() {
		// The program never outlives its launcher: the stream ends with it.
		if err := rows.Acknowledge(os.Stdin); err != nil {
			log.Error("the launcher is not understood", "error", err)
		}
		stop()
		time.AfterFunc(leaveTime, func() { os.Exit(1) })
	}()
	return connector.Run(ctx, cfg, connector.Host{Operations: watched, Log: log, Rows: func(topic string) pipeline.Publisher {
		if topic == settings.OutputTopic {
			topic = "" // Pulsar knows it
		}
		return rows.Topic(topic)
	}})
}
