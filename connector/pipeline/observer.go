// What a pipeline tells of its work, for metrics, status and conditions.

package pipeline

import "time"

// Observer is told what happens to events. Its methods are quick and safe for concurrent
// use. Every event that is received is told of once more: as covered or as buried.
type Observer interface {
	// Received tells of an event that came in.
	Received(e *Event)
	// Published tells of a row that is persisted on the data topic.
	Published(p Published)
	// Covered tells of events that are acknowledged, and why that is allowed.
	Covered(events int, by Cover)
	// Buried tells of an event that is a dead letter now.
	Buried(e *Event, reason error)
	// Failed tells of a read or a publication that failed with err, which names the first of
	// its events, and what is done about it.
	Failed(err error, class Class)
	// Stale tells of a row that was read and may be older than its event; last says that
	// it is published all the same.
	Stale(last bool)
}

// Published is one message of the data topic.
type Published struct {
	Deleted     bool          // the row is not there
	WriteTime   time.Time     // of the newest event that it covers; zero when no event told
	SinceEvent  time.Duration // from the first event that it covers to the broker's acknowledgement
	SincePassed time.Duration // from handing it to the publisher to the broker's acknowledgement
}

// Cover is why an event needs no publication of its own any more.
type Cover uint8

// The reasons.
const (
	ByPublication Cover = iota // a row was read after it and is persisted
	ByDigest                   // its mutation was published before: an event of another replica
	BySameRow                  // the row as it is now was published before
	ByRule                     // the event of a range delete, which no message can cover
)

// nobody is the observer of a pipeline that has none.
type nobody struct{}

func (nobody) Received(*Event)      {}
func (nobody) Published(Published)  {}
func (nobody) Covered(int, Cover)   {}
func (nobody) Buried(*Event, error) {}
func (nobody) Failed(error, Class)  {}
func (nobody) Stale(bool)           {}
