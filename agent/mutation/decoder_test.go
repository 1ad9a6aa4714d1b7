// The decoder against segments of real nodes: every update, row, cell and tombstone
// as Cassandra's own reader dumps them.

package mutation_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

const corpus = "../../testdata/corpus/"

// The fields of an expected.jsonl line that are not for human eyes.
type (
	line struct {
		End       int64    `json:"end"`
		Updates   []update `json:"updates"`
		Unhandled bool     `json:"unhandled"`
	}
	update struct {
		Keyspace string    `json:"ks"`
		Table    string    `json:"table"`
		ID       string    `json:"id"`
		CDC      bool      `json:"cdc"`
		Key      string    `json:"key"`
		Deletion *deletion `json:"pdel"`
		Static   *item     `json:"static"`
		Items    []item    `json:"items"`
	}
	item struct {
		Kind   string            `json:"kind"`
		CK     []*string         `json:"ck"`
		TS     *int64            `json:"ts"`
		TTL    uint32            `json:"ttl"`
		LDT    uint32            `json:"ldt"`
		Del    *deletion         `json:"del"`
		EndDel *deletion         `json:"end"`
		Start  *deletion         `json:"start"`
		CDel   []complexDeletion `json:"cdel"`
		Cells  []cell            `json:"cells"`
	}
	deletion struct {
		TS  int64  `json:"ts"`
		LDT uint32 `json:"ldt"`
	}
	complexDeletion struct {
		C   string `json:"c"`
		TS  int64  `json:"ts"`
		LDT uint32 `json:"ldt"`
	}
	cell struct {
		C    string `json:"c"`
		Path string `json:"path"`
		TS   int64  `json:"ts"`
		TTL  uint32 `json:"ttl"`
		LDT  uint32 `json:"ldt"`
		Del  bool   `json:"del"`
		V    string `json:"v"`
	}
)

// recorder is a visitor that writes down what it is shown in the form of the dump.
type recorder struct{ updates []update }

func (r *recorder) Update(u *mutation.Update) bool {
	r.updates = append(r.updates, update{
		Keyspace: u.Table.Keyspace, Table: u.Table.Name, ID: u.Table.ID.String(), CDC: u.Table.CDC,
		Key: hex.EncodeToString(u.Key), Deletion: dump(u.Deletion),
	})
	return true
}

func (r *recorder) Row(_ *mutation.Update, row *mutation.Row) {
	i := item{Kind: "row", Del: dump(row.Deletion)}
	for _, v := range row.Clustering {
		i.CK = append(i.CK, dumpValue(v))
	}
	if row.Timestamp != mutation.NoTimestamp {
		i.TS, i.TTL, i.LDT = &row.Timestamp, row.TTL, row.LocalDeletionTime
		ts := row.Timestamp
		i.TS = &ts
	}
	for _, c := range row.ComplexDeletions {
		i.CDel = append(i.CDel, complexDeletion{c.Column.Name, c.Deletion.Timestamp, c.Deletion.LocalDeletionTime})
	}
	for _, c := range row.Cells {
		i.Cells = append(i.Cells, cell{c.Column.Name, hex.EncodeToString(c.Path), c.Timestamp, c.TTL, c.LocalDeletionTime, c.Deleted, hex.EncodeToString(c.Value)})
	}
	u := &r.updates[len(r.updates)-1]
	if row.Static {
		i.CK = nil
		u.Static = &i
		return
	}
	u.Items = append(u.Items, i)
}

var kinds = map[mutation.BoundKind]string{
	mutation.ExclEnd: "EXCL_END_BOUND", mutation.InclStart: "INCL_START_BOUND", mutation.ExclEndInclStart: "EXCL_END_INCL_START_BOUNDARY",
	mutation.InclEndExclStart: "INCL_END_EXCL_START_BOUNDARY", mutation.InclEnd: "INCL_END_BOUND", mutation.ExclStart: "EXCL_START_BOUND",
}

func (r *recorder) Marker(_ *mutation.Update, m *mutation.Marker) {
	i := item{Kind: kinds[m.Kind]}
	for _, v := range m.Clustering {
		i.CK = append(i.CK, dumpValue(v))
	}
	if m.Start.Live() {
		i.Del = dump(m.Deletion)
	} else {
		i.EndDel, i.Start = dump(m.Deletion), dump(m.Start)
	}
	u := &r.updates[len(r.updates)-1]
	u.Items = append(u.Items, i)
}

func (r *recorder) EndUpdate(*mutation.Update) {}

func dump(d mutation.Deletion) *deletion {
	if d.Live() {
		return nil
	}
	return &deletion{d.Timestamp, d.LocalDeletionTime}
}

func dumpValue(v []byte) *string {
	if v == nil {
		return nil
	}
	s := hex.EncodeToString(v)
	return &s
}

func loadSchema(t testing.TB, files ...string) *schema.Snapshot {
	t.Helper()
	var rows schema.Rows
	for _, f := range files {
		var more schema.Rows
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &more)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows.Append(more)
	}
	s, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scenario is a folder of the corpus: its segments, and its schema together with that
// of Cassandra's own keyspaces.
func eachSegment(t testing.TB, f func(segment string, s *schema.Snapshot)) {
	t.Helper()
	segments, err := filepath.Glob(corpus + "*/*/CommitLog-*.log")
	if err != nil || len(segments) == 0 {
		t.Fatalf("no corpus at %s: %v", corpus, err)
	}
	schemas := map[string]*schema.Snapshot{}
	for _, segment := range segments {
		dir := filepath.Dir(segment)
		if schemas[dir] == nil {
			schemas[dir] = loadSchema(t, filepath.Dir(dir)+"/system_keyspaces.json", dir+"/system_schema.json")
		}
		f(segment, schemas[dir])
	}
}

func eachEntry(t testing.TB, segment string, f func(version int, at commitlog.Position, entry []byte)) {
	t.Helper()
	r, err := commitlog.Open(segment, commitlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.SetComplete()
	for r.Next() {
		f(r.Descriptor().Version, r.Position(), r.Entry())
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
}

// Cassandra's reader keeps the updates of a mutation in a hash map.
var anyTableOrder = cmpopts.SortSlices(func(a, b update) bool { return a.ID < b.ID })

func TestMutationsAreThoseOfCassandrasReader(t *testing.T) {
	eachSegment(t, func(segment string, s *schema.Snapshot) {
		t.Run(strings.TrimPrefix(segment, corpus), func(t *testing.T) {
			want := map[int64]line{}
			f, err := os.Open(strings.TrimSuffix(segment, ".log") + ".expected.jsonl")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines := bufio.NewScanner(f)
			lines.Buffer(nil, 16<<20)
			for lines.Scan() {
				var l line
				if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
					t.Fatal(err)
				}
				want[l.End] = l
			}
			d := mutation.NewDecoder(s)
			seen := 0
			eachEntry(t, segment, func(version int, at commitlog.Position, entry []byte) {
				seen++
				var got recorder
				err := d.Decode(version, entry, &got)
				var unknown *mutation.UnknownTableError
				if want[at.Offset].Unhandled {
					if !errors.As(err, &unknown) {
						t.Errorf("%s: %v, Cassandra does not know the table", at, err)
					}
					return
				}
				if err != nil {
					t.Errorf("%s: %v", at, err)
					return
				}
				if diff := cmp.Diff(want[at.Offset].Updates, got.updates, cmpopts.EquateEmpty(), anyTableOrder); diff != "" {
					t.Errorf("%s (-Cassandra +ours):\n%s", at, diff)
				}
			})
			if seen != len(want) {
				t.Errorf("%d entries, Cassandra reads %d", seen, len(want))
			}
		})
	})
}

// skipper visits nothing.
type skipper struct{ updates int }

func (s *skipper) Update(*mutation.Update) bool { s.updates++; return false }
func (s *skipper) Row(*mutation.Update, *mutation.Row) {
	panic("a row of an update that is not visited")
}
func (s *skipper) Marker(*mutation.Update, *mutation.Marker) {
	panic("a marker of an update that is not visited")
}
func (s *skipper) EndUpdate(*mutation.Update) { panic("the end of an update that is not visited") }

func TestUpdatesThatAreNotVisitedAreStillCounted(t *testing.T) {
	eachSegment(t, func(segment string, s *schema.Snapshot) {
		d := mutation.NewDecoder(s)
		eachEntry(t, segment, func(version int, at commitlog.Position, entry []byte) {
			var all recorder
			if d.Decode(version, entry, &all) != nil {
				return
			}
			var none skipper
			if err := d.Decode(version, entry, &none); err != nil || none.updates != len(all.updates) {
				t.Errorf("%s: %d of %d updates, %v", at, none.updates, len(all.updates), err)
			}
		})
	})
}

type quiet struct{}

func (quiet) Update(*mutation.Update) bool              { return true }
func (quiet) Row(*mutation.Update, *mutation.Row)       {}
func (quiet) Marker(*mutation.Update, *mutation.Marker) {}
func (quiet) EndUpdate(*mutation.Update)                {}

func TestDecodingAllocatesNothing(t *testing.T) {
	eachSegment(t, func(segment string, s *schema.Snapshot) {
		d := mutation.NewDecoder(s)
		eachEntry(t, segment, func(version int, at commitlog.Position, entry []byte) {
			if d.Decode(version, entry, quiet{}) != nil {
				return
			}
			if n := testing.AllocsPerRun(1, func() { _ = d.Decode(version, entry, quiet{}) }); n > 0 {
				t.Fatalf("%s %s: %.0f allocations", segment, at, n)
			}
		})
	})
}

// Every prefix of an entry ends in an error that names a byte, never in a panic and
// never in success.
func TestTruncatedEntriesAreErrors(t *testing.T) {
	eachSegment(t, func(segment string, s *schema.Snapshot) {
		d := mutation.NewDecoder(s)
		eachEntry(t, segment, func(version int, at commitlog.Position, entry []byte) {
			if len(entry) > 600 || d.Decode(version, entry, quiet{}) != nil {
				return
			}
			for n := range entry {
				if err := d.Decode(version, entry[:n:n], quiet{}); err == nil {
					t.Fatalf("%s: the first %d of %d bytes decode", at, n, len(entry))
				}
			}
		})
	})
}

func TestUnknownColumnIsNamed(t *testing.T) {
	segment := corpus + "5.0.6/types/"
	full := loadSchema(t, segment+"system_schema.json")
	data, err := os.ReadFile(segment + "system_schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows schema.Rows
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	var fewer []json.RawMessage
	for _, c := range rows.Columns {
		if !strings.Contains(string(c), `"kind": "regular"`) {
			fewer = append(fewer, c)
		}
	}
	if len(fewer) == len(rows.Columns) {
		t.Fatal("the corpus has no regular columns")
	}
	rows.Columns = fewer
	before, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	segments, _ := filepath.Glob(segment + "*.log")
	d, whole := mutation.NewDecoder(before), mutation.NewDecoder(full)
	eachEntry(t, segments[0], func(version int, at commitlog.Position, entry []byte) {
		if whole.Decode(version, entry, quiet{}) != nil {
			return
		}
		var unknown *mutation.UnknownColumnError
		if err := d.Decode(version, entry, quiet{}); errors.As(err, &unknown) {
			found = found || full.Lookup(unknown.Table.Keyspace, unknown.Table.Name).Stored([]byte(unknown.Column)) != nil
		}
	})
	if !found {
		t.Error("no entry named a column that the schema lacks")
	}
}

func FuzzDecode(f *testing.F) {
	eachSegment(f, func(segment string, s *schema.Snapshot) {
		n := 0
		eachEntry(f, segment, func(version int, _ commitlog.Position, entry []byte) {
			if n++; n%7 == 0 && len(entry) < 4096 {
				f.Add(version, append([]byte(nil), entry...))
			}
		})
	})
	s := loadSchema(f, corpus+"5.0.6/system_keyspaces.json", corpus+"5.0.6/types/system_schema.json")
	d := mutation.NewDecoder(s)
	f.Fuzz(func(_ *testing.T, version int, entry []byte) {
		_ = d.Decode(version, entry, quiet{})
	})
}
