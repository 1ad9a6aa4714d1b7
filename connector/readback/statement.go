// The SELECT statements of one version of a table.

package readback

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// statement is a SELECT of some columns of a row and of their write times.
type statement struct {
	cql     string
	columns []int // for each selected column, its place among the encoder's columns
	width   int   // number of the encoder's columns
	times   int   // number of write times behind the columns
	undated int   // number of columns that may be older than an event and have no write time
	counter bool
}

// newStatement selects those of the columns that want allows, for rows that match the
// key columns. maxWriteTime says that the cluster knows MAXWRITETIME (5.0), which
// dates collections too.
func newStatement(t *schema.Table, columns []schema.Column, want func(schema.Column) bool, key []schema.Column, maxWriteTime bool) statement {
	s := statement{width: len(columns)}
	list := s.list(t, columns, want, key, maxWriteTime)
	var where []string
	for _, k := range key {
		where = append(where, cql.Quote(k.Name)+" = ?")
	}
	s.cql = selectOne(t, list, where)
	return s
}

func selectOne(t *schema.Table, list, where []string) string {
	return "SELECT " + strings.Join(list, ", ") + " FROM " + t.CQL() + " WHERE " + strings.Join(where, " AND ") + " LIMIT 1"
}

// list is what the statement selects.
func (s *statement) list(t *schema.Table, columns []schema.Column, want func(schema.Column) bool, key []schema.Column, maxWriteTime bool) []string {
	var list, times []string
	for i, c := range columns {
		if !want(c) {
			continue
		}
		name := cql.Quote(c.Name)
		list = append(list, name)
		s.columns = append(s.columns, i)
		switch {
		case c.Kind == schema.PartitionKey || c.Kind == schema.Clustering:
		case c.Kind == schema.Static && len(key) > len(t.PartitionKey):
			// A static column is written on its own: that it is new says nothing of the row.
		case maxWriteTime:
			times = append(times, "MAXWRITETIME("+name+")")
		case !c.Type.MultiCell():
			times = append(times, "WRITETIME("+name+")")
		default: // a collection before 5.0
			s.undated++
		}
		s.counter = s.counter || c.Type.Kind == cql.Counter
	}
	s.times = len(times)
	if len(list) == 0 { // nothing to publish, but the row's existence
		list = append(list, cql.Quote(key[0].Name))
	}
	return append(list, times...)
}

// valued says whether a row can be there and be old: it has values beside its key.
func (s statement) valued() bool { return s.times+s.undated > 0 }

// values puts an answer into the order of the encoder's columns.
func (s statement) values(answer [][]byte) [][]byte {
	values := make([][]byte, s.width)
	for i, at := range s.columns {
		values[at] = answer[i]
	}
	return values
}

// newest is the newest write time in an answer, µs since 1970.
func (s statement) newest(answer [][]byte) int64 {
	newest := int64(math.MinInt64)
	for _, v := range answer[len(answer)-s.times:] {
		if len(v) == 8 {
			newest = max(newest, int64(binary.BigEndian.Uint64(v)))
		}
	}
	return newest
}
