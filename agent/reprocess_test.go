// Segments that a person puts into errors come back to cdc_raw.

package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSegmentsInErrorsAreReadAgain(t *testing.T) {
	work, raw := t.TempDir(), t.TempDir()
	bad := filepath.Join(work, "errors")
	var log bytes.Buffer
	if err := reprocess(bad, raw, logTo(&log)); err != nil || log.Len() > 0 {
		t.Fatalf("without the directory: %v, %s", err, &log)
	}
	if err := os.Mkdir(bad, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		bad + "/CommitLog-7-1.log": "one", bad + "/CommitLog-7-1_cdc.idx": "3\nCOMPLETED",
		bad + "/CommitLog-6-2.log": "two", // 3.11 has no index
		bad + "/CommitLog-7-3.log": "old", raw + "/CommitLog-7-3.log": "new",
		bad + "/notes.txt": "mine",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := reprocess(bad, raw, logTo(&log)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		raw + "/CommitLog-7-1.log": "one", raw + "/CommitLog-7-1_cdc.idx": "3\nCOMPLETED", raw + "/CommitLog-6-2.log": "two",
		raw + "/CommitLog-7-3.log": "new", bad + "/CommitLog-7-3.log": "old", bad + "/notes.txt": "mine",
	} {
		if got, err := os.ReadFile(path); string(got) != want {
			t.Errorf("%s: %q, want %q, %v", path, got, want, err)
		}
	}
	if left, _ := os.ReadDir(bad); len(left) != 2 {
		t.Errorf("left in errors: %v", left)
	}
	if !strings.Contains(log.String(), "CommitLog-7-3.log") || !strings.Contains(log.String(), "stays") {
		t.Errorf("the segment that stays is not told: %s", &log)
	}
}
