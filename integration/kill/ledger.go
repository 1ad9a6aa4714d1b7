// The ledger: which events there must be, and what is wrong with those there are.

package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// rowKey names what an event is about: a row, or a partition as a whole.
type rowKey struct {
	table      string
	partition  int64
	clustering int32
	whole      bool // no clustering: a static row or a partition's deletion
}

func (k rowKey) String() string {
	if k.whole {
		return fmt.Sprintf("%s %d", k.table, k.partition)
	}
	return fmt.Sprintf("%s %d %d", k.table, k.partition, k.clustering)
}

// ledger has an entry for every write of every key. It is safe for concurrent use: several
// writers note, one reader ticks off.
type ledger struct {
	mu    sync.Mutex
	rows  map[rowKey]*history
	lives []time.Time // when each agent was started

	writes, events, duplicates, missing int
	problems                            []string // the first of them
	count                               [problemKinds]int
}

// history is what was written to a key, in the order of the write times, since one writer
// at a time writes to it.
type history struct {
	writes []write
	life   int                // of the event that came last
	last   commitlog.Position // of that event
}

type write struct {
	time  int64 // µs, the write's own timestamp
	times int   // how often its event came
}

type problem int

const (
	lost problem = iota
	unknownEvent
	outOfOrder
	problemKinds
)

func newLedger() *ledger { return &ledger{rows: map[rowKey]*history{}} }

// note says that the cluster has taken a write to these keys with that timestamp.
func (l *ledger) note(time int64, keys []rowKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		h := l.rows[k]
		if h == nil {
			h = &history{}
			l.rows[k] = h
		}
		if n := len(h.writes); n > 0 && h.writes[n-1].time == time {
			continue // twice in one batch: one row, one event
		}
		h.writes = append(h.writes, write{time: time})
		l.writes++
		l.missing++
	}
}

// born says that a new agent starts.
func (l *ledger) born(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives = append(l.lives, at)
}

// arrived is an event of the topic, in the topic's order.
type arrived struct {
	key       rowKey
	writeTime int64
	position  commitlog.Position
	published time.Time
}

// tick holds an event against what was written.
func (l *ledger) tick(e arrived) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events++
	h := l.rows[e.key]
	if h == nil {
		l.wrong(unknownEvent, "%s at %s: nobody wrote to this key", e.key, e.position)
		return
	}
	i, found := slices.BinarySearchFunc(h.writes, e.writeTime, func(w write, t int64) int { return cmp.Compare(w.time, t) })
	if !found {
		l.wrong(unknownEvent, "%s at %s: nobody wrote to this key at %d", e.key, e.position, e.writeTime)
		return
	}
	if h.writes[i].times++; h.writes[i].times == 1 {
		l.missing--
	} else {
		l.duplicates++
	}
	// Within one life of the agent the events of a key have the order of the log. The next
	// life begins again at the checkpoint.
	life, _ := slices.BinarySearchFunc(l.lives, e.published, func(start, at time.Time) int {
		if start.After(at) {
			return 1
		}
		return -1
	})
	if life == h.life && e.position.Before(h.last) {
		l.wrong(outOfOrder, "%s: the event of %s came after that of %s", e.key, e.position, h.last)
	}
	h.life, h.last = life, e.position
}

// left is how many writes have no event yet.
func (l *ledger) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing
}

// close notes what is missing.
func (l *ledger) close() (stale int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, h := range l.rows {
		for _, w := range h.writes {
			if w.times == 0 {
				l.wrong(lost, "%s: no event of the write of %s (timestamp %d)", key, time.UnixMicro(w.time).UTC().Format("15:04:05.000"), w.time)
			}
		}
		if n := len(h.writes); h.writes[n-1].times == 0 {
			stale++
		}
	}
	return stale
}

// problemsKept is enough to begin looking for a cause.
const problemsKept = 20

// wrong is called with mu held.
func (l *ledger) wrong(kind problem, format string, args ...any) {
	if l.count[kind]++; len(l.problems) < problemsKept {
		l.problems = append(l.problems, [problemKinds]string{"lost: ", "unknown: ", "out of order: "}[kind]+fmt.Sprintf(format, args...))
	}
}
