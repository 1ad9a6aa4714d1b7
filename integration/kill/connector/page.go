// The page at the end.

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// page is what a run found out.
type page struct {
	seed  uint64
	took  time.Duration
	times map[string][]time.Duration // by what was killed: until it ran again
	order []*victim
	lag   time.Duration // from the last write to the last message

	statements, repeatedStatements, keys, rows, events int

	read       *reader
	difference *difference

	backlog, deadLetters, leftOver int
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
		{"missing: keys without a message", p.difference.missing.count},
		{"stale: keys whose last message is not the row", p.difference.stale.count},
		{"extra: keys that nobody wrote to", p.difference.extra.count},
		{"dead letters", p.deadLetters},
		{"events without an acknowledgement", p.backlog},
		{"processes left over", p.leftOver},
	}
}

func (p *page) print(w io.Writer) {
	fmt.Fprintf(w, "\nseed %d: %s\n\n", p.seed, p.took.Round(time.Second))
	fmt.Fprintln(w, "     kills  running again after, s (median, most)")
	for _, v := range p.order {
		times := slices.Sorted(slices.Values(p.times[v.what]))
		if len(times) == 0 {
			continue
		}
		fmt.Fprintf(w, "%10d  %-46s %6.1f %6.1f\n", len(times), v.what, times[len(times)/2].Seconds(), times[len(times)-1].Seconds())
	}
	fmt.Fprintln(w)
	for _, line := range []struct {
		what   string
		figure any
	}{
		{"statements", p.statements},
		{"attempts that the node did not answer", p.repeatedStatements},
		{"keys written", p.keys},
		{"rows and partitions in the tables", p.rows},
		{"entries of the events topics", p.events},
		{"messages on the data topics", p.read.messages},
		{"of them with the state of the one before", p.read.repeated},
		{"of them with an earlier writetime than one before", p.read.writeTimesBack},
		// Not zero: what an instance has on its way while a broker is killed may come behind a newer
		// message of the instance that has the key then. It is followed by a newer one again, or
		// it would be stale.
		{"of them with a state older than one before", p.read.back.count},
		{"from the last write to the last message, s", fmt.Sprintf("%.1f", p.lag.Seconds())},
	} {
		fmt.Fprintf(w, "%10v  %s\n", line.figure, line.what)
	}
	fmt.Fprintln(w, "\nmust be zero:")
	for _, z := range p.zeros() {
		fmt.Fprintf(w, "%10d  %s\n", z.count, z.what)
	}
	for _, f := range []findings{p.difference.missing, p.difference.stale, p.difference.extra, p.read.back} {
		for _, line := range f.examples {
			fmt.Fprintln(w, " ", line)
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
	for _, v := range p.order {
		if len(p.times[v.what]) == 0 {
			faults = append(faults, fmt.Errorf("the run was too short: no kill of %s", v.what))
		}
	}
	return errors.Join(faults...)
}
