// A survey of a segment: how it is written, what is in it, how far Cassandra was with it,
// and what is damaged.

package inspect

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Segment is what a survey finds. A file that is no segment has only faults.
type Segment struct {
	File        string `json:"file"`
	Version     int    `json:"version"`     // of the log
	ID          int64  `json:"id"`          // milliseconds since 1970 plus a counter
	Compression string `json:"compression"` // the compressor's class; "" when there is none
	Cipher      string `json:"cipher"`      // "" when the segment is not encrypted
	KeyAlias    string `json:"key_alias"`   // of the key in the keystore

	Size     int64 `json:"size"`     // of the file
	Used     int64 `json:"used"`     // of it, up to the end of the last section
	Sections int   `json:"sections"` // with a sync marker
	Entries  int   `json:"entries"`  // that Cassandra replays
	Bytes    int64 `json:"bytes"`    // of their bodies
	First    int64 `json:"first"`    // offset behind the first of them; 0 when there is none
	Last     int64 `json:"last"`     // offset behind the last
	// BehindMarker counts entries behind the last sync marker, which Cassandra does not
	// replay.
	BehindMarker int `json:"behind_marker"`

	Index  *commitlog.Index `json:"index"`  // null where there is none
	Tables []TableCount     `json:"tables"` // null without a schema
	// Undecoded counts entries of tables that the schema does not have, or that cannot be
	// decoded with it.
	Undecoded int `json:"undecoded"`

	Faults []string `json:"faults"` // what cannot be read, and why
}

// TableCount is what a segment holds of one table.
type TableCount struct {
	Table   string `json:"table"`   // keyspace.table
	CDC     bool   `json:"cdc"`     // at one of them at least
	Updates int    `json:"updates"` // of partitions
}

// survey reads a file to its end. With tables it counts the updates of each.
func (f *Files) survey(path string, tables *history.History) Segment {
	s := Segment{File: path, Faults: []string{}}
	if index, ok := commitlog.ReadIndex(path); ok {
		s.Index = &index
	}
	if info, err := os.Stat(path); err == nil {
		s.Size = info.Size()
	}
	var counter tableCounter
	var lastSection int64
	opened := false
	_ = f.read(path, reading{ // no entry ends it
		opened: func(r *commitlog.Reader) {
			d := r.Descriptor()
			s.Version, s.ID, s.Compression = d.Version, d.ID, d.Compression
			if d.Encrypted() {
				s.Compression, s.Cipher, s.KeyAlias = "", d.Cipher, d.KeyAlias
			}
			opened = true
			if tables != nil {
				counter = tableCounter{decoder: mutation.NewDecoder(tables), counts: map[string]TableCount{}}
			}
		},
		section: func(section commitlog.Section) {
			s.Sections++
			s.Used, lastSection = section.FileEnd, section.LogicalEnd
		},
		entry: func(r *commitlog.Reader) error {
			s.Entries++
			s.Bytes += int64(len(r.Entry()))
			s.Last = r.Position().Offset
			if s.First == 0 {
				s.First = s.Last
			}
			if tables != nil {
				tables.Seek(r.Position())
				counter.count(s.Version, r.Entry())
			}
			return nil
		},
		fault: func(err error) {
			f.faults++
			s.Faults = append(s.Faults, err.Error())
		},
	})
	if opened {
		s.BehindMarker = f.behindLastMarker(path, max(lastSection, s.Last))
		s.Undecoded = counter.undecoded
		s.Tables = counter.list()
	}
	return s
}

// tableCounter counts the updates of each table. It reads no row.
type tableCounter struct {
	mutation.Nothing
	decoder   *mutation.Decoder
	counts    map[string]TableCount // by name
	undecoded int
}

func (c *tableCounter) count(version int, body []byte) {
	if c.decoder.Decode(version, body, c) != nil {
		c.undecoded++
	}
}

// Table implements mutation.Visitor.
func (c *tableCounter) Table(t *schema.Table) bool {
	n := c.counts[t.String()]
	c.counts[t.String()] = TableCount{t.String(), t.CDC || n.CDC, n.Updates + 1}
	return false
}

// list gives the tables with most updates first.
func (c *tableCounter) list() (all []TableCount) {
	for _, n := range c.counts {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b TableCount) int {
		return cmp.Or(b.Updates-a.Updates, strings.Compare(a.Table, b.Table))
	})
	return all
}
