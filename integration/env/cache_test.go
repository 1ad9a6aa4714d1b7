// This file tests that an item of the cache is whole or absent, whatever
// happens while it is fetched.

package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func newCache(t *testing.T, root string) *cache {
	return &cache{root: root, say: func(format string, args ...any) { t.Logf(format, args...) }}
}

// entries are the names in a folder, "" for a folder that is not there.
func entries(t *testing.T, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestFailedFetchLeavesNothing(t *testing.T) {
	c := newCache(t, t.TempDir())
	cause := errors.New("broken line")
	_, err := c.item(t.Context(), "thing", 0, func(_ context.Context, part, _ string) error {
		if err := os.WriteFile(filepath.Join(part, "half"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return cause
	})
	if !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if c.has("thing") || entries(t, filepath.Join(c.root, "parts")) != "" {
		t.Error("something was left")
	}
}

func TestCancelledFetchLeavesNothing(t *testing.T) {
	c := newCache(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.item(ctx, "thing", 0, func(context.Context, string, string) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || c.has("thing") {
		t.Fatalf("got %v, there: %v", err, c.has("thing"))
	}
}

// A run that was killed in the middle leaves its part folder; the next run
// starts from nothing.
func TestLeftoversOfADeadRunAreRemoved(t *testing.T) {
	c := newCache(t, t.TempDir())
	stale := filepath.Join(c.root, "parts", "thing", "stale")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := c.item(t.Context(), "thing", 0, func(_ context.Context, part, final string) error {
		if final != filepath.Join(c.root, "thing") {
			t.Errorf("final is %s", final)
		}
		return os.WriteFile(filepath.Join(part, "whole"), nil, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, dir); got != "whole" {
		t.Errorf("item holds %q", got)
	}
	if got := entries(t, filepath.Join(c.root, "parts")); got != "" {
		t.Errorf("parts hold %q", got)
	}
}

// Each run has its own cache value, as each process has; what keeps them apart
// is the lock on the file.
func TestConcurrentRunsFetchOnce(t *testing.T) {
	root := t.TempDir()
	var fetches, inside atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := newCache(t, root)
			_, err := c.item(t.Context(), "thing", 0, func(_ context.Context, part, _ string) error {
				if inside.Add(1) != 1 {
					t.Error("two runs fetch at the same time")
				}
				defer inside.Add(-1)
				fetches.Add(1)
				return os.WriteFile(filepath.Join(part, "whole"), nil, 0o644)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fetches.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestWaitingForAnotherRunEndsWithTheContext(t *testing.T) {
	root := t.TempDir()
	fetching, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := newCache(t, root).item(t.Context(), "thing", 0, func(context.Context, string, string) error {
			close(fetching)
			<-finish
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-fetching
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newCache(t, root).item(ctx, "thing", 0, func(context.Context, string, string) error {
		t.Error("fetched although another run does")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(finish)
	wg.Wait()
}

func TestDiskFull(t *testing.T) {
	c := newCache(t, t.TempDir())
	for name, fetch := range map[string]func() error{
		"before": func() error {
			_, err := c.item(t.Context(), "thing", 1<<62, func(context.Context, string, string) error {
				t.Error("fetched without room")
				return nil
			})
			return err
		},
		"in between": func() error {
			_, err := c.item(t.Context(), "thing", 0, func(context.Context, string, string) error {
				return fmt.Errorf("write it: %w", syscall.ENOSPC)
			})
			return err
		},
	} {
		err := fetch()
		if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), c.root) || !strings.Contains(err.Error(), "free") {
			t.Errorf("%s: got %v", name, err)
		}
		if c.has("thing") {
			t.Errorf("%s: the item is there", name)
		}
	}
}
