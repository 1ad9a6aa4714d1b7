// A line on the terminal that tells how far a long run is.

package inspect

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// Progress keeps one line of a terminal up to date. It says nothing in the first
// second, and a nil Progress nothing at all.
type Progress struct {
	out io.Writer

	name    string
	at, of  int // which file of how many
	entries int // read so far, of all files
	next    time.Time
	shown   bool
}

// NewProgress shows the progress of a run on a terminal.
func NewProgress(terminal io.Writer) *Progress {
	return &Progress{out: terminal, next: time.Now().Add(time.Second)}
}

// everyEntries is how many entries pass between two looks at the clock.
const everyEntries = 1 << 12

func (p *Progress) file(path string, of int) {
	if p != nil {
		p.name, p.of = filepath.Base(path), of
		p.at++
	}
}

func (p *Progress) entry(at commitlog.Position) {
	if p == nil {
		return
	}
	if p.entries++; p.entries%everyEntries != 0 {
		return
	}
	if now := time.Now(); now.After(p.next) {
		p.next, p.shown = now.Add(time.Second/2), true
		fmt.Fprintf(p.out, "\r\x1b[K%s, file %d of %d, offset %d; %d entries", p.name, p.at, p.of, at.Offset, p.entries)
	}
}

// clear takes the line away before something else is printed.
func (p *Progress) clear() {
	if p != nil && p.shown {
		p.shown = false
		fmt.Fprintf(p.out, "\r\x1b[K")
	}
}
