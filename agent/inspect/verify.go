// The check of segments: every checksum in them.

package inspect

import (
	"fmt"
	"io"
)

// Verify checks every checksum of segments. It needs no schema.
type Verify struct{ Files }

// Run prints to out a line for each file that is whole, and for one that is not what is
// damaged. The error sums up the faults.
func (v *Verify) Run(out io.Writer) error {
	return v.each(func(path string) error {
		s := v.survey(path, nil)
		v.Progress.clear()
		text := "ok"
		switch {
		case s.Version == 0:
			text = "not read"
		case len(s.Faults) > 0:
			text = "damaged"
		}
		if s.Version != 0 {
			text += fmt.Sprintf(", %s in %s", count(s.Entries, "entry"), count(s.Sections, "section"))
		}
		if s.BehindMarker > 0 {
			text += fmt.Sprintf(", %d more behind the last sync marker", s.BehindMarker)
		}
		for _, fault := range s.Faults {
			text += "\n  " + fault
		}
		_, err := fmt.Fprintf(out, "%s: %s\n", path, text)
		return err
	})
}
