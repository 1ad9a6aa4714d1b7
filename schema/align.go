// Which of the changes in a log a snapshot has already.

package schema

import (
	"bytes"
	"slices"
)

// Align finds out how many of the changes, each of one mutation and in the order of the
// log, are already in a snapshot of an unknown moment: the largest n for which every
// row that the first n write is in the snapshot as they leave it. The others came
// after the snapshot.
//
// Cassandra's own keyspaces say nothing about the moment: a node writes them anew when
// it starts. Of a keyspace that the snapshot does not describe, either the first n drop
// it again, or the snapshot was taken of other keyspaces only: then the last of the n
// is one of a keyspace that it does describe.
func Align(snapshot Rows, changes [][]Change) (n int) {
	taken, log := rowStore{}, rowStore{}
	taken.load(snapshot) // what cannot be read cannot agree
	type place struct {
		keyspace string
		table    SystemTable
		row      RowKey
	}
	differ := map[place]bool{}
	untold := map[string]bool{} // keyspaces that the log has and the snapshot not
	for i, list := range changes {
		told := false
		for c := range list {
			ch := &list[c]
			log.apply(ch)
			switch {
			case ownKeyspace(ch.Keyspace):
				continue
			case !taken.describes(ch.Keyspace):
				delete(untold, ch.Keyspace)
				if log.describes(ch.Keyspace) {
					untold[ch.Keyspace] = true
				}
				continue
			}
			told = true
			for _, row := range log.touched(taken, ch) {
				at := place{ch.Keyspace, ch.Table, row}
				delete(differ, at)
				if !agree(log.find(ch.Keyspace, ch.Table, row), taken.find(ch.Keyspace, ch.Table, row)) {
					differ[at] = true
				}
			}
		}
		if len(differ) == 0 && (told || len(untold) == 0) {
			n = i + 1
		}
	}
	return n
}

// ownKeyspaces are those that Cassandra makes itself.
var ownKeyspaces = []string{
	"system", "system_schema", "system_auth", "system_distributed", "system_traces", "system_cluster_metadata",
	"system_views", "system_virtual_schema", "system_metrics", "system_accord", "system_accord_debug", "system_metadata",
}

func ownKeyspace(name string) bool { return slices.Contains(ownKeyspaces, name) }

// describes says whether anything of the keyspace is there.
func (s rowStore) describes(keyspace string) bool {
	k := s[keyspace]
	if k == nil {
		return false
	}
	for t := range k.rows {
		for _, r := range k.rows[t] {
			if r.alive() {
				return true
			}
		}
	}
	return false
}

// touched lists the rows that a change concerns.
func (s rowStore) touched(taken rowStore, ch *Change) (rows []RowKey) {
	if ch.Range == nil {
		return []RowKey{ch.Row}
	}
	for _, in := range []rowStore{s, taken} {
		for key := range in.keyspace(ch.Keyspace).rows[ch.Table] {
			if ch.Range.covers(key) {
				rows = append(rows, key)
			}
		}
	}
	return rows
}

// agree says whether a row of the log is that of the snapshot, as far as both tell.
func agree(log, taken *row) bool {
	if log == nil || taken == nil {
		return log == taken
	}
	for name, c := range log.Cells {
		if name == "flags" || name == "clustering_order" {
			continue // these never change
		}
		if have := taken.value(name); c.Value != nil && have != nil && !bytes.Equal(c.Value, have) {
			return false
		}
	}
	return true
}
