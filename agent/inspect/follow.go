// The schema that entries are decoded with: that of the schema files, and from there on
// what the log's own schema changes make of it.

package inspect

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// schemaChange is an entry that changes the schema.
type schemaChange struct {
	path    string
	at      commitlog.Position
	changes *history.Changes
}

// follow reads all files once for the schema changes in them, and gives the schema as it
// was at every place of them: to be told by Seek before an entry is decoded. Schema files
// tell of one moment, and do not say of which: the changes that they hold already are not
// made again. A table that cannot be made of its rows is reported.
func (f *Files) follow(rows schema.Rows, readAhead bool) *history.History {
	h := f.tables(rows)
	all := f.schemaChanges(h, readAhead)
	changes := make([]*history.Changes, len(all))
	for i := range all {
		changes[i] = all[i].changes
	}
	for _, c := range all[history.Align(rows, changes):] {
		h.Seek(c.at)
		if err := h.Apply(c.changes); err != nil {
			f.note(c.path, fmt.Sprintf("commit log %s: %v", c.at, err))
		}
	}
	return h
}

// schemaChanges are in the order of the log, whatever the order of the files is. Of an
// entry that is not decoded to its end there are those in front.
func (f *Files) schemaChanges(tables mutation.Schemas, readAhead bool) (all []schemaChange) {
	decoder, changes := mutation.NewDecoder(tables), &history.Changes{}
	for _, path := range f.Paths {
		_ = f.read(path, reading{ // what cannot be read is reported when it is printed
			ahead: readAhead,
			entry: func(r *commitlog.Reader) error {
				_ = decoder.Decode(r.Descriptor().Version, r.Entry(), changes)
				if !changes.Empty() {
					all = append(all, schemaChange{path, r.Position(), changes})
					changes = &history.Changes{}
				}
				return nil
			},
			fault: func(error) {},
		})
	}
	slices.SortStableFunc(all, func(a, b schemaChange) int {
		return cmp.Or(cmp.Compare(a.at.Segment, b.at.Segment), cmp.Compare(a.at.Offset, b.at.Offset))
	})
	// A file that is given twice changes nothing twice.
	return slices.CompactFunc(all, func(a, b schemaChange) bool { return a.at == b.at })
}
