// What is wrong with files and directories is told, tried again, and stops nothing else.

package tail_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// faulty lets the operations fail whose name and path have these words.
func faulty(r *rig, op, path string, err error) {
	r.disk.Set(func(o, p string) error {
		if o == op && strings.Contains(p, path) {
			return err
		}
		return nil
	})
}

// Each fault befalls the first of two segments. The second one is read to its end and
// deleted; the first one is, once the fault is over, and not before.
func TestAFaultStopsNothingElse(t *testing.T) {
	const segment = "CommitLog-7-1.log"
	for name, c := range map[string]struct {
		op, path string
		err      error
		kept     bool // the second segment is kept too
		early    bool // the entries of the first come all the same
		log      string
	}{
		"permission denied":         {"open", segment, syscall.EACCES, false, false, "cannot be opened"},
		"too many open files":       {"open", segment, syscall.EMFILE, false, false, "cannot be opened"},
		"an input or output error":  {"read", segment, syscall.EIO, false, false, "cannot be read"},
		"the size cannot be had":    {"stat", segment, syscall.EIO, false, false, "cannot be read"},
		"cdc_raw is read-only":      {"remove", "CommitLog", syscall.EROFS, true, true, "cannot be deleted"},
		"no permission to delete":   {"remove", segment, syscall.EACCES, false, true, "cannot be deleted"},
		"no space for a checkpoint": {"write", "_offset.dat", syscall.ENOSPC, true, true, "checkpoint"},
		"no sync of a checkpoint":   {"sync", "_offset.dat", syscall.EIO, true, true, "checkpoint"},
		"no rename of a checkpoint": {"rename", "1_offset.dat", syscall.EROFS, false, true, "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				faulty(r, c.op, c.path, c.err)
				r.segment(1, entries(1, 3)...).complete()
				r.segment(2, entries(4, 6)...).complete()
				r.start()
				time.Sleep(time.Minute)
				want := entries(4, 6)
				if c.early {
					want = entries(1, 6)
				}
				r.wantEntries(want...)
				files := strings.Join(r.files(), " ")
				if !strings.Contains(files, segment) {
					t.Errorf("the segment is gone: %s", files)
				}
				if got := strings.Contains(files, "CommitLog-7-2.log"); got != c.kept {
					t.Errorf("the other segment: %v; cdc_raw holds %s", got, files)
				}
				r.wantLog(c.log, c.err.Error(), "lines_left_out")
				if n := strings.Count(r.log.String(), "\n"); n > 30 {
					t.Errorf("%d lines in a minute", n)
				}
				r.disk.Set(nil)
				r.pass()
				if !c.early {
					r.wantEntries(entries(1, 3)...)
				} else {
					r.wantEntries()
				}
				r.wantFiles()
			})
		})
	}
}

// A read that fails in the middle goes on behind the last entry, no entry twice.
func TestReadingGoesOnBehindAnError(t *testing.T) {
	inBubble(t, func(_ *testing.T, r *rig) {
		s := r.segment(1, entries(1, 3)...)
		r.start()
		r.wantEntries(entries(1, 3)...)
		faulty(r, "read", "CommitLog", syscall.EIO)
		s.append(entries(4, 6)...)
		r.pass()
		r.wantEntries()
		r.disk.Set(nil)
		r.pass()
		r.wantEntries(entries(4, 6)...)
		r.wantLog("cannot be read", "input/output error")
	})
}

func TestADirectoryThatCannotBeListedIsTriedAgain(t *testing.T) {
	for _, dir := range []string{"cdc_raw", "commitlog"} {
		t.Run(dir, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				s := r.segment(1, entries(1, 3)...)
				r.start()
				r.wantEntries(entries(1, 3)...)
				faulty(r, "readdir", dir, syscall.EIO)
				s.append(entries(4, 6)...) // in a segment that is open
				r.pass()
				r.wantEntries(entries(4, 6)...)
				r.wantLog("cannot be listed", "input/output error")
				r.disk.Set(nil)
				s.complete()
				r.segment(2, entries(7, 9)...)
				r.pass()
				r.wantEntries(entries(7, 9)...)
				r.wantFiles("CommitLog-7-2.log")
			})
		})
	}
}

// The agent is started before Cassandra, or a volume is mounted late.
func TestACDCRawThatComesLater(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		remove(t, r.cdcRaw)
		r.start()
		r.wantLog("cdc_raw cannot be listed")
		if err := os.Mkdir(r.cdcRaw, 0o755); err != nil {
			t.Fatal(err)
		}
		r.segment(1, entries(1, 3)...)
		r.pass()
		r.wantEntries(entries(1, 3)...)
	})
}

// What this version cannot read may be read by another, or with another setting: it
// stays.
func TestASegmentThatIsNotUnderstoodStays(t *testing.T) {
	for name, c := range map[string]struct {
		version int
		params  string
		log     []string
	}{
		"of a later Cassandra":             {10, "{}", []string{"log version 10"}},
		"compressed by a class of its own": {7, `{"compressionClass":"com.example.Zipper"}`, []string{"com.example.Zipper", "commitlog_compression", "cassandra.yaml"}},
		"encrypted, without a keystore":    {7, `{"encCipher":"AES/CBC/PKCS5Padding","encKeyAlias":"a:1","encIV":"00"}`, []string{"encrypted", "transparent_data_encryption_options"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) {
				r.version = c.version
				s := r.create(1)
				s.describe(c.params)
				s.complete()
				s.discard()
				r.version = 7
				r.segment(2, entries(1, 3)...).complete()
				r.start()
				r.wantEntries(entries(1, 3)...)
				name := fmt.Sprintf("CommitLog-%d-1", c.version)
				r.wantFiles(name+".log", name+"_cdc.idx")
				r.wantLog(append(c.log, name)...)
			})
		})
	}
}

// A file without a descriptor goes into quarantine as a whole, when Cassandra is done
// with it and not before.
func TestADamagedDescriptorIsDamageOfTheWholeFile(t *testing.T) {
	for name, damage := range map[string]func(s *segment){
		"a flipped bit in the id":        func(s *segment) { s.write(9, []byte{0xff}) },
		"a flipped bit in the length":    func(s *segment) { s.write(12, []byte{0xff}) },
		"zeros where the version was":    func(s *segment) { s.write(0, make([]byte, 4)) },
		"a file cut in the descriptor":   func(s *segment) { s.file.Truncate(10) },
		"something else, in its own way": func(s *segment) { s.write(0, []byte("PK\x03\x04 this is no commit log")) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				full := errors.New("disk full")
				r.onDamage = func() error { return full }
				s := r.segment(1, entries(1, 3)...)
				s.sync()
				damage(s)
				want, err := os.ReadFile(s.raw)
				if err != nil {
					t.Fatal(err)
				}
				r.start()
				r.wantFiles(first)
				s.discard()
				r.pass()
				r.wantFiles(first) // not without a copy
				r.onDamage = nil
				r.pass()
				if len(r.damage) != 1 || r.damage[0] != fmt.Sprintf("1:0-%d %x", len(want), want) {
					t.Errorf("%d times damage, want the file once", len(r.damage))
				}
				r.wantFiles()
			})
		})
	}
}

// Invariants 2 and 3: without a copy of what is damaged neither the checkpoint passes it
// nor the segment goes. What lies behind it is read all the same.
func TestDamageThatCannotBeKeptHoldsItsSegment(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.onDamage = func() error { return syscall.ENOSPC }
		s := r.segment(1, entries(1, 2)...)
		before := s.end
		bad := frame("entry 000003")
		bad[12] ^= 1
		s.write(s.end, bad)
		s.end += int64(len(bad))
		s.append(entries(4, 5)...)
		s.complete()
		s.discard()
		r.start()
		r.wantEntries("entry 000001", "entry 000002", "entry 000004", "entry 000005")
		r.wantFiles(first, firstIndex)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if got := r.savedOffset(1); got != before {
			t.Errorf("checkpoint %d, the damage begins at %d", got, before)
		}
		r.onDamage = nil
		r.start() // after a restart all of it comes again
		if len(r.damage) != 1 || !strings.HasSuffix(r.damage[0], fmt.Sprintf(" %x", bad)) {
			t.Errorf("damage %q", r.damage)
		}
		r.wantEntries("entry 000004", "entry 000005")
		r.wantFiles()
	})
}

func TestForeignFilesAreToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if err := os.WriteFile(filepath.Join(r.cdcRaw, "notes.txt"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(r.cdcRaw, "CommitLog-7-9.log"), 0o755); err != nil {
			t.Fatal(err)
		}
		r.segment(1, entries(1, 3)...).complete()
		r.start()
		time.Sleep(10 * time.Minute)
		r.wantEntries(entries(1, 3)...)
		r.wantFiles("CommitLog-7-9.log", "notes.txt")
		if n := strings.Count(r.log.String(), "\n"); n != 2 {
			t.Errorf("%d lines for two files:\n%s", n, &r.log)
		}
		r.wantLog("notes.txt", "CommitLog-7-9.log")
	})
}
