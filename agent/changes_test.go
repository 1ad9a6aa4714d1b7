// Which events a mutation becomes: all mutations of the corpus against what the dump
// of Cassandra's own reader says of them, and by hand what the corpus has not.

package agent

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// outcome is what a mutation becomes, in words.
type outcome struct {
	Changes     []string // "table operation key/clustering @write time", in the order of the log
	DDL         bool     // a change of what tables are
	RangeBounds int
	Views       int
}

const whole = "*" // in the place of a clustering: the partition as a whole

func changeText(table, operation, key, clustering string, writeTime int64) string {
	return fmt.Sprintf("%s %s %s/%s @%d", table, operation, key, clustering, writeTime)
}

// sorted puts the changes of a batch in the order of their tables: Cassandra's reader
// keeps the updates of a mutation in a hash map.
func (o outcome) sorted() outcome {
	slices.SortStableFunc(o.Changes, func(a, b string) int {
		return strings.Compare(a[:strings.IndexByte(a, ' ')], b[:strings.IndexByte(b, ' ')])
	})
	return o
}

func (c *changes) outcome() outcome {
	o := outcome{DDL: !c.schema.Empty(), RangeBounds: c.skipped[rangeTombstone], Views: c.skipped[viewTable]}
	for _, ch := range c.list {
		clustering := whole
		if ch.deleted != nil {
			clustering = rangeText(ch.deleted.Start.Inclusive, valuesText(ch.deleted.Start.Values), valuesText(ch.deleted.End.Values), ch.deleted.End.Inclusive)
		}
		if ch.clustering != nil || len(ch.table.Clustering) == 0 {
			clustering = valuesText(ch.clustering)
		}
		o.Changes = append(o.Changes, changeText(ch.table.String(), string(ch.operation), hex.EncodeToString(ch.key), clustering, ch.writeTime))
	}
	return o
}

// rangeText is a range as mathematics has it.
func rangeText(startInclusive bool, start, end string, endInclusive bool) string {
	brackets := map[bool]string{true: "[]", false: "()"}
	return brackets[startInclusive][:1] + start + ";" + end + brackets[endInclusive][1:]
}

func valuesText(values [][]byte) string {
	var all []string
	for _, v := range values {
		if v == nil {
			all = append(all, "null")
		} else {
			all = append(all, hex.EncodeToString(v))
		}
	}
	return strings.Join(all, ",")
}

// dumpOutcome says what the dumped mutation must become: what DataStax's agent makes of it, and the
// events that it leaves out (docs/design.md), those of range deletes where they are wanted.
func dumpOutcome(l corpustest.Line, tables map[string]dumpTable, withRanges bool) (o outcome, shapes []string) {
	cdc, plain := false, false
	for _, u := range l.Updates {
		name, newest := u.Keyspace+"."+u.Table, newest(u)
		switch u.Keyspace {
		case "system_schema":
			o.DDL = o.DDL || slices.Contains([]string{"tables", "columns", "dropped_columns", "types", "views"}, u.Table)
			continue
		case "system":
			continue
		}
		if !u.CDC {
			plain = true
			shapes = append(shapes, "without cdc")
			continue
		}
		cdc = true
		if tables[name].counter {
			shapes = append(shapes, "counter")
		}
		clustered := tables[name].clustered
		if !clustered {
			shapes = append(shapes, "without clustering")
		}
		var rows, ranges []string
		var start string // of the range that is open
		var startInclusive bool
		for _, i := range u.Items {
			var ck []string
			for _, v := range i.CK {
				if v == nil {
					ck = append(ck, "null")
				} else {
					ck = append(ck, *v)
				}
			}
			if i.Kind != "row" {
				shapes = append(shapes, i.Kind)
				if !withRanges {
					o.RangeBounds++
					continue
				}
				end, deletion := strings.Index(i.Kind, "_END"), i.Del
				if i.EndDel != nil {
					deletion = i.EndDel
				}
				if end >= 0 {
					ranges = append(ranges, changeText(name, "delete-range", u.Key,
						rangeText(startInclusive, start, strings.Join(ck, ","), i.Kind[end-4:end] == "INCL"), deletion.TS))
				}
				if at := strings.Index(i.Kind, "_START"); at >= 0 {
					start, startInclusive = strings.Join(ck, ","), i.Kind[at-4:at] == "INCL"
				}
				continue
			}
			operation, at := "update", newest
			if i.Del != nil {
				operation, at = "delete", i.Del.TS
			} else if i.TS != nil {
				operation = "insert"
			}
			shapes = append(shapes, operation+" of a row")
			rows = append(rows, changeText(name, operation, u.Key, strings.Join(ck, ","), at))
		}
		all := ""
		if u.Deletion != nil {
			all = "delete"
			shapes = append(shapes, "delete of a partition")
		} else if u.Static != nil {
			all = "update"
			shapes = append(shapes, "static row")
		}
		switch {
		case all != "" && clustered:
			o.Changes = append(o.Changes, changeText(name, all, u.Key, whole, newest))
		case all != "" && len(rows) == 0:
			o.Changes = append(o.Changes, changeText(name, all, u.Key, "", newest))
		}
		if len(rows) > 0 && all != "" {
			shapes = append(shapes, "partition and rows")
		}
		if len(rows) > 1 {
			shapes = append(shapes, "several rows")
		}
		o.Changes = append(append(o.Changes, ranges...), rows...)
	}
	if cdc && plain {
		shapes = append(shapes, "batch with and without cdc")
	}
	if o.DDL {
		shapes = append(shapes, "ddl")
	}
	return o, shapes
}

// newest is PartitionUpdate.maxTimestamp: of everything but row deletions.
func newest(u corpustest.Update) int64 {
	newest := int64(mutation.NoTimestamp)
	deletion := func(d *corpustest.Deletion) {
		if d != nil {
			newest = max(newest, d.TS)
		}
	}
	deletion(u.Deletion)
	items := u.Items
	if u.Static != nil {
		items = append([]corpustest.Item{*u.Static}, items...)
	}
	for _, i := range items {
		if i.Kind != "row" && i.Kind != "" {
			deletion(i.Del)
			deletion(i.EndDel)
			deletion(i.Start)
		}
		if i.TS != nil {
			newest = max(newest, *i.TS)
		}
		for _, c := range i.Cells {
			newest = max(newest, c.TS)
		}
		for _, d := range i.CDel {
			newest = max(newest, d.TS)
		}
	}
	return newest
}

// dumpTable is what system_schema says of a table, read here without package schema.
type dumpTable struct{ counter, clustered bool }

func TestChangesOfRealMutations(t *testing.T) {
	seen := map[string]int{}
	for _, scenario := range corpustest.Scenarios(t) {
		t.Run(scenario, func(t *testing.T) {
			rows := corpustest.Rows(t, scenario)
			snapshot, err := schema.NewSnapshot(rows)
			if err != nil {
				t.Fatal(err)
			}
			tables := dumpTables(t, rows)
			d := mutation.NewDecoder(snapshot)
			for _, e := range corpusEntries(t, scenario) {
				if e.Line.Unhandled { // of a table that was dropped: the agent's history knows it
					continue
				}
				for _, withRanges := range []bool{false, true} {
					c := changes{withRanges: withRanges}
					c.reset()
					if err := errors.Join(d.Decode(e.Version, e.Body, &c), c.err); err != nil {
						t.Errorf("%s: %v", e.Position, err)
						continue
					}
					want, shapes := dumpOutcome(e.Line, tables, withRanges)
					if diff := cmp.Diff(want.sorted(), c.outcome().sorted()); diff != "" {
						t.Errorf("%s (-dump +ours):\n%.1500s", e.Position, diff)
					}
					for _, s := range shapes {
						seen[s]++
					}
				}
			}
		})
	}
	for _, shape := range []string{
		"insert of a row", "update of a row", "delete of a row", "several rows", "delete of a partition", "static row", "partition and rows",
		"INCL_START_BOUND", "EXCL_START_BOUND", "INCL_END_BOUND", "EXCL_END_BOUND", "EXCL_END_INCL_START_BOUNDARY", "INCL_END_EXCL_START_BOUNDARY",
		"counter", "without cdc", "batch with and without cdc", "without clustering", "ddl",
	} {
		if seen[shape] == 0 {
			t.Errorf("the corpus has no mutation of this shape: %s", shape)
		}
	}
}

// By hand: what a partition update can hold at once, which takes a batch to write.
func TestChangesOfOneUpdate(t *testing.T) {
	clustered := &schema.Table{Keyspace: "ks", Name: "clustered", CDC: true, PartitionKey: make([]schema.Column, 1), Clustering: make([]schema.Column, 2)}
	single := &schema.Table{Keyspace: "ks", Name: "single", CDC: true, PartitionKey: make([]schema.Column, 1)}
	plain := &schema.Table{Keyspace: "ks", Name: "plain", PartitionKey: make([]schema.Column, 1)}
	counter := &schema.Table{Keyspace: "ks", Name: "counter", CDC: true, Counter: true, PartitionKey: make([]schema.Column, 1)}
	view := &schema.Table{Keyspace: "ks", Name: "view", CDC: true, View: true, PartitionKey: make([]schema.Column, 1)}
	none := mutation.Deletion{Timestamp: mutation.NoTimestamp}
	deleted := func(at int64) mutation.Deletion { return mutation.Deletion{Timestamp: at} }
	insert := func(at int64, ck ...[]byte) mutation.Row {
		return mutation.Row{Clustering: ck, Timestamp: at, Deletion: none}
	}
	update := func(ck ...[]byte) mutation.Row { return insert(mutation.NoTimestamp, ck...) }
	remove := func(at int64, ck ...[]byte) mutation.Row {
		return mutation.Row{Clustering: ck, Timestamp: mutation.NoTimestamp, Deletion: deleted(at)}
	}
	static := mutation.Row{Static: true, Timestamp: mutation.NoTimestamp, Deletion: none}
	one, two := []byte{1}, []byte{2}

	type step struct {
		table    *schema.Table
		deletion mutation.Deletion
		rows     []mutation.Row
		bounds   int
		newest   int64
	}
	for _, c := range []struct {
		name string
		in   []step
		want outcome
	}{
		{
			"a partition is deleted and written again: the delete comes first",
			[]step{{clustered, deleted(7), []mutation.Row{insert(8, one, one), update(one, two)}, 0, 9}},
			outcome{Changes: []string{"ks.clustered delete 0b/* @9", "ks.clustered insert 0b/01,01 @9", "ks.clustered update 0b/01,02 @9"}},
		},
		{
			"a static row and rows: readers of the static row's key are told too",
			[]step{{clustered, none, []mutation.Row{static, insert(8, one, one)}, 0, 8}},
			outcome{Changes: []string{"ks.clustered update 0b/* @8", "ks.clustered insert 0b/01,01 @8"}},
		},
		{
			"a partition is deleted and its static row written: one key, one event",
			[]step{{clustered, deleted(7), []mutation.Row{static}, 0, 8}},
			outcome{Changes: []string{"ks.clustered delete 0b/* @8"}},
		},
		{
			"a static row alone",
			[]step{{clustered, none, []mutation.Row{static}, 0, 8}},
			outcome{Changes: []string{"ks.clustered update 0b/* @8"}},
		},
		{
			"without clustering the partition is the row: deleted",
			[]step{{single, deleted(7), nil, 0, 7}},
			outcome{Changes: []string{"ks.single delete 0b/ @7"}},
		},
		{
			"without clustering the partition is the row: deleted and written again",
			[]step{{single, deleted(7), []mutation.Row{insert(8)}, 0, 8}},
			outcome{Changes: []string{"ks.single insert 0b/ @8"}},
		},
		{
			"a row delete has its own time, the others the newest of the update",
			[]step{{clustered, none, []mutation.Row{remove(3, one, one), update(one, two)}, 0, 9}},
			outcome{Changes: []string{"ks.clustered delete 0b/01,01 @3", "ks.clustered update 0b/01,02 @9"}},
		},
		{
			"a row is deleted and written again: it is there, at the time of the delete or later",
			[]step{{clustered, none, []mutation.Row{{Clustering: [][]byte{one, one}, Timestamp: 5, Deletion: deleted(3)}}, 0, 5}},
			outcome{Changes: []string{"ks.clustered update 0b/01,01 @3"}},
		},
		{
			"null and empty are two clustering values",
			[]step{{clustered, none, []mutation.Row{insert(8, nil, []byte{})}, 0, 8}},
			outcome{Changes: []string{"ks.clustered insert 0b/null, @8"}},
		},
		{
			"a range delete is counted, the rows beside it are events",
			[]step{{clustered, none, []mutation.Row{insert(8, one, one)}, 2, 9}},
			outcome{Changes: []string{"ks.clustered insert 0b/01,01 @9"}, RangeBounds: 2},
		},
		{
			"a range delete alone",
			[]step{{clustered, none, nil, 2, 9}},
			outcome{RangeBounds: 2},
		},
		{
			"an update that holds nothing",
			[]step{{clustered, none, nil, 0, mutation.NoTimestamp}},
			outcome{},
		},
		{
			"an update of a counter table",
			[]step{{counter, none, []mutation.Row{update()}, 0, 8}},
			outcome{Changes: []string{"ks.counter update 0b/ @8"}},
		},
		{
			"a batch: with cdc, without, a view, with cdc again",
			[]step{
				{clustered, none, []mutation.Row{static, insert(8, one, one)}, 0, 8}, {plain, none, []mutation.Row{insert(8)}, 0, 8},
				{view, none, []mutation.Row{update()}, 2, 8}, {single, none, []mutation.Row{update()}, 0, 9},
			},
			outcome{Changes: []string{"ks.clustered update 0b/* @8", "ks.clustered insert 0b/01,01 @8", "ks.single update 0b/ @9"}, Views: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got changes
			for range 2 { // the second time in the scratch space of the first
				got.reset()
				key, scratch := []byte{11}, make([][]byte, 2)
				for _, s := range c.in {
					u := &mutation.Update{Table: s.table, Key: key, Deletion: s.deletion, MaxTimestamp: s.newest}
					if !got.Table(s.table) {
						continue
					}
					got.Update(u)
					for _, r := range s.rows {
						// What a visitor is shown is gone after the call.
						r.Clustering = append(scratch[:0], r.Clustering...)
						for i, v := range r.Clustering {
							r.Clustering[i] = slices.Clone(v)
						}
						got.Row(u, &r)
						got.EndRow(u, &r)
						for _, v := range r.Clustering {
							for i := range v {
								v[i] = 0xff
							}
						}
					}
					for range s.bounds {
						got.Marker(u, &mutation.Marker{Kind: mutation.InclStart, Deletion: deleted(9), Start: none})
					}
					got.EndUpdate(u)
				}
				key[0] = 0xff
				if diff := cmp.Diff(c.want, got.outcome()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}
