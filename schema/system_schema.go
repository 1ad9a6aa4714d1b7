// From rows of system_schema to tables: the same rows whether they were read by CQL
// (SELECT JSON) or from a dump.

package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Rows are the rows of system_schema that describe tables, one JSON object a row
// as SELECT JSON * gives it.
type Rows struct {
	Tables         []json.RawMessage `json:"tables"`
	Columns        []json.RawMessage `json:"columns"`
	DroppedColumns []json.RawMessage `json:"dropped_columns"`
	Types          []json.RawMessage `json:"types"`
	Views          []json.RawMessage `json:"views"`
}

// Append adds the rows of another dump.
func (r *Rows) Append(more Rows) {
	r.Tables = append(r.Tables, more.Tables...)
	r.Columns = append(r.Columns, more.Columns...)
	r.DroppedColumns = append(r.DroppedColumns, more.DroppedColumns...)
	r.Types = append(r.Types, more.Types...)
	r.Views = append(r.Views, more.Views...)
}

type tableRow struct {
	Keyspace string   `json:"keyspace_name"`
	Table    string   `json:"table_name"`
	View     string   `json:"view_name"`
	ID       string   `json:"id"`
	CDC      bool     `json:"cdc"`
	Flags    []string `json:"flags"`
}

type columnRow struct {
	Keyspace string `json:"keyspace_name"`
	Table    string `json:"table_name"`
	Column   string `json:"column_name"`
	Kind     string `json:"kind"`
	Position int    `json:"position"`
	Order    string `json:"clustering_order"`
	Type     string `json:"type"`
	Dropped  string `json:"dropped_time"` // of a dropped column
}

type typeRow struct {
	Keyspace   string   `json:"keyspace_name"`
	Type       string   `json:"type_name"`
	FieldNames []string `json:"field_names"`
	FieldTypes []string `json:"field_types"`
}

// Snapshot is every table of a cluster at one moment. It is immutable.
type Snapshot struct {
	byID   map[ID]*Table
	byName map[string]*Table
}

// Table is the table with that id, or nil.
func (s *Snapshot) Table(id ID) *Table { return s.byID[id] }

// Lookup is the table with that name, or nil.
func (s *Snapshot) Lookup(keyspace, table string) *Table { return s.byName[keyspace+"."+table] }

// Tables lists all tables, ordered by name.
func (s *Snapshot) Tables() []*Table {
	all := make([]*Table, 0, len(s.byID))
	for _, t := range s.byID {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].String() < all[j].String() })
	return all
}

// NewSnapshot builds all tables from their rows. A table that cannot be built (a
// type this version does not know) is left out and reported in the error; the
// snapshot holds all others.
func NewSnapshot(rows Rows) (*Snapshot, error) {
	var errs []error
	types := newTypes(decodeRows[typeRow](rows.Types, &errs))
	type tableKey struct{ keyspace, table string }
	columns := map[tableKey][]columnRow{}
	for _, c := range decodeRows[columnRow](rows.Columns, &errs) {
		k := tableKey{c.Keyspace, c.Table}
		columns[k] = append(columns[k], c)
	}
	dropped := map[tableKey][]columnRow{}
	for _, c := range decodeRows[columnRow](rows.DroppedColumns, &errs) {
		k := tableKey{c.Keyspace, c.Table}
		dropped[k] = append(dropped[k], c)
	}
	s := &Snapshot{byID: map[ID]*Table{}, byName: map[string]*Table{}}
	add := func(r tableRow, name string, view bool) {
		k := tableKey{r.Keyspace, name}
		t, err := newTable(r, name, columns[k], dropped[k], types)
		if err != nil {
			errs = append(errs, fmt.Errorf("table %s.%s: %w", r.Keyspace, name, err))
			return
		}
		t.View = view
		s.byID[t.ID] = t
		s.byName[t.String()] = t
	}
	for _, r := range decodeRows[tableRow](rows.Tables, &errs) {
		add(r, r.Table, false)
	}
	for _, r := range decodeRows[tableRow](rows.Views, &errs) {
		add(r, r.View, true)
	}
	return s, errors.Join(errs...)
}

func decodeRows[T any](rows []json.RawMessage, errs *[]error) []T {
	out := make([]T, 0, len(rows))
	for _, raw := range rows {
		var r T
		if err := json.Unmarshal(raw, &r); err != nil {
			*errs = append(*errs, fmt.Errorf("row of system_schema %.200s: %w", raw, err))
			continue
		}
		out = append(out, r)
	}
	return out
}

func newTable(r tableRow, name string, columns, dropped []columnRow, types *types) (*Table, error) {
	id, err := ParseID(r.ID)
	if err != nil {
		return nil, err
	}
	t := &Table{Keyspace: r.Keyspace, Name: name, ID: id, CDC: r.CDC, stored: map[string]*Column{}}
	for _, f := range r.Flags {
		t.Counter = t.Counter || f == "counter"
	}
	sort.Slice(columns, func(i, j int) bool {
		if columns[i].Position != columns[j].Position {
			return columns[i].Position < columns[j].Position
		}
		return columns[i].Column < columns[j].Column
	})
	for _, row := range dropped {
		typ, err := types.parse(r.Keyspace, row.Type)
		if err != nil {
			return nil, fmt.Errorf("dropped column %s: %w", cql.Quote(row.Column), err)
		}
		c := &Column{Name: row.Column, Kind: columnKind(row.Kind), Type: typ, Dropped: true}
		if row.Dropped != "" {
			if c.DroppedAt, err = droppedTime(row.Dropped); err != nil {
				return nil, fmt.Errorf("dropped column %s: %w", cql.Quote(row.Column), err)
			}
		}
		t.stored[row.Column] = c
	}
	for _, row := range columns {
		typ, err := types.parse(r.Keyspace, row.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", cql.Quote(row.Column), err)
		}
		c := Column{Name: row.Column, Kind: columnKind(row.Kind), Type: typ, Descending: strings.EqualFold(row.Order, "desc")}
		if before := t.stored[c.Name]; before != nil {
			c.DroppedAt = before.DroppedAt
		}
		switch c.Kind {
		case PartitionKey:
			t.PartitionKey = append(t.PartitionKey, c)
		case Clustering:
			t.Clustering = append(t.Clustering, c)
		case Static:
			t.Static = append(t.Static, c)
		default:
			t.Regular = append(t.Regular, c)
		}
		if c.Kind == Regular || c.Kind == Static {
			t.stored[c.Name] = &c
		}
	}
	if len(t.PartitionKey) == 0 {
		return nil, errors.New("system_schema.columns lists no partition key: the schema was read in the middle of a change")
	}
	return t, nil
}

// droppedTime reads system_schema.dropped_columns.dropped_time as µs since 1970. Columns
// that Cassandra dropped from its own tables have the last time there is, in a year of six
// digits and a sign.
func droppedTime(s string) (int64, error) {
	year, rest, _ := strings.Cut(strings.TrimPrefix(s, "+"), "-")
	y, err := strconv.Atoi(year)
	if err != nil {
		return 0, fmt.Errorf("dropped_time %q is no time", s)
	}
	t, err := time.Parse("01-02 15:04:05.999Z07:00", rest)
	if err != nil {
		return 0, fmt.Errorf("dropped_time %q: %w", s, err)
	}
	return time.Date(y, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).UnixMicro(), nil
}

// columnKind reads system_schema.columns.kind. 3.11 calls the value column of a
// dense table "compact_value".
func columnKind(kind string) ColumnKind {
	switch kind {
	case "partition_key":
		return PartitionKey
	case "clustering":
		return Clustering
	case "static":
		return Static
	}
	return Regular
}

// types resolves user-defined types, which name each other in any order.
type types struct {
	rows map[string]map[string]typeRow
	made map[string]map[string]*cql.Type
}

func newTypes(rows []typeRow) *types {
	t := &types{rows: map[string]map[string]typeRow{}, made: map[string]map[string]*cql.Type{}}
	for _, r := range rows {
		if t.rows[r.Keyspace] == nil {
			t.rows[r.Keyspace], t.made[r.Keyspace] = map[string]typeRow{}, map[string]*cql.Type{}
		}
		t.rows[r.Keyspace][r.Type] = r
	}
	return t
}

func (t *types) parse(keyspace, text string) (*cql.Type, error) {
	return cql.Parse(text, func(name string) (*cql.Type, bool) { return t.resolve(keyspace, name) })
}

func (t *types) resolve(keyspace, name string) (*cql.Type, bool) {
	if made, ok := t.made[keyspace][name]; ok {
		return made, made != nil
	}
	row, ok := t.rows[keyspace][name]
	if !ok || len(row.FieldNames) != len(row.FieldTypes) {
		return nil, false
	}
	t.made[keyspace][name] = nil // a type that contains itself does not resolve
	udt := &cql.Type{Kind: cql.UDT, Keyspace: keyspace, Name: name}
	for i, f := range row.FieldNames {
		ft, err := t.parse(keyspace, row.FieldTypes[i])
		if err != nil {
			return nil, false
		}
		udt.Fields = append(udt.Fields, cql.Field{Name: f, Type: ft})
	}
	t.made[keyspace][name] = udt
	return udt, true
}
