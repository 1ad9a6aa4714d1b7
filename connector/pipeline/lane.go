// The work of one lane: the events of one message key, one read after the other.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// staleDelays are the pauses before a row is read again that is not certainly as new
// as its event. The event may be here before the node's memtable has the write; after
// the last one the row is published as it is, and its events are not remembered.
var staleDelays = []time.Duration{2 * time.Millisecond, 8 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond}

const (
	// attempts that an event has which looks impossible: a table that changes between
	// two queries can make it look so for a moment.
	attempts     = 3
	firstRetry   = 50 * time.Millisecond
	longestRetry = 10 * time.Second
)

func (p *Pipeline) runLane(ctx context.Context, key string, l *lane) error {
	for ctx.Err() == nil {
		events, open := p.takeOrClose(key, l)
		if !open {
			return nil
		}
		left, err := p.unseen(events)
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
// nothing can be published for, and returns the others.
func (p *Pipeline) unseen(events []*Event) (left []*Event, err error) {
	for _, e := range events {
		switch {
		case e.Properties.Operation == event.DeleteRange:
			p.passOver(e)
		case !p.seen.has(e):
			left = append(left, e)
			continue
		}
		if err := p.ack(e); err != nil {
			return nil, err
		}
	}
	return left, nil
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
	impossible := 0
	for attempt := 0; ; attempt++ {
		row, all, err := p.read(ctx, l, batch)
		batch = all
		if err == nil {
			err = p.publish(ctx, row, batch)
		}
		switch {
		case err == nil:
			return p.settle(row, batch)
		case ctx.Err() != nil:
			return nil
		}
		var unencodable *EncodeError
		switch class := p.cfg.Classify(err); {
		case class == Fatal:
			return err
		case class == Impossible, errors.As(err, &unencodable):
			if impossible++; impossible == attempts {
				return p.bury(ctx, batch, err)
			}
		}
		pause := backoff(attempt)
		if leftOut, due := p.retries.Due(); due {
			p.cfg.Log.Warn("a row could not be published; trying again",
				"error", err, "event", batch[0].ID, "attempt", attempt+1, "pause", pause, "lines_left_out", leftOut)
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// read reads the row, again while it is not certainly as new as the newest event.
// Events that arrive meanwhile join the batch. Where the row stays stale to the end,
// those that are newer than the batch was go back to the lane: they have not had their
// time yet.
func (p *Pipeline) read(ctx context.Context, l *lane, batch []*Event) (readback.Row, []*Event, error) {
	waited := newest(batch).WriteTime
	for i := 0; ; i++ {
		row, err := p.readOnce(ctx, newest(batch))
		if err == nil && !row.Fresh && i == len(staleDelays) {
			var newer []*Event
			batch, newer = partition(batch, func(e *Event) bool { return e.Properties.WriteTime <= waited })
			p.giveBack(l, newer)
			return row, batch, nil
		}
		if err != nil || row.Fresh {
			return row, batch, err
		}
		if !wait(ctx, staleDelays[i]) {
			return row, batch, ctx.Err()
		}
		more, err := p.unseen(p.take(l))
		if err != nil {
			return row, batch, err
		}
		var others []*Event
		batch, others = join(batch, more)
		p.giveBack(l, others)
	}
}

func (p *Pipeline) readOnce(ctx context.Context, r readback.Request) (readback.Row, error) {
	select {
	case p.reads <- struct{}{}:
	case <-ctx.Done():
		return readback.Row{}, ctx.Err()
	}
	defer func() { <-p.reads }()
	return p.cfg.Reader.Read(ctx, r)
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
	return readback.Request{
		Key: e.Key, NodeID: e.NodeID, WriteTime: e.Properties.WriteTime,
		KeyForm: told.Properties.KeyForm, ExactKey: told.Properties.ExactKey, Operation: told.Properties.Operation,
	}
}

// publish encodes the row and returns when the broker has persisted it.
func (p *Pipeline) publish(ctx context.Context, row readback.Row, batch []*Event) error {
	m, err := message(row, batch[0].Key)
	if err != nil {
		return &EncodeError{err}
	}
	if t := newest(batch).WriteTime; t != event.NoWriteTime && row.Version.Messages.Format().Properties() {
		m.Properties[event.WriteTimeProperty] = strconv.FormatInt(t, 10)
	}
	if row.ExactKey != "" { // the message's key stands for other rows too
		m.Properties[event.ExactKeyProperty] = row.ExactKey
	}
	persisted := make(chan error, 1)
	p.cfg.Publisher.Publish(ctx, m, func(err error) { persisted <- err })
	select {
	case err := <-persisted:
		if err != nil {
			return fmt.Errorf("publish a row of %s: %w", row.Version.Table, err)
		}
		return nil
	case <-ctx.Done(): // a broker that is away may take for ever
		return ctx.Err()
	}
}

// message makes the message of a row, with its properties empty.
func message(row readback.Row, eventKey []byte) (m Message, err error) {
	made := row.Version.Messages
	m = Message{Schema: row.Version.Schema, Properties: map[string]string{}}
	if m.Key, err = made.Key(eventKey); err != nil {
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

// settle remembers and acknowledges the events behind a publication that is persisted.
func (p *Pipeline) settle(row readback.Row, batch []*Event) error {
	for _, e := range batch {
		// Invariant 5: a digest is remembered only now, and only when the row was
		// certainly as new as the event and came from the node that wrote it.
		if row.Fresh && row.Coordinator == e.NodeID {
			p.seen.add(e)
		}
		if err := p.ack(e); err != nil {
			return err
		}
	}
	return nil
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
			if !wait(ctx, backoff(attempt)) {
				return nil
			}
		}
		p.cfg.Log.Error("an event can never be published and is a dead letter now", "event", e.ID, "reason", reason)
		if err := p.ack(e); err != nil {
			return err
		}
	}
	return nil
}

// backoff is a capped exponential pause with jitter.
func backoff(attempt int) time.Duration {
	d := min(firstRetry<<min(attempt, 16), longestRetry)
	return d/2 + rand.N(d/2)
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
