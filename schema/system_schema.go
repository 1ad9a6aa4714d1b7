// The rows of system_schema as a snapshot gives them: read by CQL (SELECT JSON) or from
// a dump.

package schema

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"sort"
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

// Append adds the rows of another dump. Where both have a row, the other's counts.
func (r *Rows) Append(more Rows) {
	r.Tables = append(r.Tables, more.Tables...)
	r.Columns = append(r.Columns, more.Columns...)
	r.DroppedColumns = append(r.DroppedColumns, more.DroppedColumns...)
	r.Types = append(r.Types, more.Types...)
	r.Views = append(r.Views, more.Views...)
}

type tableRow struct {
	Keyspace string   `json:"keyspace_name"`
	Table    string   `json:"table_name,omitempty"`
	View     string   `json:"view_name,omitempty"`
	ID       string   `json:"id"`
	CDC      *bool    `json:"cdc"`
	Flags    []string `json:"flags,omitempty"`
}

type columnRow struct {
	Keyspace string `json:"keyspace_name"`
	Table    string `json:"table_name"`
	Column   string `json:"column_name"`
	Kind     string `json:"kind"`
	Position int    `json:"position"`
	Order    string `json:"clustering_order"`
	Type     string `json:"type"`
}

type droppedColumnRow struct {
	Keyspace string `json:"keyspace_name"`
	Table    string `json:"table_name"`
	Column   string `json:"column_name"`
	Kind     string `json:"kind"`
	Type     string `json:"type"`
	Time     string `json:"dropped_time,omitempty"`
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
	c, err := NewCatalog(rows)
	return c.Snapshot(), err
}

// load puts the rows of a snapshot into the store and lists those that are damaged.
func (s rowStore) load(rows Rows) (errs []error) {
	fault := func(raw json.RawMessage, err error) {
		errs = append(errs, fmt.Errorf("row of system_schema %.200s: %w", raw, err))
	}
	tables := func(t SystemTable, rows []json.RawMessage) {
		for _, raw := range rows {
			var r tableRow
			if err := json.Unmarshal(raw, &r); err != nil {
				fault(raw, err)
				continue
			}
			name := r.Table
			if t == SystemViews {
				name = r.View
			}
			id, err := ParseID(r.ID)
			if err != nil {
				errs = append(errs, fmt.Errorf("table %s.%s: %w", r.Keyspace, name, err))
				continue
			}
			cells := map[string][]byte{"id": id[:]}
			if r.CDC != nil {
				cells["cdc"] = booleanValue(*r.CDC)
			}
			if r.Flags != nil && t == SystemTables {
				cells["flags"] = textsValue(r.Flags)
			}
			s.keyspace(r.Keyspace).put(t, RowKey{Name: name}, cells)
		}
	}
	tables(SystemTables, rows.Tables)
	tables(SystemViews, rows.Views)
	for _, raw := range rows.Columns {
		var r columnRow
		if err := json.Unmarshal(raw, &r); err != nil {
			fault(raw, err)
			continue
		}
		s.keyspace(r.Keyspace).put(SystemColumns, RowKey{r.Table, r.Column}, map[string][]byte{
			"kind": []byte(r.Kind), "position": binary.BigEndian.AppendUint32(nil, uint32(int32(r.Position))),
			"clustering_order": []byte(r.Order), "type": []byte(r.Type),
		})
	}
	for _, raw := range rows.DroppedColumns {
		var r droppedColumnRow
		if err := json.Unmarshal(raw, &r); err != nil {
			fault(raw, err)
			continue
		}
		cells := map[string][]byte{"kind": []byte(r.Kind), "type": []byte(r.Type)}
		if r.Time != "" {
			ms, err := parseTimestamp(r.Time)
			if err != nil {
				// Without the time it is not known which cells of the column count.
				errs = append(errs, fmt.Errorf("table %s.%s: dropped column %s: %w", r.Keyspace, r.Table, cql.Quote(r.Column), err))
				continue
			}
			cells["dropped_time"] = binary.BigEndian.AppendUint64(nil, uint64(ms))
		}
		s.keyspace(r.Keyspace).put(SystemDroppedColumns, RowKey{r.Table, r.Column}, cells)
	}
	for _, raw := range rows.Types {
		var r typeRow
		if err := json.Unmarshal(raw, &r); err != nil {
			fault(raw, err)
			continue
		}
		s.keyspace(r.Keyspace).put(SystemTypes, RowKey{Name: r.Type}, map[string][]byte{
			"field_names": textsValue(r.FieldNames), "field_types": textsValue(r.FieldTypes),
		})
	}
	return errs
}

// timestampLayout is how Cassandra prints a timestamp in JSON.
const timestampLayout = "2006-01-02 15:04:05.000Z"

// endOfTime is the latest time that µs can tell, in ms: of columns of system tables
// that Cassandra itself has dropped, of which no cell ever counts. It lies in a year of
// six digits.
const endOfTime = math.MaxInt64 / 1000

// parseTimestamp reads a timestamp as Cassandra prints it in JSON: ms since 1970.
func parseTimestamp(text string) (int64, error) {
	if strings.HasPrefix(text, "+") {
		return endOfTime, nil
	}
	t, err := time.Parse(timestampLayout, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no timestamp: %w", text, err)
	}
	return t.UnixMilli(), nil
}

func formatTimestamp(ms int64) string {
	if t := time.UnixMilli(ms).UTC(); t.Year() >= 0 && t.Year() <= 9999 {
		return t.Format(timestampLayout)
	}
	return "+294247-01-10 04:00:54.775Z"
}

func booleanValue(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// textsValue is a frozen list or set of texts.
func textsValue(texts []string) []byte {
	v := binary.BigEndian.AppendUint32(nil, uint32(len(texts)))
	for _, t := range texts {
		v = append(binary.BigEndian.AppendUint32(v, uint32(len(t))), t...)
	}
	return v
}
