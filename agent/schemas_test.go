// Which schema an entry is decoded with: the log leads, the file keeps what it led to,
// and the node is asked only for what is lacking.

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// fakeNode answers what a node would; a test changes the answers as time goes by.
type fakeNode struct {
	rows  schema.Rows
	fail  error
	asked int

	onSchema func() // before an answer
}

func (n *fakeNode) Schema(context.Context, string, string) (schema.Rows, error) {
	n.asked++
	if n.onSchema != nil {
		n.onSchema()
	}
	return n.rows, n.fail
}

// openSchemasOf has begun with the schema of a node.
func openSchemasOf(t *testing.T, n *fakeNode) *schemas {
	t.Helper()
	s := reopen(t, n, filepath.Join(t.TempDir(), "history"), &bytes.Buffer{})
	n.asked = 0
	return s
}

func reopen(t *testing.T, n *fakeNode, file string, log *bytes.Buffer) *schemas {
	t.Helper()
	s, err := openSchemas(t.Context(), n, "host", file, nil, newOperations(config.Config{HTTPAddress: "off"}, space{}, logTo(log)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ddl is a scenario with ALTER, DROP and re-CREATE in the middle of its segments.
const ddl = "4.0.19/schema"

// firstRows is the schema in front of its statements' ALTERs.
func firstRows(t *testing.T) schema.Rows {
	t.Helper()
	rows := corpustest.Rows(t, "4.0.19/types")
	data, err := os.ReadFile(filepath.Join(filepath.Dir(corpustest.Segments(t, ddl)[0]), "system_schema.s1-initial.json"))
	if err != nil {
		t.Fatal(err)
	}
	var own schema.Rows
	if err := json.Unmarshal(data, &own); err != nil {
		t.Fatal(err)
	}
	rows.Append(own)
	return rows
}

// Segments with schema changes: all of it is decoded, each entry with the schema of its
// moment, although the node is not asked again. What was cut off by a crash is read
// again, with a history from the file that is ahead of it by then.
func TestTheSchemaIsThatOfTheEntry(t *testing.T) {
	want := []string{ // entries of tables with cdc at that moment
		"sc.t insert 1", "sc.u insert 1", "sc.t insert 1", "sc.t insert 1", "sc.t insert 1", "sc.t insert 1", "sc.t insert 1", "sc.t insert 1",
		"sc.u insert 2", "sc.u update 2", "sc.u insert 3", "sc.off insert 2", "sc.dropme insert 1",
		"sc.dropme insert one", "sc.dropme insert two", "sc2.t insert 1", "sc.t insert 9",
	}
	entries := corpusEntries(t, ddl)
	// The node wrote the statements' first tables behind this entry.
	start := 0
	for i, e := range entries {
		if e.has("sc", "t") {
			start = i
			break
		}
	}
	for _, crash := range []int{len(entries), len(entries) - 3, len(entries) / 2, start + 1} {
		n := &fakeNode{rows: firstRows(t)}
		file := filepath.Join(t.TempDir(), "history")
		var got []string
		read := func(from, to int) {
			s := reopen(t, n, file, &bytes.Buffer{})
			a := &agent{schemas: s, decoder: mutation.NewDecoder(s)}
			n.asked = 0
			got = nil
			for _, e := range entries[from:to] {
				if err := a.decode(t.Context(), e.entry(nil)); err != nil {
					t.Errorf("%s: %v", e.Position, err)
				}
				for _, c := range a.changes.list {
					key := string(c.key)
					if len(key) == 4 && key[0] == 0 {
						key = string('0' + key[3])
					}
					got = append(got, c.table.String()+" "+string(c.operation)+" "+key)
				}
			}
			if n.asked > 0 {
				t.Errorf("asked the node %d times", n.asked)
			}
		}
		read(start, crash)
		read(start, len(entries))
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%d entries before the crash: got\n%s\nwant\n%s", crash-start, g, w)
		}
	}
}

// A schema change is on disk before the checkpoint can move past it, or else a restart
// would not know of it. Until it is, reading waits: a disk may be full for a while.
func TestASchemaChangeIsKeptBeforeItIsSettled(t *testing.T) {
	synctest.Test(t, aSchemaChangeIsKeptBeforeItIsSettled)
}

func aSchemaChangeIsKeptBeforeItIsSettled(t *testing.T) {
	n := &fakeNode{rows: firstRows(t)}
	a, log := newAgent(t, n)
	change := entryOf(t, ddl, "sc", "t")
	for _, e := range corpusEntries(t, ddl) {
		if e.has("system_schema", "dropped_columns") && e.has("system_schema", "columns") && len(e.Line.Updates) == 4 {
			change = e // ALTER TABLE sc.t DROP v2 is the last but one of them
		}
	}
	w := checkpoint.NewWatermark(7)
	a.schemas.log = a.log
	a.schemas.file = filepath.Join(a.schemas.file, "no such directory")
	done := make(chan error, 1)
	go func() { done <- a.Entry(t.Context(), change.entry(w)) }()
	time.Sleep(time.Minute)
	synctest.Wait()
	if len(done) > 0 || w.Offset() != 7 {
		t.Errorf("offset %d, ended %v", w.Offset(), len(done) > 0)
	}
	if lines := strings.Count(log.String(), "cannot be saved"); lines == 0 || lines > 10 {
		t.Errorf("%d lines in a minute", lines)
	}
	a.schemas.file = filepath.Dir(a.schemas.file)
	if err := <-done; err != nil || w.Offset() != change.Position.Offset {
		t.Errorf("offset %d, %v", w.Offset(), err)
	}
	back := reopen(t, n, a.schemas.file, &bytes.Buffer{})
	for _, table := range back.Tables() {
		if table.String() == "sc.t" && table.Stored([]byte("l")).DroppedAt == 0 {
			t.Error("the file does not have the DROP")
		}
	}
}

// What passed while the agent was away, in segments that are gone, the node tells: cdc
// above all, or else the table's writes would be passed over in silence.
func TestARestartAddsWhatTheNodeHasByNow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	before := corpustest.Rows(t, scenario)
	table := schemaID(t, tableID(t, before, "ck", "t_pk1"))
	off := before
	off.Tables = nil
	for _, raw := range before.Tables {
		if bytes.Contains(raw, []byte(`"table_name": "t_pk1"`)) {
			raw = bytes.Replace(raw, []byte(`"cdc": true`), []byte(`"cdc": false`), 1)
		}
		off.Tables = append(off.Tables, raw)
	}
	s := reopen(t, &fakeNode{rows: without(off, "ck", "t_all")}, file, &bytes.Buffer{})
	if s.Table(table).CDC {
		t.Fatal("cdc is on")
	}
	s = reopen(t, &fakeNode{rows: before}, file, &bytes.Buffer{})
	if !s.Table(table).CDC || s.Table(schemaID(t, tableID(t, before, "ck", "t_all"))) == nil {
		t.Error("what the node has by now is not there")
	}
	s = reopen(t, &fakeNode{rows: off}, file, &bytes.Buffer{})
	if !s.Table(table).CDC {
		t.Error("the ALTER that turned it off is in the log still, or was")
	}
}

func schemaID(t *testing.T, text string) schema.ID {
	t.Helper()
	id, err := schema.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A damaged file costs what it knew and a warning, never the agent.
func TestADamagedHistoryBeginsAnew(t *testing.T) {
	file, log := settingstest.File(t, "history", "{"), &bytes.Buffer{}
	rows := corpustest.Rows(t, scenario)
	s := reopen(t, &fakeNode{rows: rows}, file, log)
	if s.Table(schemaID(t, tableID(t, rows, "ck", "t_pk1"))) == nil {
		t.Error("the node's tables are not there")
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), file) {
		t.Errorf("log: %s", log)
	}
	for _, f := range []string{file, file + ".damaged"} {
		if _, err := os.Stat(f); err != nil {
			t.Error(err)
		}
	}
}

// A node that restarts is waited for; a cancel ends the wait.
func TestAskWaitsForTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := corpustest.Rows(t, scenario)
		what := unknown{table: schemaID(t, tableID(t, rows, "ck", "t_pk1"))}
		n := &fakeNode{rows: without(rows, "ck", "t_pk1")}
		s := openSchemasOf(t, n)
		n.fail = errors.New("connection refused")
		start := time.Now()
		n.onSchema = func() {
			if time.Since(start) >= time.Hour {
				n.fail, n.rows = nil, rows
			}
		}
		if err := s.ask(t.Context(), what); err != nil || s.Table(what.table) == nil {
			t.Errorf("table %v, %v", s.Table(what.table), err)
		}
		if took := time.Since(start); took > time.Hour+10*time.Second {
			t.Errorf("noticed after %v that the node is back", took-time.Hour)
		}
		if n.asked > 500 {
			t.Errorf("asked %d times in an hour", n.asked)
		}

		n.fail, n.onSchema = errors.New("connection refused"), nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.ask(ctx, unknown{table: schema.ID{1}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// The entries of a table that was dropped come by the thousand: the node is asked
// about it once a second at most.
func TestWhatIsMissingIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{rows: corpustest.Rows(t, scenario)}
		s := openSchemasOf(t, n)
		id := schemaID(t, tableID(t, n.rows, "ck", "t_pk1"))
		for i, what := range []unknown{{table: schema.ID{1}}, {table: schema.ID{2}}, {id, "never there"}, {id, "nor this one"}} {
			n.asked = 0
			for range 3000 {
				if err := s.ask(t.Context(), what); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Millisecond)
			}
			if n.asked < 1 || n.asked > 3 {
				t.Errorf("%d: asked %d times in three seconds", i, n.asked)
			}
		}
	})
}

// One table that this version cannot read takes none of the others away.
func TestATableThatCannotBeReadIsLogged(t *testing.T) {
	log := &bytes.Buffer{}
	n := &fakeNode{rows: corpustest.Rows(t, "5.0.6/types")}
	here, other := schemaID(t, tableID(t, n.rows, "ck", "t_all")), schemaID(t, tableID(t, n.rows, "ck", "t_pk1"))
	n.rows.Columns = append(n.rows.Columns, json.RawMessage(`{"keyspace_name":"ck","table_name":"t_pk1","column_name":"later","kind":"regular","position":-1,"type":"hologram"}`))
	s := reopen(t, n, filepath.Join(t.TempDir(), "history"), log)
	for _, w := range []string{"level=WARN", "ck.t_pk1", "later", "hologram"} {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log does not say %q: %s", w, log)
		}
	}
	if s.Table(other) != nil || s.Table(here) == nil {
		t.Error("one table too many, or too few")
	}
}

// What no segment on disk can need is forgotten.
func TestOldestSegment(t *testing.T) {
	raw, commitLog, empty := t.TempDir(), t.TempDir(), t.TempDir()
	for _, f := range []string{filepath.Join(raw, "CommitLog-7-1700000000020.log"), filepath.Join(raw, "CommitLog-7-1700000000019_cdc.idx"), filepath.Join(commitLog, "CommitLog-7-1700000000021.log")} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		dirs   []string
		oldest int64
		ok     bool
	}{
		"both":                       {[]string{commitLog, raw}, 1700000000020, true},
		"one is empty":               {[]string{empty, commitLog}, 1700000000021, true},
		"none":                       {[]string{empty}, 0, false},
		"one that cannot be listed":  {[]string{raw, filepath.Join(raw, "none")}, 0, false},
		"no directory is looked at ": {nil, 0, false},
	} {
		if oldest, ok := oldestSegment(c.dirs); oldest != c.oldest || ok != c.ok {
			t.Errorf("%s: %d, %v", name, oldest, ok)
		}
	}
}
