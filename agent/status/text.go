// The report as a person reads it.

package status

import (
	"cmp"
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
	fmt.Fprintf(b, "%s: %s, up %s (cassandra-cdc %s)\n\n", ready, r.State, show.Duration(now.Sub(r.Started)), r.Version)

	l := &r.Log
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if r.Node.HostID != "" {
		fmt.Fprintf(t, "node\t%s, Cassandra %s, data center %s\n", r.Node.HostID, r.Node.Release, r.Node.DataCenter)
	}
	fmt.Fprintf(t, "cdc_raw\t%s\n", use(l.CDCRawBytes, l.CDCRawLimitBytes))
	fmt.Fprintf(t, "behind\t%s, of them %s unread; %d segments", show.Size(l.UnreadBytes+l.UnackedBytes), show.Size(l.UnreadBytes), l.Segments)
	if l.OldestSegment != 0 {
		fmt.Fprintf(t, ", the oldest %d, begun %s ago", l.OldestSegment, show.Duration(show.Seconds(l.OldestSegmentAge)))
	}
	fmt.Fprintf(t, "\ncheckpoint\t%s", cmp.Or(l.Checkpoint, "none yet"))
	if l.Checkpoint != "" {
		fmt.Fprintf(t, ", stored %s ago", show.Duration(show.Seconds(l.CheckpointAge)))
	}
	fmt.Fprintf(t, "\nin flight\t%d events of %d, %s of %s\n", r.InFlight.Events, r.InFlight.EventsAllowed, show.Size(r.InFlight.Bytes), show.Size(r.InFlight.BytesAllowed))
	if l.Quarantine > 0 {
		fmt.Fprintf(t, "quarantine\t%d\n", l.Quarantine)
	}
	t.Flush() //nolint:errcheck // a Builder takes everything

	fmt.Fprintln(b)
	if len(r.Tables) == 0 {
		fmt.Fprintln(b, "no table has had an event since the start")
	} else {
		fmt.Fprintln(t, "TABLE\tEVENTS\tPER SECOND\tLAG\tIN FLIGHT\tERRORS\tLAST ERROR")
		for _, s := range r.Tables {
			lastError := ""
			if s.LastErrorAt != nil {
				lastError = fmt.Sprintf("%s ago: %s", show.Duration(now.Sub(*s.LastErrorAt)), show.Short(s.LastError))
			}
			fmt.Fprintf(t, "%s.%s\t%d\t%.1f\t%s\t%d\t%d\t%s\n",
				s.Keyspace, s.Table, s.Events, s.EventsPerSecond, show.Duration(show.Seconds(s.LagSeconds)), s.InFlight, s.Errors, lastError)
		}
		t.Flush() //nolint:errcheck // a Builder takes everything
	}

	show.Conditions(b, r.Conditions, now)
	_, err := io.WriteString(w, show.TrimLines(b.String()))
	return err
}

// use is a bar of what is used, with the figures.
func use(used, limit int64) string {
	if limit <= 0 {
		return show.Size(used) + ", its limit is not known"
	}
	const width = 20
	part := float64(used) / float64(limit)
	full := min(width, int(part*width+0.5))
	return fmt.Sprintf("[%s%s] %.0f %%, %s of %s", strings.Repeat("#", full), strings.Repeat("-", width-full), 100*part, show.Size(used), show.Size(limit))
}
