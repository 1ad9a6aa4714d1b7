// The dump: every entry of the files, decoded.

package inspect

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/history"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Dump prints the entries of segments in the order of the files and of the log.
type Dump struct {
	Files
	Schema    schema.Rows        // of any moment; what the log itself changes is followed
	JSON      bool               // a line of JSON for each entry, instead of one for each change
	ReadAhead bool               // also entries behind the last sync marker
	Tables    []string           // only updates of these tables, keyspace.table; all when empty
	From      commitlog.Position // only entries behind this position
}

// entry is what is known of an entry before it is decoded.
type entry struct {
	at      commitlog.Position
	version int // of the log
	body    []byte
}

// form is one of the two forms in which entries are printed.
type form interface {
	// Decoding shows the parts of an entry, between begin and append or fail.
	mutation.Visitor
	begin(e entry)
	// append appends what is printed of the entry to dst: nothing when none of its
	// tables is wanted.
	append(dst []byte) []byte
	// fail appends what is printed of an entry that was not decoded because of err.
	fail(dst []byte, err error) []byte
}

// dump is a run of Dump.
type dump struct {
	*Dump
	out     *bufio.Writer
	schema  *history.History // as of the entry
	decoder *mutation.Decoder
	form    form
	line    []byte

	seen      []bool            // which of Tables there was an update of
	unknown   map[schema.ID]int // entries of tables that the schema does not have
	undecoded int               // other entries of this file that were not decoded
}

// Run prints the entries to out. The error is the sum of what Report was told, or that of
// writing to out.
func (d *Dump) Run(out io.Writer) error {
	tables := d.follow(d.Schema, d.ReadAhead)
	run := dump{
		Dump: d, out: bufio.NewWriterSize(out, 256<<10), schema: tables, decoder: mutation.NewDecoder(tables),
		unknown: map[schema.ID]int{}, seen: make([]bool, len(d.Tables)),
	}
	if d.JSON {
		run.form = &jsonLine{wanted: run.wanted}
	} else {
		run.form = &textLines{wanted: run.wanted}
	}
	err := d.each(run.file)
	run.reportUnknown()
	for i, seen := range run.seen {
		if !seen {
			d.Report("no update of the table " + d.Tables[i])
		}
	}
	if unwritten := run.out.Flush(); unwritten != nil {
		return unwritten
	}
	return err
}

// wanted says whether the updates of a table are printed.
func (d *dump) wanted(t *schema.Table) bool {
	if len(d.Tables) == 0 {
		return true
	}
	i := slices.Index(d.Tables, t.String())
	if i >= 0 {
		d.seen[i] = true
	}
	return i >= 0
}

func (d *dump) file(path string) error {
	d.undecoded = 0
	var reader *commitlog.Reader
	var end int64 // of what the sync markers lead to
	err := d.read(path, reading{
		ahead:   d.ReadAhead,
		opened:  func(r *commitlog.Reader) { reader = r },
		section: func(s commitlog.Section) { end = s.LogicalEnd },
		entry: func(r *commitlog.Reader) error {
			end = max(end, r.Position().Offset)
			return d.entry(path, r)
		},
		fault: func(err error) {
			d.flush()
			if reader != nil && d.ReadAhead && !reader.Synced() {
				d.note(path, "behind the last sync marker: "+err.Error())
				return
			}
			d.fault(path, err)
		},
	})
	if d.undecoded > reportedUndecoded {
		d.note(path, fmt.Sprintf("%d more entries cannot be decoded; what is printed of them says why", d.undecoded-reportedUndecoded))
	}
	if err == nil && reader != nil && !d.ReadAhead {
		if n := d.behindLastMarker(path, end); n > 0 {
			d.note(path, count(n, "entry")+" behind the last sync marker, which Cassandra does not replay, not printed (--read-ahead prints them)")
		}
	}
	return err
}

func (d *dump) entry(path string, r *commitlog.Reader) error {
	e := entry{r.Position(), r.Descriptor().Version, r.Entry()}
	d.form.begin(e)
	d.schema.Seek(e.at)
	err := d.decoder.Decode(e.version, e.body, d.form)
	if !d.From.Before(e.at) {
		return nil
	}
	if d.line = d.line[:0]; err == nil {
		d.line = d.form.append(d.line)
	} else {
		d.failed(path, e, err)
	}
	_, err = d.out.Write(d.line)
	return err
}

// flush prints what was read so far, so that on a terminal a fault stands where it is. An
// error stays with the writer, and ends the run with the next entry.
func (d *dump) flush() { _ = d.out.Flush() }

// reportedUndecoded is how many entries of a file are reported that cannot be decoded:
// with a wrong schema it may be all of them.
const reportedUndecoded = 20

// failed prints an entry that was not decoded. One of a table that the schema does not
// have is no fault: Cassandra passes over it too.
func (d *dump) failed(path string, e entry, err error) {
	var unknown *mutation.UnknownTableError
	if errors.As(err, &unknown) {
		if d.unknown[unknown.ID]++; len(d.Tables) == 0 {
			d.line = d.form.fail(d.line, err)
		}
		return
	}
	if d.undecoded++; d.undecoded <= reportedUndecoded {
		d.flush()
		d.fault(path, fmt.Errorf("commit log %s: the entry cannot be decoded: %w", e.at, err))
	} else {
		d.faults++
	}
	d.line = d.form.fail(d.line, err)
}

func isUnknownTable(err error) bool {
	var unknown *mutation.UnknownTableError
	return errors.As(err, &unknown)
}

// reportUnknown sums up the entries of unknown tables, the tables with most of them first.
func (d *dump) reportUnknown() {
	total, ids := 0, make([]schema.ID, 0, len(d.unknown))
	for id, n := range d.unknown {
		ids, total = append(ids, id), total+n
	}
	if total == 0 {
		return
	}
	slices.SortFunc(ids, func(a, b schema.ID) int {
		return cmp.Or(d.unknown[b]-d.unknown[a], strings.Compare(a.String(), b.String()))
	})
	var list []string
	for _, id := range ids[:min(len(ids), 5)] {
		list = append(list, fmt.Sprintf("%s (%d)", id, d.unknown[id]))
	}
	if len(ids) > len(list) {
		list = append(list, fmt.Sprintf("%d more", len(ids)-len(list)))
	}
	d.Report(fmt.Sprintf("%s of tables that the schema does not have, not decoded: %s", count(total, "entry"), strings.Join(list, ", ")))
}
