// What a reader tells of its queries, for metrics and status.

package readback

import "time"

// Observer is told of queries. Its methods are quick and safe for concurrent use.
type Observer interface {
	// Queried tells of a query for rows: how many rows were asked for together, how long
	// the cluster took, and why it failed.
	Queried(rows int, took time.Duration, err error)
	// Waited tells how long a row waited until a query could ask for it.
	Waited(d time.Duration)
	// Concurrency tells how many queries may run at the same time from now on.
	Concurrency(queries int)
}

// nobody is the observer of a cluster that has none.
type nobody struct{}

func (nobody) Queried(int, time.Duration, error) {}
func (nobody) Waited(time.Duration)              {}
func (nobody) Concurrency(int)                   {}
