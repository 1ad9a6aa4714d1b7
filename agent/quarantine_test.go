// What is passed over lies on disk, whole and apart, and the log says where.

package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

func TestQuarantineKeepsBytesAndReason(t *testing.T) {
	var log bytes.Buffer
	q := quarantine{dir: filepath.Join(t.TempDir(), "made", "when missing"), log: logTo(&log)}
	at := commitlog.Position{Segment: 1700000000000, Offset: 4096}
	for range 2 { // after a restart the same entry comes again
		if err := q.keep(at, errors.New("unknown table x"), []byte("\x00bytes\xff")); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(q.dir, "1700000000000-4096")
	raw, err := os.ReadFile(path + ".entry")
	if err != nil || string(raw) != "\x00bytes\xff" {
		t.Errorf("entry %q, %v", raw, err)
	}
	reason, err := os.ReadFile(path + ".reason")
	if err != nil || string(reason) != "unknown table x\n" {
		t.Errorf("reason %q, %v", reason, err)
	}
	if files, _ := os.ReadDir(q.dir); len(files) != 2 {
		t.Errorf("files %v", files)
	}
	for _, w := range []string{"level=ERROR", "pos=1700000000000:4096", "unknown table x", path} {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log does not say %q: %s", w, &log)
		}
	}
}

// An entry has its end as its position, a damaged stretch its beginning: both can be
// the same place, and both must be kept.
func TestQuarantineKeepsAnEntryAndTheDamageBehindIt(t *testing.T) {
	a := &agent{ops: newOperations(Config{}, space{}, logTo(&bytes.Buffer{})), quarantine: quarantine{dir: t.TempDir(), log: logTo(&bytes.Buffer{})}}
	q := &a.quarantine
	at := commitlog.Position{Segment: 1, Offset: 500}
	if err := q.keep(at, unpublishable{errors.New("no such table")}, []byte("the entry")); err != nil {
		t.Fatal(err)
	}
	if err := a.Damage(&commitlog.DamageError{Position: at, From: 500, To: 600, Reason: "the checksum is wrong"}, []byte("the damage")); err != nil {
		t.Fatal(err)
	}
	var all []string
	files, err := os.ReadDir(q.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(q.dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(content))
	}
	for _, want := range []string{"the entry", "no such table", "the damage", "the checksum is wrong"} {
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%q is lost: %q", want, all)
		}
	}
}

// Without a copy there is no going on.
func TestQuarantineThatCannotKeepIsAnError(t *testing.T) {
	file := writeFile(t, "quarantine", "in the way")
	var log bytes.Buffer
	err := (&quarantine{dir: file, log: logTo(&log)}).keep(commitlog.Position{Segment: 1, Offset: 500}, errors.New("x"), nil)
	if err == nil || !strings.Contains(err.Error(), "quarantine") || !strings.Contains(err.Error(), "1:500") || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if log.Len() > 0 {
		t.Errorf("logged although nothing was kept: %s", &log)
	}
}
