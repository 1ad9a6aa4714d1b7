// Package seldom keeps a fault that repeats from filling the log: its first line comes
// at once, later ones at intervals, with the number of those left out.
package seldom

import (
	"sync"
	"time"
)

// interval between two lines from the same place.
const interval = 10 * time.Second

// Line is one place that logs. The zero value is ready; it is safe for concurrent use.
type Line struct {
	mu   sync.Mutex
	last time.Time
	left int
}

// Due says whether the place may log now, and how many times it was not due since it
// last was.
func (l *Line) Due() (leftOut int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() && now.Sub(l.last) < interval {
		l.left++
		return 0, false
	}
	leftOut, l.left, l.last = l.left, 0, now
	return leftOut, true
}
