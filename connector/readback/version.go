// The versions of the table: which one a read has to use, found out without a query
// for each read.

package readback

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/event"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// Version is one version of the table, compiled.
type Version struct {
	Table    *schema.Table
	Messages *row.Messages    // of the data topic
	Schema   *registry.Schema // of the data topic

	wholeRow  *statement // by the full primary key
	partition *statement // by the partition key: what a static row or a partition has
	sharing   *sharing   // by the message key, where that is less; nil for most tables

	faithful *Version // the same for event keys in that form
	schema   string   // system.local.schema_version

	written atomic.Pointer[written] // of the writer that was asked for last
}

// written is how the keys of one writer are read as this version's.
type written struct {
	by    *event.Writer
	keys  *event.KeyReader
	fault error // why they cannot
}

// PresentKey is a message key of a form as this version of the table has it: key itself
// when it was written so, as nearly all are, or when w is nil. It fails with an
// *[event.NotTheKeyError] where it was written with another primary key.
func (v *Version) PresentKey(form event.KeyForm, w *event.Writer, key []byte) ([]byte, error) {
	v, err := v.in(form)
	if err != nil {
		return nil, err
	}
	return v.presentKey(w, key)
}

func (v *Version) presentKey(w *event.Writer, key []byte) ([]byte, error) {
	if w == nil {
		return key, nil
	}
	last := v.written.Load()
	if last == nil || last.by != w {
		keys, err := v.Messages.EventKey().ReaderOf(w)
		last = &written{w, keys, err}
		v.written.Store(last)
	}
	if last.fault != nil {
		return nil, last.fault
	}
	return last.keys.Present(key)
}

// newVersion compiles a version of the table for messages of a format with those
// columns, nil for all, and for nodes of that release or newer ones.
func newVersion(t *schema.Table, f row.Format, only *regexp.Regexp, release string) (*Version, error) {
	v, err := newVersionIn(t, f, only, event.JavaForm, release)
	if err != nil {
		return nil, err
	}
	v.faithful, err = newVersionIn(t, f, only, event.FaithfulForm, release)
	return v, err
}

// in is the version for event keys in a form.
func (v *Version) in(form event.KeyForm) (*Version, error) {
	switch form {
	case event.JavaForm:
		return v, nil
	case event.FaithfulForm:
		return v.faithful, nil
	}
	return nil, fmt.Errorf("it is in the form %.40q, of a newer version than this one", form)
}

func newVersionIn(t *schema.Table, f row.Format, only *regexp.Regexp, form event.KeyForm, release string) (*Version, error) {
	m, err := row.NewMessagesIn(row.Selected(t, only), f, form)
	if err != nil {
		return nil, err
	}
	v := &Version{Table: t, Messages: m, Schema: m.Schema()}
	of := selection{table: t, columns: m.Columns(), maxWriteTime: cassandra.Major(release) >= 5}
	if only != nil {
		all, err := row.NewMessagesIn(t, f, form)
		if err != nil {
			return nil, err
		}
		of.hidden = slices.DeleteFunc(slices.Clone(all.Columns()), func(c schema.Column) bool {
			return slices.ContainsFunc(of.columns, func(shown schema.Column) bool { return shown.Name == c.Name })
		})
	}
	v.wholeRow = newStatement(of, func(schema.Column) bool { return true }, t.PrimaryKey())
	if form == event.JavaForm {
		v.sharing = newSharing(of)
	}
	// The event of a static row asks for the static columns; a table without any gives
	// the first row that is left in the partition, as the Java connector does.
	v.partition = newStatement(of, func(c schema.Column) bool {
		return len(t.Static) == 0 || c.Kind != schema.Regular
	}, t.PartitionKey)
	return v, nil
}

// NoTableError is a table that is not there: it never was, or it was dropped.
type NoTableError struct{ Keyspace, Table string }

func (e *NoTableError) Error() string {
	return fmt.Sprintf("table %s.%s does not exist (names are case-sensitive and given without quotes)", cql.Quote(e.Keyspace), cql.Quote(e.Table))
}

// versions knows the current version of the table.
type versions struct {
	cluster         *Cluster
	keyspace, table string
	format          row.Format

	mu      sync.Mutex
	version *Version
}

func (v *versions) last() *Version {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.version
}

// current is a version that the node had at some moment after the call.
func (v *versions) current(ctx context.Context, hostID string) (*Version, error) {
	node, err := v.cluster.check(ctx, hostID)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version != nil && v.version.schema == node.SchemaVersion {
		return v.version, nil
	}
	t, oldest, err := v.cluster.lookup(ctx, hostID, node.SchemaVersion, v.keyspace, v.table)
	if err != nil {
		return nil, err
	}
	made, err := newVersion(t, v.format, v.cluster.options.Columns, oldest)
	if err != nil {
		return nil, err
	}
	if v.version != nil {
		made.keep(v.version)
		made.faithful.keep(v.version.faithful)
	}
	made.schema, made.faithful.schema = node.SchemaVersion, node.SchemaVersion
	v.version = made
	return made, nil
}

// keep takes the schema of another version where it is the same to the registry.
func (v *Version) keep(other *Version) {
	if v.Schema.Fingerprint() == other.Schema.Fingerprint() {
		v.Schema = other.Schema
	}
}

// checker asks a node for its schema version. Callers that arrive while a query is
// under way share the next one: it begins after all of them, and there is never more
// than one query at a time.
type checker struct {
	ask func(context.Context) (cassandra.Node, error)

	mu      sync.Mutex
	running bool
	next    *answer // asked by those who wait, not begun
}

type answer struct {
	done chan struct{}
	node cassandra.Node
	err  error
}

func (c *checker) check(ctx context.Context) (cassandra.Node, error) {
	c.mu.Lock()
	if c.next == nil {
		c.next = &answer{done: make(chan struct{})}
	}
	a := c.next
	if !c.running {
		c.running = true
		go c.run(context.WithoutCancel(ctx)) // it serves others too; the driver's timeout bounds it
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.node, a.err
	case <-ctx.Done():
		return cassandra.Node{}, ctx.Err()
	}
}

func (c *checker) run(ctx context.Context) {
	for {
		c.mu.Lock()
		a := c.next
		if c.next = nil; a == nil {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		a.node, a.err = c.ask(ctx)
		close(a.done)
	}
}
