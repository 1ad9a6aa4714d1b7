// Parts of a line that the corpus does not have.

package inspect

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Up to 4.1 an int in Java, which is negative after an overflow; from log version 8 on an
// unsigned one in a long, whose highest value means none.
func TestLocalDeletionTime(t *testing.T) {
	for _, c := range []struct {
		version int
		time    uint32
		want    string
	}{
		{commitlog.Version30, 1795254813, "1795254813"},
		{commitlog.Version30, math.MaxInt32, "2147483647"},
		{commitlog.Version40, math.MaxInt32 + 1, "-2147483648"},
		{commitlog.Version40, math.MaxUint32, "-1"},
		{commitlog.Version50, math.MaxInt32 + 1, "2147483648"},
		{commitlog.Version50, math.MaxUint32 - 1, "4294967294"},
		{commitlog.Version50, math.MaxUint32, "9223372036854775807"},
		{commitlog.Version60, math.MaxInt32 + 1, "2147483648"},
	} {
		l := jsonLine{entry: entry{version: c.version}}
		if got := string(l.appendLocalDeletionTime(nil, c.time)); got != c.want {
			t.Errorf("version %d, %d: %s, want %s", c.version, c.time, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	table := func(id byte, name string, cdc bool) *schema.Table {
		return &schema.Table{
			Keyspace: "ks", Name: name, ID: schema.ID{id}, CDC: cdc,
			PartitionKey: []schema.Column{{Name: "k", Type: &cql.Type{Kind: cql.Int}}},
			Clustering:   []schema.Column{{Name: "c", Type: &cql.Type{Kind: cql.Text}}, {Name: "d", Type: &cql.Type{Kind: cql.Blob}}},
		}
	}
	none := mutation.Deletion{Timestamp: mutation.NoTimestamp}
	key := []byte{0, 0, 0, 1}
	v := &schema.Column{Name: "a\"b\\c\x01é", Type: &cql.Type{Kind: cql.Int}}
	a, b := table(1, "t", false), table(2, "u", true)
	const ids = `,"id":"01000000-0000-0000-0000-000000000000","cdc":false,"key":"00000001","pk":[1],`
	for _, c := range []struct {
		name string
		show func(l *jsonLine)
		want string
	}{
		{"nothing in an update", func(l *jsonLine) {
			u := &mutation.Update{Table: a, Key: key, Deletion: none}
			l.Table(a)
			l.Update(u)
			l.EndUpdate(u)
		}, `{"end":7,"size":3,"cdc":false,"updates":[{"ks":"ks","table":"t"` + ids + `"pdel":null,"static":null,"items":[]}]}`},
		{"a null and an empty clustering value, a shadowable deletion, a name to be quoted", func(l *jsonLine) {
			u := &mutation.Update{Table: a, Key: key, Deletion: mutation.Deletion{Timestamp: -1, LocalDeletionTime: 5}}
			r := &mutation.Row{Clustering: [][]byte{nil, {}}, Timestamp: mutation.NoTimestamp, Deletion: mutation.Deletion{Timestamp: 9, LocalDeletionTime: 8}, Shadowable: true}
			l.Table(a)
			l.Update(u)
			l.Row(u, r)
			l.Cell(u, r, &mutation.Cell{Column: v, Timestamp: 4, Value: []byte{}})
			l.Cell(u, r, &mutation.Cell{Column: v, Timestamp: 4, LocalDeletionTime: 6, Deleted: true})
			l.EndRow(u, r)
			l.EndUpdate(u)
		}, `{"end":7,"size":3,"cdc":false,"updates":[{"ks":"ks","table":"t"` + ids + `"pdel":{"ts":-1,"ldt":5},"static":null,"items":[` +
			`{"kind":"row","ck":[null,""],"ckj":[null,"0x"],"del":{"ts":9,"ldt":8},"shadowable":true,"cdel":[],"cells":[` +
			`{"c":"a\"b\\c\u0001é","ts":4,"v":""},{"c":"a\"b\\c\u0001é","ts":4,"ldt":6,"del":true}]}]}]}`},
		{"rows and a static row of which nothing is left but one", func(l *jsonLine) {
			u := &mutation.Update{Table: a, Key: key, Deletion: none}
			l.Table(a)
			l.Update(u)
			for _, r := range []*mutation.Row{
				{Static: true, Timestamp: mutation.NoTimestamp, Deletion: none},
				{Timestamp: mutation.NoTimestamp, Deletion: none},
				{Timestamp: 7, TTL: 2, LocalDeletionTime: 3, Deletion: none},
				{Timestamp: mutation.NoTimestamp, Deletion: none},
			} {
				l.Row(u, r)
				l.EndRow(u, r)
			}
			l.EndUpdate(u)
		}, `{"end":7,"size":3,"cdc":false,"updates":[{"ks":"ks","table":"t"` + ids + `"pdel":null,"static":null,"items":[` +
			`{"kind":"row","ck":[],"ckj":[],"ts":7,"ttl":2,"ldt":3,"cdel":[],"cells":[]}]}]}`},
		{"updates in the order of table ids, cdc of the second", func(l *jsonLine) {
			for _, t := range []*schema.Table{b, a} {
				u := &mutation.Update{Table: t, Key: key, Deletion: none}
				l.Table(t)
				l.Update(u)
				m := &mutation.Marker{Kind: mutation.ExclEndInclStart, Clustering: [][]byte{[]byte("x")}, Deletion: none, Start: mutation.Deletion{Timestamp: 2}}
				l.Marker(u, m)
				l.EndUpdate(u)
			}
		}, `{"end":7,"size":3,"cdc":true,"updates":[{"ks":"ks","table":"t"` + ids + `"pdel":null,"static":null,"items":[` +
			`{"kind":"EXCL_END_INCL_START_BOUNDARY","ck":["78"],"ckj":["x"],"end":null,"start":{"ts":2,"ldt":0}}]},` +
			`{"ks":"ks","table":"u","id":"02000000-0000-0000-0000-000000000000","cdc":true,"key":"00000001","pk":[1],"pdel":null,"static":null,"items":[` +
			`{"kind":"EXCL_END_INCL_START_BOUNDARY","ck":["78"],"ckj":["x"],"end":null,"start":{"ts":2,"ldt":0}}]}]}`},
	} {
		l := &jsonLine{wanted: func(*schema.Table) bool { return true }}
		l.begin(entry{commitlog.Position{Segment: 1, Offset: 7}, commitlog.Version40, []byte("abc")})
		c.show(l)
		got := string(l.append(nil))
		if got != c.want+"\n" || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngot  %swant %s", c.name, got, c.want)
		}
	}
}
