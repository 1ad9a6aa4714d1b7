// How soon the library tries again to reach a broker that is away.

package pulsar

import (
	"math/rand/v2"
	"time"
)

// reconnectDelay doubles from 100 ms to 10 s. The library's own ends at 60 s,
// long for a broker that is back.
type reconnectDelay struct{ last time.Duration }

const (
	minReconnectDelay = 100 * time.Millisecond
	maxReconnectDelay = 10 * time.Second
)

// Next is the delay before the next attempt, with up to a fifth added.
func (d *reconnectDelay) Next() time.Duration {
	d.last = min(max(2*d.last, minReconnectDelay), maxReconnectDelay)
	return d.last + rand.N(d.last/5)
}

// IsMaxBackoffReached is for the library's metrics.
func (d *reconnectDelay) IsMaxBackoffReached() bool { return d.last >= maxReconnectDelay }

// Reset starts again at the shortest delay.
func (d *reconnectDelay) Reset() { d.last = 0 }
