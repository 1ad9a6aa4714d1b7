// What the tests of this package share: a fake node that writes segments the way
// Cassandra does (preallocated files, hard links, markers, index files) and a tailer
// that follows them. Tests run in a synctest bubble: time is fake, so that "after two
// scans" is exact, and a goroutine that outlives its test fails it.

package tail_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/checkpoint"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/tail"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files/faults"
)

// rig is a node's directories and a tailer on them, which start starts.
type rig struct {
	t                         *testing.T
	commitLog, cdcRaw, offset string
	*handler
	disk      faults.Disk
	log       bytes.Buffer
	changed   chan struct{}
	rescan    time.Duration
	turn      func()
	lost      []string
	mayRemove bool
	version   int             // log version of the segments the node makes
	node      map[string]bool // descriptors of files that the node has open itself

	store  *checkpoint.Store
	tailer *tail.Tailer
	cancel context.CancelFunc
	ended  chan error
}

func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := &rig{t: t, commitLog: filepath.Join(dir, "commitlog"), cdcRaw: filepath.Join(dir, "cdc_raw"), offset: filepath.Join(dir, "offsets"), handler: &handler{}, changed: make(chan struct{}, 1), version: 7, node: map[string]bool{}}
		for _, d := range []string{r.commitLog, r.cdcRaw} {
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		test(t, r)
		if r.cancel != nil {
			if err := r.stop(); err != nil {
				t.Errorf("Run ended with %v", err)
			}
		}
	})
}

// start runs a tailer as the agent does after a start.
func (r *rig) start() {
	r.t.Helper()
	var err error
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	if r.store, err = checkpoint.OpenStore(r.offset, &r.disk, log); err != nil {
		r.t.Fatal(err)
	}
	r.tailer = tail.New(tail.Config{
		CDCRawDir: r.cdcRaw, CommitLogDir: r.commitLog, Rescan: r.rescan, Checkpoints: r.store, Log: log,
		Files: &r.disk, Changed: r.changed, MayRemove: r.mayRemove, Turn: r.turn,
		Lost: func(what string) { r.lost = append(r.lost, what) },
	})
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel, r.ended = cancel, make(chan error, 1)
	go func() { r.ended <- r.tailer.Run(ctx, r.handler) }()
	r.pass()
}

// pass lets the tailer do all it has to do: two scans (one that finds a segment
// finished, one that deletes it), the reading between them, and a checkpoint.
func (r *rig) pass() {
	time.Sleep(5 * time.Second)
	synctest.Wait()
}

// stop ends the tailer in good order; err is what Run ended with.
func (r *rig) stop() error {
	r.t.Helper()
	r.cancel()
	err := <-r.ended
	r.cancel = nil
	if saved := r.tailer.Save(); saved != nil {
		r.t.Error(saved)
	}
	r.nothingOpen()
	return err
}

// end is what Run has ended with; it must have ended by now.
func (r *rig) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		r.cancel()
		r.cancel = nil
		r.nothingOpen()
		return err
	default:
		r.t.Fatal("Run goes on")
		return nil
	}
}

// wantLog checks that the log says each of the words, and nothing at all without any.
func (r *rig) wantLog(words ...string) {
	r.t.Helper()
	text := r.log.String()
	for _, w := range words {
		if !strings.Contains(text, w) {
			r.t.Errorf("the log does not say %q:\n%s", w, text)
		}
	}
	if len(words) == 0 && text != "" {
		r.t.Errorf("the log should be silent:\n%s", text)
	}
}

// nothingOpen checks that no segment is open any more: an open file keeps its disk
// space after it was deleted.
func (r *rig) nothingOpen() {
	r.t.Helper()
	if open := r.open(); len(open) > 0 {
		r.t.Errorf("still open: %v", open)
	}
}

// open lists the segments that the tailer has open; the fake node's own file is not among them.
func (r *rig) open() (names []string) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil // not on Linux
	}
	for _, fd := range fds {
		if r.node[fd.Name()] {
			continue
		}
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && (strings.HasPrefix(name, r.cdcRaw+"/") || strings.HasPrefix(name, r.commitLog+"/")) {
			names = append(names, filepath.Base(name))
		}
	}
	return names
}

// files lists what lies in cdc_raw.
func (r *rig) files() []string {
	r.t.Helper()
	list, err := os.ReadDir(r.cdcRaw)
	if err != nil {
		r.t.Fatal(err)
	}
	names := []string{}
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

// savedOffset is the checkpoint on disk; -1 when there is none.
func (r *rig) savedOffset(segment int64) int64 {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(r.offset, fmt.Sprintf("%d_offset.dat", segment)))
	if errors.Is(err, fs.ErrNotExist) {
		return -1
	}
	var n int64
	if err == nil {
		_, err = fmt.Sscan(string(content), &n)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// saved makes a checkpoint file before the agent starts.
func (r *rig) saved(segment int64, content string) {
	r.t.Helper()
	err := os.MkdirAll(r.offset, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(r.offset, fmt.Sprintf("%d_offset.dat", segment)), []byte(content), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// handler writes down what it is given. It acknowledges an entry at once unless hold
// says to wait.
type handler struct {
	hold     func(body string) bool
	onEntry  func(ctx context.Context, body string) error
	onDamage func() error

	bodies    []string
	positions []commitlog.Position
	versions  []int
	marks     map[string]*checkpoint.Mark // of entries that wait
	damage    []string                    // position, end, bytes
}

func (h *handler) Entry(ctx context.Context, e tail.Entry) error {
	body := string(e.Body)
	if h.onEntry != nil {
		if err := h.onEntry(ctx, body); err != nil {
			return err
		}
	}
	h.bodies, h.positions, h.versions = append(h.bodies, body), append(h.positions, e.Position), append(h.versions, e.Version)
	mark := e.Watermark.Add(e.Position.Offset, 1)
	if h.hold == nil || !h.hold(body) {
		mark.Ack()
		return nil
	}
	if h.marks == nil {
		h.marks = map[string]*checkpoint.Mark{}
	}
	h.marks[body] = mark
	return nil
}

func (h *handler) Damage(d *commitlog.DamageError, raw io.Reader) error {
	if h.onDamage != nil {
		if err := h.onDamage(); err != nil {
			return err
		}
	}
	copied, err := io.ReadAll(raw)
	if err != nil {
		return err
	}
	h.damage = append(h.damage, fmt.Sprintf("%s-%d %x", d.Position, d.To, copied))
	return nil
}

// ack acknowledges entries that wait.
func (r *rig) ack(bodies ...string) {
	r.t.Helper()
	for _, b := range bodies {
		if r.marks[b] == nil {
			r.t.Fatalf("%s was not handed out", b)
		}
		r.marks[b].Ack()
	}
}

// taken gives the entries since the last call.
func (h *handler) taken() []string {
	b := h.bodies
	h.bodies = nil
	return b
}

func (r *rig) wantEntries(want ...string) {
	r.t.Helper()
	got := r.taken()
	for i := range max(len(got), len(want)) {
		if i == len(got) || i == len(want) || got[i] != want[i] {
			r.t.Errorf("%d entries, want %d; from the %dth on: %q, want %q", len(got), len(want), i, got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
			return
		}
	}
}

func (r *rig) wantFiles(want ...string) {
	r.t.Helper()
	if got := r.files(); !slices.Equal(got, want) {
		r.t.Errorf("cdc_raw holds %q, want %q", got, want)
	}
}

// segment is a segment that the fake node writes.
type segment struct {
	t         *testing.T
	version   int
	id        int64
	live, raw string // names in the commit log directory and in cdc_raw
	file      *os.File
	marker    int64 // offset of the marker of the open section
	end       int64 // where the next frame goes
}

const segmentSize = 1 << 20

// create makes a preallocated segment without a descriptor, linked into cdc_raw unless the
// node is a 3.11.
func (r *rig) create(id int64) *segment {
	r.t.Helper()
	name := fmt.Sprintf("CommitLog-%d-%d.log", r.version, id)
	s := &segment{t: r.t, version: r.version, id: id, live: filepath.Join(r.commitLog, name), raw: filepath.Join(r.cdcRaw, name)}
	var err error
	if s.file, err = os.Create(s.live); err == nil && r.version > 6 {
		err = os.Link(s.live, s.raw)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.node[fmt.Sprint(s.file.Fd())] = true
	r.t.Cleanup(func() { s.file.Close() })
	return s
}

// segment makes a segment with a descriptor and the entries, not synced.
func (r *rig) segment(id int64, entries ...string) *segment {
	r.t.Helper()
	s := r.create(id)
	s.allocate()
	s.describe("{}")
	s.append(entries...)
	return s
}

func (s *segment) allocate() {
	s.t.Helper()
	if err := s.file.Truncate(segmentSize); err != nil {
		s.t.Fatal(err)
	}
}

func (s *segment) write(at int64, b []byte) {
	s.t.Helper()
	if _, err := s.file.WriteAt(b, at); err != nil {
		s.t.Fatal(err)
	}
}

// describe writes the descriptor.
func (s *segment) describe(params string) {
	s.t.Helper()
	d := binary.BigEndian.AppendUint32(nil, uint32(s.version))
	d = binary.BigEndian.AppendUint64(d, uint64(s.id))
	d = binary.BigEndian.AppendUint16(d, uint16(len(params)))
	d = append(d, params...)
	in := binary.BigEndian.AppendUint32(nil, uint32(s.version))
	in = binary.BigEndian.AppendUint32(in, uint32(s.id))
	in = binary.BigEndian.AppendUint32(in, uint32(s.id>>32))
	in = binary.BigEndian.AppendUint32(in, uint32(len(params)))
	d = binary.BigEndian.AppendUint32(d, crc32.ChecksumIEEE(append(in, params...)))
	s.write(0, d)
	s.marker = int64(len(d))
	s.end = s.marker + 8
}

func frame(body string) []byte {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	f := binary.BigEndian.AppendUint32(size, crc32.ChecksumIEEE(size))
	f = append(f, body...)
	return binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(append(bytes.Clone(size[:4]), body...)))
}

// append writes entries in place, ahead of the sync.
func (s *segment) append(bodies ...string) {
	s.t.Helper()
	for _, b := range bodies {
		f := frame(b)
		s.write(s.end, f)
		s.end += int64(len(f))
	}
}

// sync closes the section.
func (s *segment) sync() {
	s.t.Helper()
	s.mark(s.end)
	s.marker = s.end
	s.end += 8
}

// mark writes the marker of the open section.
func (s *segment) mark(next int64) {
	s.t.Helper()
	in := binary.BigEndian.AppendUint32(nil, uint32(s.id))
	in = binary.BigEndian.AppendUint32(in, uint32(s.id>>32))
	in = binary.BigEndian.AppendUint32(in, uint32(s.marker))
	m := binary.BigEndian.AppendUint32(nil, uint32(next))
	s.write(s.marker, binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(in)))
}

// index writes the index file.
func (s *segment) index(content string) {
	s.t.Helper()
	if err := os.WriteFile(strings.TrimSuffix(s.raw, ".log")+"_cdc.idx", []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// complete closes the segment as Cassandra does when it is full.
func (s *segment) complete() {
	s.t.Helper()
	s.sync()
	s.index(fmt.Sprintf("%d\nCOMPLETED", s.marker))
}

// move is what 3.11 does with a segment with CDC data when all tables are flushed.
func (s *segment) move() {
	s.t.Helper()
	if err := os.Rename(s.live, s.raw); err != nil {
		s.t.Fatal(err)
	}
}

// discard is what Cassandra does with its own name when all tables are flushed.
func (s *segment) discard() { remove(s.t, s.live) }

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// entries are bodies from first to last.
func entries(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprintf("entry %06d", i))
	}
	return all
}
