// This file measures how fast Cassandra's own reader is.

package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

// Passes is how often Bench reads the segments at least: the first passes warm the JIT
// compiler and the file cache up. It goes on as long as passes still get faster.
const Passes = 5

// Figures is what a benchmark of Cassandra's reader gives.
type Figures struct {
	Entries          int64     `json:"entries"`            // mutations in all segments: one pass
	Rows             int64     `json:"rows"`               // of tables with CDC, among them
	Seconds          []float64 `json:"seconds"`            // of each pass
	EntriesPerSecond float64   `json:"entries_per_second"` // of the best pass
}

// Bench reads segments with Cassandra's own CommitLogReader, Passes times or more, and returns
// the rate of the best pass in entries (mutations) per second. The handler only counts, so
// it is the fastest use that anyone can make of that reader.
//
// The segments are those of one scenario folder with the settings and schema files in it,
// as integration/corpus writes it; release is a line or an exact release.
func Bench(ctx context.Context, e *env.Env, release string, segments ...string) (entriesPerSecond float64, err error) {
	o, err := New(ctx, e, release)
	if err != nil {
		return 0, err
	}
	f, err := o.Bench(ctx, nil, segments...)
	return f.EntriesPerSecond, err
}

// Bench is the package's Bench with all figures. Progress gets a line after each pass;
// it may be nil.
func (o *Oracle) Bench(ctx context.Context, progress func(line string), segments ...string) (Figures, error) {
	if len(segments) == 0 {
		return Figures{}, errors.New("no segments to read")
	}
	args := []string{fmt.Sprint(Passes)}
	dir := ""
	for _, s := range segments {
		s, err := filepath.Abs(s)
		if err != nil {
			return Figures{}, err
		}
		if dir != "" && filepath.Dir(s) != dir {
			return Figures{}, fmt.Errorf("segments of two folders, %s and %s: they may have two schemas", dir, filepath.Dir(s))
		}
		dir = filepath.Dir(s)
		args = append(args, s)
	}
	last := ""
	run := env.ToolRun{
		// As Cassandra's own jvm options have it: both compilers, and a fixed heap that is
		// touched at once.
		JVMArgs: []string{"-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch"},
		Main:    "org.apache.cassandra.db.commitlog.Bench",
		Args:    args,
		Line: func(line string) {
			last = line
			if progress != nil {
				progress(line)
			}
		},
	}
	if err := o.run(ctx, dir, "", run); err != nil {
		return Figures{}, err
	}
	var f Figures
	if err := json.Unmarshal([]byte(last), &f); err != nil {
		return Figures{}, fmt.Errorf("the benchmark of Cassandra's reader ends with %q: %w", last, err)
	}
	return f, nil
}
