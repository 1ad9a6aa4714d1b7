// The agent watches itself: what it says while node and broker are away, when the disk
// fills, when nothing moves.

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/agent/status"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The node is away at the start: the agent says so everywhere, goes on trying, and can be
// stopped at any time.
func TestTheAgentWaitsForTheNode(t *testing.T) {
	closed, address, dir := freeAddress(t), freeAddress(t), t.TempDir()
	yaml := settingstest.File(t, "cassandra.yaml", "cdc_enabled: true\ncdc_raw_directory: "+dir+"\ncommitlog_directory: "+dir+"\ncdc_total_space: 64MiB\n")
	ctx, cancel := context.WithCancel(t.Context())
	log, ended := &lockedBuffer{}, make(chan error, 1)
	cfg := config.Config{
		CassandraYAML: yaml, CDCWorkingDir: t.TempDir(), HTTPAddress: address, ContactPoint: closed, KeepIOPriority: true,
		CassandraUsername: "cdc", CassandraPassword: settingstest.Secret, PulsarAuthPluginClassName: "token", PulsarAuthParams: settingstest.Secret,
	}
	go func() { ended <- Run(ctx, cfg, slog.New(slog.NewTextHandler(log, nil)), nil) }()
	deadline := time.Now().Add(30 * time.Second)
	var report *status.Report
	for {
		var err error
		if report, err = status.Ask(ctx, address); err == nil && len(report.Conditions) > 0 && report.Log.CDCRawLimitBytes > 0 {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("the agent has ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v; log:\n%s", report, err, log)
		}
	}
	if c := report.Conditions[0]; c.Code != "node-unreachable" || !strings.Contains(c.Detail, closed) || report.Ready || report.State != "waiting for Cassandra" {
		t.Errorf("%+v", report)
	}
	if report.Log.CDCRawLimitBytes != 64<<20 {
		t.Errorf("limit %d", report.Log.CDCRawLimitBytes)
	}
	for path, code := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200} {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != code || path != "/healthz" && !bytes.Contains(body, []byte("node-unreachable")) {
			t.Errorf("%s: %d, want %d: %s", path, resp.StatusCode, code, body)
		}
		if bytes.Contains(body, []byte(settingstest.Secret)) {
			t.Errorf("%s tells a secret", path)
		}
	}
	began := time.Now()
	cancel()
	if err := <-ended; err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("the stop took %v: %v", time.Since(began), err)
	}
	if n := strings.Count(log.String(), "condition=node-unreachable"); n != 1 {
		t.Errorf("%d lines about the condition, want one:\n%s", n, log)
	}
	if strings.Contains(log.String(), settingstest.Secret) {
		t.Errorf("the log tells a secret: %s", log)
	}
}

// Something else listens at the address: that is told, and over once it is free.
func TestAnAddressThatIsTakenStopsNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	o, log := testOperations(t, space{})
	o.cfg.HTTPAddress = address
	o.listen()
	if s := o.board.Active(); len(s) != 1 || s[0].Code != "status-not-served" || !strings.Contains(s[0].Detail, address) || s[0].Blocks {
		t.Errorf("%+v; log: %s", s, log)
	}
	taken.Close()
	o.listen()
	defer o.server.Close()
	if r, err := status.Ask(t.Context(), address); err != nil || len(r.Conditions) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	o.listen() // it is served already
	if got := o.active(); got != nil {
		t.Errorf("%q", got)
	}
}

func testOperations(t *testing.T, at space) (*operations, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	return newOperations(config.Config{HTTPAddress: "off"}, at, logTo(log)), log
}

func (o *operations) active() (codes []string) {
	for _, s := range o.board.Active() {
		codes = append(codes, s.Code)
	}
	return codes
}

// Invariant 9: it is told early, once for each mark, and what is told does not flicker.
func TestAFillingCDCRawIsTold(t *testing.T) {
	o, log := testOperations(t, space{})
	for _, step := range []struct {
		percent int64
		want    string
	}{
		{49, ""}, {50, "cdc-raw-filling"}, {79, "cdc-raw-filling"}, {80, "cdc-raw-nearly-full"}, {95, "cdc-raw-full"}, {120, "cdc-raw-full"},
		{91, "cdc-raw-full"}, {90, "cdc-raw-full"}, {89, "cdc-raw-nearly-full"}, {76, "cdc-raw-nearly-full"}, {74, "cdc-raw-filling"},
		{46, "cdc-raw-filling"}, {44, ""}, {49, ""}, {96, "cdc-raw-full"}, {10, ""},
	} {
		o.watch.judgeSpace(step.percent<<20, 100<<20)
		if got := strings.Join(o.active(), " "); got != step.want {
			t.Errorf("at %d %%: %q, want %q", step.percent, got, step.want)
		}
	}
	if n := strings.Count(log.String(), `msg="a condition holds"`); n != 6 {
		t.Errorf("%d lines, want one for each of 6 changes:\n%s", n, log)
	}
	o.watch.judgeSpace(1<<40, 0)
	if got := o.active(); got != nil {
		t.Errorf("without a limit: %q", got)
	}
}

// The files of cdc_raw as they are, against the limit.
func TestLookMeasuresCDCRaw(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	o, _ := testOperations(t, space{cdcRaw: dir, quarantine: quarantine.Dir{Path: kept}, limit: 1000})
	for name, size := range map[string]int{"CommitLog-7-1.log": 700, "CommitLog-7-1_cdc.idx": 20, "something else": 100} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.watch.look()
	if l := o.metrics.Log(); l.RawBytes != 820 || l.RawLimit != 1000 || !slices.Equal(o.active(), []string{"cdc-raw-nearly-full"}) {
		t.Errorf("%+v, %v", l, o.active())
	}
	for _, name := range []string{"1-2.entry", "1-2.reason", "1-3-damage.entry", "1-3-damage.reason"} {
		if err := os.WriteFile(filepath.Join(kept, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.watch.look()
	if l := o.metrics.Log(); l.Quarantine != 2 || !slices.Contains(o.active(), "quarantined") {
		t.Errorf("%+v, %v", l, o.active())
	}
	if err := os.RemoveAll(kept); err != nil {
		t.Fatal(err)
	}
	o.watch.look()
	if slices.Contains(o.active(), "quarantined") {
		t.Error("the quarantine is gone, and the condition is not")
	}
}

// Events wait and nothing is acknowledged: the broker is told to be silent, and no longer
// when it answers again.
func TestASilentBrokerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := testOperations(t, space{})
		table := o.metrics.Table("ks", "t")
		judge := func(what string, want ...string) {
			t.Helper()
			o.watch.judgeBroker(o.metrics.Flight())
			if !slices.Equal(o.active(), want) {
				t.Errorf("%s: %q, want %q", what, o.active(), want)
			}
		}
		table.Acknowledged(table.Ready(0, 1))
		time.Sleep(time.Hour)
		judge("idle")
		first, second := table.Ready(0, 1), table.Ready(0, 1)
		judge("sent a moment ago")
		time.Sleep(silentAfter - time.Second)
		judge("soon")
		time.Sleep(time.Second)
		judge("silent", "broker-unreachable")
		table.Acknowledged(first)
		judge("it answers")
		time.Sleep(silentAfter)
		judge("silent again", "broker-unreachable")
		table.Acknowledged(second)
		judge("all done")
	})
}

// Stuck is only what starting again could help: not waiting for node or broker.
func TestWhatIsStuck(t *testing.T) {
	for _, c := range []struct {
		name  string
		while func(o *operations)
		stuck bool
	}{
		{"nothing moves", func(*operations) {}, true},
		{"the tailer turns", func(o *operations) { o.turns.Add(1) }, false},
		{"something is tried again and again", func(o *operations) { o.beat() }, false},
		{"it waits for the disk", func(o *operations) { o.board.Set(health.QuarantineNotWritten, "", "") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, _ := testOperations(t, space{})
				ctx, cancel := context.WithCancel(t.Context())
				go o.watch.run(ctx, 0)
				for range 10 {
					if err := o.watch.alive(); err != nil {
						t.Fatalf("too early: %v", err)
					}
					time.Sleep(stuckAfter / 10)
					c.while(o)
				}
				if err := o.watch.alive(); (err != nil) != c.stuck {
					t.Errorf("%v, want stuck: %v", err, c.stuck)
				}
				number := o.metrics.Table("ks", "t").Ready(0, 1)
				if err := o.watch.alive(); err != nil {
					t.Errorf("it waits for the broker: %v", err)
				}
				o.metrics.Table("ks", "t").Withdrawn(number)
				o.beat()
				if err := o.watch.alive(); err != nil {
					t.Errorf("it moves again: %v", err)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// The service manager hears of the agent in time, and not when it is stuck.
func TestTheServiceManagerIsTold(t *testing.T) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", socket.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "100000")
	dir := t.TempDir()
	yaml := settingstest.File(t, "cassandra.yaml", "cdc_enabled: true\ncdc_raw_directory: "+dir+"\ncommitlog_directory: "+dir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, config.Config{CassandraYAML: yaml, CDCWorkingDir: t.TempDir(), HTTPAddress: "off", ContactPoint: freeAddress(t), KeepIOPriority: true}, slog.New(slog.DiscardHandler), nil)
	}()
	want := map[string]int{"READY=1": 1, "STATUS=waiting for Cassandra": 1, "WATCHDOG=1": 3}
	for len(want) > 0 {
		if err := socket.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 200)
		n, err := socket.Read(got)
		if err != nil {
			t.Fatalf("still missing %v: %v", want, err)
		}
		if want[string(got[:n])]--; want[string(got[:n])] <= 0 {
			delete(want, string(got[:n]))
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for got := make([]byte, 200); ; {
		n, err := socket.Read(got)
		if err != nil {
			t.Fatalf("a stop is not told: %v", err)
		}
		if string(got[:n]) == "STOPPING=1" {
			return
		}
	}
}

// What lies unread and unacknowledged, from the tailer's own account and the index.
func TestLookAtSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.UnixMilli(1_800_000_000_000)))
		dir := t.TempDir()
		segment := func(id int64, read, acknowledged int64, atEnd bool, index string) tail.Progress {
			path := filepath.Join(dir, fmt.Sprintf("CommitLog-7-%d.log", id))
			if index != "" {
				if err := os.WriteFile(strings.TrimSuffix(path, ".log")+"_cdc.idx", []byte(index), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return tail.Progress{Segment: id, Path: path, Read: read, AtEnd: atEnd, Watermark: checkpoint.NewWatermark(acknowledged)}
		}
		const first = 1_799_999_940_000 // a minute ago
		all := []tail.Progress{
			segment(first, 500, 400, true, "508\nCOMPLETED"),
			segment(first+1, 100, 100, false, "1000"),
			segment(first+2, 0, 0, false, ""), // a spare
		}
		o, _ := testOperations(t, space{})
		var l metrics.Log
		o.turns.Add(1)
		o.watch.lookAtSegments(all, &l)
		if l.UnreadBytes != 900 || l.UnackedBytes != 100 || l.Segments != 3 || l.Waiting != 1 || l.Done != 1 || l.OldestSegment != first || l.OldestAge != time.Minute {
			t.Errorf("%+v", l)
		}
		// The tailer is held up: what the index says is all that is known of the first too.
		l = metrics.Log{}
		o.watch.lookAtSegments(all[:2], &l)
		if l.UnreadBytes != 908 || l.UnackedBytes != 100 {
			t.Errorf("held up: %+v", l)
		}
		if o.watch.finished != 1 {
			t.Errorf("%d segments finished, want the one that is no longer there", o.watch.finished)
		}
		// All read and acknowledged: nothing is behind, although the index is a marker ahead.
		o.turns.Add(1)
		l = metrics.Log{}
		o.watch.lookAtSegments([]tail.Progress{segment(first, 500, 500, true, "508")}, &l)
		if l.UnreadBytes != 0 || l.UnackedBytes != 0 {
			t.Errorf("idle: %+v", l)
		}
	})
}

// Trying tells its condition, changes it with the cause, and takes it back.
// answers is an error that one goroutine sets and another one is given.
type answers struct {
	mu  sync.Mutex
	err error
}

func (a *answers) get() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func (a *answers) set(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := testOperations(t, space{})
		var answer answers
		ended := make(chan error, 1)
		go func() {
			ended <- o.try(t.Context(), nodeTroubles, "", nodeTrouble, answer.get)
		}()
		want := func(codes ...string) {
			t.Helper()
			time.Sleep(longestPause)
			synctest.Wait()
			if !slices.Equal(o.active(), codes) {
				t.Errorf("%q, want %q", o.active(), codes)
			}
		}
		want()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		answer.set(errors.New("connection refused"))
		go func() {
			ended <- o.try(t.Context(), nodeTroubles, "", nodeTrouble, answer.get)
		}()
		want("node-unreachable")
		answer.set(fmt.Errorf("connect: %w", cassandra.ErrCredentials))
		want("node-credentials-refused")
		answer.set(&os.PathError{Op: "write", Path: "schema_history.json", Err: errors.New("disk full")})
		want("checkpoint-not-written")
		answer.set(nil)
		want()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestBrokerTroubles(t *testing.T) {
	for _, c := range []struct {
		err     error
		connect *health.Condition
		publish *health.Condition
		reason  string
	}{
		{&pulsar.SchemaError{}, health.SchemaRefused, health.SchemaRefused, "schema"},
		{&pulsar.Error{Kind: pulsar.ErrAuthentication}, health.BrokerCredentialsRefused, health.BrokerCredentialsRefused, "credentials"},
		{&pulsar.Error{Kind: pulsar.ErrAuthorization}, health.TopicRefused, health.TopicRefused, "topic"},
		{&pulsar.Error{Kind: pulsar.ErrTopicTerminated}, health.TopicRefused, health.TopicRefused, "topic"},
		{&pulsar.Error{Kind: pulsar.ErrTooLarge}, health.PublishFailed, health.PublishFailed, "message"},
		{&pulsar.Error{Kind: pulsar.ErrUnreachable}, health.BrokerUnreachable, health.PublishFailed, "broker"},
		{errors.New("whatever"), health.BrokerUnreachable, health.PublishFailed, "broker"},
	} {
		if a, b, r := brokerTrouble(c.err), publishTrouble(c.err), reasonOf(c.err); a != c.connect || b != c.publish || r != c.reason {
			t.Errorf("%v: %s, %s, %s", c.err, a.Code, b.Code, r)
		}
	}
}

// A round that fails is followed by another, from the checkpoint, and the condition of the
// failure ends when that goes well.
func TestRunGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, log := newAgent(t, &fakeNode{})
		store, err := checkpoint.OpenStore(t.TempDir(), nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var cause answers
		var rounds atomic.Int64
		var publishing atomic.Pointer[publisher]
		begin := func(context.Context) (*tail.Tailer, *publisher) {
			rounds.Add(1)
			p := &publisher{ops: a.ops, failed: make(chan error, 1)}
			if err := cause.get(); err != nil {
				p.failed <- err
			}
			publishing.Store(p)
			return tail.New(tail.Config{CDCRawDir: t.TempDir(), CommitLogDir: t.TempDir(), Checkpoints: store, Log: slog.New(slog.DiscardHandler)}), p
		}
		cause.set(&pulsar.SchemaError{Topic: "events-a.b", Reason: "incompatible"})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.run(ctx, begin) }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := a.ops.active(); !slices.Equal(got, []string{"schema-refused"}) {
			t.Errorf("conditions %q", got)
		}
		if n := rounds.Load(); n < 10 || n > 25 {
			t.Errorf("%d rounds in five minutes", n)
		}
		if r := a.ops.report(); r.Ready || !strings.Contains(r.State, "schema-refused") {
			t.Errorf("ready %v, %q", r.Ready, r.State)
		}
		cause.set(nil)
		time.Sleep(longestRest + goodRound + time.Second)
		synctest.Wait()
		if r := a.ops.report(); !r.Ready || len(r.Conditions) > 0 {
			t.Errorf("after the repair: ready %v, %v", r.Ready, r.Conditions)
		}
		before := rounds.Load()
		publishing.Load().failed <- &pulsar.Error{Kind: pulsar.ErrProducerFenced}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if got := a.ops.active(); !slices.Equal(got, []string{"publish-failed"}) {
			t.Errorf("conditions %q", got)
		}
		time.Sleep(settleTime + time.Second)
		synctest.Wait()
		if got := a.ops.active(); len(got) > 0 || rounds.Load() != before+1 {
			t.Errorf("conditions %q after %d more rounds", got, rounds.Load()-before)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "condition=schema-refused"); n != 2 {
			t.Errorf("%d lines, want the beginning and the end:\n%s", n, log)
		}
	})
}

// What the tailer cannot read is a condition as long as that lasts.
func TestALogThatCannotBeReadIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cdcRaw := filepath.Join(dir, "cdc_raw")
		a, _ := newAgent(t, &fakeNode{})
		a.ops.space.cdcRaw = cdcRaw
		store, err := checkpoint.OpenStore(t.TempDir(), nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		tailer := tail.New(tail.Config{CDCRawDir: cdcRaw, CommitLogDir: dir, Checkpoints: store, Log: slog.New(slog.DiscardHandler)})
		a.ops.tailer.Store(tailer)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tailer.Run(ctx, a) }()
		time.Sleep(time.Minute)
		a.ops.watch.look()
		if s := a.ops.board.Active(); len(s) != 1 || s[0].Code != "log-unreadable" || !strings.Contains(s[0].Detail, cdcRaw) {
			t.Errorf("%+v", s)
		}
		if err := os.Mkdir(cdcRaw, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		a.ops.watch.look()
		if got := a.ops.active(); got != nil {
			t.Errorf("%q", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

type brokenCheckpoints struct {
	tail.Checkpoints
	err error
}

func (b *brokenCheckpoints) Save(segment, offset int64) error {
	if b.err != nil {
		return b.err
	}
	return b.Checkpoints.Save(segment, offset)
}

func TestCheckpointsThatCannotBeWrittenAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := testOperations(t, space{})
		store, err := checkpoint.OpenStore(t.TempDir(), nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		broken := &brokenCheckpoints{Checkpoints: store}
		c := &watchedCheckpoints{Checkpoints: broken, board: o.board}
		if c.age() != 0 || c.newest() != "" {
			t.Errorf("before the first: %v, %q", c.age(), c.newest())
		}
		for _, at := range [][2]int64{{2, 50}, {1, 70}} {
			if err := c.Save(at[0], at[1]); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * time.Second)
		if c.age() != 3*time.Second || c.newest() != "2:50" {
			t.Errorf("%v, %q", c.age(), c.newest())
		}
		broken.err = errors.New("no space left on device")
		err = c.Save(2, 60)
		if !errors.Is(err, broken.err) || !slices.Equal(o.active(), []string{"checkpoint-not-written"}) || c.age() != 3*time.Second || c.newest() != "2:50" {
			t.Errorf("%v: %v, %v, %q", err, o.active(), c.age(), c.newest())
		}
		broken.err = nil
		if err := c.Save(2, 60); err != nil || len(o.active()) > 0 || c.age() != 0 {
			t.Errorf("%v, %v, %v", err, o.active(), c.age())
		}
	})
}

// The window holds what it is told to hold, and an event larger than it goes alone.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const message = 1 << 10
		w := newWindow(3, 3*(message+messageOverhead))
		enters := func(what string, size int, want bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := w.enter(ctx, size); (err == nil) != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		for range 3 {
			enters("there is room", message, true)
		}
		enters("a fourth event", 0, false)
		w.leave(message)
		enters("more bytes than there is room for", 2*message, false)
		enters("the room of what did not come in", message, true)
		for range 3 {
			w.leave(message)
		}
		enters("larger than the window", 1<<30, true)
		enters("beside what fills the window", 0, false)
		w.leave(1 << 30)
		for range 3 {
			enters("all is free again", message, true)
		}
	})
}

func TestAnAgentThatHasNotBegunIsNotReady(t *testing.T) {
	o, _ := testOperations(t, space{})
	if r := o.report(); r.Ready || r.State != "starting" || len(r.Conditions) > 0 {
		t.Errorf("%+v", r)
	}
	o.waiting("")
	if r := o.report(); !r.Ready || r.State != "following the commit log" {
		t.Errorf("%+v", r)
	}
}

func TestWriteTimesOfAnyKindGiveALag(t *testing.T) {
	const segment = 1_800_000_000_000
	for _, c := range []struct{ writeTime, want int64 }{
		{1_800_000_000_500_000, 1_800_000_000_500_000_000}, // half a second after the segment was begun
		{5, 1_800_000_000_000_000_000},                     // chosen by the application
		{-1 << 63, 1_800_000_000_000_000_000},              // none
		{1<<63 - 1, (1<<63 - 1) / 1000 * 1000},             // the far future
	} {
		if got := written(c.writeTime, segment); got != c.want {
			t.Errorf("write time %d: %d, want %d", c.writeTime, got, c.want)
		}
	}
}
