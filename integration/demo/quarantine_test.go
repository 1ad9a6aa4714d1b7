// The quarantine is replayed by hand while the agent runs: the event arrives, and the file
// is moved aside.

package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/mutation"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

func replayQuarantine(ctx context.Context, t *testing.T, s *Stage, dir string) {
	before, _ := s.watch.counts()
	if err := s.session.Exec(ctx, "INSERT INTO demo.customer (region, id, name) VALUES ('quarantine', 1, 'Ada')"); err != nil {
		t.Fatal(err)
	}
	awaitEvents(ctx, t, s, before+1)
	item, body := lastEntry(ctx, t, s)
	kept := quarantine.Dir{Path: filepath.Join(dir, "agent", "cdc", "quarantine")}
	if err := kept.Keep(item, bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, s.Agent.Path(), append([]string{"quarantine"}, append(args, "--config", agentConfig(dir))...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("quarantine %s: %v\n%s%s", strings.Join(args, " "), err, out, &errs)
		}
		return string(out)
	}
	at := item.Position.String()
	if out := run("list"); !strings.Contains(out, at) || !strings.Contains(out, item.Reason) {
		t.Errorf("list: %s", out)
	}
	if out := run("replay", "--dry-run"); !strings.Contains(out, at+": would publish 1 events") {
		t.Errorf("dry run: %s", out)
	}
	if after, _ := s.watch.counts(); after != before+1 {
		t.Errorf("a dry run has published %d events", after-before-1)
	}
	if out := run("replay"); !strings.Contains(out, at+": published 1 events") {
		t.Errorf("replay: %s", out)
	}
	awaitEvents(ctx, t, s, before+2)
	if left, err := kept.List(); err != nil || len(left) > 0 {
		t.Errorf("left in quarantine: %v, %v", left, err)
	}
	if !s.Agent.Running() {
		t.Error(s.died())
	}
}

// awaitEvents waits until there are so many events.
func awaitEvents(ctx context.Context, t *testing.T, s *Stage, total int) {
	t.Helper()
	timeout := time.After(arrivalTime)
	for {
		events, _, changed, err := s.watch.since(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) >= total {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-timeout:
			t.Fatalf("%d events of %d came within %s", len(events), total, arrivalTime)
		}
	}
}

// lastEntry is the last entry of the node's log that changes the demo's table.
func lastEntry(ctx context.Context, t *testing.T, s *Stage) (quarantine.Item, []byte) {
	t.Helper()
	rows, err := s.session.Schema(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := schema.NewSnapshot(rows)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(s.Cassandra.CommitLogDir())
	if err != nil {
		t.Fatal(err)
	}
	var item quarantine.Item
	var body []byte
	decoder := mutation.NewDecoder(tables)
	for _, f := range files {
		if _, ok := commitlog.ParseFileName(f.Name()); !ok {
			continue
		}
		r, err := commitlog.Open(filepath.Join(s.Cassandra.CommitLogDir(), f.Name()), commitlog.Options{ReadAhead: true})
		if err != nil {
			continue // a spare segment
		}
		for r.Next() {
			var found theTable
			if decoder.Decode(r.Descriptor().Version, r.Entry(), &found) == nil && found.touched && item.Position.Before(r.Position()) {
				item = quarantine.Item{Position: r.Position(), Version: r.Descriptor().Version, Reason: fmt.Sprintf("a test of %s", t.Name())}
				body = bytes.Clone(r.Entry())
			}
		}
		r.Close()
	}
	if body == nil {
		t.Fatal("no entry of the demo's table in the commit log")
	}
	return item, body
}

// theTable notes whether an entry changes the demo's table.
type theTable struct {
	mutation.Nothing
	touched bool
}

func (v *theTable) Table(tb *schema.Table) bool { return tb.Keyspace == keyspace && tb.Name == table }
func (v *theTable) Update(*mutation.Update)     { v.touched = true }
