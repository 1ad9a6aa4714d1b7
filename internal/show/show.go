// Package show is how the programs show figures and conditions to a person.
package show

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

// Report prints what a program says of itself, as text or as JSON. The error says how many
// conditions of severity error hold.
func Report(out io.Writer, r interface {
	Write(w io.Writer, now time.Time) error
}, conditions []health.State, asJSON bool) (err error) {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = r.Write(out, time.Now())
	}
	if err != nil {
		return err
	}
	failing := 0
	for _, c := range conditions {
		if c.Severity == health.Error {
			failing++
		}
	}
	switch failing {
	case 0:
		return nil
	case 1:
		return errors.New("1 condition of severity error holds")
	default:
		return fmt.Errorf("%d conditions of severity error hold", failing)
	}
}

// Conditions writes a paragraph for each condition, with what to do about it.
func Conditions(w io.Writer, conditions []health.State, now time.Time) {
	for _, c := range conditions {
		subject := ""
		if c.Subject != "" {
			subject = " " + c.Subject
		}
		fmt.Fprintf(w, "\n%s: %s%s, for %s\n  %s: %s\n%s", strings.ToUpper(c.Severity.String()), c.Code, subject, Duration(now.Sub(c.Since)), c.Title, c.Detail, wrapped(c.Remedy))
	}
}

// TrimLines takes off what a table leaves behind its empty last cells.
func TrimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Size is a number of bytes in the unit that fits.
func Size(bytes int64) string {
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

// Seconds is what a report gives as a number.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Duration is rounded to what a person compares.
func Duration(d time.Duration) string {
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

// Short keeps a table a table; the log and /status have the whole error.
func Short(s string) string {
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
