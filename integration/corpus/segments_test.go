// Which files of a node's folder belong to the corpus.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// header is that of a segment without parameters, as a node writes it.
const header = "\x00\x00\x00\x07\x00\x00\x01\xa1\xfd\x80\xb0\x09\x00\x02{}\x41\xb8\x0f\x4b"

func TestCopySegments(t *testing.T) {
	zeros := strings.Repeat("\x00", 200_000)
	for _, c := range []struct {
		name        string
		onlyIndexed bool
		want        []string
	}{
		{"after a kill", false, []string{"CommitLog-7-1.log", "CommitLog-7-1_cdc.idx", "CommitLog-7-4.log"}},
		{"after a stop", true, []string{"CommitLog-7-1.log", "CommitLog-7-1_cdc.idx"}},
	} {
		from, to := t.TempDir(), t.TempDir()
		for name, text := range map[string]string{
			"CommitLog-7-1.log": header + zeros + "late", "CommitLog-7-1_cdc.idx": "42\nCOMPLETED",
			"CommitLog-7-2.log":     header + zeros, // made ahead of need
			"CommitLog-7-3.log":     header,
			"CommitLog-7-4.log":     header + "early" + zeros,
			"CommitLog-7-2_cdc.idx": "", "other.log": "other",
		} {
			if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := copySegments(from, to, c.onlyIndexed); err != nil {
			t.Fatal(err)
		}
		var got []string
		found, err := os.ReadDir(to)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			got = append(got, f.Name())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		copied, err := os.ReadFile(filepath.Join(to, "CommitLog-7-1.log"))
		if err != nil || string(copied) != header+zeros+"late" {
			t.Errorf("%s: the segment is not as it was (%v)", c.name, err)
		}
	}
}

func TestCopySegmentsWithoutAny(t *testing.T) {
	from := t.TempDir()
	if err := copySegments(from, t.TempDir(), false); err == nil || !strings.Contains(err.Error(), from) {
		t.Errorf("an empty folder gives %v", err)
	}
	torn := filepath.Join(from, "CommitLog-7-1.log")
	if err := os.WriteFile(torn, []byte(header[:9]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copySegments(from, t.TempDir(), false); err == nil || !strings.Contains(err.Error(), torn) {
		t.Errorf("a file without a whole header gives %v", err)
	}
}
