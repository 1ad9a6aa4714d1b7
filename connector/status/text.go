// The report as a person reads it.

package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

// Write shows the report as of now, which is the moment it was asked for.
func (r *Report) Write(w io.Writer, now time.Time) error {
	b := &strings.Builder{}
	ready := "ready"
	if !r.Ready {
		ready = "NOT READY"
	}
	fmt.Fprintf(b, "%s: %s, up %s, as %s (cassandra-source %s)\n", ready, r.State, show.Duration(now.Sub(r.Started)), r.RunsAs, r.Version)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nin flight\t%d events, %s\n", r.InFlight.Events, show.Size(int64(r.InFlight.Bytes)))
	q := r.Queries
	fmt.Fprintf(t, "queries\t%d of %s rows each, %d at a time, %d failed\n", q.Queries, quotient(q.Rows, q.Queries), q.Concurrency, q.Failed)
	if len(r.Tables) > 1 {
		t.Flush() //nolint:errcheck // a Builder takes everything
		fmt.Fprintln(t, "\nTABLE\tEVENTS\tPER SECOND\tROWS\tPER SECOND\tLATENCY\tIN FLIGHT\tBACKLOG\tDEAD LETTERS\tLAST ERROR")
		for _, s := range r.Tables {
			fmt.Fprintf(t, "%s.%s\t%d\t%.1f\t%d\t%.1f\t%s\t%d\t%s\t%d\t%s\n", s.Keyspace, s.Table, s.Events, s.EventsPerSecond,
				s.Rows+s.Deletes, s.RowsPerSecond, s.latency(), s.InFlight, s.backlog(), s.DeadLetters, s.lastError(now))
		}
	} else {
		if len(r.Tables) == 0 {
			fmt.Fprintln(t, "tables\tnone yet")
		}
		for _, s := range r.Tables {
			s.write(t, now)
		}
	}
	t.Flush() //nolint:errcheck // a Builder takes everything
	show.Conditions(b, r.Conditions, now)
	_, err := io.WriteString(w, show.TrimLines(b.String()))
	return err
}

// write shows a table that is the only one, in full.
func (s *Table) write(t io.Writer, now time.Time) {
	fmt.Fprintf(t, "table\t%s.%s\n", s.Keyspace, s.Table)
	fmt.Fprintf(t, "from\t%s, subscription %s (%s)\n", s.EventsTopic, s.Subscription, s.SubscriptionType)
	fmt.Fprintf(t, "to\t%s, %s", s.DataTopic, s.Format)
	if s.SchemaVersion != "" {
		fmt.Fprintf(t, ", schema version %s", s.SchemaVersion)
	}
	fmt.Fprintf(t, "\nevents\t%d, %.1f a second; %d covered by the event of another replica, %d by a row that was published as it is\n",
		s.Events, s.EventsPerSecond, s.Covered["digest"], s.Covered["same-row"])
	fmt.Fprintf(t, "rows\t%d and %d deletes, %.1f a second, %s from write to publication\n", s.Rows, s.Deletes, s.RowsPerSecond, s.latency())
	fmt.Fprintf(t, "backlog\t%s", s.backlog())
	if s.WaitingSeconds >= 1 {
		fmt.Fprintf(t, "; nothing acknowledged for %s", show.Duration(show.Seconds(s.WaitingSeconds)))
	}
	fmt.Fprintln(t)
	if s.StaleReads+s.StaleRows > 0 {
		fmt.Fprintf(t, "stale\t%d reads repeated, %d rows published all the same\n", s.StaleReads, s.StaleRows)
	}
	if s.DeadLetters > 0 {
		fmt.Fprintf(t, "dead letters\t%d\n", s.DeadLetters)
	}
	if s.Failures > 0 {
		fmt.Fprintf(t, "failures\t%d, the last %s\n", s.Failures, s.lastError(now))
	}
}

func (s *Table) latency() string {
	if s.LatencySeconds < 1 {
		return fmt.Sprintf("%.0f ms", 1000*s.LatencySeconds)
	}
	return show.Duration(show.Seconds(s.LatencySeconds))
}

func (s *Table) backlog() string {
	if s.Backlog == nil {
		return "not known"
	}
	return fmt.Sprint(*s.Backlog)
}

func (s *Table) lastError(now time.Time) string {
	if s.LastErrorAt == nil {
		return ""
	}
	return fmt.Sprintf("%s ago: %s", show.Duration(now.Sub(*s.LastErrorAt)), show.Short(s.LastError))
}

// quotient is 0 of nothing.
func quotient(a, b uint64) string { return fmt.Sprintf("%.2f", float64(a)/float64(max(1, b))) }
