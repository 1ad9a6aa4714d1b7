// The comparison: the last message of every key against the table, and the order in which
// the states of a key came.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

// followed is what the topic has told of a key so far.
type followed struct {
	last      *state
	id        string
	seq       int64 // the highest so far
	gone      bool  // the last message was a delete
	writeTime string
}

// reader goes through the data topics.
type reader struct {
	keys map[rowKey]*followed

	messages, repeated int
	writeTimesBack     int
	back               findings
	published          time.Time // of the last message
}

// findings counts what is wrong and keeps the first of it.
type findings struct {
	count    int
	examples []string
}

const examplesKept = 10

func (f *findings) add(format string, args ...any) {
	if f.count++; f.count <= examplesKept {
		f.examples = append(f.examples, fmt.Sprintf(format, args...))
	}
}

// take takes in the next message.
func (r *reader) take(k rowKey, s *state, m *pulsar.Delivery) {
	if r.keys == nil {
		r.keys = map[rowKey]*followed{}
	}
	r.messages++
	if m.PublishTime.After(r.published) {
		r.published = m.PublishTime
	}
	f := r.keys[k]
	if f == nil {
		f = &followed{}
		r.keys[k] = f
	} else if cmp.Equal(f.last, s) {
		r.repeated++
	}
	switch seq := version(k, s); {
	case s == nil:
		f.gone = true
	case seq != 0: // a state without one is told by the comparison at the end
		if seq < f.seq || seq == f.seq && f.gone {
			r.back.add("%s: message %s has seq %d behind %d (deleted since: %v)", k, m.ID, seq, f.seq, f.gone)
		}
		f.seq, f.gone = max(seq, f.seq), false
	}
	if t := m.Properties["writetime"]; len(t) == len(f.writeTime) && t < f.writeTime {
		r.writeTimesBack++
	} else {
		f.writeTime = t
	}
	f.last, f.id = s, m.ID
}

// version orders the states of a key; 0 is one that does not tell.
func version(k rowKey, s *state) int64 {
	switch {
	case s == nil:
		return 0
	case k.whole && s.S != nil:
		return *s.S
	case !k.whole && s.Seq != nil:
		return *s.Seq
	}
	return 0
}

// rows reads the whole tables.
func (s *stage) rows(ctx context.Context) (map[rowKey]*state, error) {
	all := map[rowKey]*state{}
	for _, host := range s.hosts {
		lines, err := s.selectAll(ctx, host.table)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			var row struct {
				key
				state
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				return nil, fmt.Errorf("%s: %w", line, err)
			}
			all[rowKey{host.table, row.P, 0, true}] = &state{S: row.S}
			if row.C != nil {
				all[row.row(host.table)] = &row.state
			}
		}
	}
	return all, nil
}

// selectAll reads a table; the driver may not have noticed yet that the node is back.
func (s *stage) selectAll(ctx context.Context, table string) ([]string, error) {
	for began := time.Now(); ; {
		lines, err := s.session.SelectJSON(ctx, "SELECT * FROM kill."+table)
		if err == nil || time.Since(began) > patience {
			return lines, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// difference is what a comparison finds.
type difference struct{ missing, stale, extra findings }

func (d *difference) count() int { return d.missing.count + d.stale.count + d.extra.count }

// compare holds the messages against the table, for every key that was written.
func (r *reader) compare(written map[rowKey]struct{}, rows map[rowKey]*state) *difference {
	d := &difference{}
	for k := range written {
		f := r.keys[k]
		switch {
		case f == nil:
			d.missing.add("%s: no message; the table has %s", k, rows[k])
		case !same(k, f.last, rows[k]):
			d.stale.add("%s: message %s has %s; the table has %s", k, f.id, f.last, rows[k])
		}
	}
	for k, f := range r.keys {
		if _, ok := written[k]; !ok {
			d.extra.add("%s: message %s has %s; nobody wrote to this key", k, f.id, f.last)
		}
	}
	return d
}

// same leaves out what a message is not renewed for: the static column in a row's, and
// whether a partition without a static value has rows in its own.
func same(k rowKey, message, row *state) bool {
	if k.whole {
		var m, r state
		if message != nil {
			m.S = message.S
		}
		if row != nil {
			r.S = row.S
		}
		return cmp.Equal(m, r)
	}
	if message == nil || row == nil {
		return message == row
	}
	m, r := *message, *row
	m.S, r.S = nil, nil
	return cmp.Equal(m, r)
}

func (s *state) String() string {
	if s == nil {
		return "no row"
	}
	short := *s
	if s.V != nil && len(*s.V) > 5 {
		cut := fmt.Sprintf("%s… (%d)", (*s.V)[:5], len(*s.V)) // one letter, so many times
		short.V = &cut
	}
	text, err := json.Marshal(short)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
