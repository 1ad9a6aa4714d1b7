// What the agent does on disk: checkpoints that never go back, and segments that are
// deleted when they are finished.

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// disk watches cdc_raw and the agent's working directory.
type disk struct {
	cdcRaw, workDir string

	mu        sync.Mutex
	offsets   map[int64]int64 // by segment: the highest checkpoint
	wentBack  []string
	seen      map[int64]bool // segments that were in cdc_raw
	present   int
	size, top int64 // bytes in cdc_raw, now and at most
}

// watch looks until ctx ends.
func (d *disk) watch(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := d.look(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look takes in what is there now.
func (d *disk) look() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.offsets == nil {
		d.offsets, d.seen = map[int64]int64{}, map[int64]bool{}
	}
	files, err := os.ReadDir(d.cdcRaw)
	if err != nil {
		return err
	}
	d.size, d.present = 0, 0
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			continue // deleted meanwhile
		}
		d.size += info.Size()
		if id, ok := commitlog.ParseFileName(f.Name()); ok {
			d.seen[id] = true
			d.present++
		}
	}
	d.top = max(d.top, d.size)
	checkpoints, err := filepath.Glob(filepath.Join(d.workDir, "*_offset.dat"))
	if err != nil {
		return err
	}
	for _, path := range checkpoints {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // its segment is gone
		}
		segment, err1 := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), "_offset.dat"), 10, 64)
		offset, err2 := strconv.ParseInt(string(content), 10, 64)
		if err1 != nil || err2 != nil {
			d.wentBack = append(d.wentBack, fmt.Sprintf("%s holds %q", path, content))
			continue
		}
		if have := d.offsets[segment]; offset < have {
			d.wentBack = append(d.wentBack, fmt.Sprintf("segment %d: from %d to %d", segment, have, offset))
		}
		d.offsets[segment] = offset
	}
	return nil
}

// gone is how many segments were deleted, bytes what is in cdc_raw.
func (d *disk) gone() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.seen) - d.present
}

func (d *disk) bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.size
}

// finished lists the segments in cdc_raw that Cassandra is done with.
func (d *disk) finished() (all []string, err error) {
	segments, err := filepath.Glob(filepath.Join(d.cdcRaw, "CommitLog-*.log"))
	if err != nil {
		return nil, err
	}
	for _, path := range segments {
		if index, ok := commitlog.ReadIndex(path); ok && index.Completed {
			all = append(all, filepath.Base(path))
		}
	}
	return all, nil
}

// settled says whether none of those is left.
func (d *disk) settled() (bool, error) {
	left, err := d.finished()
	return len(left) == 0, err
}

// quarantined lists what the agent could not read.
func (d *disk) quarantined() ([]string, error) {
	return filepath.Glob(filepath.Join(d.workDir, "quarantine", "*"))
}
