// The versions of the table: which one a read has to use, found out without a query
// for each read.

package readback

import (
	"context"
	"fmt"
	"sync"

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

	wholeRow  statement // by the full primary key
	partition statement // by the partition key: what a static row or a partition has
	sharing   *sharing  // by the message key, where that is less; nil for most tables

	faithful *Version // the same for event keys in that form
}

// newVersion compiles a version of the table for messages of a format, and for nodes of
// that release or newer ones.
func newVersion(t *schema.Table, f row.Format, release string) (*Version, error) {
	v, err := newVersionIn(t, f, event.JavaForm, release)
	if err != nil {
		return nil, err
	}
	v.faithful, err = newVersionIn(t, f, event.FaithfulForm, release)
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

func newVersionIn(t *schema.Table, f row.Format, form event.KeyForm, release string) (*Version, error) {
	m, err := row.NewMessagesIn(t, f, form)
	if err != nil {
		return nil, err
	}
	v := &Version{Table: t, Messages: m, Schema: m.Schema()}
	max := cassandra.Major(release) >= 5
	v.wholeRow = newStatement(t, m.Columns(), func(schema.Column) bool { return true }, t.PrimaryKey(), max)
	if form == event.JavaForm {
		v.sharing = newSharing(t, m.Columns(), max)
	}
	// The event of a static row asks for the static columns; a table without any gives
	// the first row that is left in the partition, as the Java connector does.
	v.partition = newStatement(t, m.Columns(), func(c schema.Column) bool {
		return len(t.Static) == 0 || c.Kind != schema.Regular
	}, t.PartitionKey, max)
	return v, nil
}

// NoTableError is a table that is not there: it never was, or it was dropped.
type NoTableError struct{ Keyspace, Table string }

func (e *NoTableError) Error() string {
	return fmt.Sprintf("table %s.%s does not exist (names are case-sensitive and given without quotes)", cql.Quote(e.Keyspace), cql.Quote(e.Table))
}

// versions knows the current version of the table, by node.
type versions struct {
	session         *cassandra.Session
	keyspace, table string
	format          row.Format

	mu      sync.Mutex
	checks  map[string]*checker // by host id of the node
	schema  string              // system.local.schema_version of version
	version *Version
}

func newVersions(session *cassandra.Session, keyspace, table string, f row.Format) *versions {
	return &versions{session: session, keyspace: keyspace, table: table, format: f, checks: map[string]*checker{}}
}

func (v *versions) last() *Version {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.version
}

// current is a version that the node had at some moment after the call.
func (v *versions) current(ctx context.Context, hostID string) (*Version, error) {
	v.mu.Lock()
	c := v.checks[hostID]
	if c == nil {
		c = &checker{ask: func(ctx context.Context) (cassandra.Node, error) { return v.session.Local(ctx, hostID) }}
		v.checks[hostID] = c
	}
	v.mu.Unlock()
	node, err := c.check(ctx)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version != nil && v.schema == node.SchemaVersion {
		return v.version, nil
	}
	rows, err := v.session.Schema(ctx, hostID, v.keyspace)
	if err != nil {
		return nil, err
	}
	snapshot, err := schema.NewSnapshot(rows)
	t := snapshot.Lookup(v.keyspace, v.table)
	if t == nil {
		if err != nil {
			return nil, fmt.Errorf("table %s.%s: %w", cql.Quote(v.keyspace), cql.Quote(v.table), err)
		}
		return nil, &NoTableError{v.keyspace, v.table}
	}
	oldest, err := v.session.OldestRelease(ctx, hostID)
	if err != nil {
		return nil, err
	}
	made, err := newVersion(t, v.format, oldest)
	if err != nil {
		return nil, err
	}
	if v.version != nil {
		made.keep(v.version)
		made.faithful.keep(v.version.faithful)
	}
	v.version, v.schema = made, node.SchemaVersion
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
