// The form for people.

package inspect_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
)

func text(t *testing.T, s scenario, tables ...string) []string {
	t.Helper()
	got := dump(t, s.rows(t), func(d *inspect.Dump) { d.JSON, d.Tables = false, tables }, s.segments[0])
	if got.err != nil || len(got.report) > 0 {
		t.Fatal(got.err, got.report)
	}
	return got.lines
}

// Inserts, updates, deletes of rows, ranges and partitions, with times to live; the
// statements are in the corpus (BATCH … USING TIMESTAMP gives the small numbers).
func TestTextOfChanges(t *testing.T) {
	want := `
1795254431753:453295    2026-11-21T09:47:27.108154Z  ck.t_ttl          insert            k=1 c=1  v="a" w=1 l={} l["8f849c40-e590-11f1-9931-01c8f4f22df6"]=1 l["8f849c4a-e590-11f1-9931-01c8f4f22df6"]=2  ttl 3600
1795254431753:453354    2026-11-21T09:47:27.109543Z  ck.t_ttl          insert            k=1 c=2  v="a"
1795254431753:453419    2026-11-21T09:47:27.110702Z  ck.t_ttl          update            k=1 c=1  v="b" (ttl 10)
1795254431753:453512    2026-11-21T09:47:27.111796Z  ck.t_ttl          insert            k=2 c=1  v="a" w=1 (ttl 20)  ttl 10
1795254431753:453512    2026-11-21T09:47:27.111796Z  ck.t_ttl          insert            k=2 c=2  v="b" w=2 (no ttl)  ttl 3600
1795254431753:454687    30                           ck.t_rt1          update            k=1 c=3  v=1
1795254431753:454687    10                           ck.t_rt1          delete range      k=1  from c=1 to before c=5
1795254431753:454687    20                           ck.t_rt1          delete range      k=1  from c=5 to before c=10
1795254431753:454687    15                           ck.t_rt1          delete range      k=1  from c=10 to c=20
1795254431753:454687    31                           ck.t_rt1          update            k=1 c=100  v=1
1795254431753:454791    5                            ck.t_rt1          delete partition  k=2
1795254431753:454791    40                           ck.t_rt1          insert            k=2 c=2  v=2
1795254431753:454791    10                           ck.t_rt1          delete range      k=2  from c=1 to c=5
1795254431753:454791    20                           ck.t_rt1          delete range      k=2  from behind c=5 to before c=10
1795254431753:460014    2026-11-21T09:47:27.291932Z  ck.t_rt1          insert            k=10 c=1  v=1
1795254431753:460075    2026-11-21T09:47:27.291932Z  ck.t_rt1          insert            k=11 c=1  v=1
1795254431753:460228    777                          ck.t_rt1          insert            k=20 c=1  v=1
1795254431753:460228    777                          ck.t_rt1          delete            k=20 c=2
1795254431753:460228    777                          ck.t_rt1          update            k=20 c=3  v=5
1795254431753:460355    2026-11-21T09:47:27.314450Z  ck.t_rt1          insert            k=30 c=1  v=1
`
	if diff := cmp.Diff(split(strings.TrimPrefix(want, "\n")), text(t, the(t, "5.0.6/types"), "ck.t_rt1", "ck.t_ttl")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTextOfStaticAndComplexColumns(t *testing.T) {
	lines := text(t, the(t, "5.0.6/types"), "ck.t_clust", "ck.t_coll", "ck.t_rt", "ck.t_counter")
	for _, want := range []string{
		`update static     a="p0" b=0  s1="static" s2={} s2[1] s2[2] s2[3] s3={} s3["a"]=1 s3["b"]=2`,
		`update static     a="p0" b=0  s2[4] s3["a"]=null s3["c"]=3`,
		`update            k="a"  ma["k2"]=null se[3]=null u.street=null`,
		`update            k="a"  u.no=8 u.tags=["z"]`,
		`update            k="a"  li["8f7496b0-e590-11f1-9931-01c8f4f22df6"]="ttl" (ttl 500) ma["ttl"]=1 (ttl 500)`,
		`update            k=1 c=1  m=1 n=-2`,
		`delete range      k=1  from the start to before c1=1`,
		`delete range      k=3  from behind c1=5 to the end`,
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "  "+want) }) {
			t.Errorf("no line says %s", want)
		}
	}
}

// Whatever a value is, a change stays one line that a terminal can show.
func TestTextIsForTerminals(t *testing.T) {
	s := the(t, "5.0.6/types")
	lines, cut := text(t, s), false
	for _, line := range lines {
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' }) {
			t.Errorf("%q", line)
		}
		cut = cut || strings.Contains(line, "… (300")
	}
	if len(lines) < len(expected(t, s.segments[0])) || !cut {
		t.Errorf("%d lines, the value of 300 kB cut: %v", len(lines), cut)
	}
}

func TestTextOfWhatIsNotDecoded(t *testing.T) {
	s := the(t, "5.0.6/direct")
	rows := s.rows(t)
	rows.Tables = rows.Tables[:0]
	got := dump(t, rows, func(d *inspect.Dump) { d.JSON = false }, s.segments[0])
	const want = `1795256574084:373       -                                              not decoded       333 bytes: unknown table 7ad54392-bcdd-35a6-8417-4e047860b377`
	if got.err != nil || got.lines[0] != want {
		t.Errorf("%v\n%s\n%s", got.err, got.lines[0], want)
	}
}
