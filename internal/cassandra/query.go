// The statements the project runs beside SELECTs of rows: what a node says of itself and
// of the schema, and those that a person would run.

package cassandra

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gocql/gocql"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Node is what a node says of itself in system.local.
type Node struct {
	HostID         string
	ReleaseVersion string // 5.0.6
	Partitioner    string // class name
	DataCenter     string
	SchemaVersion  string
}

// Local asks a node about itself; hostID may be empty for any.
func (s *Session) Local(ctx context.Context, hostID string) (Node, error) {
	var id, version gocql.UUID
	var n Node
	err := s.gocql().Query("SELECT host_id, release_version, partitioner, data_center, schema_version FROM system.local WHERE key='local'").
		WithContext(withCoordinator(ctx, hostID)).Consistency(gocql.One).Scan(&id, &n.ReleaseVersion, &n.Partitioner, &n.DataCenter, &version)
	if err != nil {
		return Node{}, fmt.Errorf("read system.local: %w", short(err))
	}
	n.HostID, n.SchemaVersion = id.String(), version.String()
	return n, nil
}

// SchemaVersions are the versions of the schema that the nodes of the cluster have, as the
// node that answers knows them, each with the addresses of its nodes.
func (s *Session) SchemaVersions(ctx context.Context) (map[string][]string, error) {
	versions := map[string][]string{}
	for _, statement := range []string{
		"SELECT broadcast_address, schema_version FROM system.local WHERE key='local'", "SELECT peer, schema_version FROM system.peers",
	} {
		iter := s.gocql().Query(statement).WithContext(ctx).Consistency(gocql.One).Iter()
		var address net.IP
		var version gocql.UUID
		for iter.Scan(&address, &version) {
			versions[version.String()] = append(versions[version.String()], address.String())
		}
		if err := iter.Close(); err != nil {
			return nil, fmt.Errorf("read the schema versions: %w", short(err))
		}
	}
	return versions, nil
}

// Clock is the time of the node that answers, to the millisecond.
func (s *Session) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.gocql().Query("SELECT toTimestamp(now()) FROM system.local WHERE key='local'").WithContext(ctx).Consistency(gocql.One).Scan(&now)
	if err != nil {
		return now, fmt.Errorf("ask for the node's time: %w", short(err))
	}
	return now, nil
}

// OldestRelease is the lowest release among the node with that host id and its peers:
// what every coordinator of the cluster understands, also in the middle of an upgrade.
func (s *Session) OldestRelease(ctx context.Context, hostID string) (string, error) {
	node, err := s.Local(ctx, hostID)
	if err != nil {
		return "", err
	}
	oldest, release := node.ReleaseVersion, ""
	iter := s.gocql().Query("SELECT release_version FROM system.peers").WithContext(withCoordinator(ctx, hostID)).Consistency(gocql.One).Iter()
	for iter.Scan(&release) {
		if release != "" && Major(release) < Major(oldest) {
			oldest = release
		}
	}
	if err := iter.Close(); err != nil {
		return "", fmt.Errorf("read system.peers: %w", short(err))
	}
	return oldest, nil
}

// Major is the first number of a release: 5 for 5.0.6, 0 for what is no release.
func Major(release string) int {
	first, _, _ := strings.Cut(release, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// Schema reads the tables of the cluster, or of one keyspace when one is named, as
// the node with that host id knows them.
func (s *Session) Schema(ctx context.Context, hostID, keyspace string) (schema.Rows, error) {
	var rows schema.Rows
	for _, t := range []struct {
		name string
		into *[]json.RawMessage
	}{
		{"tables", &rows.Tables}, {"columns", &rows.Columns}, {"dropped_columns", &rows.DroppedColumns},
		{"types", &rows.Types}, {"views", &rows.Views},
	} {
		statement, args := "SELECT JSON * FROM system_schema."+t.name, []any(nil)
		if keyspace != "" {
			statement, args = statement+" WHERE keyspace_name=?", []any{keyspace}
		}
		iter := s.gocql().Query(statement, args...).WithContext(withCoordinator(ctx, hostID)).Consistency(gocql.One).Iter()
		var line string
		for iter.Scan(&line) {
			*t.into = append(*t.into, json.RawMessage(line))
		}
		if err := iter.Close(); err != nil {
			return schema.Rows{}, fmt.Errorf("read system_schema.%s: %w", t.name, short(err))
		}
	}
	return rows, nil
}

// SelectJSON runs any statement; the rows of a SELECT come as JSON objects.
func (s *Session) SelectJSON(ctx context.Context, statement string) (rows []string, err error) {
	iter := s.gocql().Query(asJSON(statement)).WithContext(ctx).Consistency(gocql.LocalQuorum).Iter()
	var row string
	for len(iter.Columns()) > 0 && iter.Scan(&row) {
		rows = append(rows, row)
	}
	if err := iter.Close(); err != nil {
		return nil, short(err)
	}
	return rows, nil
}

var (
	selects     = regexp.MustCompile(`(?i)^\s*SELECT\b`)
	selectsJSON = regexp.MustCompile(`(?i)^\s*SELECT\s+JSON\s`)
)

// asJSON makes a SELECT one whose rows come as JSON. Other statements, and what
// follows the word SELECT, stay as they are.
func asJSON(statement string) string {
	at := selects.FindStringIndex(statement)
	if at == nil || selectsJSON.MatchString(statement) {
		return statement
	}
	return statement[:at[1]] + " JSON" + statement[at[1]:]
}

// Exec runs a statement without values, as a person at cqlsh would.
func (s *Session) Exec(ctx context.Context, statement string) error {
	if err := s.gocql().Query(statement).WithContext(ctx).Consistency(gocql.LocalQuorum).Exec(); err != nil {
		return short(err)
	}
	return nil
}

// ExecBatch runs one statement for each of the rows, as one unlogged batch. A row holds
// the raw values of the bind markers.
func (s *Session) ExecBatch(ctx context.Context, statement string, rows [][][]byte) error {
	batch := s.gocql().NewBatch(gocql.UnloggedBatch).WithContext(ctx)
	batch.SetConsistency(gocql.LocalQuorum)
	for _, row := range rows {
		args := make([]any, len(row))
		for i, v := range row {
			args[i] = raw(v)
		}
		batch.Query(statement, args...)
	}
	if err := s.gocql().ExecuteBatch(batch); err != nil {
		return short(err)
	}
	return nil
}
