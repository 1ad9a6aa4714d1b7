// Checkpoints survive what happens to them on disk, and never run ahead of the
// acknowledgements.

package checkpoint_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
)

func open(t *testing.T, dir string) (*checkpoint.Store, string) {
	t.Helper()
	var log bytes.Buffer
	s, err := checkpoint.OpenStore(dir, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, log.String()
}

func TestOffsetsSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when", "missing")
	s, _ := open(t, dir)
	for _, offset := range []int64{10, 20, 30} {
		if err := s.Save(1700000000000, offset); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Save(1700000000001, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(1700000000001); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir)
	if got := again.Offset(1700000000000); got != 30 {
		t.Errorf("offset %d after a restart, want 30", got)
	}
	if got := again.Segments(); len(got) != 1 {
		t.Errorf("segments %v, want one", got)
	}
	// What DataStax's agent expects in the file: decimal digits, no newline.
	content, err := os.ReadFile(filepath.Join(dir, "1700000000000_offset.dat"))
	if err != nil || string(content) != "30" {
		t.Errorf("file content %q, %v", content, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	for _, content := range []string{"", "12x", "-5", "\x00\x00", "99999999999999999999"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "17_offset.dat")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		s, log := open(t, dir)
		if s.Offset(17) != 0 || !strings.Contains(log, file) {
			t.Errorf("content %q: offset %d, log %q", content, s.Offset(17), log)
		}
		if kept, err := os.ReadFile(file + ".damaged"); err != nil || string(kept) != content {
			t.Errorf("content %q: set aside as %q, %v", content, kept, err)
		}
	}
}

func TestForeignFilesStay(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"archives", "errors", "17_offset.dat.tmp", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, log := open(t, dir)
	if len(s.Segments()) != 0 || log != "" {
		t.Errorf("segments %v, log %q", s.Segments(), log)
	}
}

// Whatever the order of the acknowledgements, the watermark is the end of the longest
// run of acknowledged entries from the start (invariant 2).
func TestWatermarkStopsAtTheFirstGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 20).Draw(t, "events")
		w := checkpoint.NewWatermark(5)
		var marks []*checkpoint.Mark
		left := make([]int, len(events))
		var order []int
		for i, n := range events {
			marks = append(marks, w.Add(int64(100*(i+1)), n))
			left[i] = n
			for range n {
				order = append(order, i)
			}
		}
		check := func() {
			want, settled := int64(5), true
			for i, n := range left {
				if n > 0 {
					settled = false
					break
				}
				want = int64(100 * (i + 1))
			}
			if w.Offset() != want || w.Settled() != settled {
				t.Fatalf("left %v: offset %d, settled %v; want %d, %v", left, w.Offset(), w.Settled(), want, settled)
			}
		}
		check()
		for _, i := range rapid.Permutation(order).Draw(t, "order") {
			marks[i].Ack()
			left[i]--
			check()
		}
	})
}

// While an event is not acknowledged, entries without events take no memory.
func TestEntriesWithoutEventsDoNotPileUp(t *testing.T) {
	w := checkpoint.NewWatermark(0)
	waiting := w.Add(1, 1)
	end := int64(1)
	add := func() { end++; w.Add(end, 0) }
	add()
	if n := testing.AllocsPerRun(100, add); n > 0 {
		t.Errorf("%v allocations an entry", n)
	}
	if w.Offset() != 0 {
		t.Errorf("offset %d before the acknowledgement", w.Offset())
	}
	waiting.Ack()
	if w.Offset() != end || !w.Settled() {
		t.Errorf("offset %d, settled %v; want %d, true", w.Offset(), w.Settled(), end)
	}
}
