// Our side: segments, what is done with their entries, and the clocks.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// segments are the segments of a scenario with the schema they were written with.
type segments struct {
	all    []segment
	tables *schema.Snapshot
}

type segment struct {
	path string
	cdc  float64 // share of the entries that change a table with CDC
}

// load reads a scenario and looks at what is in its segments.
func load(dir string) (*segments, error) {
	var rows schema.Rows
	for _, file := range []string{filepath.Join(dir, "..", "system_keyspaces.json"), filepath.Join(dir, "system_schema.json")} {
		var more schema.Rows
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &more)
		}
		if err != nil {
			return nil, fmt.Errorf("read the schema of the benchmark: %w", err)
		}
		rows.Append(more)
	}
	tables, err := schema.NewSnapshot(rows)
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "CommitLog-*.log"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no segments in %s: %w", dir, err)
	}
	s := &segments{tables: tables}
	for _, path := range paths {
		var c counter
		n, err := s.read(path, &c)
		if err != nil {
			return nil, err
		}
		if n > 1000 { // the last one is nearly empty
			s.all = append(s.all, segment{path, float64(c.rows) / float64(n)})
		}
	}
	return s, nil
}

func (s *segments) paths() (all []string) {
	for _, g := range s.all {
		all = append(all, g.path)
	}
	return all
}

// counter counts the rows of tables with CDC, and passes over all other tables.
type counter struct {
	mutation.Nothing
	rows, cells int
}

func (*counter) Table(t *schema.Table) bool { return t.CDC }

func (c *counter) Row(*mutation.Update, *mutation.Row) { c.rows++ }

func (c *counter) Cell(*mutation.Update, *mutation.Row, *mutation.Cell) { c.cells++ }

// read decodes a segment for v and counts its entries.
func (s *segments) read(path string, v mutation.Visitor) (n int, err error) {
	r, err := commitlog.Open(path, commitlog.Options{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	r.SetComplete()
	d := mutation.NewDecoder(s.tables)
	for version := r.Descriptor().Version; r.Next(); n++ {
		if err := d.Decode(version, r.Entry(), v); err != nil {
			return n, fmt.Errorf("%s: %w", r.Position(), err)
		}
	}
	return n, r.Err()
}

// decode is what the agent does to find the changed rows.
func decode(s *segments, g segment) (int, error) {
	var c counter
	return s.read(g.path, &c)
}

// walk checks the frames and looks at nothing in them.
func walk(_ *segments, g segment) (n int, err error) {
	r, err := commitlog.Open(g.path, commitlog.Options{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	r.SetComplete()
	for r.Next() {
		n++
	}
	return n, r.Err()
}

// measured is one figure: the best of some passes over the same segments.
type measured struct {
	Entries              int     `json:"entries"`
	Bytes                int     `json:"-"`
	EntriesPerSecond     float64 `json:"entries_per_second"`      // of CPU time: what one core does when it is ours alone
	WallEntriesPerSecond float64 `json:"wall_entries_per_second"` // of time as it passed
	Allocations          float64 `json:"allocations_per_entry"`   // of a pass, what opening each file takes included
}

func (s *segments) measure(passes int, which func(segment) bool, read func(*segments, segment) (int, error)) (best measured, err error) {
	var chosen []segment
	for _, g := range s.all {
		if which == nil || which(g) {
			chosen = append(chosen, g)
			best.Bytes += bodyBytes(g)
		}
	}
	for range passes {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, wall, cpu := 0, time.Now(), cpuTime()
		for _, g := range chosen {
			m, err := read(s, g)
			if err != nil {
				return best, err
			}
			n += m
		}
		cpuUsed, wallUsed := cpuTime()-cpu, time.Since(wall)
		runtime.ReadMemStats(&after)
		best.Entries = n
		best.EntriesPerSecond = max(best.EntriesPerSecond, float64(n)/cpuUsed.Seconds())
		best.WallEntriesPerSecond = max(best.WallEntriesPerSecond, float64(n)/wallUsed.Seconds())
		best.Allocations = float64(after.Mallocs-before.Mallocs) / float64(n)
	}
	return best, nil
}

// bodyBytes is how many bytes the entries of a segment have.
func bodyBytes(g segment) (sum int) {
	r, err := commitlog.Open(g.path, commitlog.Options{})
	if err != nil {
		return 0
	}
	defer r.Close()
	for r.Next() {
		sum += len(r.Entry())
	}
	return sum
}

// cpuTime is what this process has taken of the processors, Cassandra's left out.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
