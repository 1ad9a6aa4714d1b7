// The life of the agent: connect, follow the log, stop without loss.

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// drainTime bounds how long a stop waits for acknowledgements.
const drainTime = 5 * time.Second

// Run is the agent until ctx ends, which is a stop in good order and no error. Any
// error is one that needs a person: a setting, a permission, a damaged file; broker
// and node may come and go.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	node, err := readNode(cfg.CassandraYAML)
	if err != nil {
		return err
	}
	keys, err := node.keys()
	if err != nil {
		return err
	}
	store, err := checkpoint.OpenStore(cfg.CDCWorkingDir, log)
	if err != nil {
		return err
	}
	contact := cfg.ContactPoint
	if contact == "" {
		contact = node.contactPoint()
	}
	session, err := cassandra.Connect(ctx, cassandra.Config{
		ContactPoints: []string{contact}, OnlyContactPoints: true,
		Username: cfg.CassandraUsername, Password: cfg.CassandraPassword, Log: log,
	})
	if err != nil {
		return err
	}
	defer session.Close()
	local, err := session.Local(ctx, "")
	if err != nil {
		return err
	}
	tables, err := openSchemas(ctx, session, local.HostID, cfg.historyFile(), []string{node.CDCRawDirectory, node.CommitLogDirectory}, log)
	if err != nil {
		return err
	}
	client, err := pulsar.Connect(ctx, cfg.pulsar(log))
	if err != nil {
		return err
	}
	defer client.Close()

	a := &agent{
		log: log, schemas: tables, decoder: mutation.NewDecoder(tables), changes: changes{withRanges: cfg.RangeDeletes},
		quarantine: quarantine{dir: cfg.quarantineDir(), log: log}, skipped: skipped{log: log},
		publisher: newPublisher(client, local.HostID, cfg, log),
	}
	log.Info("agent started", "node", local.HostID, "release", local.ReleaseVersion, "cdc_raw", node.CDCRawDirectory, "tables", a.tablesWithCDC())

	tailer := tail.New(tail.Config{
		CDCRawDir: node.CDCRawDirectory, CommitLogDir: node.CommitLogDirectory, Checkpoints: store, Log: log,
		Keys: keys, MaxSection: node.maxSection(),
	})
	err = a.follow(ctx, tailer)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	a.publisher.flush(drain)
	return errors.Join(err, tailer.Save())
}

// agent turns entries into events.
type agent struct {
	log        *slog.Logger
	schemas    *schemas
	decoder    *mutation.Decoder
	changes    changes
	writes     []event.Write // scratch of digest
	quarantine quarantine
	skipped    skipped
	publisher  *publisher
}

// follow runs the tailer until ctx ends or an event is refused.
func (a *agent) follow(ctx context.Context, t *tail.Tailer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case err := <-a.publisher.failed:
			stop(fmt.Errorf("publish an event: %w", err))
		case <-ctx.Done():
		}
	}()
	err := t.Run(ctx, a)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Entry publishes the changes of one entry of the log.
func (a *agent) Entry(ctx context.Context, e tail.Entry) error {
	err := a.decode(ctx, e)
	if err == nil {
		a.skipped.note(a.changes.skipped, e.Position)
	}
	if err == nil && len(a.changes.list) > 0 {
		err = a.publisher.publish(ctx, a.changes.list, a.digest(e.Body), e.Position, e.Watermark)
		if err == nil {
			return nil
		}
	}
	var fault unpublishable
	switch {
	case ctx.Err() != nil: // a stop; what failed for it is no fault
		return ctx.Err()
	case err == nil:
	case errors.As(err, &fault):
		if err := a.quarantine.keep(e.Position, fault, e.Body); err != nil {
			return err
		}
	default:
		return err
	}
	e.Watermark.Add(e.Position.Offset, 0)
	return nil
}

// decode fills changes, with the schema of the moment at which the entry was written,
// and follows the schema changes in it. It asks the node once for a table or column
// that the history lacks; an entry that cannot be decoded even then is unpublishable.
func (a *agent) decode(ctx context.Context, e tail.Entry) error {
	a.schemas.Seek(e.Position)
	for attempt := 0; ; attempt++ {
		a.changes.reset()
		err := a.decoder.Decode(e.Version, e.Body, &a.changes)
		var table *mutation.UnknownTableError
		var column *mutation.UnknownColumnError
		switch {
		case err == nil && a.changes.err != nil:
			return unpublishable{a.changes.err}
		case err == nil && a.changes.schema.Empty():
			return nil
		case err == nil:
			return a.schemas.follow(&a.changes.schema, e.Position)
		case attempt == 0 && errors.As(err, &table):
			err = a.schemas.ask(ctx, unknown{table: table.ID})
		case attempt == 0 && errors.As(err, &column):
			err = a.schemas.ask(ctx, unknown{column.Table.ID, column.Column})
		default:
			return unpublishable{fmt.Errorf("decode the mutation: %w", err)}
		}
		if err != nil {
			return err
		}
	}
}

// digest is the mutation's fingerprint, the same from every replica's agent.
func (a *agent) digest(body []byte) string {
	a.writes = a.writes[:0]
	for _, w := range a.decoder.LargeWrites() {
		a.writes = append(a.writes, event.Write(w))
	}
	digest := event.Digest(body, a.writes)
	return string(digest[:])
}

// Damage puts a damaged stretch of a segment into quarantine.
func (a *agent) Damage(d *commitlog.DamageError, raw []byte) error {
	return a.quarantine.keep(d.Position, d, raw)
}

func (a *agent) tablesWithCDC() []string {
	names := []string{}
	for _, t := range a.schemas.Tables() {
		if t.CDC {
			names = append(names, t.String())
		}
	}
	return names
}
