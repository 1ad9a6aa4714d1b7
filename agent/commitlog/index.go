// The index that Cassandra keeps beside a segment in cdc_raw.

package commitlog

import (
	"os"
	"strconv"
	"strings"
)

// Index is what the file <segment>_cdc.idx says (Cassandra 4.0 and later; a segment without
// a change of a table with CDC has none). It is a bound of durability: what lies behind the
// offset can be read all the same.
type Index struct {
	// Offset is up to where the segment was flushed, as positions count. It is larger than the
	// file of a compressed segment, and means nothing once Completed: after a crash it is
	// the size of the file. -1: it cannot be read.
	Offset    int64 `json:"offset"`
	Completed bool  `json:"completed"` // Cassandra will not write to the segment any more
}

// IndexName is the name of the index beside a segment.
func IndexName(segment string) string { return strings.TrimSuffix(segment, ".log") + "_cdc.idx" }

// ReadIndex reads the index beside a segment; ok is false when there is none. Cassandra
// rewrites it in place, so that it may be empty or cut short for a moment: whoever compares
// offsets passes over one that is smaller than before, and only the whole second line says
// COMPLETED.
func ReadIndex(segment string) (index Index, ok bool) {
	content, err := os.ReadFile(IndexName(segment))
	if err != nil {
		return Index{}, false
	}
	return ParseIndex(content), true
}

// ParseIndex reads what is in an index, as ReadIndex does.
func ParseIndex(content []byte) Index {
	first, second, _ := strings.Cut(string(content), "\n")
	offset, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		offset = -1
	}
	return Index{Offset: offset, Completed: strings.TrimSpace(second) == "COMPLETED"}
}
