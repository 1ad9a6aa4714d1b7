// This file keeps fetched software: one folder per item, made by one process
// at a time and visible only when it is complete.

package env

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cache is a folder shared by all runs on the machine. An item is there or it
// is not: work happens in parts/<item>, which is renamed at the end. What dead
// runs left in parts is removed by the next run that wants the item.
type cache struct {
	root string
	say  func(format string, args ...any)
}

// item returns the folder of a fetched thing and fills it first if needed. The
// name is also the folder's; room is how many bytes fetching may take. fill
// gets the folder to work in and the path the folder will have at the end.
func (c *cache) item(ctx context.Context, name string, room uint64, fill func(ctx context.Context, part, final string) error) (string, error) {
	final := filepath.Join(c.root, name)
	if there(final) {
		return final, nil
	}
	for _, sub := range []string{"locks", "parts"} {
		if err := os.MkdirAll(filepath.Join(c.root, sub), 0o755); err != nil {
			return "", c.explain(fmt.Errorf("make the cache folder: %w", err), room)
		}
	}
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if there(final) { // another process was faster
		return final, nil
	}
	part := filepath.Join(c.root, "parts", name)
	if err := os.RemoveAll(part); err != nil {
		return "", fmt.Errorf("remove what an interrupted run left: %w", err)
	}
	if err := c.roomFor(name, room); err != nil {
		return "", err
	}
	if err := os.Mkdir(part, 0o755); err != nil {
		return "", c.explain(fmt.Errorf("fetch %s: %w", name, err), room)
	}
	defer os.RemoveAll(part) // gone already after a success

	began := time.Now()
	c.say("%s: fetching, once", name)
	if err := fill(ctx, part, final); err != nil {
		return "", c.explain(fmt.Errorf("fetch %s: %w", name, err), room)
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("fetch %s: %w", name, err)
	}
	if err := os.Rename(part, final); err != nil {
		return "", c.explain(fmt.Errorf("fetch %s: %w", name, err), room)
	}
	c.say("%s: fetched in %s, %s on disk", name, seconds(time.Since(began)), megabytes(diskUse(final)))
	return final, nil
}

// has tells whether an item needs no fetching.
func (c *cache) has(name string) bool { return there(filepath.Join(c.root, name)) }

func there(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// lock waits until this process is the only one that makes the item. The lock
// belongs to an open file, so that the system gives it back when the process
// ends, however it ends.
func (c *cache) lock(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.root, "locks", name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s in the cache: %w", name, err)
	}
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s in the cache: %w", name, err)
		}
		if !waiting {
			c.say("%s: another run is fetching it, waiting", name)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another run to fetch %s: %w", name, ctx.Err())
		case <-poll.C:
		}
	}
}

// roomFor checks the free space before anything is fetched.
func (c *cache) roomFor(name string, room uint64) error {
	free, err := freeSpace(c.root)
	if err != nil || free >= room {
		return nil // not knowing is no reason to refuse
	}
	return problem(ErrDiskFull, "free some space, or set XDG_CACHE_HOME to a folder on another disk",
		"%s needs %s, but where the cache %s is only %s are free", name, megabytes(room), c.root, megabytes(free))
}

// explain turns "no space left" into a line with the numbers.
func (c *cache) explain(err error, room uint64) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	free, _ := freeSpace(c.root)
	return problem(ErrDiskFull, "free some space, or set XDG_CACHE_HOME to a folder on another disk",
		"%v: the cache %s needs %s, %s are free", err, c.root, megabytes(room), megabytes(free))
}

// diskUse sums the sizes of the regular files below a folder; what cannot be
// read counts nothing.
func diskUse(dir string) uint64 {
	var sum uint64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum
}

// freeSpace is how many bytes this user may still write where dir is.
func freeSpace(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

func megabytes(n uint64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
