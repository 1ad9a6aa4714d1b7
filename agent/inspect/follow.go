// The schema that entries are decoded with: that of the schema files, and from there on
// what the log's own schema changes make of it.

package inspect

import (
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// followed is the schema as the log leads on. Schema files tell of one moment, and do not
// say of which: the changes in the log that they hold already are not applied again, those
// behind them when they are met.
type followed struct {
	*history.History
	finder  *mutation.Decoder
	changes history.Changes // of one entry
	ahead   int             // changes in the log that the files hold already
}

// follow reads the schema, and the files for the schema changes in them. A table that
// cannot be made of its rows is reported.
func (f *Files) follow(rows schema.Rows, readAhead bool) *followed {
	h := f.tables(rows)
	s := &followed{History: h, finder: mutation.NewDecoder(h)}
	var all []*history.Changes
	for _, path := range f.Paths {
		_ = f.read(path, reading{ // what cannot be read is reported when it is printed
			ahead: readAhead,
			entry: func(r *commitlog.Reader) error {
				changes := &history.Changes{}
				if s.find(r, changes); !changes.Empty() {
					all = append(all, changes)
				}
				return nil
			},
			fault: func(error) {},
		})
	}
	s.ahead = history.Align(rows, all)
	return s
}

// find collects the schema changes of an entry. Of one that is not decoded to its end it
// has those in front.
func (s *followed) find(r *commitlog.Reader, into *history.Changes) {
	_ = s.finder.Decode(r.Descriptor().Version, r.Entry(), into)
}

// pass is told of each entry once it is decoded: the next one may need what it changes.
func (s *followed) pass(r *commitlog.Reader) error {
	s.changes.Reset()
	if s.find(r, &s.changes); s.changes.Empty() {
		return nil
	}
	if s.ahead > 0 {
		s.ahead--
		return nil
	}
	return s.Apply(&s.changes)
}
