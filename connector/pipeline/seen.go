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
	digests []string // the newest last
	until   time.Time
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
	return ok && e.Digest != "" && s.now().Before(r.until) && slices.Contains(r.digests, e.Digest)
}

func (s *seen) add(e *Event) {
	if e.Digest == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.keys.Get(string(e.Key))
	if ok && !s.now().Before(r.until) {
		r.digests = nil
	}
	if !slices.Contains(r.digests, e.Digest) {
		r.digests = append(r.digests, e.Digest)
		r.digests = slices.Clone(r.digests[max(0, len(r.digests)-s.digests):])
	}
	r.until = s.now().Add(s.life)
	s.keys.Add(string(e.Key), r)
}
