// What a program reads of the results.

package check_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
)

func TestRunJSON(t *testing.T) {
	answer := func(r ...check.Result) func(context.Context) []check.Result {
		return func(context.Context) []check.Result { return r }
	}
	var b strings.Builder
	faults, err := check.RunJSON(t.Context(), &b, []check.Check{
		{Name: "a", Run: answer(check.Result{Fine: "good"}, check.Result{Problem: "bad", Remedy: "mend it"})},
		{Name: "b", Run: answer()},
		{Name: "c", Run: answer(check.Result{Problem: "so so", Advice: true}, check.Result{LeftOut: "no light"})},
	})
	if faults != 1 || err != nil {
		t.Errorf("%d faults, %v", faults, err)
	}
	want := `[
  {
    "check": "a",
    "result": "ok",
    "text": "good"
  },
  {
    "check": "a",
    "result": "fault",
    "text": "bad",
    "remedy": "mend it"
  },
  {
    "check": "b",
    "result": "ok",
    "text": "fine"
  },
  {
    "check": "c",
    "result": "advice",
    "text": "so so"
  },
  {
    "check": "c",
    "result": "left out",
    "text": "no light"
  }
]
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
