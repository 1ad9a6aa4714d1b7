// What a person reads, and what a script goes by.

package show_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/show"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		show.Size(1023): "1023 B", show.Size(1536): "1.5 KiB", show.Size(5 << 40): "5.0 TiB",
		show.Duration(-time.Second): "0 s", show.Duration(1500 * time.Millisecond): "1.5 s", show.Duration(90 * time.Second): "1 min",
		show.Duration(3*time.Hour + time.Minute): "3 h 1 min", show.Duration(49 * time.Hour): "2 days",
		show.Short(strings.Repeat("é", 81)): strings.Repeat("é", 79) + "…",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

type plain struct{ Text string }

func (p plain) Write(w io.Writer, _ time.Time) error {
	_, err := io.WriteString(w, p.Text)
	return err
}

// Everything is printed; only conditions of severity error are an error.
func TestReport(t *testing.T) {
	warning, fault := health.State{Severity: health.Warning}, health.State{Severity: health.Error}
	for _, c := range []struct {
		conditions []health.State
		json       bool
		out, err   string
	}{
		{nil, false, "all", ""},
		{[]health.State{warning}, false, "all", ""},
		{[]health.State{warning, fault}, true, "{\n  \"Text\": \"all\"\n}\n", "1 condition of severity error holds"},
		{[]health.State{fault, fault}, false, "all", "2 conditions of severity error hold"},
	} {
		var b strings.Builder
		err := show.Report(&b, plain{"all"}, c.conditions, c.json)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if b.String() != c.out || said != c.err {
			t.Errorf("%q, %q, want %q, %q", b.String(), said, c.out, c.err)
		}
	}
}
