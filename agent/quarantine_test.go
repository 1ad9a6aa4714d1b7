// What is passed over lies on disk, and until it does nothing is acknowledged.

package agent

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files/faults"
)

func newKeeper(t *testing.T) (*keeper, *faults.Disk, *bytes.Buffer) {
	t.Helper()
	disk, log := &faults.Disk{}, &bytes.Buffer{}
	return &keeper{dir: quarantine.Dir{Path: t.TempDir(), Files: disk}, log: logTo(log)}, disk, log
}

func fullDisk(op, _ string) error {
	if op == "write" {
		return syscall.ENOSPC
	}
	return nil
}

func undecodable(w *checkpoint.Watermark, offset int64, body []byte) tail.Entry {
	return tail.Entry{Version: 7, Position: commitlog.Position{Segment: 1, Offset: offset}, Body: body, Watermark: w}
}

func TestQuarantineTells(t *testing.T) {
	q, _, log := newKeeper(t)
	if err := q.entry(t.Context(), undecodable(checkpoint.NewWatermark(0), 4096, []byte("\x00bytes\xff")), errors.New("unknown table x")); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"level=ERROR", "pos=1:4096", "unknown table x", q.dir.Path} {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log does not say %q: %s", w, log)
		}
	}
}

// Invariant 3: while the disk is full, entries wait in memory, within bounds, and none of
// them is settled. Reading goes on, the checkpoint does not. When there is space again,
// all are written.
func TestEntriesWaitForAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, disk, log := newKeeper(t)
		disk.Set(fullDisk)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := checkpoint.NewWatermark(7)
		const entries = 3 + maxWaiting>>20
		done := make(chan int, 1)
		go func() {
			body := make([]byte, 1<<20)
			for i := range entries {
				body[0] = byte(i) // the buffer is used again
				if err := q.entry(ctx, undecodable(w, int64(100+i), body), errors.New("unknown table")); err != nil {
					t.Error(err)
				}
				done <- i
			}
		}()
		time.Sleep(time.Hour)
		last := 0
		for len(done) > 0 {
			last = <-done
			synctest.Wait()
		}
		if want := maxWaiting>>20 - 1; last != want {
			t.Errorf("entry %d went on, want up to %d: more must not wait in memory", last, want)
		}
		if w.Settled() || w.Offset() != 7 {
			t.Errorf("offset %d, settled %v: nothing is on disk", w.Offset(), w.Settled())
		}
		if n := strings.Count(log.String(), "\n"); n > 400 || !strings.Contains(log.String(), "no space left") {
			t.Errorf("%d lines in an hour: %.300s", n, log)
		}
		disk.Set(nil)
		for range entries - last - 1 {
			<-done
		}
		time.Sleep(time.Minute)
		if !w.Settled() || w.Offset() != 100+entries-1 {
			t.Errorf("offset %d, settled %v", w.Offset(), w.Settled())
		}
		items, err := q.dir.List()
		if err != nil || len(items) != entries {
			t.Fatalf("%d items, want %d (%v)", len(items), entries, err)
		}
		for i, item := range items {
			if body, err := q.dir.Read(item); err != nil || len(body) != 1<<20 || body[0] != byte(i) {
				t.Errorf("item %d: %d bytes, the first %v (%v)", i, len(body), body[:1], err)
			}
		}
	})
}

// A stop ends the waiting; what waits is read again after the restart.
func TestAStopEndsTheWaitingForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, disk, _ := newKeeper(t)
		disk.Set(fullDisk)
		ctx, cancel := context.WithCancel(t.Context())
		w := checkpoint.NewWatermark(7)
		ended := make(chan error, 1)
		go func() {
			for {
				if err := q.entry(ctx, undecodable(w, 100, make([]byte, maxWaiting)), errors.New("unknown table")); err != nil {
					ended <- err
					return
				}
			}
		}()
		time.Sleep(time.Minute)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if w.Offset() != 7 {
			t.Errorf("offset %d", w.Offset())
		}
		disk.Set(nil)
		time.Sleep(time.Minute)
	})
}

func TestDamageThatCannotBeKeptIsAnError(t *testing.T) {
	q, disk, log := newKeeper(t)
	a := &agent{quarantine: keeper{dir: q.dir, log: q.log}}
	damage := &commitlog.DamageError{Position: commitlog.Position{Segment: 1, Offset: 500}, From: 500, To: 600, Reason: "the checksum is wrong"}
	disk.Set(fullDisk)
	if err := a.Damage(damage, strings.NewReader("the damage")); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "1:500") {
		t.Errorf("%v", err)
	}
	if items, err := q.dir.List(); len(items) > 0 || err != nil {
		t.Errorf("half of it is kept: %v, %v", items, err)
	}
	if !strings.Contains(log.String(), "no space left") {
		t.Errorf("log: %s", log)
	}
	disk.Set(nil)
	if err := a.Damage(damage, strings.NewReader("the damage")); err != nil {
		t.Error(err)
	}
	items, err := q.dir.List()
	if err != nil || len(items) != 1 || !items[0].Damage || !strings.Contains(items[0].Reason, "the checksum is wrong") {
		t.Errorf("%v, %v", items, err)
	}
}
