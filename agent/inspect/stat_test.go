// What stat says of the corpus.

package inspect_test

import (
	"encoding/json"
	"testing"
)

func TestStatIsWhatCassandrasReaderGave(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			rows := s.rows(t)
			found, r := stat(t, &rows, s.segments...)
			if r.err != nil || len(found) != len(s.segments) {
				t.Fatalf("%d of %d segments: %v", len(found), len(s.segments), r.err)
			}
			for i, segment := range s.segments {
				got := found[i]
				var bytes, first, last int64
				updates, cdc, undecoded := map[string]int{}, map[string]bool{}, 0
				lines := expected(t, segment)
				for _, line := range lines {
					e := entryOf(t, line)
					if first == 0 {
						first = e.End
					}
					last, bytes = e.End, bytes+e.Size
					var of struct {
						Unhandled bool
						Updates   []struct {
							KS, Table string
							CDC       bool
						}
					}
					if err := json.Unmarshal([]byte(line), &of); err != nil {
						t.Fatal(err)
					}
					if of.Unhandled {
						undecoded++
					}
					for _, u := range of.Updates {
						updates[u.KS+"."+u.Table]++
						cdc[u.KS+"."+u.Table] = u.CDC
					}
				}
				if got.Entries != len(lines) || got.Bytes != bytes || got.First != first || got.Last != last || got.Undecoded != undecoded || len(got.Faults) > 0 {
					t.Errorf("%s: %+v; %d entries of %d bytes from %d to %d, %d undecoded", segment, got, len(lines), bytes, first, last, undecoded)
				}
				if want := sections(t, segment); got.Sections != len(want) || len(want) > 0 && got.Used != want[len(want)-1].End {
					t.Errorf("%s: %d sections, %d bytes used; want %+v", segment, got.Sections, got.Used, want)
				}
				if len(got.Tables) != len(updates) {
					t.Errorf("%s: %d tables, want %d", segment, len(got.Tables), len(updates))
				}
				for _, table := range got.Tables {
					if table.Updates != updates[table.Table] || table.CDC != cdc[table.Table] {
						t.Errorf("%s: %+v, want %d, cdc %v", segment, table, updates[table.Table], cdc[table.Table])
					}
				}
			}
		})
	}
}
