// The life of the agent: connect, follow the log, stop without loss.

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/kindness"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

const (
	// drainTime bounds how long a stop waits for acknowledgements, and closeTime how long
	// for the connections' good-bye: together well below 5 s.
	drainTime = 3 * time.Second
	closeTime = time.Second

	// A round that ends with an error is followed by another one after a pause, which grows
	// up to longestRest while rounds are shorter than goodRound. What ended a round counts
	// as over when the next one has gone well for settleTime.
	longestRest = 30 * time.Second
	goodRound   = time.Minute
	settleTime  = 10 * time.Second
)

// Run is the agent until ctx ends, which is a stop in good order and no error. An error is
// one of the settings or of the working directory, at the start; afterwards whatever is in
// the way is a condition, and is tried again. level is that of log; nil when it cannot
// be changed.
func Run(ctx context.Context, cfg config.Config, log *slog.Logger, level *slog.LevelVar) error {
	for _, w := range cfg.Warnings() {
		log.Warn("a setting needs a look", "warning", w)
	}
	cfg, n, err := cfg.Settle(node.ThisMachine())
	if err != nil {
		return err
	}
	keys, err := n.Keys()
	if err != nil {
		return err
	}
	filter, err := cfg.TableFilter()
	if err != nil {
		return err
	}
	store, err := checkpoint.OpenStore(cfg.CDCWorkingDir, nil, log)
	if err != nil {
		return err
	}
	if cfg.ErrorCommitLogReprocessEnabled {
		if err := reprocess(filepath.Join(cfg.CDCWorkingDir, "errors"), n.CDCRawDirectory, log); err != nil {
			return err
		}
	}
	kindness.Apply(cfg, os.Getenv, log)
	ops := newOperations(cfg, space{n.CDCRawDirectory, cfg.Quarantine(), n.CDCLimit()}, log)
	ops.checkpoints = &watchedCheckpoints{Checkpoints: store, board: ops.board}
	ops.start(level)
	defer ops.close()
	defer context.AfterFunc(ctx, func() { ops.notify("STOPPING=1") })()

	c, err := connect(ctx, cfg, n, ops)
	if err != nil {
		return nil //nolint:nilerr // only the end of ctx ends it, and nothing was begun
	}
	defer c.close()

	for _, p := range filter.Unmatched(c.schemas.Tables()) {
		log.Warn("a pattern of tables or excludeTables matches no table of today", "pattern", p)
	}
	a := &agent{
		log: log, ops: ops, schemas: c.schemas, decoder: mutation.NewDecoder(c.schemas), changes: changes{filter: filter, withRanges: cfg.RangeDeletes},
		quarantine: keeper{dir: cfg.Quarantine(), log: log, board: ops.board, metrics: ops.metrics}, skipped: skipped{log: log, metrics: ops.metrics},
	}
	a.judgeTables()
	log.Info("agent started", "node", c.local.HostID, "release", c.local.ReleaseVersion, "cdc_raw", n.CDCRawDirectory, "tables", a.tablesWithCDC())
	return a.run(ctx, func(ctx context.Context) (*tail.Tailer, *publisher) {
		return tail.New(tail.Config{
			CDCRawDir: n.CDCRawDirectory, CommitLogDir: n.CommitLogDirectory, Checkpoints: ops.checkpoints, Log: log,
			Changed: tail.Watch(ctx, log, n.CDCRawDirectory, n.CommitLogDirectory), MayRemove: n.MayRemove(),
			Keys: keys, MaxSection: n.MaxSection(), Turn: func() { ops.turns.Add(1) },
			Lost: func(what string) { ops.board.Set(health.SegmentLost, "", what) },
		}), newPublisher(c.client, c.local.HostID, cfg, ops)
	})
}

// agent turns entries into events.
type agent struct {
	log        *slog.Logger
	ops        *operations
	schemas    *schemas
	decoder    *mutation.Decoder
	changes    changes
	writes     []event.Write // scratch of digest
	quarantine keeper
	skipped    skipped
	publisher  *publisher
}

// run follows the log until ctx ends, in rounds: each begins at the checkpoint, with a
// tailer and a publisher that begin makes.
func (a *agent) run(ctx context.Context, begin func(ctx context.Context) (*tail.Tailer, *publisher)) error {
	for rest := shortestPause; ; rest = min(2*rest, longestRest) {
		var t *tail.Tailer
		round, end := context.WithCancel(ctx)
		t, a.publisher = begin(round)
		a.ops.tailer.Store(t)
		a.ops.waiting("")
		began := time.Now()
		settled := time.AfterFunc(settleTime, func() { a.ops.board.ClearAll(followTroubles, "") })
		err := a.follow(round, t)
		end()
		settled.Stop()
		if ctx.Err() != nil {
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
			defer cancel()
			a.publisher.flush(drain)
			return t.Save()
		}
		a.ops.board.SetOneOf(followTroubles, troubleOf(err), "", err)
		a.publisher.close(ctx)
		if time.Since(began) > goodRound {
			rest = shortestPause
		}
		a.ops.waiting("waiting to follow the commit log again: " + troubleOf(err).Code)
		a.ops.beat()
		if sleep(ctx, rest) != nil {
			return t.Save()
		}
	}
}

// follow runs the tailer until ctx ends or an event is refused.
func (a *agent) follow(ctx context.Context, t *tail.Tailer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	failed := a.publisher.failed
	go func() {
		select {
		case err := <-failed:
			stop(trouble{publishTrouble(err), fmt.Errorf("publish an event: %w", err)})
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
		if !a.changes.schema.Empty() {
			a.judgeTables()
		}
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
		return a.quarantine.entry(ctx, e, fault)
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
			return a.schemas.follow(ctx, &a.changes.schema, e.Position)
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
func (a *agent) Damage(d *commitlog.DamageError, raw io.Reader) error {
	return a.quarantine.damage(d, raw)
}

// judgeTables sets a condition while no table has CDC.
func (a *agent) judgeTables() {
	if len(a.tablesWithCDC()) == 0 {
		a.ops.board.Set(health.NoTableWithCDC, "", "")
	} else {
		a.ops.board.Clear(health.NoTableWithCDC, "")
	}
}

func (a *agent) tablesWithCDC() []string {
	names := []string{}
	for _, t := range a.schemas.Tables() {
		if t.CDC && a.changes.filter.Passes(t) {
			names = append(names, t.String())
		}
	}
	return names
}
