// The log of a node that is being written to, in each way in which Cassandra can write it:
// every row comes out of the tailer, once, while the node lives.

package live_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const rows = 3000

func TestTheLogOfALivingNode(t *testing.T) {
	const period = "commitlog_sync_period"
	store, err := filepath.Abs("../../testdata/corpus/keystore.jceks")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keystore.Open(store, "cassandra", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, yaml := range map[string]map[string]any{
		"LZ4":    {period: "100ms", "commitlog_compression": []any{map[string]any{"class_name": "LZ4Compressor"}}},
		"direct": {period: "100ms", "commitlog_disk_access_mode": "direct"},
		"encrypted": {period: "100ms", "transparent_data_encryption_options": map[string]any{
			"enabled": true, "chunk_length_kb": 64, "cipher": "AES/CBC/PKCS5Padding", "key_alias": "testing:1", "iv_length": 16,
			"key_provider": []any{map[string]any{"class_name": "org.apache.cassandra.security.JKSKeyProvider", "parameters": []any{
				map[string]any{"keystore": store, "keystore_password": "cassandra", "store_type": "JCEKS", "key_password": "cassandra"},
			}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			servers := envtest.ForTest(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			yaml["storage_compatibility_mode"] = "NONE" // log version 8
			yaml["commitlog_segment_size"] = "1MiB"     // so that segments end while they are followed
			node, err := servers.StartCassandra(ctx, env.CassandraOptions{YAML: yaml})
			if err != nil {
				t.Fatal(err)
			}
			session, err := cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{node.Address()}, OnlyContactPoints: true, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			follow(ctx, t, node, session, keys)
		})
	}
}

// follow writes rows and tails them at the same time.
func follow(ctx context.Context, t *testing.T, node *env.Cassandra, session *cassandra.Session, keys commitlog.Keys) {
	for _, cql := range []string{
		"CREATE KEYSPACE live WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
		"CREATE TABLE live.t (k int PRIMARY KEY, v text) WITH cdc = true",
	} {
		if err := session.Exec(ctx, cql); err != nil {
			t.Fatal(err)
		}
	}
	read, err := session.Schema(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := schema.NewSnapshot(read)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	checkpoints, err := checkpoint.OpenStore(t.TempDir(), nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	seen := &collector{decoder: mutation.NewDecoder(tables), times: make([]atomic.Int32, rows), stop: stop}
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for k := range rows {
			cql := fmt.Sprintf("INSERT INTO live.t (k, v) VALUES (%d, '%0*d')", k, 1+k%997, k)
			if err := session.Exec(ctx, cql); err != nil {
				failed <- err
				stop()
				return
			}
		}
	}()
	err = tail.New(tail.Config{
		CDCRawDir: node.CDCRawDir(), CommitLogDir: node.CommitLogDir(), Checkpoints: checkpoints, Log: log, Keys: keys,
	}).Run(ctx, seen)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	for k := range seen.times {
		if n := seen.times[k].Load(); n != 1 {
			t.Errorf("row %d came %d times", k, n)
		}
	}
}

// collector counts how often each row comes, and stops when all have come.
type collector struct {
	mutation.Nothing
	decoder *mutation.Decoder
	times   []atomic.Int32
	found   int
	stop    func()
}

func (c *collector) Table(t *schema.Table) bool { return t.Keyspace == "live" }

func (c *collector) Update(u *mutation.Update) {
	c.times[binary.BigEndian.Uint32(u.Key)].Add(1)
	if c.found++; c.found == len(c.times) {
		c.stop()
	}
}

func (c *collector) Entry(_ context.Context, e tail.Entry) error {
	e.Watermark.Add(e.Position.Offset, 0)
	return c.decoder.Decode(e.Version, e.Body, c)
}

func (c *collector) Damage(d *commitlog.DamageError, _ io.Reader) error { return d }
