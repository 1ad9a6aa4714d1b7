// Command commitlog measures how fast commit log segments are read, on one core, and next to
// it how fast Cassandra's own CommitLogReader reads the same files in the same run.
//
// In comes a corpus with the scenarios bench and bench-lz4 of integration/corpus; out go a
// table, and a last line of JSON with all figures and whether each goal is reached.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/oracle"
	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type command struct {
	Corpus  string `help:"Folder that holds <release>/bench and <release>/bench-lz4, made by integration/corpus." required:"" type:"existingdir"`
	Release string `help:"Release whose reader is the other side." default:"5.0.6"`
	Passes  int    `help:"How often each figure is taken; the best counts." default:"7"`
}

func main() {
	var c command
	kong.Parse(&c, kong.Name("bench-commitlog"), kong.Description("Measure the reading of commit log segments."))
	ctx, stop := program.UntilSignal()
	defer stop()
	program.Exit("bench-commitlog", c.run(ctx))
}

// goals are the figures that issue 4 asks for.
const (
	goalWalk      = 10e6 // entries/s
	goalDecode    = 1.5e6
	goalDecodeLZ4 = 0.8e6
	goalSkip      = 5e6
	goalRatio     = 5 // times Cassandra's own reader
)

func (c *command) run(ctx context.Context) error {
	runtime.GOMAXPROCS(1)
	plain, err := load(filepath.Join(c.Corpus, c.Release, "bench"))
	if err != nil {
		return err
	}
	lz4, err := load(filepath.Join(c.Corpus, c.Release, "bench-lz4"))
	if err != nil {
		return err
	}
	fmt.Printf("%-34s %12s %12s %14s %10s\n", "one core, best of passes", "entries", "bytes each", "entries/s", "goal")
	var r report
	cdc, other := func(s segment) bool { return s.cdc > 0.9 }, func(s segment) bool { return s.cdc < 0.1 }
	for _, m := range []struct {
		name   string
		set    *segments
		which  func(segment) bool
		read   func(*segments, segment) (int, error)
		goal   float64
		figure *measured
	}{
		{"walk frames, plain", plain, nil, walk, goalWalk, &r.Walk},
		{"decode rows of CDC tables, plain", plain, cdc, decode, goalDecode, &r.Decode},
		{"decode rows of CDC tables, LZ4", lz4, cdc, decode, goalDecodeLZ4, &r.DecodeLZ4},
		{"skip tables without CDC, plain", plain, other, decode, goalSkip, &r.Skip},
		{"everything, plain", plain, nil, decode, 0, &r.All},
		{"everything, LZ4", lz4, nil, decode, 0, &r.AllLZ4},
	} {
		*m.figure, err = m.set.measure(c.Passes, m.which, m.read)
		if err != nil {
			return err
		}
		goal := ""
		if m.goal > 0 {
			goal = fmt.Sprintf("%.1f M", m.goal/1e6)
		}
		fmt.Printf("%-34s %12d %12d %12.2f M %10s\n", m.name, m.figure.Entries, m.figure.Bytes/m.figure.Entries, m.figure.EntriesPerSecond/1e6, goal)
	}
	runtime.GOMAXPROCS(runtime.NumCPU())
	if err := c.cassandra(ctx, plain, lz4, &r); err != nil {
		return err
	}
	r.Allocations = max(r.Walk.Allocations, r.Decode.Allocations, r.DecodeLZ4.Allocations, r.Skip.Allocations)
	r.OK = r.Walk.EntriesPerSecond >= goalWalk && r.Decode.EntriesPerSecond >= goalDecode &&
		r.DecodeLZ4.EntriesPerSecond >= goalDecodeLZ4 && r.Skip.EntriesPerSecond >= goalSkip &&
		r.Allocations < 0.001 && r.Ratio >= goalRatio && r.RatioLZ4 >= goalRatio
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

// report is the last line of the output.
type report struct {
	Walk        measured `json:"walk_plain"`
	Decode      measured `json:"decode_cdc_plain"`
	DecodeLZ4   measured `json:"decode_cdc_lz4"`
	Skip        measured `json:"skip_plain"`
	All         measured `json:"all_plain"`
	AllLZ4      measured `json:"all_lz4"`
	Cassandra   float64  `json:"cassandra_plain_entries_per_second"`
	CassandraZ  float64  `json:"cassandra_lz4_entries_per_second"`
	Ratio       float64  `json:"ratio_plain"` // wall time, everything, ours to Cassandra's
	RatioLZ4    float64  `json:"ratio_lz4"`
	Allocations float64  `json:"allocations_per_entry"`
	OK          bool     `json:"ok"`
}

// cassandra lets Cassandra's own reader read all segments.
func (c *command) cassandra(ctx context.Context, plain, lz4 *segments, r *report) (err error) {
	began := time.Now()
	say := func(line string) { fmt.Fprintf(os.Stderr, "%7.1fs %s\n", time.Since(began).Seconds(), line) }
	e, err := env.New(env.Options{Progress: say})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	for _, side := range []struct {
		name          string
		set           *segments
		ours          measured
		theirs, ratio *float64
	}{
		{"plain", plain, r.All, &r.Cassandra, &r.Ratio},
		{"LZ4", lz4, r.AllLZ4, &r.CassandraZ, &r.RatioLZ4},
	} {
		if *side.theirs, err = oracle.Bench(ctx, e, c.Release, side.set.paths()...); err != nil {
			return err
		}
		*side.ratio = side.ours.WallEntriesPerSecond / *side.theirs
		fmt.Printf("%-34s %12d %12s %12.2f M %10s  ours %.2f M, %.1f times as fast\n", "Cassandra's reader, everything, "+side.name,
			side.ours.Entries, "", *side.theirs/1e6, "", side.ours.WallEntriesPerSecond/1e6, *side.ratio)
	}
	return nil
}
