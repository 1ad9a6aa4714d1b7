// Ranges as text, there and back.

package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

func TestRange(t *testing.T) {
	t.Parallel()
	one, two := []byte{0, 0, 0, 1}, []byte{0, 0, 0, 2}
	for _, c := range []struct {
		r    event.Range
		want string
	}{
		{event.Range{Start: event.Bound{Values: [][]byte{one}, Inclusive: true}, End: event.Bound{Values: [][]byte{one, two}}}, "1:[BQAAAAE,BQAAAAEFAAAAAg)"},
		{event.Range{Start: event.Bound{Values: [][]byte{nil}}, End: event.Bound{Values: [][]byte{{}}, Inclusive: true}}, "1:(AA,AQ]"},
		{event.Range{Start: event.Bound{Inclusive: true}, End: event.Bound{Inclusive: true}}, "1:[,]"},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.r, got, c.want)
		}
		if got, err := event.ParseRange(c.want); err != nil || !cmp.Equal(got, c.r) {
			t.Errorf("%s: %+v, %v", c.want, got, err)
		}
	}
}

func TestRangeErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               `do not begin with "1:"`,
		"2:[,]":          "a newer version",
		"1:":             "no two bounds",
		"1:[]":           "no two bounds",
		"1:,":            "no two bounds",
		"1:[,":           "no two bounds",
		"1:[BQAAAAE,(":   "no two bounds",
		"1:{,}":          "no two bounds",
		"1:[BQAAAA,]":    "cut off",
		"1:[,BQAAAAE=]":  "illegal base64",
		"1:[,BQAAAAE,A]": "illegal base64",
	} {
		if got, err := event.ParseRange(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "range ") {
			t.Errorf("%s: %+v, %v, want …%s", text, got, err, want)
		}
	}
}

func TestRandomRanges(t *testing.T) {
	t.Parallel()
	bounds := rapid.Custom(func(t *rapid.T) event.Bound {
		return event.Bound{
			Values: rapid.SliceOfN(rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOf(rapid.Byte()),
				rapid.SliceOfN(rapid.Byte(), 126, 300)), 0, 4).Draw(t, "values"),
			Inclusive: rapid.Bool().Draw(t, "inclusive"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		r := event.Range{Start: bounds.Draw(t, "start"), End: bounds.Draw(t, "end")}
		properties, err := event.ParseProperties(event.Properties{Operation: event.DeleteRange, Range: r.String()}.Map())
		if err != nil || properties.Operation != event.DeleteRange {
			t.Fatalf("%+v, %v", properties, err)
		}
		got, err := event.ParseRange(properties.Range)
		if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%v, (-want +got):\n%s", err, diff)
		}
		for _, b := range [][2]event.Bound{{r.Start, got.Start}, {r.End, got.End}} {
			for i, v := range b[0].Values {
				if (v == nil) != (b[1].Values[i] == nil) {
					t.Fatalf("null and empty are not told apart: %+v and %+v", b[0], b[1])
				}
			}
		}
	})
}
