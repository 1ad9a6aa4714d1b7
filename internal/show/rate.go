// How fast a count grows.

package show

import (
	"math"
	"time"
)

// rateWindow is over how long a rate is averaged.
const rateWindow = 15 * time.Second

// Rate is how fast a count grew over the last half minute or so. It is brought up to date
// every few seconds. The zero value is ready; it is for one goroutine at a time.
type Rate struct {
	perSecond float64
	last      uint64
	at        time.Time
}

// Sample brings the rate up to date: count is what it is now.
func (r *Rate) Sample(count uint64, now time.Time) {
	came, passed := float64(count-r.last), now.Sub(r.at)
	first := r.at.IsZero()
	r.last, r.at = count, now
	if first || passed <= 0 {
		return
	}
	r.perSecond += (came/passed.Seconds() - r.perSecond) * (1 - math.Exp(-passed.Seconds()/rateWindow.Seconds()))
	if came == 0 && r.perSecond < 0.01 {
		r.perSecond = 0 // it would never get there
	}
}

// PerSecond is the rate as of the last sample.
func (r *Rate) PerSecond() float64 { return r.perSecond }
