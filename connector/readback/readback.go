// Package readback reads rows as they are now.
//
// In comes the key of an event, out goes the row with the version of the table it was
// read with, and the verdict whether it is at least as new as the event. The package
// publishes nothing and remembers no row.
package readback

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// Request is what an event says of the row to read.
type Request struct {
	Key []byte // message key of the event
	// Writer is what the key was written with; nil where only the table's own form is known.
	Writer    *event.Writer
	KeyForm   event.KeyForm // of the message key
	ExactKey  string        // of the event, where its message key has lost a part of the row's; "" otherwise
	NodeID    string        // host id of the node that wrote the event
	WriteTime int64         // µs since 1970; event.NoWriteTime when the event has none
	Operation event.Operation
	// Attempt is how many times the row was read for the event already and was not
	// fresh. After some of them more replicas are asked.
	Attempt int
}

// Row is the row as it was at the time of the read.
type Row struct {
	Version *Version // of the table
	Key     []byte   // message key of the event, in the form that the version has
	Values  [][]byte // raw values of Version.Messages.Columns(); nil when there is no such row
	// ExactKey is the row's own where the message key is not all of it. It is another
	// one than that of the request where that row is gone and another one with the same
	// message key is there.
	ExactKey string
	// Static says that the event is of a static row: of the values only those of the
	// static columns count.
	Static bool
	// Fresh says that the row is not older than the event (invariant 7). Where it is
	// false the coordinator may not show the write yet, or the write left no trace
	// that a read could show.
	Fresh bool
	// Coordinator is the host id of the node that answered. It is "" where several did,
	// and for a row that was read at the fallback level: such a row is as new as the
	// event, but the next one of the same key may be older again.
	Coordinator string

	proved bool // a write time says that the row is not older than the event
}

// KeyError is a key that cannot be read as the table's primary key.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return "the event's key: " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// StaleError is a row that was read at the fallback level and is not certainly as new as
// the event. Err is why there was no answer at the level proper.
type StaleError struct {
	Level cassandra.Consistency
	Err   error
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%v; at %s the row is not certainly as new as the event", e.Err, e.Level)
}
func (e *StaleError) Unwrap() error { return e.Err }

// attemptsBeforeStronger is how many reads may show no fresh row before more replicas are
// asked.
const attemptsBeforeStronger = 3

// Reader reads rows of one table. It is safe for concurrent use.
type Reader struct {
	cluster  *Cluster
	versions *versions
}

// Table is the version of the table that was current at the last read.
func (r *Reader) Table() *Version { return r.versions.last() }

// Read reads the row that r names, on the node that wrote the event when it is up.
// It fails with a *[KeyError], with an error of schema/row, with a *[StaleError], or when
// the cluster does not answer.
func (r *Reader) Read(ctx context.Context, req Request) (Row, error) {
	// Invariant 8: the version is one that the node had after the event was received, so
	// that it has every column the event's mutation may have written. Nearly always it is
	// the last one, as the query finds out beside its work. Otherwise it is asked for.
	v := r.Table()
	row, err := r.readVersion(ctx, req, v, false)
	var key *KeyError
	if !errors.Is(err, errSchemaChanged) && !errors.As(err, &key) {
		return row, err
	}
	now, err := r.versions.current(ctx, req.NodeID)
	if err != nil {
		return Row{}, err
	}
	if key != nil && now == v {
		return Row{}, key
	}
	return r.readVersion(ctx, req, now, true)
}

// readVersion reads the row as one of a version; current says that the version is known
// to be one that the node had after the event was received. Where it is not it fails with
// errSchemaChanged.
func (r *Reader) readVersion(ctx context.Context, req Request, v *Version, current bool) (Row, error) {
	v, err := v.in(req.KeyForm)
	if err != nil {
		return Row{}, &KeyError{err}
	}
	if req.Key, err = v.presentKey(req.Writer, req.Key); err != nil {
		return Row{}, &KeyError{err}
	}
	partition, clustering, err := v.Messages.EventKey().DecodeExact(req.Key, req.ExactKey)
	if err != nil {
		return Row{}, &KeyError{err}
	}
	return r.readKey(ctx, lookup{req, v, current, partition, clustering})
}

// lookup is what there is to read.
type lookup struct {
	Request
	version               *Version
	current               bool
	partition, clustering [][]byte // raw values
}

// readKey reads the row at the level that is due.
func (r *Reader) readKey(ctx context.Context, l lookup) (Row, error) {
	o := r.cluster.options
	if stronger := o.Consistency.Stronger(); l.Attempt >= attemptsBeforeStronger && stronger != "" {
		row, err := r.readAt(ctx, stronger, l)
		if !cassandra.Unavailable(err) && !cassandra.Timeout(err) {
			return row, err
		} // or else there are too few replicas for more
	}
	row, err := r.readAt(ctx, o.Consistency, l)
	if !cassandra.Unavailable(err) || o.Fallback == o.Consistency {
		return row, err
	}
	fallen, fallenErr := r.readAt(ctx, o.Fallback, l)
	switch {
	case fallenErr != nil:
		return Row{}, fallenErr
	case !fallen.proved:
		// Invariant 7: a replica alone may lack the write, and any before.
		return Row{}, &StaleError{o.Fallback, err}
	}
	fallen.Coordinator = ""
	return fallen, nil
}

// readAt reads the row at a level.
func (r *Reader) readAt(ctx context.Context, level cassandra.Consistency, l lookup) (Row, error) {
	row := Row{Version: l.version, Key: l.Key, ExactKey: l.ExactKey}
	whole := len(l.clustering) == 0 || l.clustering[0] != nil
	s, key := l.version.wholeRow, slices.Concat(l.partition, l.clustering)
	if !whole {
		s, key = l.version.partition, l.partition
		row.Static = len(l.version.Table.Static) > 0
	}
	answer, err := r.ask(ctx, level, l, s, key)
	if err != nil {
		return Row{}, fmt.Errorf("read a row of %s: %w", l.version.Table.CQL(), err)
	}
	row.Coordinator = answer.coordinator
	row.show(l.Request, s, answer.values)
	if row.Values == nil && whole && l.version.sharing != nil {
		err = r.readSharing(ctx, level, l, &row)
	}
	return row, err
}

func (r *Reader) ask(ctx context.Context, level cassandra.Consistency, l lookup, s *statement, key [][]byte) (result, error) {
	of := shape{node: l.NodeID, statement: s, level: level}
	if !l.current {
		of.schema = l.version.schema
	}
	return r.cluster.queries.read(ctx, of, key)
}

// show fills in an answer.
func (r *Row) show(req Request, s *statement, answer [][]byte) {
	newest := int64(math.MinInt64)
	if answer != nil {
		r.Values = s.values(answer)
		newest = s.newest(answer)
	}
	r.Fresh = fresh(req, r.Values != nil, newest, s.valued())
	if s.counter && r.Values != nil && req.Operation != event.Delete && req.WriteTime != event.NoWriteTime && newest > req.WriteTime {
		// A counter is the sum of what several nodes have counted. A newer time is that of
		// another update, which says nothing of whether this one is in the sum.
		r.Fresh = false
	}
	r.proved = r.Fresh && r.Values != nil && !s.counter && req.WriteTime != event.NoWriteTime && newest >= req.WriteTime
}

// readSharing looks for another row with the message key of one that is not there: it
// is what the key stands for then. For an event of the Java agent, whose key may be less
// than that of its row, it may be the row itself.
func (r *Reader) readSharing(ctx context.Context, level cassandra.Consistency, l lookup, row *Row) error {
	s := l.version.sharing
	answer, err := r.ask(ctx, level, l, &s.statement, s.bounds(l.partition, l.clustering))
	switch {
	case cassandra.Invalid(err):
		return nil // a cluster may forbid ALLOW FILTERING
	case err != nil:
		return fmt.Errorf("read a row of %s by a key cut to µs: %w", row.Version.Table.CQL(), err)
	case answer.values == nil:
		return nil
	case answer.coordinator != row.Coordinator:
		row.Coordinator = "" // neither of the two
	}
	values, found := s.split(answer.values, l.clustering)
	gone := row.Fresh
	row.show(l.Request, &s.statement, values)
	if l.Operation != "" {
		row.Fresh, row.proved = gone, false // the verdict on the event's own row
	}
	row.ExactKey = row.Version.Messages.EventKey().ExactKey(l.partition, found)
	return nil
}

// fresh compares a row with the event that asked for it. newest is the newest write
// time among the row's values, the smallest number when none has one; valued says that
// it can have any.
//
// Invariant 7: what is not certainly fresh is read again.
func fresh(req Request, exists bool, newest int64, valued bool) bool {
	switch {
	case req.WriteTime == event.NoWriteTime, req.Operation == "" && !exists:
		return true // nothing to compare with: the events of the Java agent name no operation
	case req.Operation == event.Delete:
		return !exists || newest > req.WriteTime
	case !exists:
		return false // not there yet, or deleted since
	}
	return !valued || newest >= req.WriteTime
}
