// Checkpoints survive what happens to them on disk, and never run ahead of the
// acknowledgements.

package checkpoint_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files/faults"
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
	for _, content := range []string{"", "12x", "-5", "\x00\x00", "99999999999999999999", " 12", "12\n13", "0x1f"} {
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
		if again, log := open(t, dir); len(again.Segments()) != 0 || log != "" {
			t.Errorf("content %q: the next start tells again: %q", content, log)
		}
	}
}

// Whatever is wrong with a file, the agent starts: without a permission, without a file,
// on a disk that takes no renaming.
func TestFilesThatCannotBeReadAreSetAside(t *testing.T) {
	for name, hook := range map[string]func(op, path string) error{
		"no permission": func(op, path string) error {
			if op == "open" && strings.HasSuffix(path, "17_offset.dat") {
				return syscall.EACCES
			}
			return nil
		},
		"an input or output error, and no renaming": func(op, _ string) error {
			if op == "read" || op == "rename" {
				return syscall.EIO
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, disk, log := t.TempDir(), &faults.Disk{}, &bytes.Buffer{}
			if err := os.WriteFile(filepath.Join(dir, "17_offset.dat"), []byte("30"), 0o600); err != nil {
				t.Fatal(err)
			}
			disk.Set(hook)
			s, err := checkpoint.OpenStore(dir, disk, slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if s.Offset(17) != 0 || !strings.Contains(log.String(), "17_offset.dat") {
				t.Errorf("offset %d, log %s", s.Offset(17), log)
			}
			disk.Set(nil)
			if err := s.Save(17, 40); err != nil {
				t.Fatal(err)
			}
			if again, _ := open(t, dir); again.Offset(17) != 40 {
				t.Errorf("offset %d", again.Offset(17))
			}
		})
	}
}

// A directory with the name of a checkpoint does not stop the agent either.
func TestADirectoryInPlaceOfACheckpoint(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "17_offset.dat"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, log := open(t, dir)
	if err := s.Save(17, 30); err != nil || log == "" {
		t.Errorf("%v, log %q", err, log)
	}
}

func TestForeignFilesStay(t *testing.T) {
	dir := t.TempDir()
	names := []string{"archives", "errors", "notes.txt", "17_offset.dat.bak", "schema_history.json", "17_offset.dat.tmp.tmp"}
	for _, f := range names {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, log := open(t, dir)
	if len(s.Segments()) != 0 || log != "" {
		t.Errorf("segments %v, log %q", s.Segments(), log)
	}
	if files, _ := os.ReadDir(dir); len(files) != len(names) {
		t.Errorf("files: %v", files)
	}
}

// The process dies before any step of a save, and the disk keeps what it was told until
// then: the next start reads the old offset or the new one, in silence, and saves go on.
// The file is never one that DataStax's agent cannot read.
func TestDeathAtAnyStepOfASave(t *testing.T) {
	java := regexp.MustCompile(`^\d+$`)
	died, seen := errors.New("died"), map[int64]bool{}
	steps := 0
	for fail := 1; fail <= steps+1; fail++ {
		dir, disk := t.TempDir(), &faults.Disk{}
		s, err := checkpoint.OpenStore(dir, disk, slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Save(17, 1000)
		}
		if err != nil {
			t.Fatal(err)
		}
		step := 0
		disk.Set(func(string, string) error {
			if step++; step >= fail {
				return died // and all that comes after it
			}
			return nil
		})
		err = s.Save(17, 20000)
		if (err != nil) != (step >= fail) {
			t.Errorf("death at step %d of %d: %v", fail, step, err)
		}
		if fail == 1 {
			steps = 1 // at least; each death shows one step more
		}
		if err != nil {
			steps = max(steps, fail)
		}
		again, log := open(t, dir)
		if got := again.Offset(17); got != 1000 && got != 20000 || log != "" {
			t.Errorf("death at step %d: offset %d, log %q", fail, got, log)
		}
		seen[again.Offset(17)] = true
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Errorf("death at step %d leaves %v, %v", fail, files, err)
		}
		if content, err := os.ReadFile(filepath.Join(dir, "17_offset.dat")); err != nil || !java.Match(content) {
			t.Errorf("death at step %d: DataStax's agent would read %q, %v", fail, content, err)
		}
		if err := again.Save(17, 30000); err != nil {
			t.Error(err)
		}
	}
	if steps < 5 || !seen[1000] || !seen[20000] {
		t.Errorf("%d steps, offsets %v: what was tried?", steps, seen)
	}
}

// After a save that failed the store knows what is on the disk, and the next save writes.
func TestASaveThatFailedIsRepeated(t *testing.T) {
	dir, disk := t.TempDir(), &faults.Disk{}
	s, err := checkpoint.OpenStore(dir, disk, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	disk.Set(func(op, _ string) error {
		if op == "write" {
			return syscall.ENOSPC
		}
		return nil
	})
	if err := s.Save(17, 30); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "17") {
		t.Errorf("%v", err)
	}
	disk.Set(nil)
	if err := s.Save(17, 30); err != nil {
		t.Error(err)
	}
	if again, _ := open(t, dir); again.Offset(17) != 30 {
		t.Errorf("offset %d", again.Offset(17))
	}
}

// What DataStax's agent has written is read, also with the line end that it would accept.
func TestJavaFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"1651752179377_offset.dat": "464488", "1651752179378_offset.dat": "500\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, log := open(t, dir); s.Offset(1651752179377) != 464488 || s.Offset(1651752179378) != 500 || log != "" {
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
