// Package check runs checks and tells a person what is wrong and what to do about it.
//
// A check looks at one thing, changes nothing, and answers with results: fine, a fault
// with its remedy, or left out because of another fault.
package check

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Check is one thing to look at.
type Check struct {
	Name string // as a person calls it: "Pulsar", "cdc_raw"
	// Run looks. A check may find several faults; no result at all means fine.
	Run func(ctx context.Context) []Result
}

// Result is what a check found. Exactly one of Fine, Problem and LeftOut is set.
type Result struct {
	Fine    string // what is as it should be
	Problem string // what is wrong, with the setting or file
	Remedy  string // what to do about Problem
	LeftOut string // why it was not looked at
	Advice  bool   // Problem does not keep the program from working
}

// Fine is the result of a check that found nothing wrong.
func Fine(format string, args ...any) []Result {
	return []Result{{Fine: fmt.Sprintf(format, args...)}}
}

// Fault is the result of a check that found one thing wrong.
func Fault(remedy, problem string) []Result { return []Result{{Problem: problem, Remedy: remedy}} }

// LeftOut is the result of a check that could not look.
func LeftOut(why string) []Result { return []Result{{LeftOut: why}} }

// Run runs the checks one after the other, writes each result as it comes, and says how
// many faults there are, advice not counted. A line begins with ok, FAULT, advice or
// left out; a remedy is on the line below.
func Run(ctx context.Context, w io.Writer, checks []Check) (faults int, err error) {
	width := 0
	for _, c := range checks {
		width = max(width, len(c.Name))
	}
	for _, c := range checks {
		results := c.Run(ctx)
		if len(results) == 0 {
			results = []Result{{Fine: "fine"}}
		}
		for _, r := range results {
			word, text := "ok", r.Fine
			switch {
			case r.Problem != "" && r.Advice:
				word, text = "advice", r.Problem
			case r.Problem != "":
				word, text = "FAULT", r.Problem
				faults++
			case r.LeftOut != "":
				word, text = "left out", r.LeftOut
			}
			line := fmt.Sprintf("%-8s  %-*s  %s\n", word, width, c.Name, oneLine(text))
			if r.Remedy != "" {
				line += fmt.Sprintf("%-8s  %-*s  -> %s\n", "", width, "", oneLine(r.Remedy))
			}
			if _, err := io.WriteString(w, line); err != nil {
				return faults, err
			}
		}
	}
	return faults, nil
}

func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }
