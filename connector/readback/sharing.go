// Rows that share their message key with one that is gone.

package readback

import (
	"encoding/binary"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// sharing is a SELECT of any row that has a message key, for tables of which several
// rows may have the same one: the keys of events hold a time cut to µs.
//
// Only clustering columns can be searched in that way. In a partition key a time of
// another ns is another partition.
type sharing struct {
	statement
	times []int // clustering columns of type time; their values are behind those of the statement
}

// newSharing is nil for a table whose rows do not share message keys.
func newSharing(of selection) *sharing {
	t := of.table
	s := &sharing{statement: statement{width: len(of.columns)}}
	list := s.list(of, func(schema.Column) bool { return true }, t.PrimaryKey())
	where := equal(t.PartitionKey)
	filtered := false // Cassandra looks for the columns behind a range within it
	for i, c := range t.Clustering {
		filtered = filtered || len(s.times) > 0
		if c.Type.Kind != cql.Time {
			where = append(where, cql.Quote(c.Name)+" = ?")
			continue
		}
		s.times = append(s.times, i)
		list = append(list, cql.Quote(c.Name))
		where = append(where, cql.Quote(c.Name)+" >= ?", cql.Quote(c.Name)+" <= ?")
	}
	if len(s.times) == 0 {
		return nil
	}
	s.cql = selectFrom(t, list, where) + " LIMIT 1"
	if filtered {
		s.cql += " ALLOW FILTERING"
	}
	return s
}

// bounds are the values for the markers of the statement.
func (s *sharing) bounds(partition, clustering [][]byte) [][]byte {
	values := slices.Clone(partition)
	for i, v := range clustering {
		if !slices.Contains(s.times, i) {
			values = append(values, v)
			continue
		}
		low, high := v, v
		if len(v) == 8 {
			ns := int64(binary.BigEndian.Uint64(v))
			ns -= ns % 1000
			low, high = binary.BigEndian.AppendUint64(nil, uint64(ns)), binary.BigEndian.AppendUint64(nil, uint64(ns+999))
		}
		values = append(values, low, high)
	}
	return values
}

// split takes the clustering values of the row that was found out of an answer.
func (s *sharing) split(answer, clustering [][]byte) (values, found [][]byte) {
	values, times := answer[:len(answer)-len(s.times)], answer[len(answer)-len(s.times):]
	found = slices.Clone(clustering)
	for i, at := range s.times {
		found[at] = times[i]
	}
	return values, found
}
