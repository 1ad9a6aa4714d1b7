// The quarantine is replayed by hand: with the schema of today, one entry after the other,
// and what cannot be replayed stays.

package agent

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
)

// The agent did not know the table; the node has it by now.
func TestReplay(t *testing.T) {
	rows := corpustest.Rows(t, scenario)
	a, _ := newAgent(t, &fakeNode{rows: without(rows, "ck", "t_pk1")})
	known := entryOf(t, scenario, "ck", "t_pk1")
	dropped := entryOf(t, scenario, "ck", "t_all")
	a.quarantine.dir.Path = filepath.Join(t.TempDir(), "quarantine")
	w := checkpoint.NewWatermark(0)
	if err := a.Entry(t.Context(), known.entry(w)); err != nil {
		t.Fatal(err)
	}
	if err := a.quarantine.entry(t.Context(), dropped.entry(w), errors.New("x")); err != nil {
		t.Fatal(err)
	}
	dir := a.quarantine.dir
	for _, i := range []quarantine.Item{{Position: known.Position, Damage: true, Reason: "damage"}, {Reason: "no version"}} {
		if err := dir.Keep(i, strings.NewReader("bytes")); err != nil {
			t.Fatal(err)
		}
	}
	items, err := dir.List()
	if err != nil || len(items) != 4 {
		t.Fatalf("%v, %v", items, err)
	}

	now := &fakeNode{rows: without(rows, "ck", "t_all")}
	h, err := replaySchemas(t.Context(), now, "host", filepath.Join(t.TempDir(), "history"), logTo(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	run := func(publish func(context.Context, quarantine.Item, []byte) error) (string, error) {
		var out bytes.Buffer
		r := replay{dir: dir, out: &out, schemas: h, agent: &agent{decoder: mutation.NewDecoder(h)}, publish: publish}
		err := r.all(t.Context(), items)
		return out.String(), err
	}
	left := func() int {
		all, err := dir.List()
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}

	// Dry: nothing moves.
	out, err := run(nil)
	if err == nil || !strings.Contains(err.Error(), "3 of 4") || left() != 4 {
		t.Errorf("%v, %d left", err, left())
	}
	for _, w := range []string{known.Position.String() + ": would publish 1 events", dropped.Position.String() + ": stays: decode the mutation: unknown table", "damaged stretch", "log version 0"} {
		if !strings.Contains(out, w) {
			t.Errorf("the output does not say %q:\n%s", w, out)
		}
	}
	// The broker takes nothing: nothing moves.
	refused := errors.New("refused")
	if out, err = run(func(context.Context, quarantine.Item, []byte) error { return refused }); err == nil || left() != 4 || !strings.Contains(out, "stays: refused") {
		t.Errorf("%v, %d left: %s", err, left(), out)
	}
	// It does: that one moves aside.
	var published []string
	out, err = run(func(_ context.Context, i quarantine.Item, body []byte) error {
		if !bytes.Equal(body, known.Body) {
			t.Errorf("%s: other bytes", i.Position)
		}
		published = append(published, i.Position.String())
		return nil
	})
	if err == nil || left() != 3 || !strings.Contains(out, "published 1 events") || len(published) != 1 || published[0] != known.Position.String() {
		t.Errorf("%v, %d left, published %v: %s", err, left(), published, out)
	}
}
