// From a table back to the rows of system_schema that describe it.

package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Rows are the rows that describe the table, its dropped columns and the user-defined
// types that it uses: NewSnapshot makes the same table of them.
func (t *Table) Rows() Rows {
	var rows Rows
	row := tableRow{Keyspace: t.Keyspace, ID: t.ID.String(), CDC: &t.CDC}
	if t.Counter {
		row.Flags = []string{"counter"}
	}
	if t.View {
		row.View = t.Name
		rows.Views = append(rows.Views, encodeRow(row))
	} else {
		row.Table = t.Name
		rows.Tables = append(rows.Tables, encodeRow(row))
	}
	types := map[string]*cql.Type{}
	for _, list := range [][]Column{t.PartitionKey, t.Clustering, t.Static, t.Regular} {
		for i, c := range list {
			order := "none"
			if c.Kind == Clustering {
				order = "asc"
			}
			if c.Descending {
				order = "desc"
			}
			if c.Kind == Static || c.Kind == Regular {
				i = -1
			}
			rows.Columns = append(rows.Columns, encodeRow(columnRow{
				Keyspace: t.Keyspace, Table: t.Name, Column: c.Name, Kind: c.Kind.String(), Position: i, Order: order, Type: c.Type.String(),
			}))
			collectTypes(c.Type, types)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.stored)) {
		c := t.stored[name]
		if !c.Dropped && c.DroppedAt == 0 {
			continue
		}
		r := droppedColumnRow{Keyspace: t.Keyspace, Table: t.Name, Column: name, Kind: c.Kind.String(), Type: c.Type.String()}
		if c.DroppedAt != 0 {
			r.Time = formatTimestamp(c.DroppedAt / 1000)
		}
		rows.DroppedColumns = append(rows.DroppedColumns, encodeRow(r))
		collectTypes(c.Type, types)
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		r := typeRow{Keyspace: t.Keyspace, Type: name, FieldNames: []string{}, FieldTypes: []string{}}
		for _, f := range types[name].Fields {
			r.FieldNames, r.FieldTypes = append(r.FieldNames, f.Name), append(r.FieldTypes, f.Type.String())
		}
		rows.Types = append(rows.Types, encodeRow(r))
	}
	return rows
}

// collectTypes adds the user-defined types in a type, by name.
func collectTypes(t *cql.Type, into map[string]*cql.Type) {
	if t == nil {
		return
	}
	if t.Kind == cql.UDT {
		if into[t.Name] != nil {
			return
		}
		into[t.Name] = t
	}
	collectTypes(t.Key, into)
	collectTypes(t.Elem, into)
	for _, f := range t.Fields {
		collectTypes(f.Type, into)
	}
}

// encodeRow is a row as SELECT JSON gives it.
func encodeRow(row any) json.RawMessage {
	raw, err := json.Marshal(row)
	if err != nil {
		panic(fmt.Sprintf("a row of texts and numbers that is no JSON: %v", err))
	}
	return raw
}
