// The history against segments of a real node with ALTER, DROP and re-CREATE in their
// middle, and what Cassandra's own reader makes of them with the schema of each step.

package history_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const scenario = "4.0.19/schema"

// steps are moments of which the schema is known: behind how many of the changes of
// tables in schema.cql and statements.cql (CREATE KEYSPACE is none). The DROP of the
// table that s6 has leads back to s5, that of the keyspace that s8 has to s7, which is
// the end.
var steps = []struct {
	changes int
	name    string // "" is the end
}{
	{4, "s1-initial"}, {5, "s2-add"}, {7, "s3-drop"}, {9, "s4-readd"}, {12, "s5-type"}, {15, "s6-dropme"}, {16, "s5-type"}, {17, "s7-recreated"},
	{18, "s8-sc2"}, {19, ""},
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stepRows is the schema of a step, Cassandra's own keyspaces included.
func stepRows(t testing.TB, step string) (rows schema.Rows) {
	t.Helper()
	if step == "" {
		return corpustest.Rows(t, scenario)
	}
	dir := filepath.Dir(corpustest.Segments(t, scenario)[0])
	readJSON(t, filepath.Join(dir, "system_schema."+step+".json"), &rows)
	var own schema.Rows
	readJSON(t, filepath.Join(filepath.Dir(dir), "system_keyspaces.json"), &own)
	rows.Append(own)
	return rows
}

// stepLines are those lines of the segment that differ with the schema of a step from
// those at the end, by the position of the entry.
func stepLines(t testing.TB, segment, step string) map[int64]corpustest.Line {
	t.Helper()
	lines := map[int64]corpustest.Line{}
	if step == "" {
		return lines
	}
	f, err := os.Open(strings.TrimSuffix(segment, ".log") + "." + step + ".expected.jsonl")
	if errors.Is(err, os.ErrNotExist) {
		return lines // none differs
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var l corpustest.Line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines[l.End] = l
	}
	return lines
}

type entry struct {
	corpustest.Entry
	segment string
	changes *history.Changes // nil when there are none
}

// entries are all entries of the scenario with their schema changes.
func entries(t testing.TB) (all []entry, changes []*history.Changes) {
	t.Helper()
	d := mutation.NewDecoder(newHistory(t, schema.Rows{})) // with nothing but what is built in
	for _, segment := range corpustest.Segments(t, scenario) {
		for _, e := range corpustest.Entries(t, segment) {
			c := &history.Changes{}
			err := d.Decode(e.Version, e.Body, c)
			var unknown *mutation.UnknownTableError
			if ddl := len(e.Line.Updates) > 0 && e.Line.Updates[0].Keyspace == "system_schema"; ddl && err != nil {
				t.Fatalf("%s: %v", e.Position, err)
			} else if !ddl && !errors.As(err, &unknown) {
				t.Fatalf("%s: %v", e.Position, err)
			}
			if c.Empty() {
				c = nil
			} else {
				changes = append(changes, c)
			}
			all = append(all, entry{e, segment, c})
		}
	}
	return all, changes
}

// userChange says whether an entry changes tables of the statements' own keyspaces.
func (e entry) userChange() bool {
	return e.changes != nil && strings.HasPrefix(e.Line.Updates[0].Key, "7363") // sc, sc2
}

var anyTableOrder = cmpopts.SortSlices(func(a, b corpustest.Update) bool { return a.ID < b.ID })

func compare(t *testing.T, h *history.History, e entry, want corpustest.Line) {
	t.Helper()
	var got corpustest.Recorder
	err := mutation.NewDecoder(h).Decode(e.Version, e.Body, &got)
	var unknown *mutation.UnknownTableError
	switch {
	case want.Unhandled && !errors.As(err, &unknown):
		t.Errorf("%s: %v, Cassandra does not know the table", e.Position, err)
	case !want.Unhandled && err != nil:
		t.Errorf("%s: %v", e.Position, err)
	case !want.Unhandled:
		if diff := cmp.Diff(want.Updates, got.Updates, cmpopts.EquateEmpty(), anyTableOrder); diff != "" {
			t.Errorf("%s (-Cassandra +ours):\n%s", e.Position, diff)
		}
	}
}

// A schema file that was written at any step: the changes that are in it are not made
// again, those behind it are made when they are met. Where the schema is that of a
// step, the entry decodes as it does for Cassandra's own reader with that step's
// schema.
func TestEachEntryHasTheSchemaOfItsMoment(t *testing.T) {
	all, changes := entries(t)
	lines := map[string]map[int64]corpustest.Line{} // by segment and step
	for _, base := range []struct {
		name string
		has  int // changes; the most that it can have
	}{
		{"s1-initial", 4}, {"s2-add", 5}, {"s3-drop", 7}, {"s4-readd", 9}, {"s5-type", 16}, {"s6-dropme", 15}, {"s7-recreated", 19}, {"s8-sc2", 18}, {"", 19},
	} {
		t.Run("from "+base.name, func(t *testing.T) {
			rows := stepRows(t, base.name)
			h := newHistory(t, rows)
			n := history.Align(rows, changes)
			met, user, compared := 0, 0, 0
			for _, e := range all {
				if e.changes != nil {
					met++
				}
				if e.userChange() {
					user++
				}
				if e.changes != nil && met > n {
					if err := h.Apply(e.changes); err != nil {
						t.Errorf("%s: %v", e.Position, err)
					}
				}
				if e.userChange() && (met <= n) != (user <= base.has) {
					t.Fatalf("%s: the first %d of all changes are taken to be in the schema, which has %d of the tables'", e.Position, n, base.has)
				}
				for _, step := range steps {
					if step.changes != max(user, base.has) {
						continue
					}
					if lines[e.segment+step.name] == nil {
						lines[e.segment+step.name] = stepLines(t, e.segment, step.name)
					}
					want, ok := lines[e.segment+step.name][e.Line.End]
					if !ok {
						want = e.Line
					}
					compare(t, h, e, want)
					compared++
				}
			}
			if compared < 150 || user != 19 {
				t.Errorf("%d entries compared, %d changes", compared, user)
			}
		})
	}
}

// Between the steps, where no answer of Cassandra's reader is at hand: its schemas have
// not yet or no more what the entry was written with.
func TestEntriesBetweenTheSteps(t *testing.T) {
	all, _ := entries(t)
	h := newHistory(t, stepRows(t, "s1-initial"))
	want := map[int64]string{
		49472: "sc.off false v",
		63902: "sc.off true v",
		65272: "sc.off false v",
		52629: "sc.t true aaa v1 v2 v3 l l", // before DROP v2 and DROP l
		61594: "sc.u true fu nu nu nu",      // a type that has a third field since
		61740: "sc.u true nu",
		67308: "sc.dropme true v", // of a table that is dropped next
	}
	user := 0
	for _, e := range all {
		if e.userChange() {
			user++
		}
		if e.changes != nil && user > 4 {
			if err := h.Apply(e.changes); err != nil {
				t.Errorf("%s: %v", e.Position, err)
			}
		}
		text, ok := want[e.Line.End]
		if !ok || !strings.HasSuffix(e.segment, "165.log") {
			continue
		}
		delete(want, e.Line.End)
		var got corpustest.Recorder
		if err := mutation.NewDecoder(h).Decode(e.Version, e.Body, &got); err != nil {
			t.Errorf("%s: %v", e.Position, err)
			continue
		}
		u := got.Updates[0]
		words := []string{u.Keyspace + "." + u.Table, strconv.FormatBool(u.CDC)}
		for _, c := range u.Items[0].Cells {
			words = append(words, c.C)
		}
		if line := strings.Join(words, " "); line != text {
			t.Errorf("%s is %q, want %q", e.Position, line, text)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the corpus: %v", want)
	}
}

func newHistory(t testing.TB, rows schema.Rows) *history.History {
	t.Helper()
	h, err := history.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
