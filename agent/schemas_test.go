// When the agent asks the node for its schema again, and how long it waits for a
// change that the log shows before the node's tables do.

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// fakeNode answers what a node would; a test changes the answers as time goes by.
type fakeNode struct {
	version string
	rows    schema.Rows
	fail    error
	asked   int // times the version was asked for

	onLocal func() // before an answer
}

func (n *fakeNode) Local(context.Context, string) (cassandra.Node, error) {
	n.asked++
	if n.onLocal != nil {
		n.onLocal()
	}
	return cassandra.Node{HostID: "host", SchemaVersion: n.version}, n.fail
}

func (n *fakeNode) Schema(context.Context, string, string) (schema.Rows, error) {
	return n.rows, n.fail
}

// at changes the node's answers after that time.
func (n *fakeNode) at(d time.Duration, change func()) {
	start := time.Now()
	n.onLocal = func() {
		if time.Since(start) >= d {
			change()
		}
	}
}

const (
	v1 = "11111111-1111-1111-1111-111111111111"
	v2 = "22222222-2222-2222-2222-222222222222"
	v3 = "33333333-3333-3333-3333-333333333333"
)

// readSchemas has read version 1.
func readSchemas(t *testing.T, n *fakeNode) *schemas {
	t.Helper()
	n.version = v1
	s := newSchemas(n, "host", slog.New(slog.DiscardHandler))
	if err := s.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.asked = 0
	return s
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// The log shows a schema change, perhaps the version it led to, and then a write that
// may need it.
func TestSettleWaitsForTheChangeInTheLog(t *testing.T) {
	for _, c := range []struct {
		name     string
		log      func(s *schemas) // what passes by before the write
		node     func(n *fakeNode)
		want     string        // version in the end
		min, max time.Duration // of the wait
		quiet    bool          // nothing to settle
	}{
		{
			name:  "a change from long before the schema was read",
			log:   func(s *schemas) { s.noteChange(micros(time.Now().Add(-time.Minute))) },
			quiet: true, want: v1,
		},
		{
			name: "a version from long before the schema was read",
			log: func(s *schemas) {
				s.noteVersion(v2, micros(time.Now().Add(-time.Minute)))
			},
			quiet: true, want: v1,
		},
		{
			name:  "the version that was read is noted behind its change",
			log:   func(s *schemas) { s.noteChange(micros(time.Now())); s.noteVersion(v1, micros(time.Now())) },
			quiet: true, want: v1,
		},
		{
			name: "the node has it already",
			log:  func(s *schemas) { s.noteChange(micros(time.Now())) },
			node: func(n *fakeNode) { n.version = v2 },
			want: v2,
		},
		{
			name: "the node shows it after 50 ms",
			log:  func(s *schemas) { s.noteChange(micros(time.Now())) },
			node: func(n *fakeNode) { n.at(50*time.Millisecond, func() { n.version = v2 }) },
			want: v2, min: 50 * time.Millisecond, max: 60 * time.Millisecond,
		},
		{
			name: "another change comes first: the noted version counts",
			log:  func(s *schemas) { s.noteChange(micros(time.Now())); s.noteVersion(v3, micros(time.Now())) },
			node: func(n *fakeNode) {
				n.version = v2
				n.at(50*time.Millisecond, func() { n.version = v3 })
			},
			want: v3, min: 50 * time.Millisecond, max: 60 * time.Millisecond,
		},
		{
			name: "the clock of the coordinator is behind",
			log:  func(s *schemas) { s.noteChange(micros(time.Now().Add(-clockSkew / 2))) },
			node: func(n *fakeNode) { n.version = v2 },
			want: v2,
		},
		{
			name: "a version that was overtaken never comes: reading goes on after a while",
			log:  func(s *schemas) { s.noteChange(micros(time.Now())); s.noteVersion(v2, micros(time.Now())) },
			node: func(n *fakeNode) { n.version = v3 },
			want: v3, min: schemaDelay, max: schemaDelay + 10*time.Millisecond,
		},
		{
			name: "a change that alters nothing: reading goes on after a while",
			log:  func(s *schemas) { s.noteChange(micros(time.Now())) },
			want: v1, min: schemaDelay, max: schemaDelay + 10*time.Millisecond,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &fakeNode{}
				s := readSchemas(t, n)
				if c.node != nil {
					c.node(n)
				}
				c.log(s)
				if s.unsettled() == c.quiet {
					t.Fatalf("unsettled %v", s.unsettled())
				}
				if c.quiet {
					return
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				if err := s.settle(ctx); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < c.min || took > c.max {
					t.Errorf("waited %v, want %v to %v", took, c.min, c.max)
				}
				if s.version != c.want || s.unsettled() {
					t.Errorf("version %s, unsettled %v; want %s", s.version, s.unsettled(), c.want)
				}
			})
		})
	}
}

// A node that restarts is waited for; a cancel ends the wait.
func TestRefreshWaitsForTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{}
		s := readSchemas(t, n)
		n.fail = errors.New("connection refused")
		n.at(time.Hour, func() { n.fail, n.version = nil, v2 })
		start := time.Now()
		if err := s.refresh(t.Context()); err != nil || s.version != v2 {
			t.Errorf("version %s, %v", s.version, err)
		}
		if took := time.Since(start); took > time.Hour+10*time.Second {
			t.Errorf("noticed after %v that the node is back", took-time.Hour)
		}
		if n.asked > 500 {
			t.Errorf("asked %d times in an hour", n.asked)
		}

		n.fail, n.onLocal = errors.New("connection refused"), nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if s.version != v2 {
			t.Errorf("version %s", s.version)
		}
	})
}

// The entries of a table that was dropped come by the thousand: the node is asked
// about it once a second at most.
func TestAMissingTableIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{}
		s := readSchemas(t, n)
		for range 3000 {
			if err := s.refreshFor(t.Context(), schema.ID{1}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if n.asked > 3 {
			t.Errorf("asked %d times in three seconds", n.asked)
		}
		before := n.asked
		if err := s.refreshFor(t.Context(), schema.ID{2}); err != nil || n.asked != before+1 {
			t.Errorf("another table: asked %d times, %v", n.asked-before, err)
		}
	})
}

// One table that this version cannot read takes none of the others away.
func TestATableThatCannotBeReadIsLogged(t *testing.T) {
	log := &strings.Builder{}
	n := &fakeNode{rows: corpustest.Rows(t, "5.0.6/types")}
	n.rows.Columns = append(n.rows.Columns, json.RawMessage(`{"keyspace_name":"ck","table_name":"t_pk1","column_name":"later","kind":"regular","position":-1,"type":"hologram"}`))
	s := newSchemas(n, "host", slog.New(slog.NewTextHandler(log, nil)))
	if err := s.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"level=WARN", "ck.t_pk1", "later", "hologram"} {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log does not say %q: %s", w, log)
		}
	}
	if s.current.Lookup("ck", "t_pk1") != nil || s.current.Lookup("ck", "t_all") == nil {
		t.Error("one table too many, or too few")
	}
}
