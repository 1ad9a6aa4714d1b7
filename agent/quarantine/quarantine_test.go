// What is kept comes back as it was, whole or not at all.

package quarantine_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/quarantine"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files/faults"
)

var at = commitlog.Position{Segment: 1700000000000, Offset: 4096}

func items(t *testing.T, d quarantine.Dir) []quarantine.Item {
	t.Helper()
	all, err := d.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An entry has its end as its position, a damaged stretch its beginning: both can be
// the same place, and both must be kept.
func TestListGivesWhatWasKept(t *testing.T) {
	d := quarantine.Dir{Path: filepath.Join(t.TempDir(), "made", "when missing")}
	if len(items(t, d)) > 0 {
		t.Error("something in a directory that is not there")
	}
	kept := []quarantine.Item{
		{Position: commitlog.Position{Segment: 9, Offset: 10000}, Version: 6, Reason: "old"},
		{Position: at, Version: 7, Reason: "unknown table x"},
		{Position: at, Damage: true, Reason: "the checksum is wrong"},
	}
	for range 2 { // after a restart the same comes again
		for i := range kept { // not in the order of the log
			item := kept[len(kept)-1-i]
			if err := d.Keep(item, strings.NewReader("\x00"+item.Reason)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := items(t, d)
	if len(got) != len(kept) {
		t.Fatalf("%d items: %v", len(got), got)
	}
	for i, item := range got {
		if age := time.Since(item.Time); age < -time.Minute || age > time.Hour {
			t.Errorf("item %d is from %v", i, item.Time)
		}
		want := kept[i]
		want.Time, want.Size = item.Time, int64(1+len(want.Reason))
		if item != want {
			t.Errorf("item %d is %v, want %v", i, item, want)
		}
		if raw, err := d.Read(item); err != nil || string(raw) != "\x00"+want.Reason {
			t.Errorf("item %d holds %q, %v", i, raw, err)
		}
	}

	if err := d.Replayed(got[1]); err != nil {
		t.Fatal(err)
	}
	if left := items(t, d); len(left) != 2 || left[0] != got[0] || left[1] != got[2] {
		t.Errorf("left: %v", left)
	}
	for _, suffix := range []string{".entry", ".reason"} {
		if _, err := os.Stat(filepath.Join(d.Path, "replayed", "1700000000000-4096"+suffix)); err != nil {
			t.Error(err)
		}
	}
}

// What a person has left there, and the rest of a copy that was cut off, are no items.
// An entry whose reason is lost is one.
func TestListLeavesOutWhatIsNoItem(t *testing.T) {
	d := quarantine.Dir{Path: t.TempDir()}
	for name, content := range map[string]string{
		"notes.txt": "", "1-2.reason": "without bytes", "1-3.entry.tmp": "cut", "x-4.entry": "", "99999999999999999999-5.entry": "", "1-6.entry": "bytes",
	} {
		if err := os.WriteFile(filepath.Join(d.Path, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := items(t, d)
	if len(got) != 1 || got[0].Position.String() != "1:6" || got[0].Version != 0 || !strings.Contains(got[0].Reason, "not known") {
		t.Errorf("%v", got)
	}
}

// A fault at any step is an error, and no item is there in part.
func TestAFaultKeepsNothing(t *testing.T) {
	steps := 0
	for fail := 1; ; fail++ {
		d := quarantine.Dir{Path: filepath.Join(t.TempDir(), "q")}
		disk := &faults.Disk{}
		d.Files = disk
		steps = 0
		disk.Set(func(string, string) error {
			if steps++; steps == fail {
				return syscall.EIO
			}
			return nil
		})
		err := d.Keep(quarantine.Item{Position: at, Version: 7, Reason: "r"}, strings.NewReader("bytes"))
		disk.Set(nil)
		if steps < fail {
			if err != nil {
				t.Error(err)
			}
			break
		}
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), at.String()) {
			t.Errorf("step %d: %v", fail, err)
		}
		for _, item := range items(t, d) {
			if raw, err := d.Read(item); string(raw) != "bytes" || err != nil {
				t.Errorf("step %d: an item with %q, %v", fail, raw, err)
			}
		}
	}
	if steps < 8 {
		t.Errorf("%d steps: what was tried?", steps)
	}
}

// A damaged stretch may be a whole segment: it is copied piece by piece.
func TestKeepCopiesInPieces(t *testing.T) {
	largest := 0
	raw := pieces{left: 8 << 20, largest: &largest}
	if err := (quarantine.Dir{Path: t.TempDir()}).Keep(quarantine.Item{Position: at, Damage: true, Reason: "r"}, &raw); err != nil {
		t.Fatal(err)
	}
	if raw.left > 0 || largest > 1<<20 {
		t.Errorf("%d bytes left, the largest piece had %d", raw.left, largest)
	}
}

type pieces struct {
	left    int
	largest *int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	*p.largest = max(*p.largest, len(b))
	n := min(p.left, len(b))
	p.left -= n
	return n, nil
}
