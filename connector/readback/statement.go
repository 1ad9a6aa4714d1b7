// The SELECT statements of one version of a table.

package readback

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// statement is a SELECT of some columns of a row and of their write times.
type statement struct {
	cql string
	// together is the same SELECT for several rows, which differ in the key columns behind
	// the first fixed ones: a list of these is the last marker, and they are selected
	// behind everything else. "" for none.
	together string
	fixed    int
	refused  atomic.Bool // the cluster does not take together

	columns []int // for each selected column, its place among the encoder's columns
	width   int   // number of the encoder's columns
	times   int   // number of write times behind the columns
	undated int   // number of columns that may be older than an event and have no write time
	counter bool
}

// selection is what the statements of a version of a table select.
type selection struct {
	table   *schema.Table
	columns []schema.Column // of the encoder
	hidden  []schema.Column // not published; their write times count all the same
	// maxWriteTime says that the cluster knows MAXWRITETIME (5.0), which dates
	// collections too.
	maxWriteTime bool
}

// newStatement selects those of the columns that want allows, for rows that match the
// key columns.
func newStatement(of selection, want func(schema.Column) bool, key []schema.Column) *statement {
	s := &statement{width: len(of.columns)}
	list := s.list(of, want, key)
	where := equal(key)
	s.cql = selectFrom(of.table, list, where) + " LIMIT 1"
	s.fixed = fixedOf(of.table, key)
	if varying := key[s.fixed:]; len(varying) > 0 && !slices.ContainsFunc(varying, ambiguous) {
		var names []string
		for _, c := range varying {
			names = append(names, cql.Quote(c.Name))
		}
		in := names[0]
		if len(names) > 1 {
			in = "(" + strings.Join(names, ", ") + ")"
		}
		s.together = selectFrom(of.table, append(list, names...), append(where[:s.fixed], in+" IN ?"))
		if s.fixed == 0 && len(of.table.Clustering) > 0 {
			s.together += " PER PARTITION LIMIT 1"
		}
	}
	return s
}

// fixedOf is how many columns of a key reads that share a query must have in common: the
// partition's, so that the query is for rows of one partition; none where the key is that
// of a partition, of one column. Where it has several each read is a query: CQL lists no
// such keys.
func fixedOf(t *schema.Table, key []schema.Column) int {
	if len(key) == 1 {
		return 0
	}
	return len(t.PartitionKey)
}

// ambiguous says of a key column that equal values of it may differ in their bytes, or
// come back in other bytes from a list. Rows could not be told apart by such keys.
func ambiguous(c schema.Column) bool {
	switch c.Type.Kind {
	case cql.TinyInt, cql.SmallInt, cql.Int, cql.BigInt, cql.ASCII, cql.Text, cql.Blob, cql.UUID, cql.TimeUUID, cql.Timestamp, cql.Date, cql.Time:
		return false
	}
	return true
}

// groups says whether a read of that key may share a query.
func (s *statement) groups(key [][]byte) bool {
	if s.together == "" || s.refused.Load() {
		return false
	}
	for _, v := range key[s.fixed:] {
		if len(v) == 0 { // an empty value is null in a list of numbers
			return false
		}
	}
	return true
}

func equal(key []schema.Column) (where []string) {
	for _, k := range key {
		where = append(where, cql.Quote(k.Name)+" = ?")
	}
	return where
}

func selectFrom(t *schema.Table, list, where []string) string {
	return "SELECT " + strings.Join(list, ", ") + " FROM " + t.CQL() + " WHERE " + strings.Join(where, " AND ")
}

// list is what the statement selects.
func (s *statement) list(of selection, want func(schema.Column) bool, key []schema.Column) []string {
	var list, times []string
	for i, c := range of.columns {
		if want(c) {
			list = append(list, cql.Quote(c.Name))
			s.columns = append(s.columns, i)
		}
	}
	for _, c := range slices.Concat(of.columns, of.hidden) {
		if !want(c) {
			continue
		}
		name := cql.Quote(c.Name)
		switch {
		case c.Kind == schema.PartitionKey || c.Kind == schema.Clustering:
		case c.Kind == schema.Static && len(key) > len(of.table.PartitionKey):
			// A static column is written on its own: that it is new says nothing of the row.
		case of.maxWriteTime:
			times = append(times, "MAXWRITETIME("+name+")")
		case !c.Type.MultiCell():
			times = append(times, "WRITETIME("+name+")")
		default: // a collection before 5.0
			s.undated++
		}
		s.counter = s.counter || c.Type.Kind == cql.Counter
	}
	s.times = len(times)
	if len(list) == 0 && len(times) == 0 { // nothing to publish, but the row's existence
		list = append(list, cql.Quote(key[0].Name))
	}
	return append(list, times...)
}

// valued says whether a row can be there and be old: it has values beside its key.
func (s *statement) valued() bool { return s.times+s.undated > 0 }

// values puts an answer into the order of the encoder's columns.
func (s *statement) values(answer [][]byte) [][]byte {
	values := make([][]byte, s.width)
	for i, at := range s.columns {
		values[at] = answer[i]
	}
	return values
}

// newest is the newest write time in an answer, µs since 1970.
func (s *statement) newest(answer [][]byte) int64 {
	newest := int64(math.MinInt64)
	for _, v := range answer[len(answer)-s.times:] {
		if len(v) == 8 {
			newest = max(newest, int64(binary.BigEndian.Uint64(v)))
		}
	}
	return newest
}
