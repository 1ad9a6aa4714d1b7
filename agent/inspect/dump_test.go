// The dump against segments of real nodes, line by line.

package inspect_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// readableDifferences are the values for a person that Cassandra's reader of that release
// prints otherwise: there and here.
var readableDifferences = map[string][2]string{
	"3.11.19/types": {`"j":"5881580-07-11"`, `"j":"+5881580-07-11"`}, // from 5.0 on with the sign
}

// Every line of the corpus, byte for byte: each field, the order of the fields, and the
// values as text.
func TestDumpIsWhatCassandrasReaderGave(t *testing.T) {
	lines := 0
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			rows := s.rows(t)
			for _, segment := range s.segments {
				got, want := dump(t, rows, nil, segment), expected(t, segment)
				if got.err != nil {
					t.Errorf("%s: %v", segment, got.err)
				}
				if len(got.lines) != len(want) {
					t.Fatalf("%s: %d lines, want %d", segment, len(got.lines), len(want))
				}
				for i := range want {
					if d, ok := readableDifferences[s.name]; ok {
						want[i] = strings.Replace(want[i], d[0], d[1], 1)
					}
					if got.lines[i] != want[i] {
						t.Errorf("%s, entry %d:\n%s", segment, i, firstDifference(got.lines[i], want[i]))
					}
				}
				lines += len(want)
			}
		})
	}
	if lines < 5000 {
		t.Errorf("only %d lines were compared", lines)
	}
}

// Files are read in the order given; each is as when it is read alone.
func TestFilesAreDumpedInTheirOrder(t *testing.T) {
	s := the(t, "5.0.6/direct")
	whole, want := s.segments[0], expected(t, s.segments[0])
	end := sections(t, whole)[20].End
	first := slices.IndexFunc(want, func(line string) bool { return entryOf(t, line).End > end })
	part := damagedCopy(t, whole, cut(end)) // as Cassandra leaves it when it is killed
	got := dump(t, s.rows(t), nil, part, whole, part)
	if want := slices.Concat(want[:first], want, want[:first]); got.err != nil || !slices.Equal(got.lines, want) {
		t.Errorf("%d lines, want %d; %v", len(got.lines), len(want), got.err)
	}
}

// Without a schema the tables are those that the log itself creates. An entry of any other
// is a position, a size and its first bytes; that is no fault, and the tables are told.
func TestUnknownTables(t *testing.T) {
	s := the(t, "5.0.6/direct")
	want := expected(t, s.segments[0])
	got := dump(t, schema.Rows{}, nil, s.segments[0])
	if got.err != nil || len(got.lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(got.lines), len(want), got.err)
	}
	unknown, known := 0, 0
	for i, line := range got.lines {
		if line == want[i] {
			known++
			continue
		}
		e := entryOf(t, want[i])
		prefix := fmt.Sprintf(`{"end":%d,"size":%d,"unhandled":true,"head":"`, e.End, e.Size)
		if hex := 2 * min(e.Size, 40); !strings.HasPrefix(line, prefix) || int64(len(line)) != int64(len(prefix))+hex+2 {
			t.Fatalf("entry %d is %s", i, line)
		}
		if strings.Contains(want[i], `"ks":"sm"`) {
			t.Errorf("entry %d, of a table that the log creates, is %s", i, line)
		}
		unknown++
	}
	if len(got.report) != 1 || !strings.HasPrefix(got.report[0], fmt.Sprintf("%d entries of tables that the schema does not have, not decoded: ", unknown)) ||
		!strings.Contains(got.report[0], "7ad54392-bcdd-35a6-8417-4e047860b377 (") || known < 500 {
		t.Errorf("%d entries decoded, %d not: %q", known, unknown, got.report)
	}
}

// Where a segment has schema changes in its middle, the schema of the start and what the
// log itself says give the schema of each entry's moment. (Entry by entry that is held
// against Cassandra's reader in package history.)
func TestDumpFollowsTheSchemaChangesInTheLog(t *testing.T) {
	s := the(t, "4.0.19/schema")
	dir := filepath.Dir(s.segments[0])
	rows, err := inspect.ReadSchema([]string{filepath.Join(dir, "..", "system_keyspaces.json"), filepath.Join(dir, "system_schema.s1-initial.json")})
	if err != nil {
		t.Fatal(err)
	}
	got := dump(t, rows, nil, s.segments...)
	if got.err != nil || len(got.report) != 0 {
		t.Fatalf("%v %q", got.err, got.report)
	}
	// The order of the files, and one that is given twice, change nothing in that.
	first, second := len(expected(t, s.segments[0])), len(expected(t, s.segments[1]))
	one, two, three := got.lines[:first], got.lines[first:first+second], got.lines[first+second:]
	again := dump(t, rows, nil, s.segments[2], s.segments[0], s.segments[1], s.segments[0])
	if !slices.Equal(again.lines, slices.Concat(three, one, two, one)) || again.err != nil {
		t.Errorf("in another order: %d lines, %v", len(again.lines), again.err)
	}
	var seen []string
	for _, line := range got.lines {
		for _, table := range []string{"off", "dropme"} {
			if strings.Contains(line, `"ks":"sc","table":"`+table+`"`) {
				_, value, _ := strings.Cut(line, `"j":`)
				seen = append(seen, fmt.Sprintf("%s %s cdc=%v", table, value[:strings.IndexAny(value, ",}")], strings.Contains(line, `"cdc":true`)))
			}
		}
	}
	want := []string{"off 1 cdc=false", "off 2 cdc=true", "off 3 cdc=false", `dropme "lost" cdc=true`, "dropme 1 cdc=true", "dropme 1 cdc=true"}
	if !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// An entry that the schema does not fit is printed as bytes with the reason, and is a fault.
func TestEntriesThatCannotBeDecoded(t *testing.T) {
	s := the(t, "5.0.6/types")
	rows := s.rows(t)
	rows.Columns = slices.DeleteFunc(rows.Columns, func(c json.RawMessage) bool {
		return strings.Contains(string(c), `"table_name": "t_ttl"`) && strings.Contains(string(c), `"kind": "regular"`)
	})
	want := expected(t, s.segments[0])
	got := dump(t, rows, nil, s.segments[0])
	if got.err == nil || got.err.Error() != "4 faults in the file" || len(got.lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(got.lines), len(want), got.err)
	}
	failed := 0
	for i, line := range got.lines {
		if !strings.Contains(want[i], `"table":"t_ttl"`) {
			if line != want[i] {
				t.Errorf("entry %d:\n%s", i, firstDifference(line, want[i]))
			}
			continue
		}
		e := entryOf(t, want[i])
		if !strings.HasPrefix(line, fmt.Sprintf(`{"end":%d,"size":%d,"unhandled":true,"head":"`, e.End, e.Size)) ||
			!strings.HasSuffix(line, `","error":"table ck.t_ttl has no column v"}`) && !strings.HasSuffix(line, `","error":"table ck.t_ttl has no column c"}`) {
			t.Errorf("entry %d is %s", i, line)
		}
		wantReport := fmt.Sprintf("%s: commit log 1795254431753:%d: the entry cannot be decoded: table ck.t_ttl has no column ", s.segments[0], e.End)
		if failed >= len(got.report) || !strings.HasPrefix(got.report[failed], wantReport) {
			t.Errorf("report %q, want %s…", got.report, wantReport)
		}
		failed++
	}
}

// Cassandra passes over what was written to a column before it was dropped, and over rows
// of which nothing is left then.
func TestCellsFromBeforeADrop(t *testing.T) {
	s := the(t, "5.0.6/types")
	rows := s.rows(t)
	for _, c := range []string{"x", "s1", "v"} { // of t_clust: a list, a static column, a column that most rows have alone
		rows.DroppedColumns = append(rows.DroppedColumns, json.RawMessage(fmt.Sprintf(
			`{"keyspace_name":"ck","table_name":"t_clust","column_name":"%s","kind":"regular","type":"text","dropped_time":"2026-12-31 00:00:00.000Z"}`, c)))
	}
	dropped := map[any]bool{"x": true, "s1": true, "v": true}
	got, want := dump(t, rows, nil, s.segments[0]), expected(t, s.segments[0])
	less, gone := 0, 0
	for i, line := range want {
		if !strings.Contains(line, `"table":"t_clust"`) {
			continue
		}
		var all, here map[string]any
		if json.Unmarshal([]byte(line), &all) != nil || json.Unmarshal([]byte(got.lines[i]), &here) != nil {
			t.Fatal(got.lines[i])
		}
		for _, u := range all["updates"].([]any) {
			u := u.(map[string]any)
			if u["table"] != "t_clust" {
				continue
			}
			without := func(r any) (empty bool) {
				row, ok := r.(map[string]any)
				if !ok || row["kind"] != "row" {
					return false
				}
				for _, list := range []string{"cells", "cdel"} {
					of := row[list].([]any)
					left := slices.DeleteFunc(slices.Clone(of), func(c any) bool { return dropped[c.(map[string]any)["c"]] })
					less += len(of) - len(left)
					row[list] = left
				}
				return row["ts"] == nil && row["del"] == nil && len(row["cells"].([]any)) == 0 && len(row["cdel"].([]any)) == 0
			}
			if without(u["static"]) {
				u["static"] = nil
				gone++
			}
			items := u["items"].([]any)
			left := slices.DeleteFunc(slices.Clone(items), without)
			gone += len(items) - len(left)
			u["items"] = left
		}
		if diff := cmp.Diff(all, here); diff != "" {
			t.Errorf("entry %d (-want +got):\n%s", i, diff)
		}
	}
	if less < 10 || gone < 2 {
		t.Errorf("%d cells less, %d rows gone: the corpus does not show it", less, gone)
	}
}

func TestOnlySomeTables(t *testing.T) {
	s := the(t, "5.0.6/types")
	got := dump(t, s.rows(t), func(d *inspect.Dump) { d.Tables = []string{"ck.t_rt1", "ck.t_rt2", "ck.t_nocdc"} }, s.segments[0])
	if !slices.Equal(got.report, []string{"no update of the table ck.t_rt2"}) {
		t.Errorf("%q", got.report)
	}
	want := 0
	for _, line := range expected(t, s.segments[0]) {
		if strings.Contains(line, `"table":"t_rt1"`) || strings.Contains(line, `"table":"t_nocdc"`) {
			want++
		}
	}
	if got.err != nil || len(got.lines) != want || want == 0 {
		t.Fatalf("%d lines, want %d: %v", len(got.lines), want, got.err)
	}
	both := false
	for _, line := range got.lines {
		rt, no := strings.Count(line, `"table":"t_rt1"`), strings.Count(line, `"table":"t_nocdc"`)
		if tables := strings.Count(line, `"table":`); tables == 0 || tables != rt+no {
			t.Errorf("another table: %s", line)
		}
		both = both || rt == 1 && no == 1
	}
	if !both {
		t.Error("no batch of both tables")
	}
}

func TestFromAPosition(t *testing.T) {
	s := the(t, "5.0.6/direct")
	all := expected(t, s.segments[0])
	const id = 1795256574084
	for name, c := range map[string]struct {
		from commitlog.Position
		want int
	}{
		"an older segment":       {commitlog.Position{Segment: id - 1, Offset: 1 << 40}, len(all)},
		"the start":              {commitlog.Position{Segment: id}, len(all)},
		"behind the 100th entry": {commitlog.Position{Segment: id, Offset: entryOf(t, all[99]).End}, len(all) - 100},
		"within the 100th entry": {commitlog.Position{Segment: id, Offset: entryOf(t, all[99]).End - 1}, len(all) - 99},
		"a newer segment":        {commitlog.Position{Segment: id + 1}, 0},
	} {
		got := dump(t, s.rows(t), func(d *inspect.Dump) { d.From = c.from }, s.segments[0])
		if got.err != nil || len(got.lines) != c.want || c.want > 0 && got.lines[0] != all[len(all)-c.want] {
			t.Errorf("%s: %d lines, want %d: %v", name, len(got.lines), c.want, got.err)
		}
	}
}

// What a crash left behind the last marker is told and not printed, unless it is asked for.
func TestEntriesBehindTheLastMarker(t *testing.T) {
	for _, name := range []string{"3.11.19/crash", "4.0.19/crash"} {
		s := the(t, name)
		want := expected(t, s.segments[0])
		got := dump(t, s.rows(t), nil, s.segments[0])
		if len(got.report) != 1 || !strings.Contains(got.report[0], "7 entries behind the last sync marker") || got.err != nil {
			t.Errorf("%s: %q, %v", name, got.report, got.err)
		}
		ahead := dump(t, s.rows(t), func(d *inspect.Dump) { d.ReadAhead = true }, s.segments[0])
		if ahead.err != nil || len(ahead.lines) != len(want)+7 || !slices.Equal(ahead.lines[:len(want)], want) {
			t.Fatalf("%s: %d lines ahead, %d else: %v", name, len(ahead.lines), len(want), ahead.err)
		}
		for _, line := range ahead.lines[len(want):] {
			if !strings.Contains(line, `"updates":[{"ks":"`) {
				t.Errorf("%s: %s", name, line)
			}
		}
		if found, _ := stat(t, nil, s.segments[0]); found[0].BehindMarker != 7 || found[0].Entries != len(want) {
			t.Errorf("%s: %+v", name, found[0])
		}
	}
}
