// Range tombstones: the markers of an update, paired into the ranges that they delete.

package agent

import (
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// deletedRange is a range and the write time of its deletion in µs since 1970.
type deletedRange struct {
	event.Range
	at int64
}

// ranges pairs the markers of one update, which come in the order of the clustering and
// never overlap: a range that begins where another one ends has a boundary with it.
type ranges struct {
	list []deletedRange
	open bool // the last of the list has no end yet
	err  error
}

func (r *ranges) reset() { r.list, r.open, r.err = r.list[:0], false, nil }

func (r *ranges) marker(m *mutation.Marker) {
	switch m.Kind {
	case mutation.InclStart, mutation.ExclStart:
		r.start(m, m.Kind == mutation.InclStart, m.Deletion)
	case mutation.InclEnd, mutation.ExclEnd:
		r.end(m, m.Kind == mutation.InclEnd)
	case mutation.ExclEndInclStart:
		r.end(m, false)
		r.start(m, true, m.Start)
	case mutation.InclEndExclStart:
		r.end(m, true)
		r.start(m, false, m.Start)
	}
}

func (r *ranges) start(m *mutation.Marker, inclusive bool, d mutation.Deletion) {
	if r.open {
		r.fail(errors.New("a range starts within another one"))
		return
	}
	r.open = true
	r.list = append(r.list, deletedRange{event.Range{Start: event.Bound{Values: clone(m.Clustering), Inclusive: inclusive}}, d.Timestamp})
}

func (r *ranges) end(m *mutation.Marker, inclusive bool) {
	if !r.open {
		r.fail(errors.New("a range ends that has not started"))
		return
	}
	r.open = false
	last := &r.list[len(r.list)-1]
	last.End = event.Bound{Values: clone(m.Clustering), Inclusive: inclusive}
	if last.at != m.Deletion.Timestamp {
		r.fail(fmt.Errorf("a range starts with the deletion of %d and ends with that of %d", last.at, m.Deletion.Timestamp))
	}
}

// done ends the update.
func (r *ranges) done() error {
	if r.open {
		r.fail(errors.New("a range has no end"))
	}
	return r.err
}

func (r *ranges) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
