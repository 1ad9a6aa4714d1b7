// The schema the agent decodes with: what the log has led to, begun with what the node
// says and kept on disk.

package agent

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// catalog is what schemas asks the node; a *cassandra.Session is one.
type catalog interface {
	Schema(ctx context.Context, hostID, keyspace string) (schema.Rows, error)
}

// schemas holds the schema at the place of the log that is read.
type schemas struct {
	*history.History

	session catalog
	hostID  string
	file    string   // what a restart goes on from
	logDirs []string // where segments lie that may be read again
	log     *slog.Logger
	ops     *operations

	fault   seldom.Line
	missing map[unknown]time.Time // what the node does not have either, and when it was asked
}

// unknown is a table that the history lacks, or a column of it.
type unknown struct {
	table  schema.ID
	column string
}

// openSchemas goes on from the file, or else begins with the schema that the node has.
func openSchemas(ctx context.Context, session catalog, hostID, file string, logDirs []string, ops *operations) (*schemas, error) {
	log := ops.log
	s := &schemas{session: session, hostID: hostID, file: file, logDirs: logDirs, log: log, ops: ops, missing: map[unknown]time.Time{}}
	h, err := history.Open(file, log)
	if err != nil {
		return nil, err
	}
	rows, err := session.Schema(ctx, hostID, "")
	if err != nil {
		return nil, err
	}
	if h != nil {
		s.History = h
		// Changes may have passed in segments that are gone.
		err = h.Merge(rows)
	} else {
		s.History, err = history.New(rows)
	}
	s.warn(err)
	return s, s.save()
}

// warn tells of tables that cannot be built. All others are there all the same.
func (s *schemas) warn(err error) {
	if err != nil {
		s.log.Warn("the schema holds tables that cannot be read", "error", err)
	}
}

// follow makes the schema changes of the entry at that position. They are on disk before
// the checkpoint moves past them.
func (s *schemas) follow(ctx context.Context, c *history.Changes, at commitlog.Position) error {
	if err := s.Apply(c); err != nil {
		s.log.Warn("a schema change cannot be read; entries of its table may go into quarantine", "pos", at, "error", err)
	}
	return s.saved(ctx)
}

// saved waits until the history is on disk: a disk may be full for a while, and entries
// must not be decoded, after a restart, with a schema that was forgotten.
func (s *schemas) saved(ctx context.Context) error {
	for {
		err := s.save()
		if err == nil {
			return nil
		}
		if leftOut, due := s.fault.Due(); due {
			s.log.Error("the schema history cannot be saved: reading waits; trying again", "error", err, "lines_left_out", leftOut)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (s *schemas) save() error {
	if oldest, ok := oldestSegment(s.logDirs); ok {
		s.Forget(oldest)
	}
	return s.Save(s.file)
}

// oldestSegment is the first segment in the directories; ok is false when they cannot
// be read or hold none.
func oldestSegment(dirs []string) (oldest int64, ok bool) {
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		if err != nil {
			return 0, false
		}
		for _, f := range files {
			if id, is := commitlog.ParseFileName(f.Name()); is && (!ok || id < oldest) {
				oldest, ok = id, true
			}
		}
	}
	return oldest, ok
}

// ask adds what the node has by now, because the history lacks a table or column. It
// waits for the node as long as it takes, and asks at most once a second for what the
// node does not have either: the entries of a table that was dropped come by the
// thousand.
func (s *schemas) ask(ctx context.Context, what unknown) error {
	if time.Since(s.missing[what]) < time.Second {
		return nil
	}
	err := s.ops.try(ctx, nodeTroubles, "", nodeTrouble, func() error {
		rows, err := s.session.Schema(ctx, s.hostID, "")
		if err == nil {
			s.warn(s.Merge(rows))
		}
		return err
	})
	if err != nil {
		return err
	}
	if t := s.Table(what.table); t == nil || what.column != "" && t.Stored([]byte(what.column)) == nil {
		s.missing[what] = time.Now()
	}
	return s.saved(ctx)
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
