// Scenarios can be read for every release, and files that cannot are refused.

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseScenario(t *testing.T) {
	got, err := parseScenario(`
-- About it.
--! setting commitlog_segment_size: 4MiB
--! setting batch_size_fail_threshold_in_kb: 7
--! jvm -Xmx1g
CREATE TABLE ks.t (k int PRIMARY KEY, -- not a comment of its own
    v text);
INSERT INTO ks.t (k, v) VALUES (1, ';--! kill');
--! snapshot s1
BEGIN BATCH
    DELETE FROM ks.t WHERE k = 1;

    -- between
    DELETE FROM ks.t WHERE k = 2;
APPLY BATCH;
--! pause 110ms
--! kill
TRUNCATE ks.t;
--! fill ks.t ks.u
`)
	if err != nil {
		t.Fatal(err)
	}
	want := scenario{
		yaml: map[string]any{"commitlog_segment_size": "4MiB", "batch_size_fail_threshold_in_kb": 7},
		jvm:  []string{"-Xmx1g"},
		steps: []step{
			{statement, "CREATE TABLE ks.t (k int PRIMARY KEY, -- not a comment of its own v text)"},
			{statement, "INSERT INTO ks.t (k, v) VALUES (1, ';--! kill')"},
			{snapshot, "s1"},
			{statement, "BEGIN BATCH DELETE FROM ks.t WHERE k = 1; DELETE FROM ks.t WHERE k = 2; APPLY BATCH"},
			{pause, "110ms"}, {kill, ""},
			{statement, "TRUNCATE ks.t"},
			{fill, "ks.t ks.u"},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(scenario{}, step{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for cql, want := range map[string]string{
		"\nINSERT INTO t":                  "no end",
		"BEGIN BATCH\nINSERT INTO t;\n":    "no end",
		"\n--! stop":                       "line 2",
		"--! pause soon":                   "soon",
		"--! setting a: [":                 "line 1",
		"SELECT 1;\n--! setting a setting": "line 2",
	} {
		if _, err := parseScenario(cql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want an error with %q", cql, err, want)
		}
	}
}

// Every scenario makes statements for every release, the same each time.
func TestScenarios(t *testing.T) {
	names := scenarioNames()
	for _, name := range []string{"types", "schema", "small", "crash", "rollover", "bench", "production"} {
		if !strings.Contains(strings.Join(names, " "), name) {
			t.Errorf("there is no scenario %s", name)
		}
	}
	for _, name := range names {
		for _, line := range lines {
			s, err := loadScenario(name, line, "")
			if err != nil {
				t.Fatalf("%s for %s: %v", name, line, err)
			}
			again, err := loadScenario(name, line, "")
			if err != nil || !cmp.Equal(s, again, cmp.AllowUnexported(scenario{}, step{})) {
				t.Errorf("%s for %s is not the same when it is loaded again (%v)", name, line, err)
			}
			if !s.steps[0].isDDL() {
				t.Errorf("%s for %s begins with %+v, and not with a keyspace", name, line, s.steps[0])
			}
		}
	}
}

// What only some releases have is left out for the others.
func TestScenarioOfARelease(t *testing.T) {
	for _, c := range []struct {
		line, mode string
		text       string
		want       bool
	}{
		{"5.0", "", "vector<float", true},
		{"4.1", "", "vector<float", false},
		{"3.11", "", "vector<float", false},
		{"5.0", "NONE", "beyond 2038", true},
		{"5.0", "", "beyond 2038", false},
		{"5.0", "UPGRADING", "beyond 2038", false},
		{"4.1", "", "beyond 2038", false},
	} {
		s, err := loadScenario("types", c.line, c.mode)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, step := range s.steps {
			found = found || strings.Contains(step.text, c.text)
		}
		if found != c.want {
			t.Errorf("types for %s %s: %q is there: %v, want %v", c.line, c.mode, c.text, found, c.want)
		}
	}
}
