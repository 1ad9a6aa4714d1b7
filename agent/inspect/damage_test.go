// Damaged segments: what is said, what is printed still, and that nothing is made up.

package inspect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDamagedSegments(t *testing.T) {
	direct, lz4 := the(t, "5.0.6/direct"), the(t, "5.0.6/lz4")
	plain, packed := direct.segments[0], lz4.segments[0]
	e := entryOf(t, expected(t, plain)[400])
	mid, packedMid := sections(t, plain)[25], sections(t, packed)[28]
	for _, c := range []struct {
		name   string
		of     scenario
		change func([]byte) []byte
		fault  string // what the first says; "" when there is none
		lost   int    // entries that are not printed, at most
	}{
		{"cut in an entry", direct, cut(e.start() + 20), "the file ends", 270},
		{"cut in a marker", direct, cut(mid.End + 5), "", 470},
		{"cut at the end of a section", direct, cut(mid.End), "", 470},
		{"a byte of an entry", direct, flip(e.start() + 30), "the checksum of an entry of 105 bytes is wrong", 1},
		{"the size of an entry", direct, flip(e.start() + 2), "an entry's size or its checksum is wrong", 1},
		{"the checksum of a size", direct, flip(e.start() + 5), "an entry's size or its checksum is wrong", 1},
		{"the checksum of an entry", direct, flip(e.End - 1), "the checksum of an entry of 105 bytes is wrong", 1},
		{"a marker", direct, flip(mid.Start - 8 + 5), "the sync marker", 0},
		{"half a marker not written", direct, zero(mid.Start-4, mid.Start), "the sync marker", 0},
		{"a marker not written", direct, zero(mid.Start-8, mid.Start), "", 470},
		{"the descriptor", direct, flip(16), "descriptor checksum is", 670},
		{"the log version", direct, flip(3), "descriptor checksum is", 670},
		{"nothing but the descriptor", direct, cut(20), "", 670},
		{"half a descriptor", direct, cut(10), "no commit log segment", 670},
		{"an empty file", direct, cut(0), "no commit log segment", 670},
		{"zeros", direct, zero(0, 147456), "no commit log segment", 670},
		{"a compressed section cut", lz4, cut((packedMid.Start + packedMid.End) / 2), "the sync marker", 400},
		{"a byte of a compressed section", lz4, flip(packedMid.Start + 30), "section", 40},
		{"half a marker of a compressed section", lz4, zero(packedMid.Start-4, packedMid.Start), "the sync marker", 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, want := damagedCopy(t, c.of.segments[0], c.change), expected(t, c.of.segments[0])
			got := dump(t, c.of.rows(t), nil, path)
			if stray, ok := isSubsequence(got.lines, want); !ok {
				t.Errorf("Cassandra's reader gave no such line: %s", stray)
			}
			if lost := len(want) - len(got.lines); lost > c.lost {
				t.Errorf("%d entries are lost, at most %d are damaged", lost, c.lost)
			}
			if c.fault == "" {
				if got.err != nil {
					t.Errorf("%v: %q", got.err, got.report)
				}
			} else if got.err == nil || len(got.report) == 0 || !strings.HasPrefix(got.report[0], path+": ") || !strings.Contains(got.report[0], c.fault) {
				t.Errorf("%v: %q, want %q", got.err, got.report, c.fault)
			}

			checked := verify(t, path)
			found, r := stat(t, nil, path)
			if (checked.err == nil) != (got.err == nil) || (r.err == nil) != (got.err == nil) {
				t.Errorf("dump: %v, verify: %v, stat: %v", got.err, checked.err, r.err)
			}
			faults := found[0].Faults
			if found[0].Entries != len(got.lines) || (len(faults) == 0) != (got.err == nil) {
				t.Errorf("stat: %+v", found[0])
			}
			if ok := strings.HasPrefix(checked.lines[0], path+": ok, "); ok != (len(faults) == 0) || len(checked.lines) != 1+len(faults) {
				t.Errorf("verify: %q", checked.lines)
			}
			for i, fault := range faults {
				if got.report[i] != path+": "+fault || checked.lines[1+i] != "  "+fault {
					t.Errorf("dump says %s, verify %s, stat %s", got.report[i], checked.lines[1+i], fault)
				}
			}
		})
	}
}

// A file that is none of ours is named, and the others are read.
func TestFilesThatAreNoSegments(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a segment\n", 10000)), 0o644); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "CommitLog-7-1.log")
	s := the(t, "5.0.6/direct")
	got := dump(t, s.rows(t), nil, missing, dir, text, s.segments[0])
	if want := expected(t, s.segments[0]); len(got.lines) != len(want) {
		t.Errorf("%d lines, want %d", len(got.lines), len(want))
	}
	if got.err == nil || got.err.Error() != "3 faults in 3 of 4 files" {
		t.Errorf("%v", got.err)
	}
	for i, want := range []string{missing + ": no such file or directory", dir + ": is a directory", text + ": descriptor checksum is"} {
		if i >= len(got.report) || !strings.HasPrefix(got.report[i], want) {
			t.Errorf("%q, want %s", got.report, want)
		}
	}
}

// An encrypted segment without its key is no damage, and says what is missing.
func TestEncryptedSegmentWithoutItsKey(t *testing.T) {
	s := the(t, "4.0.19/encrypted")
	var got ran
	f := files(t, &got, s.segments[0])
	f.Keys = nil
	checked := verifyFiles(f)
	if checked.err == nil || len(checked.lines) != 2 || !strings.HasSuffix(checked.lines[0], ": not read") || !strings.Contains(checked.lines[1], `"testing:1"`) {
		t.Errorf("%q, %v", checked.lines, checked.err)
	}
}
