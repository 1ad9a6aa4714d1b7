// Package schema is the language both stages speak: tables, their columns, and
// where they come from (the rows of Cassandra's system_schema keyspace).
//
// It imports neither stage, neither Pulsar's nor Cassandra's client.
package schema

import (
	"encoding/hex"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// ID is a table's id, a UUID: what the commit log names a table by.
type ID [16]byte

// String is the id as a UUID is written.
func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ParseID reads a UUID.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("%q is no UUID", s)
	}
	if _, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:])); err != nil {
		return id, fmt.Errorf("%q is no UUID: %w", s, err)
	}
	return id, nil
}

// ColumnKind is the role of a column in its table.
type ColumnKind uint8

// The roles, in the order in which a table's columns are listed everywhere here.
const (
	PartitionKey ColumnKind = iota
	Clustering
	Regular
	Static
)

// String is the kind as system_schema.columns spells it.
func (k ColumnKind) String() string {
	return [...]string{"partition_key", "clustering", "regular", "static"}[k]
}

// Column is one column of a table.
type Column struct {
	Name       string
	Kind       ColumnKind
	Type       *cql.Type
	Descending bool // a clustering column in DESC order
	Dropped    bool // only in old mutations; never in a table's lists
	// DroppedAt is when the column was dropped last, µs since 1970: cells written then
	// or before are void, also when it was added again since. 0: never.
	DroppedAt int64
}

// Table is one version of a table. It is immutable once made.
type Table struct {
	Keyspace, Name string
	ID             ID
	CDC            bool // WITH cdc = true
	Counter        bool
	View           bool // a materialized view

	PartitionKey []Column // by position
	Clustering   []Column // by position
	Regular      []Column // by name
	Static       []Column // by name

	stored map[string]*Column // regular, static and dropped columns: those that mutations name
}

// String is the table's full name, as topics carry it: keyspace.table, unquoted.
func (t *Table) String() string { return t.Keyspace + "." + t.Name }

// CQL is the table's full name as a CQL statement needs it.
func (t *Table) CQL() string { return cql.Quote(t.Keyspace) + "." + cql.Quote(t.Name) }

// Stored is the regular or static column of that name, also one that was dropped:
// the columns that a mutation lists.
func (t *Table) Stored(name []byte) *Column { return t.stored[string(name)] }

// PrimaryKey lists the partition key and then the clustering columns.
func (t *Table) PrimaryKey() []Column {
	key := make([]Column, 0, len(t.PartitionKey)+len(t.Clustering))
	return append(append(key, t.PartitionKey...), t.Clustering...)
}
