// The run as a test, for a minute; and what compares, which has to find what is wrong.

package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/env/envtest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/pulsar"
)

func TestKillConnector(t *testing.T) {
	servers := envtest.ForTest(t)
	envtest.Needs(t, servers, env.Cassandra50, env.PulsarStandalone)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	page, err := run(ctx, servers, options{
		duration: 45 * time.Second, seed: 1, between: 4 * time.Second, away: 3 * time.Second, rate: 200, as: asBoth, say: func(line string) { t.Log(line) },
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

func at(seq int64) *state   { return &state{Seq: &seq} }
func static(s int64) *state { return &state{S: &s} }
func noted(v string) *state { return &state{V: &v} }

// The messages of some keys, and what the comparison with the table has to say of them.
func TestCompare(t *testing.T) {
	a, b, p := rowKey{table: "t", partition: 1, clustering: 2}, rowKey{table: "t", partition: 1, clustering: 3}, rowKey{table: "t", partition: 1, whole: true}
	type message struct {
		key   rowKey
		state *state
	}
	withStatic := at(5)
	withStatic.S = static(1).S
	rows := map[rowKey]*state{a: at(5), p: static(4)} // b is deleted
	good := []message{{a, at(3)}, {b, at(2)}, {p, static(4)}, {a, at(5)}, {b, nil}}
	for name, c := range map[string]struct {
		messages                              []message
		missing, stale, extra, back, repeated int
	}{
		"as it is":                        {messages: good},
		"the last one again":              {messages: append(good[:5:5], good[3], good[4]), repeated: 2},
		"an older static column in a row": {messages: append(good[:5:5], message{a, withStatic})},
		"no message of a key":             {messages: good[2:4], missing: 1},
		"nothing":                         {missing: 3},
		"the row before":                  {messages: append(good[:5:5], good[0]), stale: 1, back: 1},
		"an older row between":            {messages: append(good[:5:5], good[0], good[3]), back: 1},
		"a row that is deleted":           {messages: append(good[:5:5], good[1]), stale: 1, back: 1},
		"the delete is missing":           {messages: good[:4], stale: 1},
		"a delete of a row that is there": {messages: append(good[:5:5], message{a, nil}), stale: 1},
		"another value":                   {messages: append(good[:5:5], message{a, noted("x")}), stale: 1},
		"the static column is gone":       {messages: append(good[:5:5], message{p, nil}), stale: 1},
		"the static column before":        {messages: append(good[:5:5], message{p, static(3)}), stale: 1, back: 1},
		"a key of nobody":                 {messages: append(good[:5:5], message{rowKey{table: "t", partition: 2}, at(1)}), extra: 1},
		"another table":                   {messages: append(good[1:5:5], message{rowKey{table: "u", partition: 1, clustering: 2}, at(5)}), extra: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var r reader
			for _, m := range c.messages {
				r.take(m.key, m.state, &pulsar.Delivery{})
			}
			d := r.compare(map[rowKey]struct{}{a: {}, b: {}, p: {}}, rows)
			if got := []int{d.missing.count, d.stale.count, d.extra.count, r.back.count, r.repeated}; !slices.Equal(got, []int{c.missing, c.stale, c.extra, c.back, c.repeated}) {
				t.Errorf("missing, stale, extra, back, repeated: %v; want %+v\n%s", got, c,
					strings.Join(slices.Concat(d.missing.examples, d.stale.examples, d.extra.examples, r.back.examples), "\n"))
			}
		})
	}
}

// All die, as often as they should, and one whose part is away waits for it.
func TestRound(t *testing.T) {
	all := (&stage{hosts: options{as: asBoth}.hosts()}).victims()
	r := &round{all: all, pick: rand.New(rand.NewPCG(1, 1)), had: map[*victim]bool{}}
	died, total := map[*victim]int{}, 0
	for _, v := range all {
		total += v.often
	}
	for range total {
		died[r.next(func(string) bool { return false })]++
	}
	for _, v := range all {
		if died[v] != v.often {
			t.Errorf("%s died %d times in a round, want %d", v.what, died[v], v.often)
		}
	}
	if r.finish() {
		t.Error("one is left that has not died")
	}
	if v := r.next(func(part string) bool { return part != "the node" }); v.part != "the node" {
		t.Errorf("%s died, which is away", v.what)
	}
	if v := r.next(func(string) bool { return true }); v != nil {
		t.Errorf("%s died, and all are away", v.what)
	}
	r.had = map[*victim]bool{all[0]: true}
	if !r.finish() || len(r.left) != len(all)-1 || slices.Contains(r.left, all[0]) {
		t.Errorf("%d are left", len(r.left))
	}
}

// Every statement has a timestamp of its own and keys of its writer, of all kinds.
func TestStatements(t *testing.T) {
	pick := rand.New(rand.NewPCG(1, 1))
	var now int64
	kinds := map[string]bool{}
	for range 10_000 {
		before := now
		s := newStatement(pick, []string{"t", "u"}, 3, func() int64 { now++; return now })
		if now == before || len(s.keys) == 0 {
			t.Fatalf("%+v at %d", s, now)
		}
		for _, k := range s.keys {
			if k.partition < 3*partitions || k.partition >= 4*partitions {
				t.Fatalf("%+v has a key of another writer", s)
			}
		}
		kinds[strings.Join(strings.Fields(s.cql)[:2], " ")] = true
	}
	for _, kind := range []string{"INSERT INTO", "UPDATE kill.t", "UPDATE kill.u", "DELETE v", "DELETE s", "DELETE FROM", "BEGIN UNLOGGED"} {
		if !kinds[kind] {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
}
