// What the readers of a cluster's tables share: its queries, and what it said of its
// schema.

package readback

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
	"github.com/cassandra-cdc/cassandra-cdc/schema/row"
)

// Options are how rows are read. Zero values mean the defaults.
type Options struct {
	// MaxQueries is how many queries for rows may run at the same time, of all tables
	// together; 10. There are fewer while the cluster is overloaded or slow.
	MaxQueries int
	// GroupSize is how many rows a query asks for at most; 32.
	GroupSize int
	// SlowQuery is how long queries may take on average before there are fewer at the
	// same time; 100 ms.
	SlowQuery time.Duration

	// Consistency is the level of reads; LOCAL_QUORUM.
	Consistency cassandra.Consistency
	// Fallback is the level of a read that Consistency has too few replicas for;
	// LOCAL_ONE. The same as Consistency means none.
	Fallback cassandra.Consistency
	// Speculate is after how long another node is asked too, so that the first answer
	// counts; 0 for never.
	Speculate time.Duration

	// Columns are those whose values are published, beside the primary key; nil for all.
	// [row.ParseColumns] makes it of the setting.
	Columns *regexp.Regexp

	Observer Observer     // nil for none
	Log      *slog.Logger // nil for none
}

const (
	defaultMaxQueries = 10
	defaultGroupSize  = 32
	defaultSlowQuery  = 100 * time.Millisecond
)

// Cluster makes readers of the tables of a cluster. It is safe for concurrent use.
type Cluster struct {
	session *cassandra.Session
	options Options
	queries *queries

	mu        sync.Mutex
	checks    map[string]*checker  // by host id of the node
	schema    string               // system.local.schema_version of keyspaces
	keyspaces map[string]*keyspace // by name
}

// keyspace is one at a version of the cluster's schema.
type keyspace struct {
	tables *schema.Snapshot
	fault  error  // of tables that are not in it
	oldest string // release among the cluster's nodes
}

// NewCluster returns what readers of a cluster's tables share.
func NewCluster(session *cassandra.Session, o Options) *Cluster {
	if o.MaxQueries == 0 {
		o.MaxQueries = defaultMaxQueries
	}
	if o.GroupSize == 0 {
		o.GroupSize = defaultGroupSize
	}
	if o.SlowQuery == 0 {
		o.SlowQuery = defaultSlowQuery
	}
	if o.Consistency == "" {
		o.Consistency = cassandra.LocalQuorum
	}
	if o.Fallback == "" {
		o.Fallback = cassandra.LocalOne
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{session: session, options: o, checks: map[string]*checker{}, keyspaces: map[string]*keyspace{}}
	c.queries = newQueries(session.Select, c.check, o)
	return c
}

// Reader returns a reader of a table, whose rows become messages of a format. It fails
// when the table is not there or cannot be published.
func (c *Cluster) Reader(ctx context.Context, keyspace, table string, f row.Format) (*Reader, error) {
	v := &versions{cluster: c, keyspace: keyspace, table: table, format: f}
	if _, err := v.current(ctx, ""); err != nil {
		return nil, err
	}
	return &Reader{cluster: c, versions: v}, nil
}

// check asks a node for its schema version, by a query that begins after the call. The
// readers of all tables share it.
func (c *Cluster) check(ctx context.Context, hostID string) (cassandra.Node, error) {
	c.mu.Lock()
	check := c.checks[hostID]
	if check == nil {
		check = &checker{ask: func(ctx context.Context) (cassandra.Node, error) { return c.session.Local(ctx, hostID) }}
		c.checks[hostID] = check
	}
	c.mu.Unlock()
	return check.check(ctx)
}

// lookup finds a table as the node with that host id has it, whose schema version that
// is, and the oldest release among the cluster's nodes.
func (c *Cluster) lookup(ctx context.Context, hostID, version, name, table string) (t *schema.Table, release string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version != c.schema {
		clear(c.keyspaces)
		c.schema = version
	}
	k := c.keyspaces[name]
	if k == nil {
		if k, err = c.read(ctx, hostID, name); err != nil {
			return nil, "", err
		}
		c.keyspaces[name] = k
	}
	switch t = k.tables.Lookup(name, table); {
	case t != nil:
		return t, k.oldest, nil
	case k.fault != nil:
		return nil, "", fmt.Errorf("table %s.%s: %w", cql.Quote(name), cql.Quote(table), k.fault)
	}
	return nil, "", &NoTableError{name, table}
}

func (c *Cluster) read(ctx context.Context, hostID, name string) (*keyspace, error) {
	rows, err := c.session.Schema(ctx, hostID, name)
	if err != nil {
		return nil, err
	}
	k := &keyspace{}
	k.tables, k.fault = schema.NewSnapshot(rows)
	k.oldest, err = c.session.OldestRelease(ctx, hostID)
	return k, err
}
