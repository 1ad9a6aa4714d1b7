// Replaying the quarantine by hand: what could not be decoded then may be decoded with
// the schema, or the program, of today.

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/node"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// acknowledgeTime is how long a replay waits for the broker to take the events of one entry.
const acknowledgeTime = 30 * time.Second

// ListQuarantine prints what is in the agent's quarantine: a table for a person.
func ListQuarantine(cfg config.Config, out io.Writer) error {
	if cfg.CDCWorkingDir == "" { // then cassandra.yaml says where it is
		var err error
		if cfg, _, err = cfg.Settle(node.ThisMachine()); err != nil {
			return err
		}
	}
	items, err := cfg.Quarantine().List()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "POSITION\tKIND\tBYTES\tSINCE\tREASON")
	for _, i := range items {
		kind := "entry"
		if i.Damage {
			kind = "damage"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", i.Position, kind, i.Size, i.Time.UTC().Format(time.DateTime), i.Reason)
	}
	return table.Flush()
}

// ReplayQuarantine decodes the entries in quarantine again, with the schema as the node
// has it and as it was at their positions, publishes their events as the agent would, and
// moves what the broker has taken aside. It prints a line for each. The agent may run
// beside it. With dryRun it tells what it would do, and needs no broker. The error says how
// many entries stay.
func ReplayQuarantine(ctx context.Context, cfg config.Config, dryRun bool, out io.Writer, log *slog.Logger) error {
	cfg, n, err := cfg.Settle(node.ThisMachine())
	if err != nil {
		return err
	}
	items, err := cfg.Quarantine().List()
	if err != nil || len(items) == 0 {
		return err
	}
	r := &replay{dir: cfg.Quarantine(), out: out}
	session, host, err := hostID(ctx, cfg, n, log)
	if err != nil {
		return err
	}
	defer session.Close()
	if r.schemas, err = replaySchemas(ctx, session, host, cfg.HistoryFile(), log); err != nil {
		return err
	}
	ops := newOperations(cfg, space{}, log)
	filter, err := cfg.TableFilter()
	if err != nil {
		return err
	}
	r.agent = &agent{
		log: log, ops: ops, decoder: mutation.NewDecoder(r.schemas), publisher: newPublisher(nil, host, cfg, ops),
		changes: changes{filter: filter, withRanges: cfg.RangeDeletes},
	}
	r.agent.publisher.producer.Sequenced = false // what is replayed is older than what was published
	if !dryRun {
		client, err := pulsar.Connect(ctx, cfg.Pulsar(log))
		if err != nil {
			return err
		}
		defer client.Close()
		r.agent.publisher.client = client
		r.agent.publisher.suffix = "-replay"
		r.publish = r.publishNow
	}
	return r.all(ctx, items)
}

// hostID connects to the agent's node and asks for its host id.
func hostID(ctx context.Context, cfg config.Config, n node.Node, log *slog.Logger) (*cassandra.Session, string, error) {
	session, err := cassandra.Connect(ctx, cfg.Cassandra(n, log))
	if err != nil {
		return nil, "", err
	}
	local, err := session.Local(ctx, "")
	if err != nil {
		session.Close()
		return nil, "", err
	}
	return session, local.HostID, nil
}

// replaySchemas is what the agent has learnt from the log, and what the node has by now.
// The file is the agent's: it is read and not written.
func replaySchemas(ctx context.Context, session catalog, hostID, file string, log *slog.Logger) (*history.History, error) {
	rows, err := session.Schema(ctx, hostID, "")
	if err != nil {
		return nil, err
	}
	h, err := history.Open(file, log)
	switch {
	case err != nil:
		return nil, err
	case h == nil:
		h, err = history.New(rows)
	default:
		err = h.Merge(rows)
	}
	if err != nil {
		log.Warn("the schema holds tables that cannot be read", "error", err)
	}
	return h, nil
}

// replay is one run over the quarantine.
type replay struct {
	dir     quarantine.Dir
	out     io.Writer
	agent   *agent
	schemas *history.History
	publish func(ctx context.Context, i quarantine.Item, body []byte) error // nil: a dry run
}

// all replays what it can, and counts what stays.
func (r *replay) all(ctx context.Context, items []quarantine.Item) error {
	stay := 0
	for _, i := range items {
		text, err := r.one(ctx, i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			stay++
			text = "stays: " + err.Error()
		}
		fmt.Fprintf(r.out, "%s: %s\n", i.Position, text)
	}
	if stay > 0 {
		return fmt.Errorf("%d of %d cannot be replayed and stay in quarantine", stay, len(items))
	}
	return nil
}

func (r *replay) one(ctx context.Context, i quarantine.Item) (string, error) {
	if i.Damage {
		return "", errors.New("a damaged stretch of the log, in which no entry was found: its bytes are for a person to look at")
	}
	if !commitlog.Supported(i.Version) {
		return "", fmt.Errorf("log version %d: the file that says it is damaged or missing", i.Version)
	}
	body, err := r.dir.Read(i)
	if err != nil {
		return "", err
	}
	r.schemas.Seek(i.Position)
	changes := &r.agent.changes
	changes.reset()
	if err := errors.Join(r.agent.decoder.Decode(i.Version, body, changes), changes.err); err != nil {
		return "", fmt.Errorf("decode the mutation: %w", err)
	}
	if r.publish == nil {
		return fmt.Sprintf("would publish %d events", len(changes.list)), nil
	}
	if len(changes.list) > 0 {
		if err := r.publish(ctx, i, body); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("published %d events", len(changes.list)), r.dir.Replayed(i)
}

// publishNow returns when the broker has taken the events of changes.
func (r *replay) publishNow(ctx context.Context, i quarantine.Item, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, acknowledgeTime)
	defer cancel()
	p, w := r.agent.publisher, checkpoint.NewWatermark(0)
	if err := p.publish(ctx, r.agent.changes.list, r.agent.digest(body), i.Position, w); err != nil {
		return err
	}
	p.flush(ctx)
	select {
	case err := <-p.failed:
		return fmt.Errorf("publish an event: %w", err)
	default:
	}
	if !w.Settled() {
		return fmt.Errorf("the broker has not acknowledged the events within %s", acknowledgeTime)
	}
	return nil
}
