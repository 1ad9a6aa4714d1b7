// What was published lately: digests of mutations, by key. Each replica's agent sends
// its own event of a mutation; all but the first are recognised here.

package pipeline

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// seen is bounded in keys, in digests a key, and in time.
type seen struct {
	digests int
	life    time.Duration
	now     func() time.Time

	mu   sync.Mutex
	keys *simplelru.LRU[string, remembered]
}

type remembered struct {
	published []published // the newest last
	until     time.Time
}

// published is a mutation that a row was published for. The rows of one message key are
// told apart: a mutation of several is published for each.
type published struct {
	digest string
	row    rowKey
}

// is says whether the event is of that mutation and row. The Java agent does not know
// which row of a message key its event is of: it is of the one that the other agents'
// is of.
func (p published) is(e *Event) bool {
	return p.digest == e.Digest && (p.row == rowKeyOf(e) || byJava(e))
}

func newSeen(keys, digests int, life time.Duration) *seen {
	lru, err := simplelru.NewLRU[string, remembered](keys, nil)
	if err != nil {
		panic(err) // a size that is not positive
	}
	return &seen{digests: digests, life: life, now: time.Now, keys: lru}
}

func (s *seen) has(e *Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.keys.Get(string(e.Key))
	return ok && e.Digest != "" && s.now().Before(r.until) && slices.ContainsFunc(r.published, func(p published) bool { return p.is(e) })
}

func (s *seen) add(e *Event) {
	if e.Digest == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.keys.Get(string(e.Key))
	if ok && !s.now().Before(r.until) {
		r.published = nil
	}
	if p := (published{e.Digest, rowKeyOf(e)}); !slices.Contains(r.published, p) {
		r.published = append(r.published, p)
		r.published = slices.Clone(r.published[max(0, len(r.published)-s.digests):])
	}
	r.until = s.now().Add(s.life)
	s.keys.Add(string(e.Key), r)
}
