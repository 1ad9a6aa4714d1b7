// The history apart from a real log: places that are read again, the file, and what
// damaged entries do.

package history_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

var quiet = slog.New(slog.DiscardHandler)

// at is the place where an entry of the first segments ends.
func at(segment, offset int64) commitlog.Position {
	return commitlog.Position{Segment: 1795257009000 + segment, Offset: offset}
}

// follow reads the log from the step s1 on and gives f the history in front of each
// entry.
func follow(t testing.TB, h *history.History, f func(e entry)) {
	t.Helper()
	all, _ := entries(t)
	user := 0
	for _, e := range all {
		h.Seek(e.Position)
		if e.userChange() {
			user++
		}
		f(e)
		if e.changes != nil && user > 4 {
			if err := h.Apply(e.changes); err != nil {
				t.Errorf("%s: %v", e.Position, err)
			}
		}
	}
}

// versions is every entry with what its tables are.
func versions(t testing.TB, h *history.History) (lines []string) {
	follow(t, h, func(e entry) {
		var ids []schema.ID
		for _, u := range e.Line.Updates {
			id, err := schema.ParseID(u.ID)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		for _, id := range ids {
			rows, err := json.Marshal(h.Table(id).Rows())
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s %s", e.Position, rows))
		}
	})
	return lines
}

// A restart reads a part of the log again: each entry has the schema that it had, cdc
// above all, also when the history comes from a file.
func TestALogThatIsReadAgain(t *testing.T) {
	h := newHistory(t, stepRows(t, "s1-initial"))
	want := versions(t, h)
	path := filepath.Join(t.TempDir(), "history")
	for _, again := range []string{"the same history", "from the file"} {
		if again == "from the file" {
			if err := h.Save(path); err != nil {
				t.Fatal(err)
			}
			var err error
			if h, err = history.Open(path, quiet); h == nil || err != nil {
				t.Fatal(err)
			}
		}
		got := versions(t, h)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: got\n%s, want\n%s", again, got[i], want[i])
			}
		}
	}
	off := lookup(t, h, "off").ID
	for _, c := range []struct {
		at   commitlog.Position
		want bool
	}{{at(165, 49472), false}, {at(165, 63902), true}, {at(165, 65272), false}, {at(167, 0), false}} {
		if h.Seek(c.at); h.Table(off).CDC != c.want {
			t.Errorf("at %s cdc is %v", c.at, !c.want)
		}
	}
}

func lookup(t testing.TB, h *history.History, name string) *schema.Table {
	t.Helper()
	all := h.Tables()
	i := slices.IndexFunc(all, func(t *schema.Table) bool { return t.String() == "sc."+name })
	if i < 0 {
		t.Fatalf("no table sc.%s", name)
	}
	return all[i]
}

// A table that was dropped stays known until its last segment is gone, and so do former
// versions.
func TestForget(t *testing.T) {
	h := newHistory(t, stepRows(t, "s1-initial"))
	dropped, err := schema.ParseID("8ba816a0-e596-11f1-aa7e-e320c2513d72")
	if err != nil {
		t.Fatal(err)
	}
	follow(t, h, func(entry) {})
	off := lookup(t, h, "off").ID
	for _, c := range []struct {
		oldest  int64
		dropped bool
		past    bool // the former versions of sc.off
	}{{0, true, true}, {1795257009165, true, true}, {1795257009166, false, false}} {
		h.Forget(c.oldest)
		h.Seek(at(165, 67308))
		if table := h.Table(dropped); (table != nil) != c.dropped {
			t.Errorf("segments from %d on: the dropped table is %v", c.oldest, table)
		}
		h.Seek(at(165, 63902))
		if h.Table(off).CDC != c.past {
			t.Errorf("segments from %d on: cdc is %v", c.oldest, !c.past)
		}
	}
}

func TestSaveWritesWhatIsNew(t *testing.T) {
	_, changes := entries(t)
	h := newHistory(t, stepRows(t, "s1-initial"))
	path := filepath.Join(t.TempDir(), "history")
	var files []string
	save := func() string {
		t.Helper()
		if err := h.Save(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
			t.Errorf("files %v", all)
		}
		return string(data)
	}
	files = append(files, save())
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := save(); got != "" {
		t.Error("saved again although nothing was new")
	}
	if err := h.Apply(changes[len(changes)-1]); err != nil {
		t.Error(err)
	}
	files = append(files, save())
	if err := h.Merge(stepRows(t, "s8-sc2")); err != nil {
		t.Error(err)
	}
	files = append(files, save())
	if files[0] == files[1] || files[1] == files[2] || files[1] == "" || files[2] == "" {
		t.Error("a change was not saved")
	}
	if err := h.Apply(changes[0]); err != nil {
		t.Error(err)
	}
	if err := h.Save(filepath.Join(path, "in a file")); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// Whatever is in the file, the agent starts; what was in it stays for whoever looks.
func TestAFileThatIsDamagedIsSetAside(t *testing.T) {
	h := newHistory(t, stepRows(t, "s1-initial"))
	path := filepath.Join(t.TempDir(), "history")
	if err := h.Save(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Replace(good, []byte(`"cdc"`), []byte(`"cdd"`), 1)
	for name, content := range map[string][]byte{
		"empty": {}, "cut short": good[:len(good)/2], "a bit is wrong": flipped, "of another program": []byte("{}"), "null": []byte("null"),
		"of a later format": bytes.Replace(good, []byte(`"format":1`), []byte(`"format":2`), 1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			h, err := history.Open(path, slog.New(slog.NewTextHandler(&log, nil)))
			if h != nil || err != nil {
				t.Fatalf("%v, %v", h, err)
			}
			if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), path) {
				t.Errorf("log: %s", &log)
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(kept, content) {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("%v", err)
			}
		})
	}
	if h, err := history.Open(path+" of nobody", quiet); h != nil || err != nil {
		t.Errorf("no file: %v, %v", h, err)
	}
	if h, err := history.Open(path, quiet); h == nil || err != nil {
		t.Errorf("the good file: %v", err)
	}
}

// A node starts by writing the rows of its own tables anew, one deletion after the
// other: nothing to report, and the tables stay known in between.
func TestANodeThatStartsRewritesItsOwnTables(t *testing.T) {
	h := newHistory(t, stepRows(t, "s1-initial"))
	all, _ := entries(t)
	local := schema.SystemTableID("system", "local")
	for _, e := range all[:60] {
		if e.changes == nil {
			continue
		}
		if err := h.Apply(e.changes); err != nil {
			t.Errorf("%s: %v", e.Position, err)
		}
		var got corpustest.Recorder
		if err := mutation.NewDecoder(h).Decode(e.Version, e.Body, &got); err != nil {
			t.Errorf("%s: %v", e.Position, err)
		}
		if table := h.Table(local); table == nil || table.Stored([]byte("schema_version")) == nil {
			t.Errorf("%s: system.local is %v", e.Position, table)
		}
	}
}

// An update that has what no node writes: it is told, with the table and keyspace, and
// takes nothing else with it.
func TestChangesThatCannotBeUnderstood(t *testing.T) {
	system := func(name string) *schema.Table {
		return newHistory(t, schema.Rows{}).Table(schema.SystemTableID("system_schema", name))
	}
	columns := system("columns")
	live := mutation.Deletion{Timestamp: mutation.NoTimestamp}
	row := func(names ...string) *mutation.Row {
		r := &mutation.Row{Timestamp: 5, Deletion: live}
		for _, n := range names {
			r.Clustering = append(r.Clustering, []byte(n))
		}
		return r
	}
	bound := func(kind mutation.BoundKind, names ...string) *mutation.Marker {
		m := &mutation.Marker{Kind: kind, Deletion: mutation.Deletion{Timestamp: 5}, Start: live}
		for _, n := range names {
			m.Clustering = append(m.Clustering, []byte(n))
		}
		return m
	}
	kind := columns.Stored([]byte("kind"))
	for _, c := range []struct {
		name string
		show func(c *history.Changes, u *mutation.Update)
		want string // "" is no fault
	}{
		{"a row", func(c *history.Changes, u *mutation.Update) { c.Row(u, row("t", "c")) }, ""},
		{"a row of too few names", func(c *history.Changes, u *mutation.Update) { c.Row(u, row("t")) }, `["t"]`},
		{"a row without a name", func(c *history.Changes, u *mutation.Update) { c.Row(u, row()) }, "[]"},
		{"a name that is null", func(c *history.Changes, u *mutation.Update) {
			r := row("t", "c")
			r.Clustering[1] = nil
			c.Row(u, r)
		}, `["t" ""]`},
		{"a name that is not UTF-8", func(c *history.Changes, u *mutation.Update) { c.Row(u, row("t", "\xff")) }, `\xff`},
		{"a static row", func(c *history.Changes, u *mutation.Update) { c.Row(u, &mutation.Row{Static: true, Deletion: live}) }, "[]"},
		{"a cell with a path", func(c *history.Changes, u *mutation.Update) {
			r := row("t", "c")
			c.Row(u, r)
			c.Cell(u, r, &mutation.Cell{Column: kind, Path: []byte{1}})
		}, "column kind"},
		{"a cell of a row that was refused", func(c *history.Changes, u *mutation.Update) {
			r := row("t")
			c.Row(u, r)
			c.Cell(u, r, &mutation.Cell{Column: kind, Value: []byte("regular")})
		}, `["t"]`},
		{"a range", func(c *history.Changes, u *mutation.Update) {
			c.Marker(u, bound(mutation.InclStart, "x"))
			c.Marker(u, bound(mutation.ExclEndInclStart, "x", "c"))
			c.Marker(u, bound(mutation.InclEnd))
		}, ""},
		{"a range that does not begin", func(c *history.Changes, u *mutation.Update) { c.Marker(u, bound(mutation.InclEnd, "t")) }, "kind 6"},
		{"a range that begins twice", func(c *history.Changes, u *mutation.Update) {
			c.Marker(u, bound(mutation.InclStart, "t"))
			c.Marker(u, bound(mutation.InclStart, "t"))
			c.Marker(u, bound(mutation.InclEnd, "t"))
		}, "kind 1"},
		{"a range that does not end", func(c *history.Changes, u *mutation.Update) { c.Marker(u, bound(mutation.ExclStart, "t")) }, "does not end"},
		{"a bound of too many names", func(c *history.Changes, u *mutation.Update) { c.Marker(u, bound(mutation.InclStart, "t", "c", "d")) }, "kind 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHistory(t, stepRows(t, "s1-initial"))
			var got history.Changes
			u := &mutation.Update{Table: columns, Key: []byte("sc"), Deletion: live}
			if !got.Table(columns) {
				t.Fatal("system_schema.columns is not visited")
			}
			got.Update(u)
			c.show(&got, u)
			got.EndUpdate(u)
			if got.Table(system("indexes")) {
				t.Error("a table is visited that no other depends on")
			}
			err := h.Apply(&got)
			if got.Empty() || (err == nil) != (c.want == "") {
				t.Fatalf("empty %v, %v", got.Empty(), err)
			}
			for _, w := range []string{"system_schema.columns", `"sc"`, c.want} {
				if err != nil && !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
			lookup(t, h, "off")
			if got.Reset(); !got.Empty() || h.Apply(&got) != nil {
				t.Error("there is something left behind Reset")
			}
		})
	}
	var got history.Changes
	u := &mutation.Update{Table: columns, Key: []byte{0xff}, Deletion: live}
	r := row("t", "c")
	got.Update(u)
	got.Row(u, r)
	got.Cell(u, r, &mutation.Cell{Column: kind, Value: []byte("regular")})
	got.Marker(u, bound(mutation.InclEnd, "t"))
	if err := newHistory(t, stepRows(t, "s1-initial")).Apply(&got); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a keyspace that is not UTF-8: %v, want one fault", err)
	}
}

// Following a log costs nothing where no table's schema changes.
func TestOtherMutationsCostNothing(t *testing.T) {
	h := newHistory(t, corpustest.Rows(t, scenario))
	all, _ := entries(t)
	d, c := mutation.NewDecoder(h), &history.Changes{}
	n := 0
	for _, e := range all {
		if e.changes != nil || e.Line.Unhandled {
			continue
		}
		n++
		if allocs := testing.AllocsPerRun(1, func() {
			c.Reset()
			h.Seek(e.Position)
			if err := d.Decode(e.Version, e.Body, c); err != nil || !c.Empty() {
				t.Errorf("%s: %v", e.Position, err)
			}
		}); allocs > 0 {
			t.Fatalf("%s: %.0f allocations", e.Position, allocs)
		}
	}
	if n < 100 {
		t.Errorf("%d entries", n)
	}
}

// Any bytes whatsoever as an entry: no panic, and what was applied once makes no
// difference again.
func FuzzApply(f *testing.F) {
	all, _ := entries(f)
	for _, e := range all {
		if e.changes != nil {
			f.Add(e.Version, e.Body)
		}
	}
	rows := stepRows(f, "s5-type")
	f.Fuzz(func(t *testing.T, version int, body []byte) {
		h, err := history.New(rows)
		if err != nil {
			t.Fatal(err)
		}
		c := &history.Changes{}
		_ = mutation.NewDecoder(h).Decode(version, body, c)
		_ = h.Apply(c)
		before := h.Tables()
		_ = h.Apply(c)
		if !slices.Equal(before, h.Tables()) {
			t.Error("the same changes made a difference")
		}
		if n := history.Align(rows, []*history.Changes{c, c}); n < 0 || n > 2 {
			t.Errorf("%d of 2", n)
		}
	})
}
