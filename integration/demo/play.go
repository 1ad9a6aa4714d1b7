// The play: each statement is run, each message waited for, and what came is held
// against what had to come.

package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Play runs the script and then a stream of writes, and reports both.
func (s *Stage) Play(ctx context.Context, r *report) error {
	var failed []error
	for i, st := range steps {
		err := s.playStep(ctx, r, i+1, st)
		if err != nil {
			r.problem(err)
			failed = append(failed, fmt.Errorf("step %d, %s: %w", i+1, st.about, err))
		}
		if ctx.Err() != nil || errors.Is(err, errMissing) {
			return errors.Join(failed...) // what follows would be missing too
		}
	}
	if err := s.stream(ctx, r); err != nil {
		r.problem(err)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

var errMissing = errors.New("no message")

// playStep runs a step's statements. Exactly one data message has to come for them:
// any other is an error too.
func (s *Stage) playStep(ctx context.Context, r *report, n int, st step) error {
	r.step(n, st)
	events, data := s.watch.counts()
	var sent time.Time
	for _, statement := range strings.Split(st.cql, "; ") {
		sent = time.Now()
		if err := s.session.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	timeout := time.After(arrivalTime)
	for {
		e, d, more, err := s.watch.since(events, data)
		if err != nil {
			return err
		}
		// The event is read by the demo and by the connector at the same time: the row
		// may be here first.
		if len(d) > 0 && len(e) > 0 {
			return s.judge(ctx, r, st, sent, e[0], d[0])
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Agent.Exited():
			return fmt.Errorf("%w: %w", errMissing, s.died())
		case <-s.connectorExited():
			return fmt.Errorf("%w: %w", errMissing, s.died())
		case <-timeout:
			return fmt.Errorf("%w for key %s within %s: %d events and %d rows came (logs: %s, %s)",
				errMissing, st.key, arrivalTime, len(e), len(d), s.Agent.LogFile(), s.connectorLog())
		}
	}
}

func (s *Stage) judge(ctx context.Context, r *report, st step, sent time.Time, event, row arrival) error {
	r.event(event, event.at.Sub(sent))
	r.row(row, row.at.Sub(sent))
	switch {
	case event.key != st.key:
		return fmt.Errorf("the event has the key %s, want %s", event.key, st.key)
	case row.keyText != event.keyText:
		return fmt.Errorf("the row has the key bytes %s, the event %s", row.keyText, event.keyText)
	case row.value != st.value:
		return fmt.Errorf("the row is %s, want %s", row.value, st.value)
	}
	if st.newField == "" {
		return nil
	}
	schema, err := s.watch.schemas.version(ctx, DataTopic, row.version)
	if err == nil && !hasField(schema.value, st.newField) {
		err = fmt.Errorf("the schema registry does not know the field %s", st.newField)
	}
	if err == nil {
		r.newVersion(row.version, st.newField)
	}
	return err
}

const (
	streamRows   = 50
	streamRounds = 6
	streamPause  = 5 * time.Millisecond // between two writes
)

// stream writes to many rows, a little at a time, and measures how long each write
// takes to its message. Every row counts its writes, so that a message tells which
// write it shows; a write may be covered by the message of the next.
func (s *Stage) stream(ctx context.Context, r *report) error {
	r.stream(streamRows*streamRounds, streamRows)
	_, before := s.watch.counts()
	sent := map[string][]time.Time{} // by key: when each of its writes was sent
	key := func(row int) string { return fmt.Sprintf(`{"region":"us","id":%d}`, row) }
	tick := time.NewTicker(streamPause)
	defer tick.Stop()
	for round := 1; round <= streamRounds; round++ {
		for row := range streamRows {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			sent[key(row)] = append(sent[key(row)], time.Now())
			statement := fmt.Sprintf("UPDATE demo.customer SET visits = %d WHERE region = 'us' AND id = %d", round, row)
			if err := s.session.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	timeout := time.After(arrivalTime)
	for {
		_, rows, more, err := s.watch.since(0, before)
		if err != nil {
			return err
		}
		took, missing, err := follow(sent, rows)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			r.streamed(len(sent)*streamRounds, len(rows), took)
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Agent.Exited():
			return s.died()
		case <-s.connectorExited():
			return s.died()
		case <-timeout:
			return fmt.Errorf("the last write of %d rows did not arrive within %s, among them %s", len(missing), arrivalTime, missing[0])
		}
	}
}

// follow holds the rows that arrived against the writes: the counter of a key must
// never go back, and reach its last value. It returns the time each message took since
// the write it shows.
func follow(sent map[string][]time.Time, rows []arrival) (took []time.Duration, missing []string, err error) {
	last := map[string]int{}
	for _, a := range rows {
		var n int
		if _, err := fmt.Sscanf(a.value, `{"visits":%d}`, &n); err != nil || n < 1 || n > len(sent[a.key]) {
			return nil, nil, fmt.Errorf("unexpected message: key %s, value %s", a.key, a.value)
		}
		if n < last[a.key] {
			return nil, nil, fmt.Errorf("out of order: the row %s came with write %d after write %d", a.key, n, last[a.key])
		}
		last[a.key] = n
		took = append(took, a.at.Sub(sent[a.key][n-1]))
	}
	for key, times := range sent {
		if last[key] != len(times) {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return took, missing, nil
}
