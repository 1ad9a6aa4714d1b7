// Which entries the tailer hands out, in which order, how soon, and what ends it.

package tail_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/corpustest"
)

// Segments of real nodes, all in one cdc_raw: every entry that Cassandra's own reader
// finds, in the order of the segments' ids, which is not that of their names.
func TestEntriesComeInTheOrderOfTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var segments []string
		for _, scenario := range corpustest.Scenarios(t) {
			// What a crash left behind the last marker the tailer reads too, and
			// Cassandra does not: that is for the reader's own tests, and so are keys.
			if !strings.Contains(scenario, "crash") && !strings.Contains(scenario, "encrypted") {
				segments = append(segments, corpustest.Segments(t, scenario)...)
			}
		}
		type place struct {
			commitlog.Position
			version int
		}
		var want []place
		for _, s := range segments {
			name := filepath.Base(s)
			id, _ := commitlog.ParseFileName(name)
			for _, to := range []string{name, strings.TrimSuffix(name, ".log") + "_cdc.idx"} {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(s), to))
				if err == nil {
					err = os.WriteFile(filepath.Join(r.cdcRaw, to), data, 0o644)
				}
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			version := int(name[len("CommitLog-")] - '0')
			for _, l := range corpustest.Lines(t, s) {
				want = append(want, place{commitlog.Position{Segment: id, Offset: l.End}, version})
			}
		}
		slices.SortFunc(want, func(a, b place) int {
			if a.Before(b.Position) {
				return -1
			}
			return 1
		})
		r.start()
		var got []place
		for i, p := range r.positions {
			got = append(got, place{p, r.versions[i]})
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("entries (-Cassandra +ours):\n%.2000s", diff)
		}
		r.wantFiles() // all of them are finished: their only name is here
	})
}

// A segment that takes more than one round to read is read to its end before the next
// one begins.
func TestALongSegmentIsReadBeforeTheNext(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		r.segment(1, entries(1, 10000)...).complete()
		r.segment(2, entries(10001, 10003)...)
		r.start()
		r.wantEntries(entries(1, 10003)...)
	})
}

// Bytes that appear in place in a preallocated file are seen as they are written: no
// marker and no index has to say so, and the delay is that of the poll.
func TestLiveGrowthIsSeenWithoutMarkers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var delay time.Duration
		var written time.Time
		r.onEntry = func(context.Context, string) error { delay = max(delay, time.Since(written)); return nil }
		s := r.segment(1)
		r.start()
		for i := 1; i <= 50; i++ {
			if i%7 == 0 {
				s.sync() // markers come behind the entries, now and then
			}
			written = time.Now()
			s.append(entries(i, i)...)
			if i%3 > 0 {
				time.Sleep(time.Duration(i) * time.Millisecond)
				synctest.Wait()
			}
			if i == 25 {
				s.sync()
				s = r.segment(2)
				r.changed <- struct{}{} // inotify
				time.Sleep(time.Second)
			}
		}
		r.pass()
		r.wantEntries(entries(1, 50)...)
		// The longest wait comes after the longest silence.
		if delay > 20*time.Millisecond {
			t.Errorf("an entry waited %v in the file", delay)
		}
	})
}

// An entry whose bytes are there only in part is handed out when it is whole.
func TestAHalfWrittenEntryWaits(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		s := r.segment(1, entries(1, 1)...)
		r.start()
		f := frame("entry 000002")
		s.write(s.end, f[:len(f)-3])
		// The one behind it is whole already: Cassandra fills frames concurrently.
		s.write(s.end+int64(len(f)), frame("entry 000003"))
		r.pass()
		r.wantEntries("entry 000001")
		s.write(s.end, f)
		r.pass()
		r.wantEntries(entries(2, 3)...)
	})
}

func TestASegmentWithoutDescriptorIsPickedUpWhenItIsWritten(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		s := r.create(1)
		r.start()
		r.wantFiles("CommitLog-7-1.log")
		s.allocate()
		r.pass()
		r.wantFiles("CommitLog-7-1.log")
		s.describe("{}")
		r.pass()
		s.append(entries(1, 2)...)
		r.pass()
		r.wantEntries(entries(1, 2)...)
	})
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, name := range []string{"CommitLog-7-1_cdc.idx", "CommitLog-7.log", "CommitLog-7-x.log", "CommitLog-7-1.log.bak", "notes.txt"} {
			if err := os.WriteFile(filepath.Join(r.cdcRaw, name), []byte("not ours"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before := r.files()
		r.start()
		r.wantFiles(before...)
	})
}

// Damage is handed over with its bytes, and what lies behind it is read.
func TestDamageIsHandedOverAndReadingGoesOn(t *testing.T) {
	broken := func(body string, at int) []byte {
		f := frame(body)
		f[at] ^= 1
		return f
	}
	for name, c := range map[string]struct {
		write func(s *segment) (damage string)
		want  []string
	}{
		"a flipped bit in a body": {
			func(s *segment) string {
				at, bad := s.end, broken("entry 000002", 9)
				s.write(at, bad)
				s.end += int64(len(bad))
				s.append("entry 000003")
				return fmt.Sprintf("1:%d-%d %x", at, at+int64(len(bad)), bad)
			},
			[]string{"entry 000001", "entry 000003", "entry 000004"},
		},
		"a flipped bit in a size": {
			func(s *segment) string {
				at, bad := s.end, broken("entry 000002", 2)
				s.write(at, bad)
				s.end += int64(len(bad))
				s.append("entry 000003") // found all the same
				return fmt.Sprintf("1:%d-%d %x", at, at+int64(len(bad)), bad)
			},
			[]string{"entry 000001", "entry 000003", "entry 000004"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				s := r.segment(1, "entry 000001")
				want := c.write(s)
				r.start()
				if len(r.damage) > 0 {
					t.Errorf("damage before Cassandra said that the section is written: %v", r.damage)
				}
				s.sync()
				s.append("entry 000004")
				r.pass()
				r.wantEntries(c.want...)
				if !slices.Equal(r.damage, []string{want}) {
					t.Errorf("damage %q, want %q", r.damage, want)
				}
				s.complete()
				r.pass()
				r.wantFiles() // damage that was handed over keeps no segment
			})
		})
	}
}

// A marker that ends its section inside an entry which was read ahead of it: nothing
// can be copied, and the tailer must live on.
func TestAMarkerBehindTheReaderIsDamageWithoutBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 2)...)
		r.start()
		r.wantEntries(entries(1, 2)...)
		s.mark(s.end - 5)
		s.append("entry 000003")
		r.segment(2, "entry 000004")
		r.pass()
		got := r.taken()
		if len(r.damage) == 0 || !strings.HasSuffix(r.damage[0], " ") {
			t.Errorf("damage %q, want one without bytes", r.damage)
		}
		if !slices.Contains(got, "entry 000004") {
			t.Errorf("entries %q: the next segment is not read", got)
		}
	})
}

// After a restart reading resumes behind the checkpoint, and not an entry further
// than the acknowledgements have no gap (invariant 2).
func TestRestartResumesBehindTheAcknowledgements(t *testing.T) {
	for name, c := range map[string]struct {
		missing []string // acknowledgements
		again   []string
	}{
		"all there":       {nil, nil},
		"one in between":  {entries(3, 3), entries(3, 6)},
		"the first":       {entries(1, 1), entries(1, 6)},
		"the last":        {entries(6, 6), entries(6, 6)},
		"none there":      {entries(1, 6), entries(1, 6)},
		"first, and last": {[]string{"entry 000002", "entry 000006"}, entries(2, 6)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.hold = func(body string) bool { return slices.Contains(c.missing, body) }
				s := r.segment(1, entries(1, 2)...)
				s.sync()
				s.append(entries(3, 4)...)
				s.sync()
				s.append(entries(5, 6)...)
				r.start()
				r.wantEntries(entries(1, 6)...)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				r.hold = nil
				s.append(entries(7, 7)...)
				r.start()
				r.wantEntries(append(c.again, "entry 000007")...)
			})
		})
	}
}

// A kill leaves no time for a last checkpoint: it must be no older than a second or so.
func TestCheckpointsAreSavedWhileRunning(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		r.start()
		if got := r.savedOffset(1); got != s.end {
			t.Errorf("checkpoint %d, everything up to %d is acknowledged", got, s.end)
		}
	})
}

// An entry that the handler does not take is the only thing that ends the tailing.
func TestAnErrorOfTheHandlerEndsTheTailing(t *testing.T) {
	broken := errors.New("broken")
	inBubble(t, func(t *testing.T, r *rig) {
		r.segment(1, entries(1, 3)...)
		r.onEntry = func(_ context.Context, body string) error {
			if body == "entry 000002" {
				return broken
			}
			return nil
		}
		r.start()
		if err := r.end(); !errors.Is(err, broken) {
			t.Errorf("Run ended with %v", err)
		}
		r.wantEntries("entry 000001")
	})
}

// The clock of the bubble stands still between the cancel and the end.
func TestCancelEndsRunAtOnce(t *testing.T) {
	for name, busy := range map[string]bool{"while idle": false, "while reading": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.segment(1, entries(1, 10000)...)
				r.onEntry = func(context.Context, string) error {
					if busy && len(r.bodies) == 99 {
						r.cancel()
					}
					return nil
				}
				r.start()
				if !busy {
					r.cancel()
					synctest.Wait()
				}
				if err := r.end(); err != nil {
					t.Errorf("Run ended with %v", err)
				}
				if busy {
					r.wantEntries(entries(1, 100)...)
				}
			})
		})
	}
}

// The test's own segments must be what the format says, or the tests above prove little.
func TestTheFakeNodeWritesWhatCassandraWrites(t *testing.T) {
	segment := corpustest.Segments(t, "4.1.10/types")[0]
	real, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(t *testing.T, r *rig) {
		id, _ := commitlog.ParseFileName(filepath.Base(segment))
		s := r.create(id)
		s.allocate()
		s.describe("{}")
		end := int64(binary.BigEndian.Uint32(real[s.marker:]))
		for s.end < end {
			size := int64(binary.BigEndian.Uint32(real[s.end:]))
			if size == 0 {
				break
			}
			s.append(string(real[s.end+8 : s.end+8+size]))
		}
		s.end = end
		s.sync()
		ours, err := os.ReadFile(s.raw)
		if err != nil || !slices.Equal(ours[:end], real[:end]) {
			t.Errorf("the first section differs from that of a real node (%v)", err)
		}
	})
}
