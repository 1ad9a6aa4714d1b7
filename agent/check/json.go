// The results of checks for programs.

package check

import (
	"context"
	"encoding/json"
	"io"
)

// RunJSON is [Run] with an array of objects instead of lines: check, result (ok, fault,
// advice or left out), text and remedy.
func RunJSON(ctx context.Context, w io.Writer, checks []Check) (faults int, err error) {
	type object struct {
		Check  string `json:"check"`
		Result string `json:"result"`
		Text   string `json:"text"`
		Remedy string `json:"remedy,omitempty"`
	}
	all := []object{}
	for _, c := range checks {
		results := c.Run(ctx)
		if len(results) == 0 {
			results = Fine("fine")
		}
		for _, r := range results {
			o := object{Check: c.Name, Result: "ok", Text: r.Fine, Remedy: r.Remedy}
			switch {
			case r.Problem != "" && r.Advice:
				o.Result, o.Text = "advice", r.Problem
			case r.Problem != "":
				o.Result, o.Text = "fault", r.Problem
				faults++
			case r.LeftOut != "":
				o.Result, o.Text = "left out", r.LeftOut
			}
			all = append(all, o)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return faults, enc.Encode(all)
}
