// The demo's verdict on a stream of writes, without servers.

package demo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFollow(t *testing.T) {
	began := time.Now()
	sent := map[string][]time.Time{
		`{"id":1}`: {began, began.Add(time.Second)},
		`{"id":2}`: {began, began.Add(time.Second)},
	}
	row := func(id, write int) arrival {
		return arrival{key: fmt.Sprintf(`{"id":%d}`, id), value: fmt.Sprintf(`{"visits":%d}`, write), at: began.Add(3 * time.Second)}
	}
	for name, c := range map[string]struct {
		rows    []arrival
		took    []time.Duration
		missing []string
		err     string
	}{
		"all, one by one":              {rows: []arrival{row(1, 1), row(2, 1), row(1, 2), row(2, 2)}, took: []time.Duration{3e9, 3e9, 2e9, 2e9}},
		"one write covers the other":   {rows: []arrival{row(1, 2), row(2, 2)}, took: []time.Duration{2e9, 2e9}},
		"the same state twice":         {rows: []arrival{row(1, 2), row(1, 2), row(2, 2)}, took: []time.Duration{2e9, 2e9, 2e9}},
		"a last write is missing":      {rows: []arrival{row(1, 2), row(2, 1)}, took: []time.Duration{2e9, 3e9}, missing: []string{`{"id":2}`}},
		"nothing came":                 {missing: []string{`{"id":1}`, `{"id":2}`}},
		"a row goes back":              {rows: []arrival{row(1, 2), row(1, 1)}, err: `out of order: the row {"id":1} came with write 1 after write 2`},
		"a key that was not written":   {rows: []arrival{row(3, 1)}, err: `unexpected message: key {"id":3}`},
		"a state that was not written": {rows: []arrival{row(1, 3)}, err: "unexpected message"},
		"a delete":                     {rows: []arrival{{key: `{"id":1}`, value: "null"}}, err: "unexpected message"},
	} {
		t.Run(name, func(t *testing.T) {
			took, missing, err := follow(sent, c.rows)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(took, c.took) || !slices.Equal(missing, c.missing) {
				t.Errorf("took %v, missing %v, %v", took, missing, err)
			}
		})
	}
}
