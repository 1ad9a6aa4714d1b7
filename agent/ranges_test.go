// Markers of range tombstones become ranges, and those that make none a fault.

package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
)

func TestRanges(t *testing.T) {
	bound := func(kind mutation.BoundKind, at int64, ck ...byte) mutation.Marker {
		m := mutation.Marker{Kind: kind, Deletion: mutation.Deletion{Timestamp: at}, Start: mutation.Deletion{Timestamp: mutation.NoTimestamp}}
		for _, v := range ck {
			m.Clustering = append(m.Clustering, []byte{v})
		}
		return m
	}
	boundary := func(kind mutation.BoundKind, end, start int64, ck ...byte) mutation.Marker {
		m := bound(kind, end, ck...)
		m.Start.Timestamp = start
		return m
	}
	for _, c := range []struct {
		name  string
		in    []mutation.Marker
		want  []string
		fault string
	}{
		{name: "none"},
		{
			name: "two with a gap", in: []mutation.Marker{
				bound(mutation.InclStart, 5, 1), bound(mutation.ExclEnd, 5, 2), bound(mutation.ExclStart, 6, 2), bound(mutation.InclEnd, 6, 3, 4),
			},
			want: []string{"[01;02) @5", "(02;03,04] @6"},
		},
		{
			name: "open ends and boundaries", in: []mutation.Marker{
				bound(mutation.InclStart, 5), boundary(mutation.ExclEndInclStart, 5, 6, 1), boundary(mutation.InclEndExclStart, 6, 7, 2), bound(mutation.InclEnd, 7),
			},
			want: []string{"[;01) @5", "[01;02] @6", "(02;] @7"},
		},
		{name: "an end first", in: []mutation.Marker{bound(mutation.InclEnd, 5, 1)}, fault: "ends that has not started"},
		{name: "a boundary first", in: []mutation.Marker{boundary(mutation.ExclEndInclStart, 5, 6, 1), bound(mutation.InclEnd, 6, 1)}, fault: "ends that has not started"},
		{name: "no end", in: []mutation.Marker{bound(mutation.InclStart, 5, 1)}, fault: "no end"},
		{name: "no end behind a boundary", in: []mutation.Marker{bound(mutation.InclStart, 5, 1), boundary(mutation.ExclEndInclStart, 5, 6, 1)}, fault: "no end"},
		{name: "one in another", in: []mutation.Marker{bound(mutation.InclStart, 5, 1), bound(mutation.ExclStart, 5, 1), bound(mutation.InclEnd, 5, 2)}, fault: "starts within another"},
		{name: "an end of another one", in: []mutation.Marker{bound(mutation.InclStart, 5, 1), bound(mutation.InclEnd, 6, 1)}, fault: "the deletion of 5 and ends with that of 6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r ranges
			for range 2 {
				r.reset()
				for _, m := range c.in {
					// What a visitor is shown is gone after the call.
					shown := m
					shown.Clustering = clone(m.Clustering)
					r.marker(&shown)
					for _, v := range shown.Clustering {
						v[0] = 0xff
					}
				}
				err := r.done()
				if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
					t.Errorf("%v, want …%s", err, c.fault)
				}
				if c.fault != "" {
					continue
				}
				var got []string
				for _, d := range r.list {
					text := changeText("", "", "", rangeText(d.Start.Inclusive, valuesText(d.Start.Values), valuesText(d.End.Values), d.End.Inclusive), d.at)
					got = append(got, strings.TrimLeft(text, " /"))
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// A mutation whose markers make no ranges is none that Cassandra writes: it goes into
// quarantine as a whole, and no part of it becomes an event.
func TestRangesThatDoNotPair(t *testing.T) {
	rows := corpustest.Rows(t, scenario)
	tables := dumpTables(t, rows)
	a, _ := newAgent(t, &fakeNode{rows: rows})
	a.changes.withRanges = true
	for _, e := range corpusEntries(t, scenario) {
		if want, _ := dumpOutcome(e.Line, tables, false); want.RangeBounds == 0 {
			continue
		}
		for i, b := range e.Body {
			if mutation.BoundKind(b) != mutation.InclStart {
				continue
			}
			broken := e
			broken.Body = slices.Clone(e.Body)
			broken.Body[i] = byte(mutation.InclEnd)
			c := changes{withRanges: true}
			c.reset()
			if err := a.decoder.Decode(e.Version, broken.Body, &c); err != nil || c.err == nil {
				continue // not the kind of a marker
			}
			w := checkpoint.NewWatermark(0)
			if err := a.Entry(t.Context(), broken.entry(w)); err != nil {
				t.Fatal(err)
			}
			entries, reasons := quarantined(t, a)
			if len(entries) != 1 || len(reasons) != 1 || !strings.Contains(reasons[0], "range tombstones of table ck.") || w.Offset() != e.Position.Offset {
				t.Errorf("%d entries in quarantine, %q, offset %d", len(entries), reasons, w.Offset())
			}
			return
		}
	}
	t.Fatal("no entry of the corpus could be broken")
}
