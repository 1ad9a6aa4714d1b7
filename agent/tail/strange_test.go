// The strange segments: what upgrades, crashes, limits and people leave in the directories.

package tail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Cassandra 3.11 writes in the commit log directory alone; a flushed segment moves to
// cdc_raw when it holds CDC data, and is deleted when it does not. It is one segment,
// read by one reader: no entry twice, none lost, nothing deleted outside cdc_raw.
func TestCassandra311MovesItsSegments(t *testing.T) {
	for name, c := range map[string]struct {
		flush func(t *testing.T, s *segment)
		gone  bool
	}{
		"into cdc_raw": {func(_ *testing.T, s *segment) { s.move() }, true},
		"away":         {func(_ *testing.T, s *segment) { s.discard() }, true},
		"nowhere yet":  {func(*testing.T, *segment) {}, false},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", name, restart), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					r.version = 6
					r.hold = func(body string) bool { return body == "entry 000004" }
					s := r.segment(1, entries(1, 2)...)
					r.segment(2) // made ahead of need
					r.start()
					r.wantEntries(entries(1, 2)...)
					s.append(entries(3, 5)...) // not seen before it moves
					s.sync()
					c.flush(t, s)
					again := []string{}
					if restart {
						r.pass()
						if err := r.stop(); err != nil {
							t.Fatal(err)
						}
						r.wantEntries(entries(3, 5)...)
						if again = entries(4, 5); name == "away" {
							again = again[:0] // it held no change of a table with CDC
						}
						r.start()
					} else {
						r.pass()
						again = entries(3, 5)
					}
					r.wantEntries(again...)
					if name == "into cdc_raw" {
						r.wantFiles("CommitLog-6-1.log")
					}
					if name != "away" || !restart {
						r.ack("entry 000004")
					}
					r.pass()
					r.wantFiles()
					if _, err := os.Stat(s.live); (err == nil) == c.gone {
						t.Errorf("in the commit log directory: %v", err)
					}
					if got := r.savedOffset(1); (got == -1) != c.gone {
						t.Errorf("checkpoint %d", got)
					}
					r.wantLog()
				})
			})
		}
	}
}

// What 3.11 replays it moves to cdc_raw, CDC data or not, empty ones too: all go.
func TestCassandra311LeavesReplayedSegments(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		r.version = 6
		r.segment(1, entries(1, 3)...).move()
		r.segment(2).move()
		r.create(3).move()
		r.segment(4, entries(4, 6)...)
		r.start()
		r.wantEntries(entries(1, 6)...)
		r.wantFiles()
	})
}

// From 4.0 on a segment is linked into cdc_raw from the start. One that is not was not
// allowed to hold CDC data, or was finished by another agent: it is not published again.
func TestSegmentsOutsideCDCRawAreNotFollowedFrom40On(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		remove(t, s.raw)
		r.segment(2, entries(4, 6)...)
		r.start()
		r.wantEntries(entries(4, 6)...)
		// The space is found while it lives: then it is linked, with data in it.
		if err := os.Link(s.live, s.raw); err != nil {
			t.Fatal(err)
		}
		r.pass()
		r.wantEntries(entries(1, 3)...)
	})
}

// cdc_block_writes: false. Cassandra takes segments away from cdc_raw; what is open, or
// still lies in the commit log directory, is read all the same.
func TestASegmentThatIsTakenAwayIsReadAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mayRemove = true
		s := r.segment(1, entries(1, 3)...)
		s.index("500")
		r.start()
		r.wantEntries(entries(1, 3)...)
		remove(t, s.raw)
		remove(t, filepath.Join(r.cdcRaw, firstIndex))
		s.append(entries(4, 6)...)
		r.pass()
		r.wantEntries(entries(4, 6)...)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		s.append(entries(7, 9)...)
		r.start()
		r.wantEntries(entries(7, 9)...)
		s.append(entries(10, 12)...)
		s.sync()
		s.discard()
		r.pass()
		r.wantEntries(entries(10, 12)...)
		r.nothingOpen()
		r.wantLog()
	})
}

// A segment that goes before it could be opened: a loss when it held CDC data, which only
// the index tells, and else Cassandra's usual business.
func TestASegmentThatVanishesBeforeItIsOpened(t *testing.T) {
	for _, held := range []bool{true, false} {
		t.Run(fmt.Sprintf("CDC data %v", held), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				faulty(r, "open", first, os.ErrPermission)
				s := r.segment(1, entries(1, 3)...)
				if held {
					s.index("500")
				}
				r.segment(2, entries(4, 6)...)
				r.start()
				r.wantEntries(entries(4, 6)...)
				s.discard()
				remove(t, s.raw)
				if held {
					remove(t, filepath.Join(r.cdcRaw, firstIndex))
				}
				r.log.Reset()
				r.pass()
				r.wantEntries()
				if held {
					r.wantLog("level=ERROR", "segment=1", "lost", "cdc_block_writes")
				} else {
					r.wantLog()
				}
				time.Sleep(time.Hour)
				if n := strings.Count(r.log.String(), "lost"); n > 1 {
					t.Errorf("told %d times", n)
				}
				if told := len(r.lost) == 1 && strings.Contains(r.lost[0], "cdc_block_writes"); told != held || len(r.lost) > 1 {
					t.Errorf("told those who watch: %q", r.lost)
				}
				r.wantFiles("CommitLog-7-2.log")
			})
		})
	}
}

// While the agent was busy, Cassandra made segments and took them away: that nobody has
// seen them is told, with their ids.
func TestSegmentsThatNobodyHasSeenAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		s.index("500")
		r.start()
		s.discard()
		remove(t, s.raw)
		remove(t, filepath.Join(r.cdcRaw, firstIndex))
		r.segment(5, entries(4, 6)...)
		r.pass()
		r.wantEntries(entries(1, 6)...)
		r.wantLog("level=ERROR", "from_segment=2", "to_segment=4", "lost", "cdc_block_writes")
		if len(r.lost) != 1 || !strings.Contains(r.lost[0], "from_segment 2 to_segment 4") {
			t.Errorf("told those who watch: %q", r.lost)
		}
	})
	// A gap alone says nothing: segments without CDC data come and go.
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		r.start()
		s.discard()
		remove(t, s.raw)
		r.segment(5, entries(4, 6)...)
		r.pass()
		r.wantEntries(entries(1, 6)...)
		r.wantLog()
	})
}

// The agent was away and Cassandra may take segments: what was read last is gone.
func TestASegmentThatIsGoneAtTheStartIsTold(t *testing.T) {
	for _, may := range []bool{true, false} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.mayRemove = may
			s := r.segment(1, entries(1, 3)...)
			r.start()
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			s.discard()
			remove(t, s.raw)
			r.segment(5, entries(4, 6)...)
			r.start()
			r.wantEntries(entries(1, 6)...)
			if may {
				r.wantLog("level=WARN", "segment=1", "cdc_block_writes")
			} else {
				r.wantLog()
			}
		})
	}
}

// Half of it was processed by an agent before, Java's or ours; the other half comes.
func TestASegmentThatIsHalfProcessed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		offset := s.end
		s.append(entries(4, 6)...)
		s.complete()
		s.discard()
		r.saved(1, fmt.Sprint(offset))
		r.start()
		r.wantEntries(entries(4, 6)...)
		r.wantFiles()
	})
}

// An offset that lies behind the end of what is written would pass over what comes
// next: it is set aside and the segment read from the start.
func TestAnOffsetBehindTheEndIsSetAside(t *testing.T) {
	for name, finish := range map[string]func(s *segment){
		"of the live segment":   func(*segment) {},
		"of a finished segment": func(s *segment) { s.complete(); s.discard() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				s := r.segment(1, entries(1, 3)...)
				finish(s)
				r.saved(1, fmt.Sprint(s.end+100))
				r.start()
				r.wantEntries(entries(1, 3)...)
				r.wantLog("level=WARN", "1_offset.dat", "set aside", fmt.Sprint(s.end+100))
				if _, err := os.Stat(filepath.Join(r.offset, "1_offset.dat.damaged")); err != nil {
					t.Error(err)
				}
				if name == "of the live segment" {
					s.append(entries(4, 6)...)
					r.pass()
					r.wantEntries(entries(4, 6)...)
					if got := r.savedOffset(1); got != s.end {
						t.Errorf("checkpoint %d, want %d", got, s.end)
					}
				} else {
					r.wantFiles()
				}
			})
		})
	}
}

// The offset of the last entry is no such offset, wherever the marker stands; nor is that
// of a segment with nothing but a descriptor.
func TestAnOffsetAtTheEndIsFine(t *testing.T) {
	for _, synced := range []bool{false, true} {
		inBubble(t, func(_ *testing.T, r *rig) {
			s := r.segment(1, entries(1, 3)...)
			r.saved(1, fmt.Sprint(s.end))
			if synced {
				s.sync()
			}
			r.start()
			r.wantEntries()
			r.wantLog()
			s.append(entries(4, 6)...)
			r.pass()
			r.wantEntries(entries(4, 6)...)
		})
	}
}

// After a crash replay rewrites the index, with a number that means nothing; a segment
// that was fully flushed before gets no word at all, and has one name in the end.
func TestLeftoversOfACrash(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		replayed := r.segment(1, entries(1, 3)...)
		replayed.sync()
		replayed.append(entries(4, 4)...) // behind the last marker
		replayed.index("200")
		flushed := r.segment(2, entries(5, 7)...)
		flushed.sync()
		flushed.index("150")
		r.segment(3) // made ahead of need
		r.start()
		r.wantEntries(entries(1, 7)...)
		r.wantFiles(first, firstIndex, "CommitLog-7-2.log", "CommitLog-7-2_cdc.idx", "CommitLog-7-3.log")
		replayed.index(fmt.Sprintf("%d\nCOMPLETED", segmentSize))
		flushed.discard()
		r.segment(4, entries(8, 9)...)
		r.pass()
		r.wantEntries(entries(8, 9)...)
		r.wantFiles("CommitLog-7-3.log", "CommitLog-7-4.log")
	})
}

// After an upgrade, segments of both versions lie side by side; the ids say their order.
func TestAnUpgradeOfCassandra(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		r.version = 7
		s := r.segment(9, entries(1, 3)...)
		r.start()
		r.wantEntries(entries(1, 3)...)
		s.complete()
		s.discard()
		r.version = 8
		r.segment(10, entries(4, 6)...)
		r.pass()
		r.wantEntries(entries(4, 6)...)
		if got := r.versions; got[0] != 7 || got[len(got)-1] != 8 {
			t.Errorf("versions %v", got)
		}
		r.wantFiles("CommitLog-8-10.log")
	})
}

// The clock went back and the commit log directory was emptied: new segments have smaller
// ids than old ones. All are read, and soon.
func TestSegmentIdsThatGoBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old := r.segment(1000, entries(1, 3)...)
		r.start()
		r.wantEntries(entries(1, 3)...)
		s := r.segment(10)
		for i := 4; i < 40; i++ {
			s.append(entries(i, i)...)
			time.Sleep(3 * time.Second)
			r.wantEntries(entries(i, i)...)
		}
		old.complete()
		s.complete()
		r.pass()
		r.wantFiles()
	})
}

// A node with many segments that wait for their flush: they are looked at now and then,
// and what comes late in them is seen.
func TestManyOldSegments(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var old []*segment
		for id := range int64(50) {
			old = append(old, r.segment(1+id, entries(int(id), int(id))...))
		}
		s := r.segment(100, entries(50, 50)...)
		r.segment(101)
		r.start()
		r.wantEntries(entries(0, 50)...)
		time.Sleep(time.Minute)
		reads := 0
		r.disk.Set(func(op, path string) error {
			if op == "read" && !strings.Contains(path, "CommitLog-7-10") {
				reads++
			}
			return nil
		})
		time.Sleep(time.Minute)
		if most := 50 * 3 * 31; reads > most {
			t.Errorf("%d reads of idle segments in a minute, want no more than %d", reads, most)
		}
		old[7].append(entries(51, 51)...)
		s.append(entries(52, 52)...)
		r.pass()
		got := r.taken()
		if len(got) != 2 {
			t.Errorf("%q", got)
		}
	})
}
