// The backlog: commit log segments full of mutations of one table, written by a real node
// once and kept for later runs.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/integration/bench/measure"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

// A table with this id is the same table on every node, so that each can take the backlog.
const (
	createKeyspace = "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
	createBacklog  = "CREATE TABLE IF NOT EXISTS bench.backlog (id bigint PRIMARY KEY, customer text, note text, amount bigint, at timestamp, paid boolean) " +
		"WITH cdc = true AND id = 6f2b6c9e-5d0b-11f0-9c2a-0242ac120002"
	insertBacklog = "INSERT INTO bench.backlog (id, customer, note, amount, at, paid) VALUES (?, ?, ?, ?, ?, ?)"
)

// nodeSettings are those of every node here: segments and sync period as Cassandra has them
// by default, and room for the backlog.
var nodeSettings = map[string]any{
	"commitlog_segment_size": "32MiB", "commitlog_sync_period": "10000ms", "commitlog_total_space": "2048MiB",
	"cdc_total_space": "4096MiB", "batch_size_warn_threshold_in_kb": 1024, "batch_size_fail_threshold_in_kb": 1024,
	"unlogged_batch_across_partitions_warn_threshold": 1000,
}

// backlog is a folder of segments.
type backlog struct{ dir string }

// makeBacklog writes the backlog unless the cache has it.
func makeBacklog(ctx context.Context, cache, line string, events int) (b backlog, err error) {
	b.dir = filepath.Join(cache, fmt.Sprintf("agent-%s-%d", line, events))
	if _, err := os.Stat(b.dir); err == nil {
		return b, nil
	}
	servers, err := env.New(env.Options{Progress: func(line string) { say("%s", line) }})
	if err != nil {
		return b, err
	}
	defer func() {
		if closed := servers.Close(); err == nil {
			err = closed
		}
	}()
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{Version: line, YAML: nodeSettings, JVMArgs: []string{"-Xms1g", "-Xmx1g", "-XX:TieredStopAtLevel=4"}})
	if err != nil {
		return b, err
	}
	session, err := prepare(ctx, node.Address())
	if err != nil {
		return b, err
	}
	defer session.Close()
	say("writing %d rows", events)
	if err := fill(ctx, session, events); err != nil {
		return b, err
	}
	if err := node.Stop(ctx); err != nil {
		return b, err
	}
	part := backlog{b.dir + ".part"}
	if err := os.RemoveAll(part.dir); err != nil {
		return b, err
	}
	if err := os.MkdirAll(part.dir, 0o755); err != nil {
		return b, err
	}
	if err := (backlog{node.CDCRawDir()}).copyTo(part.dir); err != nil {
		return b, err
	}
	return b, os.Rename(part.dir, b.dir)
}

const (
	fillers   = 8
	batchRows = 64
)

// prepare makes the backlog's table on a node.
func prepare(ctx context.Context, address string) (*cassandra.Session, error) {
	session, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{address}, OnlyContactPoints: true, Timeout: time.Minute})
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{createKeyspace, createBacklog} {
		if err := session.Exec(ctx, statement); err != nil {
			session.Close()
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	return session, nil
}

// fill writes one mutation for each of so many keys.
func fill(ctx context.Context, session *cassandra.Session, events int) error {
	g, ctx := errgroup.WithContext(ctx)
	for f := range fillers {
		g.Go(func() error {
			pick := rand.New(rand.NewPCG(uint64(f), 1))
			for first := f * batchRows; first < events; first += fillers * batchRows {
				// Each row is a partition of its own, and so an entry of the log.
				rows := make([][][]byte, min(batchRows, events-first))
				for i := range rows {
					rows[i] = newRow(pick, int64(first+i))
				}
				if err := session.ExecBatch(ctx, insertBacklog, rows); err != nil {
					return fmt.Errorf("write the backlog: %w", err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// newRow are the raw values of a row of about 100 bytes.
func newRow(pick *rand.Rand, id int64) [][]byte {
	long := func(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	return [][]byte{
		long(id),
		[]byte(fmt.Sprintf("customer %d", pick.IntN(100_000))),
		[]byte(strings.Repeat(string(rune('a'+pick.IntN(26))), 58)),
		long(pick.Int64N(1_000_000)),
		long(1_700_000_000_000 + pick.Int64N(1e10)),
		{byte(pick.IntN(2))},
	}
}

// copyTo copies the segments that hold changes of tables with CDC: those with an index file.
// The index file comes last, since it tells an agent that the segment is there.
func (b backlog) copyTo(dir string) error {
	indexes, err := filepath.Glob(filepath.Join(b.dir, "*_cdc.idx"))
	if err != nil || len(indexes) == 0 {
		return fmt.Errorf("no segments in %s: %w", b.dir, err)
	}
	for _, index := range indexes {
		segment := strings.TrimSuffix(index, "_cdc.idx") + ".log"
		if commitlog.IndexName(segment) != index {
			return fmt.Errorf("%s is no index of a segment", index)
		}
		for _, from := range []string{segment, index} {
			if err := env.CopyFile(from, filepath.Join(dir, filepath.Base(from))); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitDeletion waits until none of the segments is in the directory any more.
func (b backlog) awaitDeletion(ctx context.Context, dir string) error {
	segments, err := filepath.Glob(filepath.Join(b.dir, "*.log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, measure.Patience)
	defer cancel()
	for _, segment := range segments {
		for {
			_, err := os.Stat(filepath.Join(dir, filepath.Base(segment)))
			if errors.Is(err, os.ErrNotExist) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s is published and not deleted: %w", filepath.Base(segment), errors.Join(err, ctx.Err()))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}
