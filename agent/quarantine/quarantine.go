// Package quarantine keeps on disk what the agent had to pass over, so that nothing is
// lost in silence: entries of the commit log that cannot be decoded or published, and
// stretches of a segment that cannot be read.
//
// For each there are two files named after the position: "<segment>-<offset>.entry" holds
// the bytes of the log, "<segment>-<offset>.reason" says in its first line why they are
// here, and in its second which log version they have. A damaged stretch has "-damage" in
// both names, since it begins where the entry of that position ends. What was replayed
// lies in the directory "replayed".
package quarantine

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/internal/files"
)

// Item is one thing in quarantine.
type Item struct {
	Position commitlog.Position
	Damage   bool   // a stretch of a segment, and no entry
	Version  int    // log version; 0 for damage, or when it is not known
	Reason   string // one line
	Size     int64  // bytes
	Time     time.Time
}

// Dir is a directory of such files.
type Dir struct {
	Path  string
	Files files.System // nil means files.Disk
}

const (
	bytesSuffix  = ".entry"
	reasonSuffix = ".reason"
	damageMark   = "-damage"
	replayed     = "replayed"
	versionKey   = "log version: "
)

func (d Dir) disk() files.System {
	if d.Files == nil {
		return files.Disk
	}
	return d.Files
}

// File is the path of the bytes of an item.
func (d Dir) File(i Item) string { return filepath.Join(d.Path, i.name()+bytesSuffix) }

func (i Item) name() string {
	name := fmt.Sprintf("%d-%d", i.Position.Segment, i.Position.Offset)
	if i.Damage {
		name += damageMark
	}
	return name
}

// Keep returns when the bytes and the reason are on the disk: the segment they come from
// may be deleted next. The same item may come again, after a restart.
func (d Dir) Keep(i Item, raw io.Reader) error {
	err := d.disk().MkdirAll(d.Path)
	if err == nil {
		text := strings.ReplaceAll(i.Reason, "\n", " ") + "\n"
		if i.Version > 0 {
			text += versionKey + strconv.Itoa(i.Version) + "\n"
		}
		err = files.Write(d.disk(), filepath.Join(d.Path, i.name()+reasonSuffix), strings.NewReader(text))
	}
	if err == nil {
		err = files.Replace(d.disk(), d.File(i), raw)
	}
	if err != nil {
		return fmt.Errorf("put what lies at %s into quarantine: %w", i.Position, err)
	}
	return nil
}

var itemName = regexp.MustCompile(`^(\d+)-(\d+)(` + damageMark + `)?` + regexp.QuoteMeta(bytesSuffix) + `$`)

// Names gives the names of what is in quarantine, without looking into the files.
func (d Dir) Names() (names []string, err error) {
	list, err := d.disk().ReadDir(d.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the quarantine: %w", err)
	}
	for _, f := range list {
		if itemName.MatchString(f.Name()) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// List gives what is in quarantine, in the order of the log. No directory is an empty one.
func (d Dir) List() ([]Item, error) {
	list, err := d.disk().ReadDir(d.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the quarantine: %w", err)
	}
	var all []Item
	for _, f := range list {
		m := itemName.FindStringSubmatch(f.Name())
		if m == nil {
			continue
		}
		position, err := commitlog.ParsePosition(m[1] + ":" + m[2])
		if err != nil {
			continue
		}
		i := Item{Position: position, Damage: m[3] != ""}
		info, err := f.Info()
		if err != nil {
			return nil, fmt.Errorf("list the quarantine: %w", err)
		}
		i.Size, i.Time = info.Size(), info.ModTime()
		text, err := files.Read(d.disk(), filepath.Join(d.Path, i.name()+reasonSuffix))
		if err != nil {
			text = []byte("not known: " + err.Error())
		}
		var rest string
		i.Reason, rest, _ = strings.Cut(string(text), "\n")
		if version, ok := strings.CutPrefix(strings.TrimSpace(rest), versionKey); ok {
			i.Version, _ = strconv.Atoi(version)
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Position.Segment, b.Position.Segment), cmp.Compare(a.Position.Offset, b.Position.Offset), cmp.Compare(a.name(), b.name()))
	})
	return all, nil
}

// Read gives the bytes of an item.
func (d Dir) Read(i Item) ([]byte, error) { return files.Read(d.disk(), d.File(i)) }

// Replayed moves an item aside.
func (d Dir) Replayed(i Item) error {
	aside := filepath.Join(d.Path, replayed)
	if err := d.disk().MkdirAll(aside); err != nil {
		return fmt.Errorf("move %s out of quarantine: %w", i.Position, err)
	}
	for _, suffix := range []string{reasonSuffix, bytesSuffix} {
		name := i.name() + suffix
		err := d.disk().Rename(filepath.Join(d.Path, name), filepath.Join(aside, name))
		if err != nil && (suffix == bytesSuffix || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("move %s out of quarantine: %w", i.Position, err)
		}
	}
	return nil
}
