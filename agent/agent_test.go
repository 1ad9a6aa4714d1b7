// The agent without a broker: from the entry to the changes with the schema that the
// entry needs, what cannot become an event, and what ends the agent.

package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const scenario = "5.0.6/types"

// without takes the rows of one table out of a schema.
func without(rows schema.Rows, keyspace, table string) schema.Rows {
	cut := func(rows []json.RawMessage) []json.RawMessage {
		return slices.DeleteFunc(slices.Clone(rows), func(raw json.RawMessage) bool {
			return bytes.Contains(raw, []byte(`"keyspace_name": "`+keyspace+`"`)) && bytes.Contains(raw, []byte(`"table_name": "`+table+`"`))
		})
	}
	rows.Tables, rows.Columns = cut(rows.Tables), cut(rows.Columns)
	return rows
}

// withoutColumn takes one column out of a schema.
func withoutColumn(rows schema.Rows, table, column string) schema.Rows {
	rows.Columns = slices.DeleteFunc(slices.Clone(rows.Columns), func(raw json.RawMessage) bool {
		return bytes.Contains(raw, []byte(`"table_name": "`+table+`"`)) && bytes.Contains(raw, []byte(`"column_name": "`+column+`"`))
	})
	return rows
}

// newAgent is an agent beside a fake node that has read the node's schema.
func newAgent(t *testing.T, n *fakeNode) (*agent, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	s := openSchemasOf(t, n)
	s.ops = newOperations(config.Config{HTTPAddress: "off"}, space{}, logTo(log))
	return &agent{
		log: logTo(log), ops: s.ops, schemas: s, decoder: mutation.NewDecoder(s), quarantine: keeper{dir: quarantine.Dir{Path: filepath.Join(t.TempDir(), "quarantine")}, log: logTo(log), board: s.ops.board, metrics: s.ops.metrics},
		skipped: skipped{log: logTo(log), metrics: s.ops.metrics}, publisher: &publisher{ops: s.ops, failed: make(chan error, 1), outputs: map[schema.ID]*output{}},
	}, log
}

func (e corpusEntry) entry(w *checkpoint.Watermark) tail.Entry {
	return tail.Entry{Version: e.Version, Position: e.Position, Body: e.Body, Watermark: w}
}

// A write can be in the log before the schema that it needs was read.
func TestDecodeReadsTheSchemaThatTheEntryNeeds(t *testing.T) {
	now := corpustest.Rows(t, scenario)
	write := entryOf(t, scenario, "ck", "t_pk1")
	wide := entryOf(t, scenario, "ck", "t_all")
	for _, c := range []struct {
		name   string
		entry  corpusEntry
		before schema.Rows
		after  schema.Rows
		asked  int
	}{
		{"nothing missing", write, now, now, 0},
		{"the table", write, without(now, "ck", "t_pk1"), now, 1},
		{"a column", wide, withoutColumn(now, "t_all", "c_int"), now, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &fakeNode{rows: c.before}
			a, _ := newAgent(t, n)
			n.rows = c.after
			if err := a.decode(t.Context(), c.entry.entry(nil)); err != nil {
				t.Fatal(err)
			}
			want, _ := dumpOutcome(c.entry.Line, dumpTables(t, now), false)
			if got := a.changes.outcome(); !slices.Equal(got.Changes, want.Changes) || len(got.Changes) == 0 {
				t.Errorf("changes %q, want %q", got.Changes, want.Changes)
			}
			if n.asked != c.asked {
				t.Errorf("asked the node %d times, want %d", n.asked, c.asked)
			}
		})
	}
}

// quarantined lists what lies in quarantine: bytes and reasons.
func quarantined(t *testing.T, a *agent) (entries, reasons []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.quarantine.dir.Path, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, ".reason") {
			reasons = append(reasons, string(content))
		} else {
			entries = append(entries, hex.EncodeToString(content))
		}
	}
	return entries, reasons
}

// What can never become an event goes into quarantine, and the log goes on.
func TestEntriesThatCannotBecomeEvents(t *testing.T) {
	rows := corpustest.Rows(t, scenario)
	write := entryOf(t, scenario, "ck", "t_pk1")
	cut := write
	cut.Body = cut.Body[:len(cut.Body)-3]
	for _, c := range []struct {
		name   string
		entry  corpusEntry
		rows   schema.Rows
		reason string
	}{
		{"a table that was dropped", write, without(rows, "ck", "t_pk1"), "unknown table " + tableID(t, rows, "ck", "t_pk1")},
		{"a column that was never there", entryOf(t, scenario, "ck", "t_all"), withoutColumn(rows, "t_all", "c_int"), "ck.t_all has no column c_int"},
		{"bytes that are no mutation", cut, rows, "at byte "},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, log := newAgent(t, &fakeNode{rows: c.rows})
			w := checkpoint.NewWatermark(0)
			if err := a.Entry(t.Context(), c.entry.entry(w)); err != nil {
				t.Fatal(err)
			}
			entries, reasons := quarantined(t, a)
			if !slices.Equal(entries, []string{hex.EncodeToString(c.entry.Body)}) || len(reasons) != 1 || !strings.Contains(reasons[0], c.reason) {
				t.Errorf("quarantine %q, %q; want the reason %q", entries, reasons, c.reason)
			}
			if !strings.Contains(log.String(), "pos="+c.entry.Position.String()) {
				t.Errorf("no position in the log: %s", log)
			}
			if !w.Settled() || w.Offset() != c.entry.Position.Offset {
				t.Errorf("offset %d, settled %v", w.Offset(), w.Settled())
			}
		})
	}
}

func tableID(t *testing.T, rows schema.Rows, keyspace, table string) string {
	t.Helper()
	s, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lookup(keyspace, table).ID.String()
}

// A stop while the node is away is no reason to put anything into quarantine.
func TestAStopLeavesTheEntryForTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := corpustest.Rows(t, scenario)
		n := &fakeNode{rows: without(rows, "ck", "t_pk1")}
		a, _ := newAgent(t, n)
		n.fail = errors.New("connection refused")
		ctx, cancel := context.WithCancel(t.Context())
		w, ended := checkpoint.NewWatermark(7), make(chan error, 1)
		write := entryOf(t, scenario, "ck", "t_pk1").entry(w)
		go func() { ended <- a.Entry(ctx, write) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("the node is away, Entry returned %v", err)
		default:
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if entries, _ := quarantined(t, a); len(entries) > 0 || w.Offset() != 7 {
			t.Errorf("offset %d, quarantine %q", w.Offset(), entries)
		}
	})
}

// All entries of a real node without events move the checkpoint all the same: most
// of a log is Cassandra's own.
func TestEntriesWithoutEventsAreSettled(t *testing.T) {
	a, log := newAgent(t, &fakeNode{rows: corpustest.Rows(t, scenario)})
	tables := dumpTables(t, corpustest.Rows(t, scenario))
	w := checkpoint.NewWatermark(0)
	settled, bounds := 0, 0
	for _, e := range corpusEntries(t, scenario) {
		want, _ := dumpOutcome(e.Line, tables, false)
		if len(want.Changes) > 0 {
			continue
		}
		if err := a.Entry(t.Context(), e.entry(w)); err != nil {
			t.Fatal(err)
		}
		if settled++; w.Offset() != e.Position.Offset {
			t.Fatalf("offset %d behind the entry at %s", w.Offset(), e.Position)
		}
		bounds += want.RangeBounds
	}
	if settled < 300 || bounds == 0 {
		t.Errorf("%d entries, %d range bounds: too few to prove anything", settled, bounds)
	}
	if a.skipped.total != [skipReasons]int{rangeTombstone: bounds} {
		t.Errorf("skipped %v, want %d range bounds", a.skipped.total, bounds)
	}
	if entries, reasons := quarantined(t, a); len(entries) > 0 {
		t.Errorf("in quarantine: %q", reasons)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", log)
	}
}

// Skips are counted one by one and logged with a position, but not a line for each.
func TestSkipsAreCountedAndLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := skipped{log: logTo(&log), metrics: metrics.New("", "")}
		for i := range 1000 {
			s.note([skipReasons]int{rangeTombstone: 2}, commitlog.Position{Segment: 1, Offset: int64(i)})
			time.Sleep(25 * time.Millisecond)
		}
		s.note([skipReasons]int{viewTable: 1}, commitlog.Position{Segment: 2, Offset: 7})
		s.note([skipReasons]int{}, commitlog.Position{})
		if s.total != [skipReasons]int{rangeTombstone: 2000, viewTable: 1} {
			t.Errorf("total %v", s.total)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 4 || !strings.Contains(lines[0], "range delete") || !strings.Contains(lines[0], "pos=1:0") ||
			!strings.Contains(lines[3], "materialized view") || !strings.Contains(lines[3], "pos=2:7") {
			t.Errorf("log:\n%s", &log)
		}
	})
}

// The writes of a table that is left out pass by: no event, no quarantine, no warning,
// and the checkpoint moves on.
func TestTablesThatAreLeftOutAreCounted(t *testing.T) {
	write := entryOf(t, scenario, "ck", "t_pk1")
	a, log := newAgent(t, &fakeNode{rows: corpustest.Rows(t, scenario)})
	var err error
	if a.changes.filter, err = (config.Config{ExcludeTables: []string{"ck.t_pk?"}}).TableFilter(); err != nil {
		t.Fatal(err)
	}
	w := checkpoint.NewWatermark(0)
	for range 3 {
		if err := a.Entry(t.Context(), write.entry(w)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.skipped.total[excludedTable]; got != 3 || len(a.changes.list) > 0 {
		t.Errorf("%d counted, changes %v", got, a.changes.list)
	}
	if entries, _ := quarantined(t, a); len(entries) > 0 || log.Len() > 0 {
		t.Errorf("quarantine %v, log %s", entries, log)
	}
	if !w.Settled() || w.Offset() != write.Position.Offset {
		t.Errorf("the checkpoint is at %d", w.Offset())
	}
	if names := a.tablesWithCDC(); slices.Contains(names, "ck.t_pk1") || len(names) == 0 {
		t.Errorf("tables %v", names)
	}
	// Others still become events.
	other := entryOf(t, scenario, "ck", "t_all")
	if err := a.decode(t.Context(), other.entry(nil)); err != nil || len(a.changes.list) == 0 {
		t.Errorf("%v, %v", a.changes.list, err)
	}
}

// Following ends well with a stop, and with the reason when an event is refused.
func TestFollowEndsWithTheReason(t *testing.T) {
	refused := errors.New("the broker refused it")
	for name, c := range map[string]struct {
		end  func(a *agent, stop func())
		want error
	}{
		"a stop":              {func(_ *agent, stop func()) { stop() }, nil},
		"an event is refused": {func(a *agent, _ func()) { a.publisher.failed <- refused }, refused},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := newAgent(t, &fakeNode{})
				store, err := checkpoint.OpenStore(t.TempDir(), nil, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				tailer := tail.New(tail.Config{CDCRawDir: t.TempDir(), CommitLogDir: t.TempDir(), Checkpoints: store, Log: slog.New(slog.DiscardHandler)})
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				ended := make(chan error, 1)
				go func() { ended <- a.follow(ctx, tailer) }()
				time.Sleep(time.Second)
				c.end(a, stop)
				if err := <-ended; !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

// What is wrong from the start is told at once and names what to look at.
func TestRunThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	node := settingstest.File(t, "cassandra.yaml", "cdc_enabled: true\ncdc_raw_directory: "+dir+"\ncommitlog_directory: "+dir)
	file := settingstest.File(t, "file", "")
	for name, c := range map[string]struct {
		cfg  config.Config
		want []string
	}{
		"settings":                           {config.Config{CassandraYAML: node, CassandraTLS: "maybe"}, []string{"cassandraTls", "auto"}},
		"cassandra.yaml":                     {config.Config{CassandraYAML: "/no/such/cassandra.yaml", CDCWorkingDir: t.TempDir()}, []string{"/no/such/cassandra.yaml"}},
		"a working directory that is a file": {config.Config{CassandraYAML: node, CDCWorkingDir: file}, []string{"working directory", file}},
		"a working directory in a file":      {config.Config{CassandraYAML: node, CDCWorkingDir: file + "/work"}, []string{"working directory", file}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := Run(ctx, c.cfg, logTo(&bytes.Buffer{}), nil)
			if ctx.Err() != nil {
				t.Fatalf("it took the 30 s of the test: %v", err)
			}
			settingstest.Lines(t, err, c.want)
		})
	}
}
