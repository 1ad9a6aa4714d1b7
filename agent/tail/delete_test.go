// When a segment is deleted, when it is not, and what is remembered of it (invariant 3).

package tail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const (
	first      = "CommitLog-7-1.log"
	firstIndex = "CommitLog-7-1_cdc.idx"
)

// Everything is read and acknowledged; only Cassandra's word that the segment is
// finished decides.
func TestOnlyAFinishedSegmentIsDeleted(t *testing.T) {
	for _, c := range []struct {
		name     string
		index    string // "-" for none
		finished bool
	}{
		{"no index", "-", false},
		{"an empty index, as while it is rewritten", "", false},
		{"an offset", "464488", false},
		{"a cut offset", "46", false},
		{"an offset and a line end", "464488\n", false},
		{"a word that is cut", "464488\nCOMP", false},
		{"a word that is not all", "464488\nCOMPLETE", false},
		{"another word", "464488\nUNCOMPLETED", false},
		{"the word in the first line", "COMPLETED", false},
		{"the word in the first line, and a second line", "COMPLETED\n464488", false},
		{"the word behind the offset", "464488 COMPLETED", false},
		{"the second line", "464488\nCOMPLETED", true},
		{"the second line with the size of the file, as after a crash", "1048576\nCOMPLETED", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) {
				s := r.segment(1, entries(1, 3)...)
				s.sync()
				files := []string{first}
				if c.index != "-" {
					s.index(c.index)
					files = append(files, firstIndex)
				}
				r.start()
				r.wantEntries(entries(1, 3)...)
				if c.finished {
					files = nil // the index goes with the segment
				}
				r.wantFiles(files...)
				// Cassandra drops its own name in the end, index or not.
				s.discard()
				r.pass()
				r.wantFiles()
			})
		})
	}
}

func TestASegmentStaysWhileAnEventIsNotAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hold = func(body string) bool { return body == "entry 000002" || body == "entry 000005" }
		s := r.segment(1, entries(1, 6)...)
		s.complete()
		s.discard()
		r.segment(2, entries(7, 7)...)
		r.start()
		for range 5 {
			r.pass()
		}
		r.wantFiles(first, firstIndex, "CommitLog-7-2.log")
		r.ack("entry 000005")
		r.pass()
		r.wantFiles(first, firstIndex, "CommitLog-7-2.log")
		r.ack("entry 000002")
		r.pass()
		r.wantFiles("CommitLog-7-2.log")
		r.wantEntries(entries(1, 7)...)
		for _, open := range r.open() {
			if open != "CommitLog-7-2.log" {
				t.Errorf("%s is deleted and still open", open)
			}
		}
	})
}

// A segment that is finished and whose entries so far are all acknowledged still has
// entries that nobody has read: it is deleted behind the last of them. The directory
// is looked at before every round of reading here, each of which ends early.
func TestASegmentStaysUntilItIsReadToItsEnd(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		r.rescan = time.Nanosecond
		seen := 0
		r.onEntry = func(context.Context, string) error {
			if seen++; seen <= 10000 {
				if _, err := os.Stat(filepath.Join(r.cdcRaw, first)); err != nil {
					return fmt.Errorf("at entry %d of 10000: %w", seen, err)
				}
			}
			return nil
		}
		r.segment(1, entries(1, 10000)...).complete()
		r.start()
		r.wantEntries(entries(1, 10000)...)
		r.wantFiles()
	})
}

// What Cassandra wrote between the last look at the end and the word that the segment
// is finished is read before the segment goes.
func TestTheLastEntriesAreReadBeforeTheSegmentGoes(t *testing.T) {
	for _, how := range []string{"index", "last name"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) {
				s := r.segment(1, entries(1, 3)...)
				r.start()
				s.append(entries(4, 9)...)
				s.sync()
				s.append(entries(10, 10)...)
				if how == "index" {
					s.complete()
				} else {
					s.sync()
					s.discard()
				}
				r.pass()
				r.wantEntries(entries(1, 10)...)
				r.wantFiles()
			})
		})
	}
}

// A segment that is deleted here while Cassandra still has it comes back after a
// crash of the node, with the same id. It is not published again.
func TestASegmentThatComesBackIsNotPublishedAgain(t *testing.T) {
	for name, restart := range map[string]bool{"to a running agent": false, "to one that was restarted": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				s := r.segment(1, entries(1, 5)...)
				s.complete()
				r.start()
				r.wantEntries(entries(1, 5)...)
				r.wantFiles()
				for range 5 {
					r.pass()
				}
				r.nothingOpen()
				if got := r.savedOffset(1); got < s.marker {
					t.Fatalf("checkpoint %d while Cassandra has the segment, its entries end at %d", got, s.marker)
				}
				if restart {
					if err := r.stop(); err != nil {
						t.Fatal(err)
					}
				}
				// Replay links it into cdc_raw again.
				if err := os.Link(s.live, s.raw); err != nil {
					t.Fatal(err)
				}
				s.index(fmt.Sprintf("%d\nCOMPLETED", segmentSize))
				r.segment(2, "entry 000006")
				if restart {
					r.start()
				} else {
					r.pass()
				}
				r.wantEntries("entry 000006")
				r.wantFiles("CommitLog-7-2.log")

				s.discard()
				r.pass()
				if got := r.savedOffset(1); got != -1 {
					t.Errorf("checkpoint %d of a segment that cannot come back", got)
				}
				if got := r.savedOffset(2); got <= 0 {
					t.Errorf("checkpoint %d of the live segment", got)
				}
			})
		})
	}
}

// The commit log directory cannot be listed for a moment: nothing may be forgotten.
func TestCheckpointsAreKeptWhenTheCommitLogCannotBeListed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.segment(1, entries(1, 5)...).complete()
		r.start()
		away := r.commitLog + " away"
		if err := os.Rename(r.commitLog, away); err != nil {
			t.Fatal(err)
		}
		r.pass()
		if err := os.Rename(away, r.commitLog); err != nil {
			t.Fatal(err)
		}
		if got := r.savedOffset(1); got <= 0 {
			t.Errorf("checkpoint %d, and Cassandra still has the segment", got)
		}
	})
}

// Directories are named as people like.
func TestCheckpointsAreKeptUnderAnyDirectoryName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		odd := filepath.Join(filepath.Dir(r.commitLog), "commit[log")
		if err := os.Rename(r.commitLog, odd); err != nil {
			t.Fatal(err)
		}
		r.commitLog = odd
		s := r.segment(1, entries(1, 5)...)
		s.complete()
		r.start()
		if got := r.savedOffset(1); got <= 0 {
			t.Errorf("checkpoint %d, and Cassandra still has the segment", got)
		}
		s.discard()
		r.pass()
		if got := r.savedOffset(1); got != -1 {
			t.Errorf("checkpoint %d of a segment that cannot come back", got)
		}
	})
}

// Cassandra removes a segment while it is being read: the rest of it is read all the
// same, acknowledged or not, and then it is let go.
func TestASegmentThatVanishesIsReadToItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hold = func(body string) bool { return body == "entry 000004" }
		s := r.segment(1, entries(1, 2)...)
		r.start()
		r.wantEntries(entries(1, 2)...)
		s.append(entries(3, 5)...)
		s.sync()
		s.discard()
		remove(t, s.raw)
		r.pass()
		r.wantEntries(entries(3, 5)...)
		if len(r.open()) == 0 {
			t.Log("no /proc: that the file is closed in the end is not checked")
		}
		r.ack("entry 000004")
		r.pass()
		r.nothingOpen()
		if got := r.savedOffset(1); got != -1 {
			t.Errorf("checkpoint %d of a segment that is gone", got)
		}
	})
}

// Every clean restart of a node leaves a segment in cdc_raw that was made ahead of
// need and never used. Nobody else removes it, and it counts against the space.
func TestSparesThatCassandraLeftBehindAreRemoved(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		left := r.segment(1)
		left.discard()
		empty := r.create(2) // not even a descriptor
		empty.discard()
		r.segment(3) // the spare of the running node: it will be used
		r.create(4)
		r.start()
		r.wantFiles("CommitLog-7-3.log", "CommitLog-7-4.log")
	})
}

// Several segments finish in any order.
func TestAnOlderSegmentInUseDoesNotKeepANewerOne(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		old := r.segment(1, entries(1, 2)...)
		r.segment(2, entries(3, 4)...).complete()
		r.start()
		r.wantFiles(first)
		old.append(entries(5, 5)...)
		old.complete()
		r.pass()
		r.wantFiles()
		r.wantEntries(entries(1, 5)...)
	})
}
