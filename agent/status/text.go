// The report as a person reads it.

package status

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write shows the report as of now, which is the moment it was asked for.
func (r *Report) Write(w io.Writer, now time.Time) error {
	b := &strings.Builder{}
	ready := "ready"
	if !r.Ready {
		ready = "NOT READY"
	}
	fmt.Fprintf(b, "%s: %s, up %s (cassandra-cdc %s)\n\n", ready, r.State, duration(now.Sub(r.Started)), r.Version)

	l := &r.Log
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if r.Node.HostID != "" {
		fmt.Fprintf(t, "node\t%s, Cassandra %s, data center %s\n", r.Node.HostID, r.Node.Release, r.Node.DataCenter)
	}
	fmt.Fprintf(t, "cdc_raw\t%s\n", use(l.CDCRawBytes, l.CDCRawLimitBytes))
	fmt.Fprintf(t, "behind\t%s, of them %s unread; %d segments", size(l.UnreadBytes+l.UnackedBytes), size(l.UnreadBytes), l.Segments)
	if l.OldestSegment != 0 {
		fmt.Fprintf(t, ", the oldest %d, begun %s ago", l.OldestSegment, duration(seconds(l.OldestSegmentAge)))
	}
	fmt.Fprintf(t, "\ncheckpoint\t%s", cmp.Or(l.Checkpoint, "none yet"))
	if l.Checkpoint != "" {
		fmt.Fprintf(t, ", stored %s ago", duration(seconds(l.CheckpointAge)))
	}
	fmt.Fprintf(t, "\nin flight\t%d events of %d, %s of %s\n", r.InFlight.Events, r.InFlight.EventsAllowed, size(r.InFlight.Bytes), size(r.InFlight.BytesAllowed))
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
				lastError = fmt.Sprintf("%s ago: %s", duration(now.Sub(*s.LastErrorAt)), short(s.LastError))
			}
			fmt.Fprintf(t, "%s.%s\t%d\t%.1f\t%s\t%d\t%d\t%s\n",
				s.Keyspace, s.Table, s.Events, s.EventsPerSecond, duration(seconds(s.LagSeconds)), s.InFlight, s.Errors, lastError)
		}
		t.Flush() //nolint:errcheck // a Builder takes everything
	}

	for _, c := range r.Conditions {
		subject := ""
		if c.Subject != "" {
			subject = " " + c.Subject
		}
		fmt.Fprintf(b, "\n%s: %s%s, for %s\n  %s: %s\n%s", strings.ToUpper(c.Severity.String()), c.Code, subject, duration(now.Sub(c.Since)), c.Title, c.Detail, wrapped(c.Remedy))
	}
	_, err := io.WriteString(w, trimLines(b.String()))
	return err
}

// trimLines takes off what a table leaves behind its empty last cells.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// use is a bar of what is used, with the figures.
func use(used, limit int64) string {
	if limit <= 0 {
		return size(used) + ", its limit is not known"
	}
	const width = 20
	part := float64(used) / float64(limit)
	full := min(width, int(part*width+0.5))
	return fmt.Sprintf("[%s%s] %.0f %%, %s of %s", strings.Repeat("#", full), strings.Repeat("-", width-full), 100*part, size(used), size(limit))
}

func size(bytes int64) string {
	value := float64(bytes)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if value < 1024 {
			if unit == "B" {
				return fmt.Sprintf("%d B", bytes)
			}
			return fmt.Sprintf("%.1f %s", value, unit)
		}
		value /= 1024
	}
	return fmt.Sprintf("%.1f TiB", value)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// duration is rounded to what a person compares.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Minute:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// short keeps a table a table; the log and /status have the whole error.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// wrapped breaks a text into indented lines.
func wrapped(text string) string {
	const width = 100
	var b strings.Builder
	line := " "
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
