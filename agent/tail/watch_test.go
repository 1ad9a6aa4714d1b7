// What the watch tells, with the real inotify: new files and changed ones, and that it
// comes back when it was lost.

package tail_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
)

// told waits until something is told for what do does; do is repeated, since a watch may
// need some seconds until it is there.
func told(t *testing.T, changed <-chan struct{}, what string, do func() error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Errorf("%s: nothing was told", what)
}

// quiet takes what is told of before.
func quiet(changed <-chan struct{}) {
	for {
		select {
		case <-changed:
		case <-time.After(200 * time.Millisecond):
			return
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	raw, live := filepath.Join(parent, "cdc_raw"), filepath.Join(parent, "commitlog")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changed := tail.Watch(ctx, slog.New(slog.DiscardHandler), raw, live)
	// The directories come later.
	for _, dir := range []string{raw, live} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path string) func() error {
		return func() error { return os.WriteFile(path, []byte("123"), 0o644) }
	}
	told(t, changed, "a file in cdc_raw", write(filepath.Join(raw, first)))
	quiet(changed)
	told(t, changed, "a rewritten index", write(filepath.Join(raw, firstIndex)))
	quiet(changed)
	told(t, changed, "a link", func() error {
		os.Remove(filepath.Join(live, first))
		return os.Link(filepath.Join(raw, first), filepath.Join(live, first))
	})
	quiet(changed)
	told(t, changed, "a file that moves", func() error { return os.Rename(filepath.Join(live, first), filepath.Join(raw, "CommitLog-7-2.log")) })

	// The directory is replaced.
	if err := os.Rename(raw, raw+" away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(raw, 0o755); err != nil {
		t.Fatal(err)
	}
	quiet(changed)
	told(t, changed, "a file in the new directory", write(filepath.Join(raw, first)))
}

// Inotify tells of a new segment: it is read at once, long before the next look at the
// directory.
func TestWhatIsToldIsReadAtOnce(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		r.rescan = time.Hour
		r.start()
		r.segment(1, entries(1, 3)...).complete()
		r.changed <- struct{}{}
		time.Sleep(150 * time.Millisecond)
		r.wantEntries(entries(1, 3)...)
	})
}

// Inotify tells without end, as in batch mode: the directory is looked at ten times a
// second, not more.
func TestNoisyChangesAreGathered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.segment(1, entries(1, 3)...)
		r.start()
		scans := 0
		r.disk.Set(func(op, path string) error {
			if op == "readdir" && path == r.cdcRaw {
				scans++
			}
			return nil
		})
		for range 10000 {
			select {
			case r.changed <- struct{}{}:
			default:
			}
			time.Sleep(time.Millisecond)
		}
		if scans < 50 || scans > 105 {
			t.Errorf("%d looks at the directory in 10 s", scans)
		}
	})
}
