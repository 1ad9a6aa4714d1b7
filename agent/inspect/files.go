// The files of one run: reading one after the other, whatever is wrong with some of them.

package inspect

import (
	"errors"
	"fmt"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// Files are the segments of one run, read in their order. A file that cannot be read is
// reported and does not keep the others from being read.
type Files struct {
	Paths []string
	Keys  commitlog.Keys // of encrypted segments; nil when there are none
	// Report takes what a person should know besides the output, a line a call:
	// faults and notes.
	Report func(line string)
	// Progress, when set, is told how far a long run is.
	Progress *Progress

	faults int // reported so far
	faulty int // files with a fault
}

// reading is what one file is read with.
type reading struct {
	ahead   bool                          // also entries behind the last sync marker
	entry   func(*commitlog.Reader) error // each entry; an error ends the run
	section func(commitlog.Section)       // each section; may be nil
	opened  func(*commitlog.Reader)       // before the first entry; may be nil
	fault   func(error)                   // what cannot be read
}

// each runs read for every file and sums up what was wrong.
func (f *Files) each(read func(path string) error) error {
	for _, path := range f.Paths {
		f.Progress.file(path, len(f.Paths))
		before := f.faults
		if err := read(path); err != nil {
			return err
		}
		if f.faults > before {
			f.faulty++
		}
	}
	f.Progress.clear()
	switch {
	case f.faults == 0:
		return nil
	case len(f.Paths) == 1:
		return fmt.Errorf("%s in the file", count(f.faults, "fault"))
	}
	return fmt.Errorf("%s in %d of %d files", count(f.faults, "fault"), f.faulty, len(f.Paths))
}

// fault reports what is wrong with a file.
func (f *Files) fault(path string, err error) {
	f.faults++
	f.note(path, err.Error())
}

// note reports what is worth knowing of a file and no fault.
func (f *Files) note(path, text string) {
	f.Progress.clear()
	f.Report(path + ": " + text)
}

// read reads one file to its end. The error is that of the entry function alone.
func (f *Files) read(path string, how reading) error {
	file, err := os.Open(path)
	if err != nil {
		how.fault(cause(err))
		return nil
	}
	r, err := commitlog.NewReader(file, commitlog.Options{ReadAhead: how.ahead, Keys: f.Keys, Section: how.section})
	switch {
	case commitlog.NotReady(err):
		how.fault(errors.New("no commit log segment: the file is empty, shorter than a segment's descriptor, or begins with zeros"))
		return nil
	case err != nil:
		how.fault(cause(err))
		return nil
	}
	defer r.Close()
	r.SetComplete()
	if how.opened != nil {
		how.opened(r)
	}
	for {
		for r.Next() {
			f.Progress.entry(r.Position())
			if err := how.entry(r); err != nil {
				return err
			}
		}
		switch err := r.Err(); {
		case err == nil:
			return nil
		case !isDamage(err):
			how.fault(err)
			return nil
		default:
			how.fault(err)
		}
	}
}

// behindLastMarker counts the entries behind the offset at which reading by the sync markers
// ended: whole, and not replayed by Cassandra. Mostly a crash has left them.
func (f *Files) behindLastMarker(path string, end int64) (entries int) {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	r, err := commitlog.NewReader(file, commitlog.Options{ReadAhead: true, Start: end, Keys: f.Keys})
	if err != nil {
		return 0
	}
	defer r.Close()
	r.SetComplete()
	for {
		for r.Next() {
			entries++
		}
		if !isDamage(r.Err()) {
			return entries
		}
	}
}

func isDamage(err error) bool {
	var damage *commitlog.DamageError
	return errors.As(err, &damage)
}

// cause is an error without the name of the file, which every report begins with.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "entry":
		noun = "entrie"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
