// What was published lately, by message key: mutations, by their digests, and what the
// last message shows. Each replica's agent sends its own event of a mutation; all but the
// first are recognised here, before a read by the digest, or after it by the row.

package pipeline

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/cassandra-cdc/cassandra-cdc/connector/readback"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// seen is bounded in keys, in mutations a key, and in time.
type seen struct {
	digests int
	life    time.Duration
	seed    maphash.Seed
	now     func() time.Time

	mu      sync.Mutex
	keys    *simplelru.LRU[string, *remembered]
	evicted uint64 // keys that there was no room for
}

// Remembered is how much a pipeline remembers of what it published lately.
type Remembered struct {
	Keys, Capacity int
	Evicted        uint64 // keys that there was no room for, since the start
}

// Remembered is how much the pipeline remembers now.
func (p *Pipeline) Remembered() Remembered {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	return Remembered{Keys: p.seen.keys.Len(), Capacity: p.cfg.Keys, Evicted: p.seen.evicted}
}

type remembered struct {
	published []published // the newest last
	last      shown
	until     time.Time
}

// published is a mutation that a row was published for. The rows of one message key are
// told apart: a mutation of several is published for each.
type published struct {
	digest string
	row    rowKey
	time   int64 // of the write
}

// is says whether the event is of that mutation and row. The Java agent does not know
// which row of a message key its event is of: it is of the one that the other agents'
// is of.
func (p published) is(e *Event) bool {
	return p.digest == e.Digest && (p.row == rowKeyOf(e) || byJava(e))
}

// shown is the last message of a key that this process has published.
type shown struct {
	print uint64  // of the message; 0 for none
	times []int64 // write times of the events that it covered, while the row was fresh
}

// timesKept bounds the write times of one message.
const timesKept = 16

func newSeen(keys, digests int, life time.Duration) *seen {
	s := &seen{digests: digests, life: life, seed: maphash.MakeSeed(), now: time.Now}
	var err error
	if s.keys, err = simplelru.NewLRU(keys, func(string, *remembered) { s.evicted++ }); err != nil {
		panic(err) // a size that is not positive
	}
	return s
}

// get is what is known of a key, nil for nothing. mu is held.
func (s *seen) get(key string) *remembered {
	r, ok := s.keys.Get(key)
	if !ok || !s.now().Before(r.until) {
		return nil
	}
	return r
}

// has says whether a row was published for the event's mutation.
func (s *seen) has(key string, e *Event) bool {
	if e.Digest == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.get(key)
	return r != nil && slices.ContainsFunc(r.published, func(p published) bool { return p.is(e) })
}

// print tells messages apart: what a consumer sees of them, but for the write time.
func (s *seen) print(m Message) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, part := range []string{m.Schema.Fingerprint(), m.Properties[event.ExactKeyProperty]} {
		h.WriteString(part)
		h.WriteByte(0)
	}
	h.Write(m.Key)
	if m.Value != nil {
		h.WriteByte(0)
		h.Write(m.Value)
	}
	return max(1, h.Sum64())
}

// state tells rows apart by what they hold, whatever the version of their table. It is
// never 0.
func (s *seen) state(row readback.Row) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	var size [4]byte
	part := func(b []byte) {
		binary.BigEndian.PutUint32(size[:], uint32(len(b)))
		h.Write(size[:])
		h.Write(b)
	}
	part(row.Key)
	part([]byte(row.ExactKey))
	if row.Values != nil {
		h.WriteByte(1) // a row of nothing is one
		for i, c := range row.Version.Messages.Columns() {
			if v := row.Values[i]; v != nil {
				part([]byte(c.Name))
				part(v)
			}
		}
	}
	return max(1, h.Sum64())
}

// shows says that the last message of the key is this one and covers the events.
//
// A message that is the same as the last one of its key changes nothing on the topic. What
// this process published last is what the topic has last, unless the key went to another
// consumer and came back (Key_Shared, when consumers come and go). The broker hands a key
// over when its events are acknowledged, so the other consumer read the row after we
// did: what it published is what we had or something newer, of a mutation that came
// after. If the row has become what it was before by yet another mutation, and we have the
// event of that one, it must be published. Its write time tells: it is none of those that
// the message covered, however the clocks of the writers go. An event that has no write
// time is always published. Two mutations of one row within the same µs are taken
// for one here, when the key has moved twice meanwhile.
//
// This holds for a row that is gone too. It does not lean on the row's own write times,
// which say nothing of nulls, of collections before Cassandra 5.0 and of rows that are not there.
func (s *seen) shows(key string, print uint64, events []*Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.get(key)
	if r == nil || r.last.print != print {
		return false
	}
	for _, e := range events {
		if e.Properties.WriteTime == event.NoWriteTime || !slices.Contains(r.last.times, e.Properties.WriteTime) {
			return false
		}
	}
	return true
}

// unsure notes that the topic may have another last message of the key by now: one was
// sent, and the answer was no or did not come.
func (s *seen) unsure(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.get(key); r != nil {
		r.last = shown{}
	}
}

// add remembers that the message is persisted and the last of its key, and the events
// that it covers: the write times of all where the row was fresh, the digests of those
// that node says.
func (s *seen) add(key string, print uint64, fresh bool, events []*Event, node func(*Event) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.get(key)
	if r == nil {
		r = &remembered{}
		s.keys.Add(key, r)
	}
	r.until = s.now().Add(s.life)
	if r.last.print != print {
		r.last = shown{print: print, times: r.last.times[:0]}
		// A row that was read for older events may be older than the one published before:
		// below a quorum, nodes differ. What newer events stand for is not certain any more.
		at := newest(events)
		r.published = slices.DeleteFunc(r.published, func(p published) bool {
			return p.row == rowKey{at.KeyForm, at.ExactKey} && p.time > at.WriteTime
		})
	}
	if !fresh {
		return
	}
	for _, e := range events {
		r.last.cover(e.Properties.WriteTime)
		if p := (published{e.Digest, rowKeyOf(e), e.Properties.WriteTime}); e.Digest != "" && node(e) && !slices.Contains(r.published, p) {
			r.published = keepLast(append(r.published, p), s.digests)
		}
	}
}

func (s *shown) cover(time int64) {
	if !slices.Contains(s.times, time) {
		s.times = keepLast(append(s.times, time), timesKept)
	}
}

// keepLast drops the first ones of a list that is longer than n.
func keepLast[T any](list []T, n int) []T { return slices.Delete(list, 0, max(0, len(list)-n)) }
