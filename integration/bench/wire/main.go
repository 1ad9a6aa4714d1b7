// Command wire measures how fast the messages of both topics are made, on one core, and next
// to it how fast hamba/avro makes the same row out of a map in the same run.
//
// In comes nothing; out go a table, and a last line of JSON with all figures and whether each
// goal is reached.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/cassandra-cdc/cassandra-cdc/internal/program"
)

type command struct {
	Passes int `help:"How often each figure is taken; the best counts." default:"7"`
}

func main() {
	testing.Init() // before the flags are read: a pass is a testing.Benchmark
	var c command
	kong.Parse(&c, kong.Name("bench-wire"), kong.Description("Measure the making of messages."))
	program.Exit("bench-wire", c.run())
}

// goals are the figures that issue 5 asks for.
const (
	goalRow   = 150 // ns, CQL row to Avro
	goalRatio = 5   // times hamba/avro
	goalJSON  = 400 // ns, CQL row to JSON
	goalEvent = 80  // ns, key and value without the MD5
)

// report is the last line of the output.
type report struct {
	Row          measured `json:"row_avro"`
	RowBytes     int      `json:"row_cql_bytes"`
	Hamba        measured `json:"row_avro_hamba"`
	Ratio        float64  `json:"ratio_hamba"`
	JSON         measured `json:"row_json"`
	Event        measured `json:"event_key_value"`
	EventWithMD5 measured `json:"event_key_value_md5"`
	OK           bool     `json:"ok"`
}

// measured is the best pass.
type measured struct {
	Nanoseconds float64 `json:"ns"`
	Allocations int64   `json:"allocations"`
}

func (c *command) run() error {
	runtime.GOMAXPROCS(1)
	row, err := newRow()
	if err != nil {
		return err
	}
	event, err := newEvent()
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %10s %12s %10s\n", "one core, best of passes", "ns", "allocations", "goal")
	r := report{RowBytes: row.size()}
	for _, m := range []struct {
		name   string
		work   func(*testing.B)
		goal   string
		figure *measured
	}{
		{fmt.Sprintf("row, %d columns, %d bytes of CQL, to Avro", len(row.values), row.size()), row.ours, fmt.Sprint(goalRow), &r.Row},
		{"the same row out of a map by hamba/avro", row.hamba, "", &r.Hamba},
		{"the same row to JSON", row.json, fmt.Sprint(goalJSON), &r.JSON},
		{"event key and value", event.encode, fmt.Sprint(goalEvent), &r.Event},
		{"event key, digest of 300 bytes, and value", event.withDigest, "", &r.EventWithMD5},
	} {
		*m.figure = c.measure(m.work)
		fmt.Printf("%-52s %10.1f %12d %10s\n", m.name, m.figure.Nanoseconds, m.figure.Allocations, m.goal)
	}
	r.Ratio = r.Hamba.Nanoseconds / r.Row.Nanoseconds
	fmt.Printf("%-52s %10.1f %12s %10d\n", "times as fast as hamba/avro", r.Ratio, "", goalRatio)
	r.OK = r.Row.Nanoseconds < goalRow && r.Row.Allocations == 0 && r.Ratio >= goalRatio &&
		r.JSON.Nanoseconds < goalJSON && r.JSON.Allocations == 0 &&
		r.Event.Nanoseconds < goalEvent && r.Event.Allocations == 0
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (c *command) measure(work func(*testing.B)) (best measured) {
	for i := range c.Passes {
		b := testing.Benchmark(work)
		if ns := float64(b.T.Nanoseconds()) / float64(b.N); i == 0 || ns < best.Nanoseconds {
			best.Nanoseconds = ns
		}
		best.Allocations = max(best.Allocations, b.AllocsPerOp())
	}
	return best
}
