// The run as a test, for two minutes; and the ledger, which has to find what is wrong.

package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
)

func TestKill(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	page, err := run(ctx, servers, options{
		duration: 90 * time.Second, seed: 1, life: 8 * time.Second, rate: 200, cassandra: env.Cassandra50, say: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	page.print(&text)
	t.Log(text.String())
	if err := page.verdict(); err != nil {
		t.Error(err)
	}
}

// The events of two lives of an agent, and what may be wrong with them.
func TestLedger(t *testing.T) {
	start := time.Now()
	a, b := rowKey{table: wide, partition: 1, clustering: 2}, rowKey{table: wide, partition: 1, whole: true}
	at := func(offset int64) commitlog.Position { return commitlog.Position{Segment: 7, Offset: offset} }
	first, second := start.Add(time.Second), start.Add(3*time.Second)
	all := []arrived{{a, 100, at(10), first}, {b, 101, at(20), first}, {a, 102, at(30), first}}
	for name, c := range map[string]struct {
		events                              []arrived
		lost, stale, unknown, late, doubled int
	}{
		"all of them":                     {events: all},
		"again in the next life":          {events: append(all[:3:3], arrived{a, 100, at(10), second}, arrived{a, 102, at(30), second}), doubled: 2},
		"again in the same life":          {events: append(all[:3:3], arrived{a, 100, at(10), first}), doubled: 1, late: 1},
		"other keys may change places":    {events: []arrived{all[1], all[0], all[2]}},
		"one key's may not":               {events: []arrived{all[2], all[1], all[0]}, late: 1},
		"a write that was overwritten":    {events: all[1:], lost: 1},
		"the last write of a key":         {events: all[:2], lost: 1, stale: 1},
		"nothing came":                    {lost: 3, stale: 2},
		"a key that nobody wrote to":      {events: append(all[:3:3], arrived{rowKey{table: single, partition: 1, whole: true}, 100, at(40), first}), unknown: 1},
		"a write time that nobody used":   {events: append(all[:3:3], arrived{a, 103, at(40), first}), unknown: 1},
		"another row is not the whole":    {events: append(all[:1:1], all[2], arrived{rowKey{table: wide, partition: 1}, 101, at(20), first}), lost: 1, stale: 1, unknown: 1},
		"the same key of the other table": {events: append(all[:1:1], all[2], arrived{rowKey{table: single, partition: 1, whole: true}, 101, at(20), first}), lost: 1, stale: 1, unknown: 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			l.note(100, []rowKey{a})
			l.note(101, []rowKey{b})
			l.note(102, []rowKey{a, a}) // twice in one batch
			l.born(start)
			l.born(start.Add(2 * time.Second))
			for _, e := range c.events {
				l.tick(e)
			}
			stale := l.close()
			if l.count != [problemKinds]int{lost: c.lost, unknownEvent: c.unknown, outOfOrder: c.late} || stale != c.stale || l.duplicates != c.doubled {
				t.Errorf("lost %d, stale %d, unknown %d, out of order %d, more than once %d; want %+v\n%s",
					l.count[lost], stale, l.count[unknownEvent], l.count[outOfOrder], l.duplicates, c, strings.Join(l.problems, "\n"))
			}
			if left := l.left(); left != c.lost {
				t.Errorf("%d left", left)
			}
		})
	}
}

// Each statement has a timestamp of its own and keys of its writer only: no two writers meet.
func TestStatements(t *testing.T) {
	pick := rand.New(rand.NewPCG(1, 1))
	var now int64
	kinds := map[string]bool{}
	for range 10_000 {
		before := now
		s := newStatement(pick, 3, func() int64 { now++; return now })
		if s.time != now || now == before || len(s.keys) == 0 {
			t.Fatalf("%+v at %d", s, now)
		}
		for _, k := range s.keys {
			if k.partition < 3*partitions || k.partition >= 4*partitions {
				t.Fatalf("%+v has a key of another writer", s)
			}
			if k.table == single && !k.whole {
				t.Fatalf("%+v: %s has no clustering columns", s, single)
			}
		}
		kinds[strings.Join(strings.Fields(s.cql)[:4], " ")] = true
	}
	for _, kind := range []string{"INSERT INTO kill.single", "DELETE FROM kill.wide", "BEGIN BATCH USING"} {
		found := false
		for k := range kinds {
			found = found || strings.HasPrefix(k, kind)
		}
		if !found {
			t.Errorf("no %s among %d kinds", kind, len(kinds))
		}
	}
}

// What is sent while the wire is held is lost at the cut; what came before is not, nor what
// comes after on a new connection.
func TestWire(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello") // or the dial fails
			all, _ := io.ReadAll(c)
			got <- string(all)
		}
	}()
	w, err := newWire(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	send := func(c net.Conn, text string) {
		t.Helper()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		c.Close() // as that of a process that is killed
	}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, len("hello"))); err != nil { // both ways are there
			t.Fatal(err)
		}
		return c
	}
	c := dial()
	w.hold()
	send(c, "held")
	w.cut()
	if all := <-got; all != "" {
		t.Errorf("%q came through", all)
	}
	send(dial(), "sent")
	if all := <-got; all != "sent" {
		t.Errorf("%q came through", all)
	}
}

// A checkpoint that goes back, a finished segment that stays, and a file in quarantine are seen.
func TestDisk(t *testing.T) {
	d := &disk{cdcRaw: t.TempDir(), workDir: t.TempDir()}
	put := func(content string, path ...string) {
		t.Helper()
		name := filepath.Join(path...)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.look(); err != nil {
			t.Fatal(err)
		}
	}
	put("segment", d.cdcRaw, "CommitLog-7-1700000000001.log")
	put("7", d.cdcRaw, "CommitLog-7-1700000000001_cdc.idx")
	for _, offset := range []string{"5", "5", "9"} {
		put(offset, d.workDir, "1700000000001_offset.dat")
	}
	if settled, err := d.settled(); !settled || err != nil || len(d.wentBack) > 0 {
		t.Errorf("settled %v, went back %q, %v", settled, d.wentBack, err)
	}
	put("8", d.workDir, "1700000000001_offset.dat")
	put("7\nCOMPLETED", d.cdcRaw, "CommitLog-7-1700000000001_cdc.idx")
	put("bytes", d.workDir, "quarantine", "1700000000001-9.entry")
	if settled, err := d.settled(); settled || err != nil || len(d.wentBack) != 1 {
		t.Errorf("settled %v, went back %q, %v", settled, d.wentBack, err)
	}
	if all, err := d.quarantined(); len(all) != 1 || err != nil {
		t.Errorf("in quarantine: %q, %v", all, err)
	}
	if err := os.Remove(filepath.Join(d.cdcRaw, "CommitLog-7-1700000000001.log")); err != nil {
		t.Fatal(err)
	}
	if err := d.look(); err != nil || d.gone() != 1 || d.top < int64(len("segment")) {
		t.Errorf("%d gone, %d bytes at most, %v", d.gone(), d.top, err)
	}
}
