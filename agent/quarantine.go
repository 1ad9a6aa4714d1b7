// What the agent passes over goes into quarantine, and where the disk does not take it,
// waits until it does.

package agent

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/metrics"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/health"
	"github.com/cassandra-cdc/cassandra-cdc/internal/seldom"
)

// keeper is the agent's side of the quarantine.
// Invariant 6: nothing is skipped without a log line and a copy.
type keeper struct {
	dir         quarantine.Dir
	log         *slog.Logger
	board       *health.Board
	metrics     *metrics.Agent
	kept, fault seldom.Line

	mu      sync.Mutex
	waiting []waiting // entries that the disk has not taken yet
	size    int       // bytes of them
}

// waiting is an entry in memory. Its mark keeps the checkpoint before it and its segment
// in cdc_raw.
type waiting struct {
	item quarantine.Item
	body []byte
	mark *checkpoint.Mark
}

const (
	// maxWaiting is how many bytes may wait in memory before reading stops.
	maxWaiting = 8 << 20
	retryPause = time.Second
)

// entry puts an entry into quarantine, now or later. It returns an error when ctx ends
// first, and has added the entry to its watermark otherwise.
func (q *keeper) entry(ctx context.Context, e tail.Entry, reason error) error {
	item := quarantine.Item{Position: e.Position, Version: e.Version, Reason: reason.Error()}
	for {
		if q.keep(item, bytes.NewReader(e.Body)) == nil {
			e.Watermark.Add(e.Position.Offset, 0)
			return nil
		}
		if q.wait(waiting{item, e.Body, nil}, e.Watermark) {
			return nil
		}
		if err := sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

// keep writes an item to the disk and tells of it, or of what is wrong with the disk.
func (q *keeper) keep(item quarantine.Item, raw io.Reader) error {
	err := q.dir.Keep(item, raw)
	if err != nil {
		q.board.SetError(health.QuarantineNotWritten, "", err)
		if leftOut, due := q.fault.Due(); due {
			q.log.Error("the quarantine cannot be written: the segment stays and the checkpoint stands still; trying again", "error", err, "lines_left_out", leftOut)
		}
		return err
	}
	q.board.Clear(health.QuarantineNotWritten, "")
	q.metrics.Quarantined(item.Damage)
	if leftOut, due := q.kept.Due(); due {
		q.log.Error("part of the commit log could not be read and is in quarantine (`cassandra-cdc quarantine list` shows all)",
			"pos", item.Position, "reason", item.Reason, "file", q.dir.File(item), "lines_left_out", leftOut)
	}
	return nil
}

// wait lets an entry wait in memory. It reports false when too many do.
func (q *keeper) wait(w waiting, watermark *checkpoint.Watermark) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size+len(w.body) > maxWaiting {
		return false
	}
	w.body = bytes.Clone(w.body)
	w.mark = watermark.Add(w.item.Position.Offset, 1)
	q.waiting = append(q.waiting, w)
	q.size += len(w.body)
	if len(q.waiting) == 1 {
		go q.retry()
	}
	return true
}

// retry writes what waits until nothing does. It outlives a stop of the reading: what was
// not written then is read again.
func (q *keeper) retry() {
	for {
		time.Sleep(retryPause)
		for {
			q.mu.Lock()
			w := q.waiting[0]
			q.mu.Unlock()
			if q.keep(w.item, bytes.NewReader(w.body)) != nil {
				break
			}
			w.mark.Ack()
			q.mu.Lock()
			q.size -= len(w.body)
			q.waiting = q.waiting[1:]
			done := len(q.waiting) == 0
			q.mu.Unlock()
			if done {
				return
			}
		}
	}
}

// damage puts a damaged stretch of a segment into quarantine.
func (q *keeper) damage(d *commitlog.DamageError, raw io.Reader) error {
	return q.keep(quarantine.Item{Position: d.Position, Damage: true, Reason: d.Error()}, raw)
}
