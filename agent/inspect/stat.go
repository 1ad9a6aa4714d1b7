// The surveys of segments as text and JSON.

package inspect

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Stat describes segments.
type Stat struct {
	Files
	Schema *schema.Rows // to count the updates of each table; may be nil
	JSON   bool         // a line of JSON for each file: a Segment
}

// Run prints what there is to know of each file to out. The error sums up the faults.
func (s *Stat) Run(out io.Writer) error {
	w := bufio.NewWriter(out)
	var tables *history.History
	if s.Schema != nil {
		tables = s.follow(*s.Schema, false)
	}
	first := true
	err := s.each(func(path string) error {
		found := s.survey(path, tables)
		s.Progress.clear()
		if s.JSON {
			if err := json.NewEncoder(w).Encode(found); err != nil {
				return err
			}
		} else {
			if !first {
				fmt.Fprintln(w)
			}
			found.print(w)
		}
		first = false
		return w.Flush()
	})
	return err
}

// releases are those of Cassandra that write a log version.
var releases = map[int]string{
	commitlog.Version30: "Cassandra 3.0 and 3.11",
	commitlog.Version40: "Cassandra 4.0 and 4.1; later ones with storage_compatibility_mode CASSANDRA_4",
	commitlog.Version50: "Cassandra 5.0",
	commitlog.Version60: "Cassandra 6.0",
}

func (s *Segment) print(w io.Writer) {
	field := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-9s "+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintln(w, s.File)
	if s.Version != 0 {
		field("version", "%d: %s", s.Version, releases[s.Version])
		field("id", "%d, counted from %s", s.ID, time.UnixMilli(s.ID).UTC().Format("2006-01-02 15:04:05 UTC"))
		field("written", "%s", s.written())
		field("size", "%d bytes, %d of them used", s.Size, s.Used)
		field("holds", "%s of %d bytes in %s", count(s.Entries, "entry"), s.Bytes, count(s.Sections, "section"))
		if s.Entries > 0 {
			field("positions", "%s to %s", commitlog.Position{Segment: s.ID, Offset: s.First}, commitlog.Position{Segment: s.ID, Offset: s.Last})
		}
		if s.BehindMarker > 0 {
			field("behind", "%s behind the last sync marker, which Cassandra does not replay", count(s.BehindMarker, "entry"))
		}
		field("index", "%s", indexText(s.Index))
	}
	if len(s.Faults) == 0 {
		field("damage", "none")
	}
	for _, fault := range s.Faults {
		field("damage", "%s", fault)
	}
	if len(s.Tables) > 0 {
		fmt.Fprintln(w, "  updates of tables")
	}
	for _, t := range s.Tables {
		cdc := ""
		if t.CDC {
			cdc = ", cdc"
		}
		fmt.Fprintf(w, "  %9d %s%s\n", t.Updates, t.Table, cdc)
	}
	if s.Undecoded > 0 {
		fmt.Fprintf(w, "  entries that the schema does not fit\n  %9d\n", s.Undecoded)
	}
}

func (s *Segment) written() string {
	switch {
	case s.Cipher != "":
		return fmt.Sprintf("encrypted, %s with the key %q", s.Cipher, s.KeyAlias)
	case s.Compression != "":
		return "compressed, " + s.Compression
	}
	return "plain"
}

// indexText is the index as stat prints it; nil where there is none.
func indexText(i *commitlog.Index) string {
	switch {
	case i == nil:
		return "none"
	case i.Completed:
		return fmt.Sprintf("%d, COMPLETED", i.Offset)
	case i.Offset < 0:
		return "empty or cut short"
	}
	return fmt.Sprintf("%d, not completed", i.Offset)
}
