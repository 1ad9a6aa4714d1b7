// At which consistency level a row is read, and what an answer of the fallback level is
// worth.

package readback

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema/capturetest"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// levels reads the row of a table with one column at a cluster where each level has its
// answer: a write time, or no row, or an error. It returns the levels that were asked.
func levels(t *testing.T, o Options, req Request, answers map[cassandra.Consistency]any) (r Row, asked []cassandra.Consistency, err error) {
	t.Helper()
	v, err := newVersion(capturetest.Table(t, byText), row.KeyValueAvro, nil, "5.0.2")
	if err != nil {
		t.Fatal(err)
	}
	c := NewCluster(nil, o)
	c.withRun(func(_ context.Context, q cassandra.Query) (cassandra.Answer, error) {
		asked = append(asked, q.Level)
		a := cassandra.Answer{Coordinator: "node"}
		switch what := answers[q.Level].(type) {
		case int:
			a.Rows = [][][]byte{{[]byte("v"), binary.BigEndian.AppendUint64(nil, uint64(what))}}
		case error:
			return cassandra.Answer{}, what
		}
		return a, nil
	})
	r, err = (&Reader{cluster: c}).readKey(t.Context(), lookup{Request: req, version: v, current: true, partition: [][]byte{[]byte("k")}})
	return r, asked, err
}

const (
	localOne    = cassandra.LocalOne
	localQuorum = cassandra.LocalQuorum
	all         = cassandra.All
)

// Invariant 7 where too few replicas are up for the level proper.
func TestFallback(t *testing.T) {
	for _, c := range []struct {
		name      string
		operation event.Operation
		writeTime int64
		answer    any // at the fallback level
		proof     bool
	}{
		{"the write itself", event.Insert, 100, 100, true},
		{"a newer write", event.Update, 100, 101, true},
		{"an older write", event.Update, 100, 99, false},
		{"no row", event.Insert, 100, nil, false},
		{"a delete, no row: the replica may lack the row too", event.Delete, 100, nil, false},
		{"a delete, an older write", event.Delete, 100, 100, false},
		{"a delete, written since", event.Delete, 100, 101, true},
		{"no time to hold the row against", event.Update, event.NoWriteTime, 100, false},
		{"the Java agent's event, the write itself", "", 100, 100, true},
		{"the Java agent's event, no row", "", 100, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, asked, err := levels(t, Options{}, Request{Operation: c.operation, WriteTime: c.writeTime},
				map[cassandra.Consistency]any{localQuorum: unavailable, localOne: c.answer})
			if diff := cmp.Diff([]cassandra.Consistency{localQuorum, localOne}, asked); diff != "" {
				t.Errorf("levels (-want +got):\n%s", diff)
			}
			if c.proof {
				if err != nil || !r.Fresh || r.Values == nil || r.Coordinator != "" {
					t.Errorf("%+v, %v", r, err)
				}
				return
			}
			var stale *StaleError
			if !errors.As(err, &stale) || stale.Level != localOne || !cassandra.Unavailable(err) || !strings.Contains(err.Error(), "at LOCAL_ONE the row is not certainly as new") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	fresh, stale := 100, 99
	for _, c := range []struct {
		name    string
		options Options
		attempt int
		answers map[cassandra.Consistency]any
		asked   []cassandra.Consistency
		fresh   bool
		err     error
	}{
		{"the level proper", Options{}, 0, map[cassandra.Consistency]any{localQuorum: fresh}, []cassandra.Consistency{localQuorum}, true, nil},
		{"of the setting", Options{Consistency: localOne}, 0, map[cassandra.Consistency]any{localOne: fresh}, []cassandra.Consistency{localOne}, true, nil},
		{"a stale row is no reason to fall back", Options{}, 0, map[cassandra.Consistency]any{localQuorum: stale}, []cassandra.Consistency{localQuorum}, false, nil},
		{"nor is a timeout", Options{}, 0, map[cassandra.Consistency]any{localQuorum: timeout}, []cassandra.Consistency{localQuorum}, false, timeout},
		{"no fallback", Options{Fallback: localQuorum}, 0, map[cassandra.Consistency]any{localQuorum: unavailable}, []cassandra.Consistency{localQuorum}, false, unavailable},
		{"both fail", Options{}, 0, map[cassandra.Consistency]any{localQuorum: unavailable, localOne: timeout}, []cassandra.Consistency{localQuorum, localOne}, false, timeout},
		{"not fresh twice", Options{}, 2, map[cassandra.Consistency]any{localQuorum: stale}, []cassandra.Consistency{localQuorum}, false, nil},
		{"not fresh for long", Options{}, 3, map[cassandra.Consistency]any{localQuorum: stale, all: fresh}, []cassandra.Consistency{all}, true, nil},
		{"not all are up", Options{}, 4, map[cassandra.Consistency]any{localQuorum: fresh, all: unavailable}, []cassandra.Consistency{all, localQuorum}, true, nil},
		{"one is too slow", Options{}, 4, map[cassandra.Consistency]any{localQuorum: stale, all: timeout}, []cassandra.Consistency{all, localQuorum}, false, nil},
		{"none is stronger", Options{Consistency: all}, 4, map[cassandra.Consistency]any{all: stale}, []cassandra.Consistency{all}, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, asked, err := levels(t, c.options, Request{Operation: event.Update, WriteTime: 100, Attempt: c.attempt}, c.answers)
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("levels (-want +got):\n%s", diff)
			}
			if r.Fresh != c.fresh || !errors.Is(err, c.err) || err == nil && r.Coordinator != "node" {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// What no time proves counts for nothing at the fallback level: a counter may lack what
// other replicas have counted, and a row without values may be there from before.
func TestFallbackWithoutProof(t *testing.T) {
	whole, _ := statements(t, `CREATE TABLE ks.t (k int PRIMARY KEY, n counter)`)
	at := binary.BigEndian.AppendUint64(nil, 100)
	var r Row
	r.show(Request{Operation: event.Update, WriteTime: 100}, whole, [][]byte{at, at})
	if !r.Fresh || r.proved {
		t.Errorf("a counter: fresh %v, proved %v", r.Fresh, r.proved)
	}
	whole, _ = statements(t, `CREATE TABLE ks.t (k text PRIMARY KEY)`)
	r.show(Request{Operation: event.Insert, WriteTime: 100}, whole, [][]byte{[]byte("k")})
	if !r.Fresh || r.proved {
		t.Errorf("a row of its key alone: fresh %v, proved %v", r.Fresh, r.proved)
	}
}
