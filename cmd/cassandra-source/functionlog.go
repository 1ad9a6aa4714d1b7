// The producer of a function's log topic.

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/function"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// publishLog publishes the lines of the log topic, as the worker itself reaches the
// cluster, until finish is called, which publishes those that are left as far as the time
// allows. log must not lead to the log topic: it tells of trouble with it.
func publishLog(in *function.Instance, topic *function.LogTopic, log *slog.Logger) (finish func()) {
	ctx, stop := context.WithCancel(context.Background())
	end, giveUp := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		client, producer := openLog(ctx, in, log)
		if producer == nil {
			return
		}
		defer client.Close()
		topic.Run(ctx, end, logPublisher{producer})
		if err := producer.Flush(end); err != nil {
			log.Warn("the last lines of the log may be missing on the log topic", "topic", in.LogTopic, "error", err)
		}
	}()
	return func() {
		stop()
		select {
		case <-done:
		case <-time.After(logLeaveTime): // a broker that is away would have us wait
		}
		giveUp()
	}
}

// openLog makes the producer, as soon as Pulsar lets it. There is none when ctx ends
// before.
func openLog(ctx context.Context, in *function.Instance, log *slog.Logger) (*pulsar.Client, *pulsar.Producer) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		client, err := pulsar.Connect(ctx, pulsar.Config{
			ServiceURL: in.Pulsar.ServiceURL, AuthPlugin: in.Pulsar.AuthPlugin, AuthParams: in.Pulsar.AuthParams,
			TLSTrustCertsFile: in.Pulsar.TLSTrustCertsFile, AllowInsecure: in.Pulsar.AllowInsecure, HostnameVerification: in.Pulsar.HostnameVerification, Log: log,
		})
		if err == nil {
			var producer *pulsar.Producer
			if producer, err = client.Producer(ctx, pulsar.ProducerConfig{Topic: in.LogTopic}); err == nil {
				return client, producer
			}
			client.Close()
		}
		if ctx.Err() != nil {
			return nil, nil
		}
		log.Warn("the log topic cannot be opened; trying again", "topic", in.LogTopic, "error", err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(pause):
		}
	}
}

type logPublisher struct{ producer *pulsar.Producer }

func (p logPublisher) Publish(ctx context.Context, line []byte, properties map[string]string, done func(error)) {
	p.producer.Send(ctx, &pulsar.Message{Value: line, Properties: properties}, func(_ pulsar.Receipt, err error) { done(err) })
}
