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
	Key []byte // message key of the event
	// Writer is what the key was written with; nil where only the table's own form is known.
	Writer    *event.Writer
	NodeID    string // host id of the node that wrote the event
	WriteTime int64  // µs since 1970; event.NoWriteTime when the event has none
	Operation event.Operation
}

// Row is the row as it was at the time of the read.
type Row struct {
	Version *Version // of the table
	Key     []byte   // message key of the event, in the form that the version has
	Values  [][]byte // raw values of Version.Messages.Columns(); nil when there is no such row
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
	if req.Key, err = v.PresentKey(req.Writer, req.Key); err != nil {
		return Row{}, &KeyError{err}
	}
	partition, clustering, err := v.Messages.EventKey().Decode(req.Key)
	if err != nil {
		return Row{}, &KeyError{err}
	}
	row := Row{Version: v, Key: req.Key}
	s, args := v.wholeRow, slices.Concat(partition, clustering)
	if len(clustering) > 0 && clustering[0] == nil {
		s, args = v.partition, partition
		row.Static = len(v.Table.Static) > 0
	}
	answer, err := r.session.SelectRow(ctx, req.NodeID, s.cql, args)
	if err != nil {
		return Row{}, fmt.Errorf("read a row of %s: %w", v.Table.CQL(), err)
	}
	row.Coordinator = answer.Coordinator
	newest := int64(math.MinInt64)
	if answer.Values != nil {
		row.Values = s.values(answer.Values)
		newest = s.newest(answer.Values)
	}
	row.Fresh = fresh(req, row.Values != nil, newest, s.dated())
	return row, nil
}

// fresh compares a row with the event that asked for it. newest is the newest write
// time among the row's values, the smallest number when none has one; dated says
// that some of them can have one.
//
// Invariant 7: what is not certainly fresh is read again.
func fresh(req Request, exists bool, newest int64, dated bool) bool {
	switch {
	case req.WriteTime == event.NoWriteTime, req.Operation == "" && !exists:
		return true // nothing to compare with: the events of the Java agent name no operation
	case req.Operation == event.Delete:
		return !exists || newest > req.WriteTime
	case !exists:
		return false // not there yet, or deleted since
	}
	return !dated || newest >= req.WriteTime
}
