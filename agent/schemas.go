// The schema the agent decodes with: read from the node, and read again when the log
// shows that it changed.

package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// catalog is what schemas asks the node; a *cassandra.Session is one.
type catalog interface {
	Local(ctx context.Context, hostID string) (cassandra.Node, error)
	Schema(ctx context.Context, hostID, keyspace string) (schema.Rows, error)
}

// schemas holds the node's tables as they are now. The tables at the position of an
// entry that is read much later are another matter: a history replaces this.
type schemas struct {
	session catalog
	hostID  string
	log     *slog.Logger

	current *schema.Snapshot
	version string    // system.local.schema_version of current
	readAt  time.Time // when current was read

	missing map[schema.ID]time.Time // tables that the node did not have, and when it was asked

	// A schema change was met in the log that current may not have.
	changed time.Time // when it was met; zero when there is none
	before  string    // version when it was met
	want    string    // version that the log says it led to; "" while that is not known
}

func newSchemas(session catalog, hostID string, log *slog.Logger) *schemas {
	return &schemas{session: session, hostID: hostID, log: log, missing: map[schema.ID]time.Time{}}
}

const (
	// A schema change is in the log a moment before the node's tables show it: how long
	// to wait for that.
	schemaDelay = time.Second
	// Clocks of coordinators, which date schema changes, may differ this much.
	clockSkew = 10 * time.Second
)

// Table makes schemas what the decoder needs.
func (s *schemas) Table(id schema.ID) *schema.Table { return s.current.Table(id) }

// refresh reads the schema, waiting for the node as long as it takes.
func (s *schemas) refresh(ctx context.Context) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := s.read(ctx)
		if err == nil {
			return nil
		}
		s.log.Warn("the node does not tell its schema; trying again", "error", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// refreshFor reads the schema because it lacks a table. It does so at most once a
// second for a table that the node does not have either: one that was dropped.
func (s *schemas) refreshFor(ctx context.Context, table schema.ID) error {
	if time.Since(s.missing[table]) < time.Second {
		return nil
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	if s.Table(table) == nil {
		s.missing[table] = time.Now()
	}
	return nil
}

func (s *schemas) read(ctx context.Context) error {
	// The version first: a change between the two reads is then seen as one that
	// current does not have yet.
	node, err := s.session.Local(ctx, s.hostID)
	if err != nil {
		return err
	}
	started := time.Now()
	rows, err := s.session.Schema(ctx, s.hostID, "")
	if err != nil {
		return err
	}
	snapshot, err := schema.NewSnapshot(rows)
	if err != nil {
		// The tables that can be read are in the snapshot all the same.
		s.log.Warn("the schema holds tables that cannot be read", "error", err)
	}
	s.current, s.version, s.readAt = snapshot, node.SchemaVersion, started
	return nil
}

// noteChange is told that the log has a schema change, with its write time in µs since
// 1970. A change that is older than current needs no second look.
func (s *schemas) noteChange(writeTime int64) {
	if s.recent(writeTime) {
		s.changed, s.before, s.want = time.Now(), s.version, ""
	}
}

// noteVersion is told the schema version that the node wrote to its log behind a
// schema change.
func (s *schemas) noteVersion(version string, writeTime int64) {
	switch {
	case version == s.version:
		s.changed = time.Time{}
	case s.recent(writeTime):
		s.changed, s.before, s.want = time.Now(), s.version, version
	}
}

func (s *schemas) recent(writeTime int64) bool {
	return s.readAt.Before(time.UnixMicro(writeTime).Add(clockSkew))
}

func (s *schemas) unsettled() bool { return !s.changed.IsZero() }

// settle waits until current has the schema change that was met in the log. A version
// that never comes was overtaken by the next one.
func (s *schemas) settle(ctx context.Context) error {
	for looked := false; ; looked = true {
		// The whole schema is read only when there is a reason to.
		if node, err := s.session.Local(ctx, s.hostID); !looked || err != nil || node.SchemaVersion != s.version {
			if err := s.refresh(ctx); err != nil {
				return err
			}
		}
		arrived := s.version == s.want || s.want == "" && s.version != s.before
		if arrived || time.Since(s.changed) > schemaDelay {
			s.changed = time.Time{}
			return nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
