// Message keys that stand for several rows, which properties of the events tell apart.

package pipeline

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// rowKey is what tells the rows of one message key apart. It is empty for most.
type rowKey struct {
	form  event.KeyForm // the same bytes in another form are another key
	exact string
}

func rowKeyOf(e *Event) rowKey { return rowKey{e.Properties.KeyForm, e.Properties.ExactKey} }

// byJava says that an event comes from an agent that tells neither operation nor row.
func byJava(e *Event) bool { return e.Properties.Operation == "" && rowKeyOf(e) == rowKey{} }

// rowOf tells events of one message key apart by their rows. An event of the Java agent
// is of the row that an event of the same mutation is of.
func rowOf(events []*Event) func(*Event) rowKey {
	known := map[string]rowKey{} // by digest
	for _, e := range events {
		if row := rowKeyOf(e); row != (rowKey{}) && e.Digest != "" {
			known[e.Digest] = row
		}
	}
	return func(e *Event) rowKey {
		if byJava(e) {
			return known[e.Digest]
		}
		return rowKeyOf(e)
	}
}

// oneRow parts events of one message key: batch are those of one row, others those of
// the rows that the key stands for too. Each row has reads and publications of its own.
// The row that was written last comes last, so that it is what the key shows then.
func oneRow(events []*Event) (batch, others []*Event) {
	if !slices.ContainsFunc(events, func(e *Event) bool { return rowKeyOf(e) != rowKey{} }) {
		return events, nil // the rule
	}
	row, newest := rowOf(events), map[rowKey]int64{}
	for _, e := range events {
		if at, ok := newest[row(e)]; !ok || e.Properties.WriteTime > at {
			newest[row(e)] = e.Properties.WriteTime
		}
	}
	next := slices.MinFunc(slices.Collect(maps.Keys(newest)), func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(newest[a], newest[b]), cmp.Compare(a.form, b.form), cmp.Compare(a.exact, b.exact))
	})
	return partition(events, func(e *Event) bool { return row(e) == next })
}

// join parts events of one message key: those of the row that the batch is of join it.
func join(batch, events []*Event) (joined, others []*Event) {
	row, request := rowOf(slices.Concat(batch, events)), newest(batch)
	mine, others := partition(events, func(e *Event) bool { return row(e) == rowKey{request.KeyForm, request.ExactKey} })
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
