// What the demo prints.

package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
)

// report writes for a person at a terminal.
type report struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
	took  []time.Duration // write to data topic, of the steps
}

func newReport(out io.Writer) *report { return &report{out: out, began: time.Now()} }

func (r *report) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// progress is a line about the servers.
func (r *report) progress(line string) {
	r.printf("%6.1f s  %s", time.Since(r.began).Seconds(), line)
}

func (r *report) step(n int, st step) {
	r.printf("\n%d. %s", n, st.about)
	for _, statement := range strings.Split(st.cql, "; ") {
		r.printf("   CQL    %s;", statement)
	}
}

func (r *report) event(a arrival, after time.Duration) {
	r.printf("   event  %s  commit log %s%s", a.key, a.properties[event.SegPosProperty], milliseconds(after))
}

func (r *report) row(a arrival, after time.Duration) {
	r.took = append(r.took, after)
	r.printf("   data   %s%s\n          %s", a.key, milliseconds(after), a.value)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("  +%.1f ms", float64(d.Microseconds())/1000)
}

func (r *report) newVersion(version int64, field string) {
	r.printf("          schema version %d of %s has the field %q", version, DataTopic, field)
}

func (r *report) problem(err error) { r.printf("   FAILED %v", err) }

func (r *report) stream(writes, rows int) {
	r.printf("\n%d. %d writes to %d rows, one every %s", len(steps)+1, writes, rows, streamPause)
}

func (r *report) streamed(writes, messages int, took []time.Duration) {
	slices.Sort(took)
	at := func(p float64) float64 {
		return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000
	}
	r.printf("   data   %d messages, in order for every key; the last write of every row arrived", messages)
	r.printf("          write → data topic: p50 %.1f ms, p99 %.1f ms, max %.1f ms", at(0.5), at(0.99), at(1))
	r.printf("\n%d statements, every expected message arrived in order, in %.0f s.", len(steps)+writes, time.Since(r.began).Seconds())
}

func (r *report) lookAround(s *Stage) {
	cql := fmt.Sprintf("%s demo cql %s", s.Agent.Path(), s.Cassandra.Address())
	client := fmt.Sprintf("JAVA_HOME=%s %s/bin/pulsar-client --url %s", s.Pulsar.Java(), s.Pulsar.Home(), s.Pulsar.ServiceURL())
	r.printf(`
Everything is still running. To look around, in another terminal:

  consume    %s consume -s look -n 0 -p Earliest -st auto_consume %s
  write      %s "UPDATE demo.customer SET name = 'Linus' WHERE region = 'eu' AND id = 3"
  read       %s "SELECT * FROM demo.customer"
             or, after pip install cqlsh: cqlsh %s %d
  schemas    curl %s/admin/v2/schemas/public/default/%s/schemas
  logs       %s
             %s

Ctrl-C stops everything.`,
		client, DataTopic, cql, cql, s.Cassandra.Host(), s.Cassandra.Port(),
		s.Pulsar.AdminURL(), DataTopic, s.Agent.LogFile(), s.connectorLog())
}
