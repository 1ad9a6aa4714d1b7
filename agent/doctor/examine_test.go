// What the doctor makes of what it finds.

package doctor

import (
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/check"
	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
)

// found checks the kind of each result (ok, advice, fault) and words of it.
func found(t *testing.T, what string, results []check.Result, want ...string) {
	t.Helper()
	if len(results) != len(want) {
		t.Errorf("%s: %+v, want %q", what, results, want)
		return
	}
	for i, r := range results {
		kind, words, _ := strings.Cut(want[i], ": ")
		got := "ok"
		if r.Problem != "" {
			got = "fault"
		}
		if r.Advice {
			got = "advice"
		}
		if got != kind || !strings.Contains(r.Fine+r.Problem, words) || (kind == "ok") != (r.Remedy == "") {
			t.Errorf("%s: %s %+v, want %q", what, got, r, want[i])
		}
	}
}

func TestTheDoctorsJudgement(t *testing.T) {
	const gib = 1 << 30
	found(t, "room", judgeRoom("/raw", gib, 4*gib, 100*gib), "ok: /raw holds 1024 of 4096 MiB, 25 %; 102400 MiB free")
	found(t, "half full", judgeRoom("/raw", 2*gib, 4*gib, 100*gib), "advice: 50 %")
	found(t, "nearly full", judgeRoom("/raw", 33*gib/10, 4*gib, 100*gib), "fault: refuses writes")
	found(t, "a volume that is full first", judgeRoom("/raw", gib, 4*gib, gib), "advice: 1024 MiB free, 2049 MiB less")
	found(t, "both", judgeRoom("/raw", 39*gib/10, 4*gib, 0), "fault: 97 %", "advice: 0 MiB free")
	for release, want := range map[string]string{
		"5.0.6": "ok: 5.0.6", "4.0.19": "ok: 4.0.19", "4.1.10": "ok: 4.1.10", "3.11.19": "advice: 3.11", "6.0-alpha1": "advice: 6.0-alpha1", "3.0.30": "advice: 3.0.30", "5.00.1": "advice: 5.00.1",
	} {
		found(t, release, judgeRelease(release), want)
	}
	found(t, "one schema", judgeAgreement(map[string][]string{"a": {"10.0.0.1", "10.0.0.2"}}), "ok: nodes: 2")
	found(t, "two schemas", judgeAgreement(map[string][]string{"a": {"10.0.0.1", "10.0.0.2"}, "b": {"10.0.0.3"}}), "fault: 2 different schemas")
}

// The doctor looks at everything that --check looks at, and more.
func TestTheExaminationHoldsTheChecks(t *testing.T) {
	checks, all := Checks(config.Config{}, nil), Examination(config.Config{}, nil)
	for i, c := range checks {
		if all[i].Name != c.Name {
			t.Errorf("%s is left out", c.Name)
		}
	}
	var more []string
	for _, c := range all[len(checks):] {
		more = append(more, c.Name)
	}
	if got := strings.Join(more, ", "); got != "room, release, schema agreement, clock, agent" {
		t.Errorf("more: %s", got)
	}
}
