// Sequence ids of events, for a broker that drops what it has already (the setting
// pulsarDeduplication).

package agent

import (
	"fmt"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

const (
	// offsetBits hold any offset in a segment of Cassandra's default size, 32 MiB.
	offsetBits = 25
	// firstSegment is the first segment that has sequence ids: ids of segments begin with
	// the clock's milliseconds, and 38 bits of them are left, until September 2032.
	firstSegment = 1704067200000 // 2024-01-01
)

// sequence is the id of the i-th of n events of the entry that ends at the position. Ids
// grow along the log and are the same when the log is read again. The events of one entry
// have the ids up to its end: each takes several bytes of it, so that they never reach
// back into the entry before.
func sequence(at commitlog.Position, i, n int) (int64, error) {
	segment, offset := at.Segment-firstSegment, at.Offset-1-int64(n-1-i)
	if segment < 0 || segment >= 1<<(63-offsetBits) || offset < 0 || offset >= 1<<offsetBits {
		return 0, fmt.Errorf("position %s has no sequence id: pulsarDeduplication works with segments of at most %d MiB that begin from %s on",
			at, 1<<offsetBits>>20, time.UnixMilli(firstSegment).UTC().Format(time.DateOnly))
	}
	return segment<<offsetBits | offset, nil
}
