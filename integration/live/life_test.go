// The life of segments beside a real node: every row comes once, whatever happens to node
// and agent, and what is finished is deleted. 3.11 is the odd one: its cdc_raw gets a segment
// only when it is flushed, and the log is followed where it is written.

package live_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
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

func TestLifeOfSegments(t *testing.T) {
	for _, version := range []string{env.Cassandra311, env.Cassandra40, env.Cassandra50} {
		t.Run(version, func(t *testing.T) { lifeOfSegments(t, version) })
	}
}

func lifeOfSegments(t *testing.T, version string) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, version)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	// Segments of 1 MiB, and so few of them that Cassandra has to flush the oldest.
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{Version: version, YAML: map[string]any{"commitlog_total_space": "4MiB"}})
	if err != nil {
		t.Fatal(err)
	}
	n := besides(ctx, t, node)
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
	if version == env.Cassandra311 && len(segments(t, node.CDCRawDir())) > 0 {
		t.Error("cdc_raw holds segments already")
	}

	// The segments fill, are flushed (3.11 moves them to cdc_raw then), and are deleted.
	n.write(ctx, 6000)
	n.deletes(ctx)

	// The agent is restarted, in good order and by a kill.
	n.stop()
	n.start(ctx)
	n.write(ctx, 500)
	n.kill()
	n.start(ctx)
	n.write(ctx, 500)

	// The node is restarted: 3.11 moves all that is left to cdc_raw, later ones leave a
	// segment that was made ahead of need.
	if err := node.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	n.restart(ctx)
	n.write(ctx, 500)
	n.deletes(ctx)

	// The node is killed while it writes.
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		time.Sleep(2 * time.Second)
		node.Kill()
	}()
	for n.insert(ctx) == nil {
	}
	<-killed
	n.restart(ctx)
	n.write(ctx, 500)
	n.deletes(ctx)
	n.stop()

	// An agent that was away finds the rows in finished segments.
	for range 6000 {
		if err := n.insert(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.finished()) == 0 {
		t.Error("no segment is finished: the test shows nothing")
	}
	n.start(ctx)
	n.write(ctx, 1)
	n.deletes(ctx)
	n.stop()
	if len(n.twice) > 0 {
		t.Errorf("%d rows came twice, where nothing was killed", len(n.twice))
	}
}

// Where Cassandra may take segments away from an agent that lags, the loss is told: after a
// time in which no agent ran, and of one that was busy.
func TestCassandraTakesSegmentsAway(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra41)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	node, err := servers.StartCassandra(ctx, env.CassandraOptions{Version: env.Cassandra41, YAML: map[string]any{
		"cdc_block_writes": false, "cdc_total_space": "4MiB", "commitlog_total_space": "4MiB",
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := besides(ctx, t, node)
	n.mayRemove = true
	write := func() {
		t.Helper()
		for range 12000 {
			if err := n.insert(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	told := func(what string) {
		t.Helper()
		n.eventually(ctx, what, func() bool { return strings.Contains(n.log.String(), what) })
	}
	n.start(ctx)
	n.write(ctx, 100)

	n.gate.Lock() // the broker is away
	write()
	n.gate.Unlock()
	told("before the agent has seen them: where they held changes, those are lost")
	n.stop()
	if strings.Contains(n.log.String(), "is gone from cdc_raw") {
		t.Error("told of a loss at a start before which nothing was lost")
	}

	write() // no agent runs
	n.start(ctx)
	told("is gone from cdc_raw")
	n.stop()
}

// besides makes the tables, and gets ready to follow the node's log.
func besides(ctx context.Context, t *testing.T, node *env.Cassandra) *livingNode {
	n := &livingNode{t: t, Cassandra: node, offsets: t.TempDir(), log: tailLog{out: t.Output()}, seen: map[uint32]bool{}, twice: map[uint32]bool{}}
	n.connect(ctx)
	t.Cleanup(func() {
		if n.session != nil {
			n.session.Close()
		}
	})
	n.exec(ctx, "CREATE KEYSPACE live WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
	n.exec(ctx, "CREATE TABLE live.t (k int PRIMARY KEY, v text) WITH cdc = true")
	n.readSchema(ctx)
	return n
}

// livingNode is the node, what was written to it, and the tailer beside it.
type livingNode struct {
	t *testing.T
	*env.Cassandra
	session *cassandra.Session
	tables  *schema.Snapshot
	offsets string
	log     tailLog
	deleted int32
	next    uint32
	written []uint32

	mayRemove bool
	gate      sync.Mutex // held by a test while the handler must wait

	tailer *tail.Tailer
	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	seen  map[uint32]bool
	twice map[uint32]bool // came again in the same run, or in one after a stop in good order
	again bool            // after a kill, rows may come again
}

func (n *livingNode) connect(ctx context.Context) {
	n.t.Helper()
	var err error
	n.session, err = cassandra.Connect(ctx, cassandra.Config{ContactPoints: []string{n.Address()}, OnlyContactPoints: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		n.t.Fatal(err)
	}
}

// restart starts the node again.
func (n *livingNode) restart(ctx context.Context) {
	n.t.Helper()
	n.session.Close()
	if err := n.Start(ctx); err != nil {
		n.t.Fatal(err)
	}
	n.connect(ctx)
}

func (n *livingNode) exec(ctx context.Context, cql string) {
	n.t.Helper()
	if err := n.session.Exec(ctx, cql); err != nil {
		n.t.Fatal(err)
	}
}

func (n *livingNode) readSchema(ctx context.Context) {
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
func (n *livingNode) start(ctx context.Context) {
	n.t.Helper()
	log := slog.New(slog.NewTextHandler(&n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	checkpoints, err := checkpoint.OpenStore(n.offsets, nil, log)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, n.cancel = context.WithCancel(ctx)
	n.tailer = tail.New(tail.Config{
		CDCRawDir: n.CDCRawDir(), CommitLogDir: n.CommitLogDir(), Checkpoints: checkpoints, Log: log, MayRemove: n.mayRemove,
		Changed: tail.Watch(ctx, log, n.CDCRawDir(), n.CommitLogDir()),
	})
	n.ended = make(chan error, 1)
	handler := &rowCounter{livingNode: n, decoder: mutation.NewDecoder(n.tables)}
	go func() { n.ended <- n.tailer.Run(ctx, handler) }()
}

// kill ends the tailer without a last checkpoint.
func (n *livingNode) kill() {
	n.t.Helper()
	n.cancel()
	if err := <-n.ended; err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again = true
}

func (n *livingNode) stop() {
	n.t.Helper()
	again := n.again
	n.kill()
	if err := n.tailer.Save(); err != nil {
		n.t.Fatal(err)
	}
	n.again = again
}

// insert writes the next row; it has to come only when the node has answered.
func (n *livingNode) insert(ctx context.Context) error {
	n.next++
	err := n.session.Exec(ctx, fmt.Sprintf("INSERT INTO live.t (k, v) VALUES (%d, '%0*d')", n.next, 1000, n.next))
	if err == nil {
		n.written = append(n.written, n.next)
	}
	return err
}

// write writes rows and waits until all that were ever written have come; it returns how
// long the last of them took.
func (n *livingNode) write(ctx context.Context, rows int) time.Duration {
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

// deletes waits until segments have been deleted since the last time, and none is left that
// Cassandra is done with.
func (n *livingNode) deletes(ctx context.Context) {
	n.t.Helper()
	before := n.deleted
	n.eventually(ctx, "no finished segment", func() bool { return n.log.deleted.Load() > before && len(n.finished()) == 0 })
	n.deleted = n.log.deleted.Load()
	n.t.Logf("%d segments deleted so far", n.deleted)
}

// finished lists the segments in cdc_raw that Cassandra itself does not have any more.
func (n *livingNode) finished() []string {
	n.t.Helper()
	raw := segments(n.t, n.CDCRawDir()) // first: Cassandra makes its own name before this one
	live := segments(n.t, n.CommitLogDir())
	return slices.DeleteFunc(raw, func(name string) bool { return slices.Contains(live, name) })
}

func segments(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if _, ok := commitlog.ParseFileName(f.Name()); ok {
			names = append(names, f.Name())
		}
	}
	return names
}

// tailLog shows the tailer's log, and counts the segments it deletes.
type tailLog struct {
	out     io.Writer
	deleted atomic.Int32
	mu      sync.Mutex
	text    strings.Builder
}

func (l *tailLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *tailLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if strings.Contains(string(b), "segment published and deleted") {
		l.deleted.Add(1)
	}
	return l.out.Write(b)
}

// eventually waits for what must come true in a minute.
func (n *livingNode) eventually(ctx context.Context, what string, ok func() bool) {
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

// rowCounter counts the rows of one run of the tailer.
type rowCounter struct {
	mutation.Nothing
	*livingNode
	decoder *mutation.Decoder
}

func (h *rowCounter) Table(t *schema.Table) bool { return t.Keyspace == "live" && t.Name == "t" }

func (h *rowCounter) Update(u *mutation.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := binary.BigEndian.Uint32(u.Key)
	if h.seen[k] && !h.again {
		h.twice[k] = true
	}
	h.seen[k] = true
}

func (h *rowCounter) Entry(_ context.Context, e tail.Entry) error {
	h.gate.Lock()
	defer h.gate.Unlock()
	e.Watermark.Add(e.Position.Offset, 0)
	return h.decoder.Decode(e.Version, e.Body, h)
}

func (h *rowCounter) Damage(d *commitlog.DamageError, _ io.Reader) error { return d }
