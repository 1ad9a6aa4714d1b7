// cassandra-source -instance-conf: an instance of a Pulsar Go function, started by the
// functions worker.

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector"
	"github.com/cassandra-cdc/cassandra-cdc/connector/config"
	"github.com/cassandra-cdc/cassandra-cdc/connector/function"
	"github.com/cassandra-cdc/cassandra-cdc/connector/operations"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

const (
	// functionLeaveTime bounds a stop in good order, below the 10 s after which the worker
	// kills an instance.
	functionLeaveTime = 8 * time.Second
	// logLeaveTime is what of it the last lines of the log topic may take.
	logLeaveTime = 2 * time.Second
)

// runFunction is an instance until the worker stops it, is gone, or something fails that
// needs a person. Neither the text nor the command line may appear in a log: both hold
// secrets.
func runFunction(text []byte) error {
	// The output belongs to the worker. A write after its end must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	in, err := function.Parse(text)
	if err != nil {
		return err
	}
	ctx, stop := program.UntilSignal()
	defer stop()

	// The worker's output has the lines of all instances.
	output := program.Flags{LogLevel: "info"}.Logger(os.Stderr).With("function", in.FQFN(), "instance", in.ID)
	host := function.Host{Instance: in, Counts: &function.Counts{}, Log: output}
	if in.LogTopic != "" {
		host.LogTopic = function.NewLogTopic(in)
		host.Log = slog.New(host.LogTopic.Tee(output.Handler(), slog.LevelInfo))
		defer publishLog(in, host.LogTopic, output)()
	}
	watched := operations.New(operations.Config{RunsAs: fmt.Sprintf("function %s, instance %d", in.FQFN(), in.ID), Log: host.Log})
	host.Metrics, host.UserMetrics = watched.Metrics().Registry(), watched.Metrics().User
	return host.Run(ctx, func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() {
			time.AfterFunc(functionLeaveTime, func() { os.Exit(1) })
		})()
		cfg, err := functionConfig(in)
		if err != nil {
			return err
		}
		return connector.Run(ctx, cfg, connector.Host{Operations: watched, Observer: host.Counts, Log: host.Log})
	})
}

// functionConfig is the configuration of the connector: the function's user configuration
// and secrets, and what it was created with otherwise.
func functionConfig(in *function.Instance) (cfg config.Config, err error) {
	settings, err := in.Settings(os.Getenv)
	if err != nil {
		return cfg, err
	}
	if cfg, err = config.Function(settings, config.Pulsar(in.Pulsar)); err != nil {
		return cfg, err
	}
	ends, err := in.Ends(function.Ends{
		Events: cfg.EventsTopic, Subscription: cfg.EventsSubscription, Type: cfg.EventsType, Output: cfg.DestinationTopic,
	}, cfg.Several())
	cfg.EventsTopic, cfg.EventsSubscription, cfg.EventsType, cfg.DestinationTopic = ends.Events, ends.Subscription, ends.Type, ends.Output
	return cfg, err
}
