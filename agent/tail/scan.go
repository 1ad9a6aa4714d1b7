// Which segments there are: the truth is what the directories hold, looked at in full
// every time.

package tail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// listing is what one look at the directories has found: names of segments by id.
type listing struct {
	live    map[int64]string // in the commit log directory; nil when that could not be listed
	raw     map[int64]string // in cdc_raw
	indexes map[string]bool  // names of index files in cdc_raw
}

// list looks at both directories. The commit log comes first: 3.11 moves a segment from
// there to cdc_raw, so that one which moves just now is seen twice and never not at all.
func (t *Tailer) list() (l listing, err error) {
	entries, err := t.cfg.Files.ReadDir(t.cfg.CommitLogDir)
	if err == nil {
		l.live = map[int64]string{}
		for _, f := range entries {
			if id, ok := commitlog.ParseFileName(f.Name()); ok {
				l.live[id] = f.Name()
			}
		}
	} else {
		t.warn(&t.listing, "the commit log directory cannot be listed; trying again", "error", err)
	}
	if entries, err = t.cfg.Files.ReadDir(t.cfg.CDCRawDir); err != nil {
		return l, err
	}
	l.raw, l.indexes = map[int64]string{}, map[string]bool{}
	foreign := map[string]bool{}
	for _, f := range entries {
		id, ok := commitlog.ParseFileName(f.Name())
		_, twice := l.raw[id]
		switch {
		case ok && !twice && !f.IsDir():
			l.raw[id] = f.Name()
		case strings.HasSuffix(f.Name(), "_cdc.idx"):
			l.indexes[f.Name()] = true
		default:
			foreign[f.Name()] = true
			if !t.foreign[f.Name()] {
				t.cfg.Log.Warn("a file in cdc_raw is none of Cassandra's: it is left alone", "file", filepath.Join(t.cfg.CDCRawDir, f.Name()))
			}
		}
	}
	t.foreign = foreign
	return l, nil
}

// scan brings the list of segments up to date with the directories: new ones are added,
// finished and published ones are deleted.
func (t *Tailer) scan() {
	l, err := t.list()
	if t.unlisted = err; err != nil {
		t.warn(&t.listing, "cdc_raw cannot be listed; trying again", "error", err)
		return
	}
	first := t.newest == 0
	taken := t.update(l)
	if first {
		t.missingAtStart(l)
	}
	t.add(l, taken)
	var kept []*segment
	for _, s := range t.segments {
		s.look()
		if t.letGo(s) {
			s.close()
		} else {
			kept = append(kept, s)
		}
	}
	t.segments = kept
	t.forget(l)
}

// update notes where the known segments are now. It reports whether Cassandra has taken
// one with changes away from cdc_raw.
func (t *Tailer) update(l listing) (taken bool) {
	for _, s := range t.segments {
		_, raw := l.raw[s.id]
		if s.raw && !raw && s.index {
			taken = true
		}
		s.raw = raw
		if l.live != nil {
			_, s.live = l.live[s.id]
		}
		s.index = s.index || l.indexes[commitlog.IndexName(s.name)]
	}
	return taken
}

// add takes in the segments that were not there before. One that is in the commit log
// directory alone is followed on Cassandra 3.11, which moves it to cdc_raw when its
// tables are flushed and not before; and later only when there is a checkpoint for it,
// since a segment that was never read was never linked either, and one that another agent
// has finished would be published again.
func (t *Tailer) add(l listing, taken bool) {
	found := map[int64]string{}
	for id, name := range l.live {
		if strings.HasPrefix(name, fmt.Sprintf("CommitLog-%d-", commitlog.Version30)) || t.cfg.Checkpoints.Offset(id) > 0 {
			found[id] = name
		}
	}
	for id, name := range l.raw {
		found[id] = name
	}
	for _, s := range t.segments {
		delete(found, s.id)
	}
	if len(found) == 0 {
		return
	}
	before, oldest := t.newest, int64(0)
	for id, name := range found {
		s := newSegment(t, id, name)
		_, s.raw = l.raw[id]
		_, s.live = l.live[id]
		s.index = l.indexes[commitlog.IndexName(name)]
		t.segments = append(t.segments, s)
		t.newest = max(t.newest, id)
		if id > before && (oldest == 0 || id < oldest) {
			oldest = id
		}
	}
	slices.SortFunc(t.segments, func(a, b *segment) int { return cmp.Compare(a.id, b.id) })
	if taken && before > 0 && oldest > before+1 {
		t.lost("Cassandra has removed segments from cdc_raw before the agent has seen them: changes in them are lost (cdc_block_writes is false in cassandra.yaml, and the agent was behind)",
			"from_segment", before+1, "to_segment", oldest-1)
	}
}

// missingAtStart tells of segments that Cassandra has removed while no agent was running.
func (t *Tailer) missingAtStart(l listing) {
	known := t.cfg.Checkpoints.Segments()
	if !t.cfg.MayRemove || l.live == nil || len(known) == 0 {
		return
	}
	last := slices.Max(known)
	if l.raw[last] == "" && l.live[last] == "" {
		t.cfg.Log.Warn("the segment that was read last is gone from cdc_raw: Cassandra may have removed it, and those behind it, before they were read (cdc_block_writes is false in cassandra.yaml); where they held changes, those are lost",
			"segment", last, "read_to", t.cfg.Checkpoints.Offset(last))
	}
}

// missing says whether an error is that of a file that is not there.
func missing(err error) bool { return os.IsNotExist(err) }
