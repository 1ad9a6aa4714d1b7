// Many tables: which there are, and one pipeline for each of them while it is there.

package connector

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// tableName is a name as it is, without quotes.
type tableName struct{ keyspace, table string }

func (n tableName) String() string { return n.keyspace + "." + n.table }

// tables are those that have a pipeline now.
type tables struct {
	run     func(ctx context.Context, name tableName)
	running map[tableName]context.CancelFunc
	work    sync.WaitGroup
}

// runTables follows the tables that the settings name: it looks again and again which of
// them are there, starts new ones and ends those that are gone. What goes wrong with one
// table does not stop another.
func (c *connector) runTables(ctx context.Context) error {
	t := &tables{run: c.keepRunning, running: map[tableName]context.CancelFunc{}}
	defer t.work.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	looks, known := 0, ""
	c.Operations.Waiting("looking for tables")
	for {
		version, all, err := c.tablesNow(ctx, known)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.Log.Warn("Cassandra does not tell which tables there are; those that are known go on", "error", err)
		case all != nil:
			known = version
			t.follow(ctx, all)
			if looks++; looks == 1 && len(t.running) == 0 {
				c.Log.Warn("no table with cdc = true fits the setting tables; waiting for one")
			}
			if len(t.running) > 0 {
				c.Operations.Waiting("")
			}
		}
		if err := sleep(ctx, time.Duration(c.cfg.TablesRefreshMS)*time.Millisecond); err != nil {
			return err
		}
	}
}

// tablesNow lists the tables that the settings name, unless the version of the schema is
// the one that is known: then there is no list.
func (c *connector) tablesNow(ctx context.Context, known string) (version string, all []*schema.Table, err error) {
	node, err := c.session.Local(ctx, "")
	if err != nil || node.SchemaVersion == known {
		return known, nil, err
	}
	rows, err := c.session.Schema(ctx, node.HostID, "")
	if err != nil {
		return "", nil, err
	}
	snapshot, err := schema.NewSnapshot(rows)
	if err != nil { // of a table that cannot be read; the others are there
		c.Log.Warn("a table's schema is not understood", "error", err)
	}
	all = []*schema.Table{}
	var names [][2]string
	for _, t := range snapshot.Tables() {
		names = append(names, [2]string{t.Keyspace, t.Name})
		if c.cfg.Chosen(t.Keyspace, t.Name) {
			all = append(all, t)
		}
	}
	if idle := c.cfg.Unmatched(names); len(idle) > 0 && known == "" {
		c.Log.Warn("patterns of tables and tables.exclude fit no table", "patterns", idle)
	}
	return node.SchemaVersion, all, nil
}

// follow starts what is new and has CDC, and ends what is gone. A table whose CDC was
// switched off goes on: it may have events left.
func (t *tables) follow(ctx context.Context, all []*schema.Table) {
	gone := maps.Clone(t.running)
	for _, table := range all {
		name := tableName{table.Keyspace, table.Name}
		delete(gone, name)
		if t.running[name] != nil || !table.CDC {
			continue
		}
		running, cancel := context.WithCancel(ctx)
		t.running[name] = cancel
		t.work.Go(func() { t.run(running, name) })
	}
	for name := range gone {
		t.running[name]()
		delete(t.running, name)
	}
}

// keepRunning runs the pipeline of a table, again and again where it fails, until ctx ends.
func (c *connector) keepRunning(ctx context.Context, name tableName) {
	const firstPause, longestPause = time.Second, 30 * time.Second
	for pause := firstPause; ; {
		began := time.Now()
		err := c.runTable(ctx, name, "")
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		var gone *readback.NoTableError
		if errors.As(err, &gone) {
			c.Log.Warn("a table was dropped; its events wait", "table", name)
		} else {
			c.Log.Error("a table is not published; trying again", "table", name, "error", err, "pause", pause)
		}
		if sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, longestPause)
	}
}
