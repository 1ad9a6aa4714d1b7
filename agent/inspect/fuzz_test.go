// Whatever bytes a file has: every command ends, without a panic, and prints only what it
// promised to.

package inspect_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
)

func FuzzSegment(f *testing.F) {
	for _, s := range scenarios(f) {
		for _, segment := range s.segments {
			data, err := os.ReadFile(segment)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data[:min(len(data), 8<<10)], "464488\nCOMPLETED", false)
			f.Add(data[:min(len(data), 100)], "46", true)
		}
	}
	rows, err := inspect.ReadSchema(the(f, "5.0.6/direct").schema[:1]) // few tables, so that many runs fit in the time
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "CommitLog-7-1.log")
	f.Fuzz(func(t *testing.T, segment []byte, index string, ahead bool) {
		for name, content := range map[string][]byte{path: segment, commitlog.IndexName(path): []byte(index)} {
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := dump(t, rows, func(d *inspect.Dump) { d.ReadAhead = ahead }, path)
		for _, line := range got.lines {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
		if got.err != nil && len(got.report) == 0 {
			t.Errorf("a fault that is not told: %v", got.err)
		}
		checked := verify(t, path)
		if checked.err != nil && got.err == nil && !ahead {
			t.Errorf("verify says %v, dump nothing", checked.err)
		}
		found, _ := stat(t, &rows, path)
		if len(found) != 1 || !ahead && found[0].Entries != len(got.lines) {
			t.Errorf("%d lines, stat says %+v", len(got.lines), found)
		}
		text := inspect.Dump{Files: files(t, &ran{}, path), Schema: rows}
		_ = text.Run(&bytes.Buffer{})
	})
}
