// The range of rows that an event tells the deletion of.

package event

import (
	"errors"
	"fmt"
	"strings"
)

// Range is a range of the rows of one partition, in the order of the table's clustering:
// where a column is DESC, its higher values come first.
type Range struct{ Start, End Bound }

// Bound is where a range starts or ends: before or behind all rows whose clustering
// begins with Values.
type Bound struct {
	Values    [][]byte // raw values of the first clustering columns, nil for null; none at the start or end of the partition
	Inclusive bool     // the rows that begin with Values are within
}

// String is the range as the property of an event has it: "1:" and then, between
// brackets that are square where a bound is inclusive and round where it is not, the
// values of both bounds with a comma between, in the form of ExactKey.
func (r Range) String() string {
	open, end := "(", ")"
	if r.Start.Inclusive {
		open = "["
	}
	if r.End.Inclusive {
		end = "]"
	}
	return valuesVersion + open + valuesText(r.Start.Values) + "," + valuesText(r.End.Values) + end
}

// ParseRange reads the text of a range.
func ParseRange(text string) (r Range, err error) {
	fail := func(err error) (Range, error) { return Range{}, fmt.Errorf("range %.200q: %w", text, err) }
	rest, ok := strings.CutPrefix(text, valuesVersion)
	if !ok {
		return fail(errValuesVersion)
	}
	start, end, ok := strings.Cut(rest, ",")
	if !ok || !strings.HasPrefix(start, "[") && !strings.HasPrefix(start, "(") || !strings.HasSuffix(end, "]") && !strings.HasSuffix(end, ")") {
		return fail(errors.New("no two bounds in brackets"))
	}
	r.Start.Inclusive, r.End.Inclusive = start[0] == '[', end[len(end)-1] == ']'
	if r.Start.Values, err = parseValues(start[1:]); err != nil {
		return fail(err)
	}
	if r.End.Values, err = parseValues(end[:len(end)-1]); err != nil {
		return fail(err)
	}
	return r, nil
}
