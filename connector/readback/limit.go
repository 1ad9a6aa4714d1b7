// How many queries may run at the same time.

package readback

import "time"

// limit follows what the cluster bears. It starts at the most that is allowed, gives way
// by a quarter when a query finds the cluster overloaded, by one when queries are slow,
// and comes back one by one. It has no lock of its own.
type limit struct {
	most int
	slow time.Duration // average of a round that is too much

	now    int
	shrunk time.Time // last time for an overload
	round  int       // queries since the last change
	took   time.Duration
}

func newLimit(most int, slow time.Duration) limit { return limit{most: most, slow: slow, now: most} }

// done takes the outcome of a query in and says whether the limit is another one now. A
// round has as many queries as may run at the same time.
func (l *limit) done(began, ended time.Time, overloaded bool) (changed bool) {
	before := l.now
	if overloaded {
		// Those that were under way together tell of one overload.
		if !began.Before(l.shrunk) {
			l.now -= max(1, l.now/4)
			l.shrunk, l.round, l.took = ended, 0, 0
		}
	} else if l.round, l.took = l.round+1, l.took+ended.Sub(began); l.round >= l.now {
		if l.took/time.Duration(l.round) > l.slow {
			l.now--
		} else {
			l.now++
		}
		l.round, l.took = 0, 0
	}
	l.now = min(max(l.now, 1), l.most)
	return l.now != before
}
