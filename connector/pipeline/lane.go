// The work of one lane: the events of one message key, one read after the other.

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// attempts that an event has which looks impossible: a table that changes between two
// queries can make it look so for a moment.
const attempts = 3

func (p *Pipeline) runLane(ctx context.Context, l *lane) error {
	for ctx.Err() == nil {
		events, open := p.takeOrClose(l)
		if !open {
			return nil
		}
		left, err := p.unseen(l, events)
		if err != nil {
			return err
		}
		batch, others := oneRow(left)
		p.giveBack(l, others)
		if len(batch) > 0 {
			if err := p.cover(ctx, l, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// unseen acknowledges the events whose mutation was published before, and those that
// nothing can be published for, and returns the others, in the place of all.
func (p *Pipeline) unseen(l *lane, events []*Event) (left []*Event, err error) {
	left = events[:0]
	for _, e := range events {
		by := ByDigest
		switch {
		case e.Properties.Operation == event.DeleteRange:
			p.passOver(e)
			by = ByRule
		case !p.seen.has(l.key, e):
			left = append(left, e)
			continue
		}
		if err := p.covered(by, e); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// covered acknowledges events.
func (p *Pipeline) covered(by Cover, events ...*Event) error {
	n := 0
	for _, e := range events {
		deliveries, err := p.ack(e)
		if err != nil {
			return err
		}
		n += deliveries
	}
	p.cfg.Observer.Covered(n, by)
	return nil
}

// passOver notes the event of a range delete. It names no row: read by its key it
// would be the event of the whole partition, and publish a row that is left there
// under the key of none.
//
// Invariant 6: a count, and a line that names the event.
func (p *Pipeline) passOver(e *Event) {
	total := p.rangeDeletes.Add(1)
	if _, due := p.rangeLine.Due(); due {
		p.cfg.Log.Warn("rows of a range were deleted, which the data topic does not show: their last messages stay",
			"event", e.ID, "range", e.Properties.Range, "total", total)
	}
}

// cover reads the row that the events are about, publishes it and acknowledges them.
// It tries until it succeeds, ctx ends, or the events prove impossible.
func (p *Pipeline) cover(ctx context.Context, l *lane, batch []*Event) error {
	failures, impossible := 0, 0
	last, delays := publication{}, staleDelays // what was published for these events
	for {
		row, all, began, err := p.read(ctx, l, batch, delays)
		if len(all) > len(batch) {
			last = publication{} // it was not for those that have joined
		}
		batch = all
		var done publication
		if err == nil {
			done, err = p.publish(ctx, l, row, batch, last)
		}
		switch {
		case err == nil && done.late:
			last = done
			last.state = p.seen.state(row)
			continue
		case err == nil && row.Fresh:
			return p.covered(done.by, batch...)
		case err == nil:
			last, delays = done, nil
			last.state = p.seen.state(row)
			var joined bool
			if batch, joined, err = p.doubt(ctx, l, began, batch); err != nil || len(batch) == 0 {
				return err
			}
			if joined {
				last, delays = publication{}, staleDelays
			}
			failures, impossible = 0, 0
			continue
		case ctx.Err() != nil:
			return nil
		}
		last = publication{} // a message that failed may have arrived all the same
		class := p.cfg.Classify(err)
		if unencodable := (*EncodeError)(nil); class == Retry && errors.As(err, &unencodable) {
			class = Impossible
		}
		p.cfg.Observer.Failed(fmt.Errorf("event %s: %w", batch[0].ID, err), class)
		pause := p.backoff(failures)
		switch class {
		case Fatal:
			return err
		case Impossible:
			if impossible++; impossible == attempts {
				return p.giveUp(ctx, l, batch, err)
			}
			pause = p.backoff(impossible - 1)
		}
		failures++
		if leftOut, due := p.retries.Due(); due {
			p.cfg.Log.Warn("a row could not be published; trying again",
				"error", err, "event", batch[0].ID, "attempt", failures, "pause", pause, "lines_left_out", leftOut)
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// giveUp buries events that were impossible together. Where their keys were written in
// different ways they were read by one of these: the others may do for themselves.
func (p *Pipeline) giveUp(ctx context.Context, l *lane, batch []*Event, reason error) error {
	alike, others := partition(batch, func(e *Event) bool {
		return e.Writer == batch[0].Writer && bytes.Equal(e.Written, batch[0].Written)
	})
	if len(others) == 0 {
		return p.bury(ctx, batch, reason)
	}
	// The oldest first, as the lane would.
	if newest(others).WriteTime < newest(alike).WriteTime {
		alike, others = others, alike
	}
	if err := p.cover(ctx, l, alike); err != nil || ctx.Err() != nil {
		return err
	}
	return p.cover(ctx, l, others)
}

// read reads the row, again while it is not certainly as new as the newest event and there
// are delays left. Events that arrive meanwhile join the batch. It tells when the last read began.
func (p *Pipeline) read(ctx context.Context, l *lane, batch []*Event, delays []time.Duration) (row readback.Row, all []*Event, began time.Time, err error) {
	for i := 0; ; i++ {
		request := newest(batch)
		request.Attempt = i
		began = time.Now()
		row, err = p.cfg.Reader.Read(ctx, request)
		if err != nil || row.Fresh {
			return row, batch, began, err
		}
		p.cfg.Observer.Stale(false)
		if i == len(delays) {
			return row, batch, began, nil
		}
		if !wait(ctx, delays[i]) {
			return row, batch, began, ctx.Err()
		}
		if batch, err = p.joined(l, batch); err != nil {
			return row, batch, began, err
		}
	}
}

// newest is the request of the event with the newest write time: a row that is fresh
// for it is fresh for all of them. What it does not tell, as the Java agent's events do
// not, the others do.
func newest(batch []*Event) readback.Request {
	e, told := batch[0], batch[0]
	for _, other := range batch[1:] {
		if other.Properties.WriteTime >= e.Properties.WriteTime {
			e = other
		}
		if !byJava(other) && (byJava(told) || other.Properties.WriteTime >= told.Properties.WriteTime) {
			told = other
		}
	}
	key := told.Key
	if told.Written != nil {
		key = told.Written
	}
	return readback.Request{
		Key: key, Writer: told.Writer, NodeID: e.NodeID, WriteTime: e.Properties.WriteTime,
		KeyForm: told.Properties.KeyForm, ExactKey: told.Properties.ExactKey, Operation: told.Properties.Operation,
	}
}

// publication is what became of a message.
type publication struct {
	print uint64 // of the message
	state uint64 // of the row, where it is compared with later; 0 for nothing
	by    Cover
	late  bool // the broker took so long that the row may be another one by now
}

// publish encodes the row and returns when the broker has persisted it, or persisted it
// before: last is what was published for the same events.
func (p *Pipeline) publish(ctx context.Context, l *lane, row readback.Row, batch []*Event, last publication) (publication, error) {
	m, err := message(row)
	if err != nil {
		return publication{}, &EncodeError{err}
	}
	newest := newest(batch).WriteTime
	if newest != event.NoWriteTime && row.Version.Messages.Format().Properties() {
		m.Properties[event.WriteTimeProperty] = strconv.FormatInt(newest, 10)
	}
	if row.ExactKey != "" { // the message's key stands for other rows too
		m.Properties[event.ExactKeyProperty] = row.ExactKey
	}
	print := p.seen.print(m)
	switch {
	case last.state != 0 && p.seen.state(row) == last.state: // a column that was added is no reason to publish the row again
		p.remember(l, row, last.print, batch)
		return publication{print: last.print, by: ByPublication}, nil
	case row.Fresh && !p.cfg.Repeat && p.seen.shows(l.key, print, batch):
		p.remember(l, row, print, batch)
		return publication{print: print, by: BySameRow}, nil
	}
	passed := time.Now()
	p.cfg.Publisher.Publish(ctx, m, func(err error) { l.persisted <- err })
	if err := l.answer(ctx); err != nil {
		p.seen.unsure(l.key)
		if ctx.Err() != nil {
			return publication{}, ctx.Err()
		}
		return publication{}, fmt.Errorf("publish a row of %s: %w", row.Version.Table, err)
	}
	p.tell(row, newest, passed, batch)
	p.remember(l, row, print, batch)
	return publication{print: print, by: ByPublication, late: time.Since(passed) > lateAfter && ctx.Err() == nil}, nil
}

// answer waits for the broker's answer to the lane's message; when ctx ends, not for long: a
// broker that is away may take for ever.
func (l *lane) answer(ctx context.Context) error {
	select {
	case err := <-l.persisted:
		return err
	case <-ctx.Done():
	}
	last := time.NewTimer(lastWords)
	defer last.Stop()
	select {
	case err := <-l.persisted:
		return err
	case <-last.C:
		return ctx.Err()
	}
}

// tell tells the observer of a row that is persisted.
func (p *Pipeline) tell(row readback.Row, newest int64, passed time.Time, batch []*Event) {
	first := batch[0].received
	for _, e := range batch[1:] {
		if e.received.Before(first) {
			first = e.received
		}
	}
	now := time.Now()
	told := Published{Deleted: row.Values == nil, SinceEvent: now.Sub(first), SincePassed: now.Sub(passed)}
	if newest != event.NoWriteTime {
		told.WriteTime = time.UnixMicro(newest)
	}
	p.cfg.Observer.Published(told)
}

// remember notes what is persisted.
// Invariant 5: a digest is remembered only now, and only when the row was certainly as
// new as the event and came from the node that wrote it.
func (p *Pipeline) remember(l *lane, row readback.Row, print uint64, batch []*Event) {
	if string(row.Key) != l.key {
		// The table's key has changed since the events came: the message is not of this
		// lane's key, and another lane does not know of it.
		p.seen.unsure(string(row.Key))
		print = 0
	}
	p.seen.add(l.key, print, row.Fresh, batch, func(e *Event) bool { return row.Coordinator != "" && row.Coordinator == e.NodeID })
}

// message makes the message of a row, with its properties empty.
func message(row readback.Row) (m Message, err error) {
	made := row.Version.Messages
	m = Message{Schema: row.Version.Schema, Properties: map[string]string{}}
	if m.Key, err = made.Key(row.Key); err != nil {
		return m, err
	}
	switch {
	case row.Values == nil:
		m.Value = made.NoRow()
	case row.Static:
		m.Value, err = made.StaticRow(row.Values)
	default:
		m.Value, err = made.Row(row.Values)
	}
	return m, err
}

// bury hands events that can never succeed to the dead letters.
// Invariant 6: an event leaves the stream only with a copy and a log line.
func (p *Pipeline) bury(ctx context.Context, batch []*Event, reason error) error {
	for _, e := range batch {
		for attempt := 0; ; attempt++ {
			err := p.cfg.DeadLetters.Bury(ctx, e, reason)
			if err == nil {
				break
			}
			err = fmt.Errorf("store event %s as a dead letter: %w", e.ID, err)
			if p.cfg.Classify(err) != Retry && ctx.Err() == nil {
				return err
			}
			if leftOut, due := p.retries.Due(); due {
				p.cfg.Log.Warn("the dead letters take no event; trying again", "error", err, "lines_left_out", leftOut)
			}
			if !wait(ctx, p.backoff(attempt)) {
				return nil
			}
		}
		p.cfg.Log.Error("an event can never be published and is a dead letter now", "event", e.ID, "reason", reason)
		deliveries, err := p.ack(e)
		if err != nil {
			return err
		}
		for range deliveries {
			p.cfg.Observer.Buried(e, reason)
		}
	}
	return nil
}

// backoff is a capped exponential pause with jitter.
func (p *Pipeline) backoff(attempt int) time.Duration {
	d := p.cfg.LongestRetry
	if attempt < 16 {
		d = min(p.cfg.FirstRetry<<attempt, d)
	}
	return d/2 + rand.N(d/2+1)
}

// wait waits for d; it returns false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
