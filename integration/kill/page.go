// The page at the end.

package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// page is what a run found out.
type page struct {
	seed        uint64
	took        time.Duration
	kills, cuts int
	lag         time.Duration // from the last write to its event

	statements, keys, writes   int
	events, duplicates         int
	segments                   int // deleted
	cdcRawMost                 int64
	lost, stale                int
	unknown, disordered        int
	refused                    int
	wentBack, left, quarantine []string
	problems                   []string
}

func (s *stage) page() (*page, error) {
	p := &page{stale: s.ledger.close()}
	l := s.ledger
	p.statements, p.keys, p.writes = int(s.load.statements.Load()), len(l.rows), l.writes
	p.events, p.duplicates = l.events, l.duplicates
	p.lost, p.unknown, p.disordered = l.count[lost], l.count[unknownEvent], l.count[outOfOrder]
	p.problems = l.problems
	if p.refused = s.load.refused; p.refused > 0 {
		p.problems = append(p.problems, fmt.Sprintf("refused: %v", s.load.why))
	}
	p.segments, p.cdcRawMost, p.wentBack = s.disk.gone(), s.disk.top, s.disk.wentBack
	var err1, err2 error
	p.left, err1 = s.disk.finished()
	p.quarantine, err2 = s.disk.quarantined()
	return p, errors.Join(err1, err2)
}

// zeros are the figures that have to be zero.
func (p *page) zeros() []struct {
	what  string
	count int
} {
	return []struct {
		what  string
		count int
	}{
		{"writes without an event", p.lost},
		{"keys without an event of their last write", p.stale},
		{"events that nobody wrote", p.unknown},
		{"events of a key out of order within one life", p.disordered},
		{"checkpoints that went back", len(p.wentBack)},
		{"finished segments left in cdc_raw", len(p.left)},
		{"files in quarantine", len(p.quarantine)},
		{"statements that failed", p.refused},
	}
}

func (p *page) print(w io.Writer) {
	fmt.Fprintf(w, "\nseed %d: %s with %d kills of the agent, %d of them with the loss of what was on the wire\n\n", p.seed, p.took.Round(time.Second), p.kills, p.cuts)
	for _, line := range []struct {
		what   string
		figure any
	}{
		{"statements", p.statements},
		{"keys written", p.keys},
		{"events due", p.writes},
		{"events on the topics", p.events},
		{"of them more than once", p.duplicates},
		{"segments finished and deleted", p.segments},
		{"most in cdc_raw, KiB", p.cdcRawMost >> 10},
		{"from the last write to the last event, ms", p.lag.Milliseconds()},
	} {
		fmt.Fprintf(w, "%10v  %s\n", line.figure, line.what)
	}
	fmt.Fprintln(w, "\nmust be zero:")
	for _, z := range p.zeros() {
		fmt.Fprintf(w, "%10d  %s\n", z.count, z.what)
	}
	for _, list := range [][]string{p.problems, p.wentBack, p.left, p.quarantine} {
		for i, line := range list {
			if i == problemsKept {
				fmt.Fprintf(w, "  … and %d more\n", len(list)-i)
				break
			}
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
}

// verdict is an error that names what is not zero, or that the run showed nothing.
func (p *page) verdict() error {
	var faults []error
	for _, z := range p.zeros() {
		if z.count > 0 {
			faults = append(faults, fmt.Errorf("%d %s", z.count, z.what))
		}
	}
	if p.kills == 0 || p.cuts == 0 || p.segments == 0 || p.duplicates == 0 {
		faults = append(faults, fmt.Errorf("the run was too short to show anything: %d kills, %d cuts, %d segments deleted, %d duplicates", p.kills, p.cuts, p.segments, p.duplicates))
	}
	return errors.Join(faults...)
}
