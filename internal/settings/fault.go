// What is wrong with a setting, and which name was probably meant.

package settings

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Fault is one thing that is wrong, and what to do. It never holds a value.
type Fault struct {
	Key     string // of the setting; "" when a whole source is at fault
	Origin  string // where it was set; "" when it was not
	Problem string
	Hint    string
}

// Error is one line.
func (f Fault) Error() string {
	text := f.Problem
	if f.Key != "" {
		text = f.Key + ": " + text
	}
	if f.Origin != "" {
		text = f.Origin + ": " + text
	}
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// Faults is everything that is wrong, a line each.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// FaultsOf takes an error apart, also one that joins several. What is no [Fault]
// becomes one without a key.
func FaultsOf(err error) Faults {
	switch e := err.(type) { //nolint:errorlint // a tree that is walked by hand
	case nil:
		return nil
	case Fault:
		return Faults{e}
	case Faults:
		return e
	case interface{ Unwrap() []error }:
		var all Faults
		for _, err := range e.Unwrap() {
			all = append(all, FaultsOf(err)...)
		}
		return all
	}
	return Faults{{Problem: err.Error()}}
}

func unreadable(key, origin string, err error) Fault {
	f := Fault{Key: key, Origin: origin, Problem: err.Error(), Hint: "name a file that this user may read"}
	switch {
	case errors.Is(err, fs.ErrPermission):
		f.Hint = "give this user the permission to read it"
	case errors.Is(err, io.EOF):
		f.Problem = "the file is empty"
	}
	return f
}

// nearest says which key was probably meant.
func (l *loader) nearest(key string) string {
	var keys []string
	for _, f := range l.fields {
		keys = append(keys, f.Key)
	}
	if near := nearest(key, keys, max(2, len(key)/3)); near != "" {
		return "did you mean " + near + "?"
	}
	return "see the reference of settings"
}

// nearest is the name that is at most so many typing slips away; "" when there is none.
func nearest(name string, names []string, slips int) string {
	best := ""
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d <= slips {
			best, slips = n, d-1
		}
	}
	return best
}

// distance is how many letters must be added, taken away or exchanged (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = slices.Min([]int{cost, row[j] + 1, row[j+1] + 1})
		}
	}
	return row[len(b)]
}
