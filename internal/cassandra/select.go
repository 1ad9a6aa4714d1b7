// SELECTs of rows, with raw values in and out.

package cassandra

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/gocql/gocql"
)

// Consistency is how many replicas have to answer a read, as CQL spells it.
type Consistency string

// The levels for reads.
const (
	LocalOne    Consistency = "LOCAL_ONE"
	One         Consistency = "ONE"
	Two         Consistency = "TWO"
	Three       Consistency = "THREE"
	LocalQuorum Consistency = "LOCAL_QUORUM"
	Quorum      Consistency = "QUORUM"
	EachQuorum  Consistency = "EACH_QUORUM"
	All         Consistency = "ALL"
)

var levels = map[Consistency]gocql.Consistency{
	LocalOne: gocql.LocalOne, One: gocql.One, Two: gocql.Two, Three: gocql.Three,
	LocalQuorum: gocql.LocalQuorum, Quorum: gocql.Quorum, EachQuorum: gocql.EachQuorum, All: gocql.All,
}

// Stronger is a level that asks more replicas, "" for none: after a level for some
// replicas a quorum, after a quorum all.
func (c Consistency) Stronger() Consistency {
	switch c {
	case LocalOne:
		return LocalQuorum
	case One, Two, Three:
		return Quorum
	case LocalQuorum, Quorum, EachQuorum:
		return All
	}
	return ""
}

// Query is a SELECT.
type Query struct {
	Statement string
	Values    [][]byte    // raw values of the bind markers; nil is null
	HostID    string      // of the node to ask while it is up; "" for any
	Level     Consistency // "" means LOCAL_QUORUM
	// Speculate is after how long another node is asked too, so that the first answer
	// counts; 0 for never.
	Speculate time.Duration
}

// Answer holds the rows that a SELECT found, all of them: there are no pages.
type Answer struct {
	Rows        [][][]byte // raw values in the order of the statement; nil is null
	Coordinator string     // host id of the node that answered
}

// raw passes a CQL value through the driver as it is; nil is null.
type raw []byte

func (r raw) MarshalCQL(gocql.TypeInfo) ([]byte, error) { return r, nil }

// cell takes a value out of the driver as it is, into memory that all cells of an answer
// share.
type cell struct {
	value  []byte
	memory *[]byte
}

func (c *cell) UnmarshalCQL(_ gocql.TypeInfo, data []byte) error {
	if c.value = nil; data != nil {
		start := len(*c.memory)
		*c.memory = append(*c.memory, data...)
		c.value = (*c.memory)[start:len(*c.memory):len(*c.memory)]
	}
	return nil
}

// Select runs a SELECT, which is prepared once for each node.
func (s *Session) Select(ctx context.Context, q Query) (Answer, error) {
	args := make([]any, len(q.Values))
	for i, v := range q.Values {
		args[i] = raw(v)
	}
	level := gocql.LocalQuorum
	if q.Level != "" {
		level = levels[q.Level]
	}
	query := s.gocql().Query(q.Statement, args...).WithContext(withCoordinator(ctx, q.HostID)).Consistency(level).PageSize(0)
	if q.Speculate > 0 {
		query.Idempotent(true).SetSpeculativeExecutionPolicy(&gocql.SimpleSpeculativeExecution{NumAttempts: 1, TimeoutDelay: q.Speculate})
	}
	iter := query.Iter()
	answer := Answer{Rows: scan(iter)}
	if h := iter.Host(); h != nil {
		answer.Coordinator = h.HostID()
	}
	if err := iter.Close(); err != nil {
		return Answer{}, short(err)
	}
	return answer, nil
}

// scan reads the rows of an answer.
func scan(iter *gocql.Iter) [][][]byte {
	const usualRow = 128 // bytes
	rows := iter.NumRows()
	if rows == 0 {
		return nil
	}
	columns := iter.Columns()
	n := 0 // one cell a column, but one a component of a tuple: the driver takes them apart
	for _, c := range columns {
		n += max(1, components(c))
	}
	memory := make([]byte, 0, rows*usualRow)
	cells, dest := make([]cell, n), make([]any, n)
	for i := range cells {
		cells[i].memory = &memory
		dest[i] = &cells[i]
	}
	all, values := make([][][]byte, 0, rows), make([][]byte, 0, rows*len(columns))
	for iter.Scan(dest...) {
		start, left := len(values), cells
		for _, c := range columns {
			if n := components(c); n > 0 {
				values = append(values, tuple(left[:n]))
				left = left[n:]
			} else {
				values = append(values, left[0].value)
				left = left[1:]
			}
		}
		all = append(all, values[start:len(values):len(values)])
	}
	return all
}

// components is the number of a tuple's components, 0 for any other type.
func components(c gocql.ColumnInfo) int {
	t, _ := c.TypeInfo.(gocql.TupleTypeInfo)
	return len(t.Elems)
}

// tuple puts a tuple together again. The driver does not tell a null from a tuple of
// nulls only: it comes out as null.
func tuple(components []cell) []byte {
	var all []byte
	null := true
	for _, c := range components {
		if c.value == nil {
			all = binary.BigEndian.AppendUint32(all, math.MaxUint32) // length -1
			continue
		}
		null = false
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(c.value))), c.value...)
	}
	if null {
		return nil
	}
	return all
}
