// Position: where in a node's commit log something is.

package commitlog

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in a node's commit log: the end of an entry, in the way
// Cassandra counts (CommitLogPosition). Positions of one node are totally ordered.
type Position struct {
	Segment int64 // id of the segment: milliseconds since 1970 plus a counter
	Offset  int64 // bytes from the start of the segment, uncompressed
}

// String prints the position as segment:offset, the form used in logs, in message
// properties and everywhere else.
func (p Position) String() string {
	return strconv.FormatInt(p.Segment, 10) + ":" + strconv.FormatInt(p.Offset, 10)
}

// ParsePosition reads what String printed.
func ParsePosition(s string) (Position, error) {
	segment, offset, ok := strings.Cut(s, ":")
	id, err1 := strconv.ParseInt(segment, 10, 64)
	off, err2 := strconv.ParseInt(offset, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return Position{}, fmt.Errorf("commit log position %q: want segment:offset, two numbers", s)
	}
	return Position{id, off}, nil
}

// Before says whether p lies before q.
func (p Position) Before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}
