// Cassandra 3.11, whose cdc_raw gets a segment only when it is flushed: the log is followed
// where it is written, and every row comes once, whatever happens to node and agent.

package live_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

func TestCassandra311(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra311)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	// Segments of 1 MiB, and so few of them that Cassandra has to flush the oldest.
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{Version: env.Cassandra311, YAML: map[string]any{"commitlog_total_space": "4MiB"}})
	if err != nil {
		t.Fatal(err)
	}
	n := &node311{t: t, Cassandra: node, offsets: t.TempDir(), log: tailLog{out: t.Output()}, seen: map[uint32]bool{}, twice: map[uint32]bool{}}
	n.connect(ctx)
	defer func() { n.session.Close() }()
	n.exec(ctx, "CREATE KEYSPACE live WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	n.exec(ctx, "CREATE TABLE live.t (k int PRIMARY KEY, v text) WITH cdc = true")
	n.exec(ctx, "CREATE TABLE live.other (k int PRIMARY KEY, v text)")
	n.readSchema(ctx)
	n.start(ctx)

	// Each write is seen when it is made, though cdc_raw is empty.
	var slowest time.Duration
	for range 100 {
		slowest = max(slowest, n.write(ctx, 1))
	}
	t.Logf("the slowest of 100 single writes was seen %v after its answer", slowest)
	if slowest > time.Second {
		t.Errorf("a write was seen %v after its answer", slowest)
	}
	if files := n.inCDCRaw(); files > 0 {
		t.Errorf("cdc_raw holds %d files already", files)
	}

	// The segments fill, are flushed and moved to cdc_raw, and are deleted there.
	n.write(ctx, 12000)
	n.deletes(ctx)

	// The agent is restarted, in good order and by a kill.
	n.stop()
	n.start(ctx)
	n.write(ctx, 500)
	n.kill()
	n.start(ctx)
	n.write(ctx, 500)

	// The node is restarted: replay moves all that is left to cdc_raw.
	if err := node.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	n.restart(ctx)
	n.write(ctx, 500)
	n.deletes(ctx)

	// The node is killed while it writes.
	go func() {
		time.Sleep(2 * time.Second)
		node.Kill()
	}()
	for n.insert(ctx) == nil {
	}
	n.restart(ctx)
	n.write(ctx, 500)
	n.deletes(ctx)
	n.stop()

	// An agent that was away finds the rows in segments that have moved meanwhile.
	for range 12000 {
		if err := n.insert(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n.inCDCRaw() == 0 {
		t.Error("no segment has moved: the test shows nothing")
	}
	n.start(ctx)
	n.write(ctx, 1)
	n.deletes(ctx)
	n.stop()
	if len(n.twice) > 0 {
		t.Errorf("%d rows came twice, where nothing was killed", len(n.twice))
	}
}

// node311 is the node, what was written to it, and the tailer beside it.
type node311 struct {
	t *testing.T
	*env.Cassandra
	session *cassandra.Session
	tables  *schema.Snapshot
	offsets string
	log     tailLog
	deleted int32
	next    uint32
	written []uint32

	tailer *tail.Tailer
	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	seen  map[uint32]bool
	twice map[uint32]bool // came again in the same run, or in one after a stop in good order
	again bool            // after a kill, rows may come again
}

func (n *node311) connect(ctx context.Context) {
	n.t.Helper()
	var err error
	n.session, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{n.Address()}, OnlyContactPoints: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		n.t.Fatal(err)
	}
}

// restart starts the node again.
func (n *node311) restart(ctx context.Context) {
	n.t.Helper()
	n.session.Close()
	if err := n.Start(ctx); err != nil {
		n.t.Fatal(err)
	}
	n.connect(ctx)
}

func (n *node311) exec(ctx context.Context, cql string) {
	n.t.Helper()
	if err := n.session.Exec(ctx, cql); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node311) readSchema(ctx context.Context) {
	n.t.Helper()
	rows, err := n.session.Schema(ctx, "", "")
	if err == nil {
		n.tables, err = schema.NewSnapshot(rows)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// start starts a tailer as the agent does.
func (n *node311) start(ctx context.Context) {
	n.t.Helper()
	log := slog.New(slog.NewTextHandler(&n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	checkpoints, err := checkpoint.OpenStore(n.offsets, nil, log)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, n.cancel = context.WithCancel(ctx)
	n.tailer = tail.New(tail.Config{
		CDCRawDir: n.CDCRawDir(), CommitLogDir: n.CommitLogDir(), Checkpoints: checkpoints, Log: log,
		Changed: tail.Watch(ctx, log, n.CDCRawDir(), n.CommitLogDir()),
	})
	n.ended = make(chan error, 1)
	handler := &handler311{node311: n, decoder: mutation.NewDecoder(n.tables)}
	go func() { n.ended <- n.tailer.Run(ctx, handler) }()
}

// kill ends the tailer without a last checkpoint.
func (n *node311) kill() {
	n.t.Helper()
	n.cancel()
	if err := <-n.ended; err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again = true
}

func (n *node311) stop() {
	n.t.Helper()
	again := n.again
	n.kill()
	if err := n.tailer.Save(); err != nil {
		n.t.Fatal(err)
	}
	n.again = again
}

// insert writes the next row; it has to come only when the node has answered.
func (n *node311) insert(ctx context.Context) error {
	n.next++
	err := n.session.Exec(ctx, fmt.Sprintf("INSERT INTO live.t (k, v) VALUES (%d, '%0*d')", n.next, 1000, n.next))
	if err == nil {
		n.written = append(n.written, n.next)
	}
	return err
}

// write writes rows and waits until all that were ever written have come; it returns how
// long the last of them took.
func (n *node311) write(ctx context.Context, rows int) time.Duration {
	n.t.Helper()
	for range rows {
		if err := n.insert(ctx); err != nil {
			n.t.Fatal(err)
		}
	}
	began, checked := time.Now(), 0
	n.eventually(ctx, "every row", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		for ; checked < len(n.written) && n.seen[n.written[checked]]; checked++ {
		}
		return checked == len(n.written)
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again = false
	return time.Since(began)
}

// deletes waits until segments have been deleted since the last time, and cdc_raw is
// empty.
func (n *node311) deletes(ctx context.Context) {
	n.t.Helper()
	before := n.deleted
	n.eventually(ctx, "an empty cdc_raw", func() bool { return n.log.deleted.Load() > before && n.inCDCRaw() == 0 })
	n.deleted = n.log.deleted.Load()
	n.t.Logf("%d segments deleted so far", n.deleted)
}

func (n *node311) inCDCRaw() int {
	n.t.Helper()
	list, err := os.ReadDir(n.CDCRawDir())
	if err != nil {
		n.t.Fatal(err)
	}
	return len(list)
}

// tailLog shows the tailer's log, and counts the segments it deletes.
type tailLog struct {
	out     io.Writer
	deleted atomic.Int32
}

func (l *tailLog) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "segment published and deleted") {
		l.deleted.Add(1)
	}
	return l.out.Write(b)
}

// eventually waits for what must come true in a minute.
func (n *node311) eventually(ctx context.Context, what string, ok func() bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !ok() {
		select {
		case err := <-n.ended:
			n.t.Fatalf("the tailer has ended: %v", err)
		case <-ctx.Done():
			n.t.Fatalf("%s: not within a minute; %d rows of %d have come", what, len(n.seen), len(n.written))
		case <-time.After(time.Millisecond):
		}
	}
}

// handler311 counts the rows of one run of the tailer.
type handler311 struct {
	mutation.Nothing
	*node311
	decoder *mutation.Decoder
}

func (h *handler311) Table(t *schema.Table) bool { return t.Keyspace == "live" && t.Name == "t" }

func (h *handler311) Update(u *mutation.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := binary.BigEndian.Uint32(u.Key)
	if h.seen[k] && !h.again {
		h.twice[k] = true
	}
	h.seen[k] = true
}

func (h *handler311) Entry(_ context.Context, e tail.Entry) error {
	e.Watermark.Add(e.Position.Offset, 0)
	if e.Version != commitlog.Version30 {
		return errors.New("this is no log of 3.11")
	}
	return h.decoder.Decode(e.Version, e.Body, h)
}

func (h *handler311) Damage(d *commitlog.DamageError, _ io.Reader) error { return d }
