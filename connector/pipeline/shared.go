// Message keys that stand for several rows, which exact keys tell apart.

package pipeline

import (
	"cmp"
	"maps"
	"slices"
)

// rowOf tells events of one message key apart by the exact keys of their rows. An event
// of the Java agent, which knows none, is of the row that an event of the same mutation
// is of.
func rowOf(events []*Event) func(*Event) string {
	known := map[string]string{} // exact keys by digest
	for _, e := range events {
		if e.Properties.ExactKey != "" && e.Digest != "" {
			known[e.Digest] = e.Properties.ExactKey
		}
	}
	return func(e *Event) string {
		if byJava(e) {
			return known[e.Digest]
		}
		return e.Properties.ExactKey
	}
}

// oneRow parts events of one message key: batch are those of one row, others those of
// the rows that the key stands for too. Each row has reads and publications of its own.
// The row that was written last comes last, so that it is what the key shows then.
func oneRow(events []*Event) (batch, others []*Event) {
	if !slices.ContainsFunc(events, func(e *Event) bool { return e.Properties.ExactKey != "" }) {
		return events, nil // the rule
	}
	row, newest := rowOf(events), map[string]int64{}
	for _, e := range events {
		if at, ok := newest[row(e)]; !ok || e.Properties.WriteTime > at {
			newest[row(e)] = e.Properties.WriteTime
		}
	}
	next := slices.MinFunc(slices.Collect(maps.Keys(newest)), func(a, b string) int {
		return cmp.Or(cmp.Compare(newest[a], newest[b]), cmp.Compare(a, b))
	})
	return partition(events, func(e *Event) bool { return row(e) == next })
}

// join parts events of one message key: those of the row that the batch is of join it.
func join(batch, events []*Event) (joined, others []*Event) {
	row, exact := rowOf(slices.Concat(batch, events)), newest(batch).ExactKey
	mine, others := partition(events, func(e *Event) bool { return row(e) == exact })
	return append(batch, mine...), others
}

func partition(events []*Event, wanted func(*Event) bool) (in, out []*Event) {
	for _, e := range events {
		if wanted(e) {
			in = append(in, e)
		} else {
			out = append(out, e)
		}
	}
	return in, out
}
