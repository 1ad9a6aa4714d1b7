// A condition is told once when it begins and once when it ends, and everywhere alike.

package health_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
)

var update = flag.Bool("update", false, "write docs/conditions.md anew")

func board(log *bytes.Buffer) *health.Board {
	return health.NewBoard(health.Agent(), slog.New(slog.NewTextHandler(log, nil)))
}

func TestAConditionIsLoggedWhenItBeginsAndWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := board(&log)
		for i := range 5 {
			b.Set(health.BrokerUnreachable, "", fmt.Sprintf("attempt %d", i))
			time.Sleep(time.Second)
		}
		if s := b.Active(); len(s) != 1 || s[0].Detail != "attempt 4" || time.Since(s[0].Since) != 5*time.Second {
			t.Errorf("active: %+v", s)
		}
		b.Clear(health.BrokerUnreachable, "")
		b.Clear(health.BrokerUnreachable, "")
		if s := b.Active(); len(s) != 0 {
			t.Errorf("active after its end: %+v", s)
		}
		b.Set(health.CDCRawFilling, "", "half")
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines, want 3:\n%s", len(lines), &log)
		}
		for i, words := range [][]string{
			{"level=ERROR", "condition=broker-unreachable", "attempt 0", "Check that the broker runs"},
			{"level=INFO", "condition=broker-unreachable", "after=5s"},
			{"level=WARN", "condition=cdc-raw-filling", "half"},
		} {
			for _, w := range words {
				if !strings.Contains(lines[i], w) {
					t.Errorf("line %d does not say %q: %s", i+1, w, lines[i])
				}
			}
		}
	})
}

func TestSubjectsAreApart(t *testing.T) {
	b := board(&bytes.Buffer{})
	b.Set(health.SchemaRefused, "events-a.b", "x")
	b.Set(health.SchemaRefused, "events-a.c", "y")
	b.Set(health.CDCRawFilling, "", "z")
	b.Clear(health.SchemaRefused, "events-a.b")
	s := b.Active()
	if len(s) != 2 || s[0].Subject != "events-a.c" || s[1].Code != "cdc-raw-filling" {
		t.Errorf("active, errors first: %+v", s)
	}
}

func TestReadiness(t *testing.T) {
	b := board(&bytes.Buffer{})
	b.Set(health.CDCRawFull, "", "")
	if !b.Ready() {
		t.Error("not ready although events come through")
	}
	b.Set(health.SchemaRefused, "events-a.b", "")
	if b.Ready() {
		t.Error("ready although a schema is refused")
	}
	b.Clear(health.SchemaRefused, "events-a.b")
	if !b.Ready() {
		t.Error("not ready after the end of what blocked")
	}
}

func TestMetrics(t *testing.T) {
	b := board(&bytes.Buffer{})
	b.Set(health.SchemaRefused, "events-a.b", "")
	b.Set(health.SchemaRefused, "events-a.c", "")
	if n := testutil.CollectAndCount(b); n != len(health.Agent()) {
		t.Errorf("%d series, want one for each of %d conditions", n, len(health.Agent()))
	}
	var text bytes.Buffer
	for _, c := range health.Agent() {
		value := 0
		if c == health.SchemaRefused {
			value = 1
		}
		fmt.Fprintf(&text, "cassandra_cdc_condition{code=%q,severity=%q} %d\n", c.Code, c.Severity, value)
	}
	head := "# HELP cassandra_cdc_condition Whether a known bad state holds (1) or not (0); docs/conditions.md explains the codes.\n# TYPE cassandra_cdc_condition gauge\n"
	if err := testutil.CollectAndCompare(b, strings.NewReader(head+text.String())); err != nil {
		t.Error(err)
	}
}

func TestStateAsJSON(t *testing.T) {
	b := board(&bytes.Buffer{})
	b.Set(health.Quarantined, "", "2 entries")
	text, err := json.Marshal(b.Active())
	if err != nil || !strings.Contains(string(text), `"code":"quarantined","severity":"error"`) {
		t.Fatalf("%s, %v", text, err)
	}
	var back []health.State
	if err := json.Unmarshal(text, &back); err != nil || back[0].Severity != health.Error || back[0].Detail != "2 entries" {
		t.Errorf("%+v, %v", back, err)
	}
}

// Alerts and runbooks are built on codes: they look alike, are there once, and every
// condition of the source is in the list.
func TestCatalog(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, c := range health.All() {
		if !form.MatchString(c.Code) || seen[c.Code] {
			t.Errorf("code %q", c.Code)
		}
		seen[c.Code] = true
		if c.Title == "" || strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(c.Remedy, ".") {
			t.Errorf("%s: title %q, remedy %q", c.Code, c.Title, c.Remedy)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "catalog.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			declared += len(g.Specs)
		}
	}
	if declared != len(seen) {
		t.Errorf("%d conditions are declared, All lists %d", declared, len(seen))
	}
}

// docs/conditions.md is what the code says; go test ./internal/health -update writes it.
func TestDocumentation(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Conditions\n\nEvery bad state that the programs know. The code is the same in the log (`condition=`, a line when it begins and one when it ends), in\n" +
		"`cassandra-cdc status` and `cassandra-source status`, in `/readyz` and `/status`, and in the metric `cassandra_cdc_condition{code=…}`. A condition\n" +
		"that blocks makes `/readyz` answer 503; one of severity error makes `status` end with status 1. The agent and the connector each show those that\n" +
		"they can be in. This page is made from `internal/health/catalog.go`.\n")
	for _, c := range health.All() {
		about := c.Severity.String()
		if c.Blocks {
			about += ", blocks"
		}
		switch agent, connector := slices.Contains(health.Agent(), c), slices.Contains(health.Connector(), c); {
		case agent && !connector:
			about += "; agent"
		case connector && !agent:
			about += "; connector"
		}
		fmt.Fprintf(&b, "\n## %s\n\n*%s* (%s). %s\n", c.Code, c.Title, about, c.Remedy)
	}
	path := filepath.Join("..", "..", "docs", "conditions.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not what the code says (%v): run go test ./internal/health -update", path, err)
	}
}
