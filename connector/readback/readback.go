// Package readback reads rows as they are now.
//
// In comes the key of an event, out goes the row with the version of the table it was
// read with, and the verdict whether it is at least as new as the event. The package
// publishes nothing and remembers no row.
package readback

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// Request is what an event says of the row to read.
type Request struct {
	Key       []byte        // message key of the event
	KeyForm   event.KeyForm // of the message key
	ExactKey  string        // of the event, where its message key has lost a part of the row's; "" otherwise
	NodeID    string        // host id of the node that wrote the event
	WriteTime int64         // µs since 1970; event.NoWriteTime when the event has none
	Operation event.Operation
}

// Row is the row as it was at the time of the read.
type Row struct {
	Version *Version // of the table
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
	// Coordinator is the host id of the node that answered.
	Coordinator string
}

// KeyError is a key that cannot be read as the table's primary key.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return "the event's key: " + e.Err.Error() }
func (e *KeyError) Unwrap() error { return e.Err }

// Reader reads rows of one table. It is safe for concurrent use.
type Reader struct {
	session  *cassandra.Session
	versions *versions
}

// New returns a reader of a table, whose rows become messages of a format. It fails
// when the table is not there or cannot be published.
func New(ctx context.Context, session *cassandra.Session, keyspace, table string, f row.Format) (*Reader, error) {
	v := newVersions(session, keyspace, table, f)
	if _, err := v.current(ctx, ""); err != nil {
		return nil, err
	}
	return &Reader{session: session, versions: v}, nil
}

// Table is the version of the table that was current at the last read.
func (r *Reader) Table() *Version { return r.versions.last() }

// Read reads the row that r names, on the node that wrote the event when it is up.
// It fails with a *[KeyError], with an error of schema/row, or when the cluster does
// not answer.
func (r *Reader) Read(ctx context.Context, req Request) (Row, error) {
	// Invariant 8: the version is one that the node had after the event was received,
	// so that it has every column the event's mutation may have written.
	v, err := r.versions.current(ctx, req.NodeID)
	if err != nil {
		return Row{}, err
	}
	if v, err = v.in(req.KeyForm); err != nil {
		return Row{}, &KeyError{err}
	}
	partition, clustering, err := v.Messages.EventKey().DecodeExact(req.Key, req.ExactKey)
	if err != nil {
		return Row{}, &KeyError{err}
	}
	row := Row{Version: v, ExactKey: req.ExactKey}
	whole := len(clustering) == 0 || clustering[0] != nil
	s, args := v.wholeRow, slices.Concat(partition, clustering)
	if !whole {
		s, args = v.partition, partition
		row.Static = len(v.Table.Static) > 0
	}
	answer, err := r.session.SelectRow(ctx, req.NodeID, s.cql, args)
	if err != nil {
		return Row{}, fmt.Errorf("read a row of %s: %w", v.Table.CQL(), err)
	}
	row.Coordinator = answer.Coordinator
	row.show(req, s, answer.Values)
	if row.Values == nil && whole && v.sharing != nil {
		err = r.readSharing(ctx, req, &row, partition, clustering)
	}
	return row, err
}

// show fills in an answer.
func (r *Row) show(req Request, s statement, answer [][]byte) {
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
}

// readSharing looks for another row with the message key of one that is not there: it
// is what the key stands for then. For an event of the Java agent, whose key may be less
// than that of its row, it may be the row itself.
func (r *Reader) readSharing(ctx context.Context, req Request, row *Row, partition, clustering [][]byte) error {
	s := row.Version.sharing
	answer, err := r.session.SelectRow(ctx, req.NodeID, s.cql, s.bounds(partition, clustering))
	switch {
	case cassandra.Invalid(err):
		return nil // a cluster may forbid ALLOW FILTERING
	case err != nil:
		return fmt.Errorf("read a row of %s by a key cut to µs: %w", row.Version.Table.CQL(), err)
	case answer.Values == nil:
		return nil
	case answer.Coordinator != row.Coordinator:
		row.Coordinator = "" // neither of the two
	}
	values, found := s.split(answer.Values, clustering)
	gone := row.Fresh
	row.show(req, s.statement, values)
	if req.Operation != "" {
		row.Fresh = gone // the verdict on the event's own row
	}
	row.ExactKey = row.Version.Messages.EventKey().ExactKey(partition, found)
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
