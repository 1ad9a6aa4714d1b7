// The catalog as JSON, for whoever keeps it in a file.

package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// savedCatalog is everything that tables follow from.
type savedCatalog struct {
	Keyspaces []savedKeyspace `json:"keyspaces"`
	Aside     []Rows          `json:"aside,omitempty"`
}

type savedKeyspace struct {
	Name   string                          `json:"name"`
	Rows   map[SystemTable][]savedRow      `json:"rows,omitempty"`
	Ranges map[SystemTable][]savedDeletion `json:"deleted_ranges,omitempty"`
}

type savedDeletion struct {
	Range Range `json:"range"`
	Time  int64 `json:"time"`
}

// savedRow is a row; times that are not there are Never.
type savedRow struct {
	RowKey
	Deleted int64       `json:"deleted"`
	Written int64       `json:"written"`
	Cells   []savedCell `json:"cells,omitempty"`
}

type savedCell struct {
	Column  string `json:"column"`
	Value   []byte `json:"value"` // as CQL serializes it; null: deleted
	Written int64  `json:"written"`
}

// MarshalText is the name of the table.
func (t SystemTable) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the name of a table.
func (t *SystemTable) UnmarshalText(name []byte) error {
	for i := range kept {
		if kept[i].name == string(name) {
			*t = SystemTable(i)
			return nil
		}
	}
	return fmt.Errorf("%.40q is no table of system_schema that describes tables", name)
}

// MarshalJSON gives the catalog with all write times.
func (c *Catalog) MarshalJSON() ([]byte, error) {
	var saved savedCatalog
	for _, name := range slices.Sorted(maps.Keys(c.rows)) {
		k, to := c.rows[name], savedKeyspace{Name: name, Rows: map[SystemTable][]savedRow{}, Ranges: map[SystemTable][]savedDeletion{}}
		for t := range SystemTable(systemTables) {
			for key, r := range k.rows[t] {
				row := savedRow{RowKey: key, Deleted: r.Deleted, Written: r.Written}
				for _, column := range slices.Sorted(maps.Keys(r.Cells)) {
					row.Cells = append(row.Cells, savedCell{column, r.Cells[column].Value, r.Cells[column].Time})
				}
				to.Rows[t] = append(to.Rows[t], row)
			}
			slices.SortFunc(to.Rows[t], func(a, b savedRow) int {
				return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Column, b.Column))
			})
			for _, d := range k.ranges[t] {
				to.Ranges[t] = append(to.Ranges[t], savedDeletion(d))
			}
		}
		saved.Keyspaces = append(saved.Keyspaces, to)
	}
	for _, t := range c.aside {
		saved.Aside = append(saved.Aside, t.Rows())
	}
	return json.Marshal(saved)
}

// UnmarshalJSON makes the catalog what was saved. Tables that cannot be built are left
// out and no error: they were reported when the rows came.
func (c *Catalog) UnmarshalJSON(data []byte) error {
	var saved savedCatalog
	if err := json.Unmarshal(data, &saved); err != nil {
		return err
	}
	*c = *newCatalog()
	for _, from := range saved.Keyspaces {
		k := c.rows.keyspace(from.Name)
		for t, rows := range from.Rows {
			for _, row := range rows {
				r := newRow()
				r.Deleted, r.Written = row.Deleted, row.Written
				for _, cell := range row.Cells {
					r.Cells[cell.Column] = timed{cell.Value, cell.Written}
				}
				k.rows[t][row.RowKey] = r
			}
		}
		for t, ranges := range from.Ranges {
			for _, d := range ranges {
				k.ranges[t] = append(k.ranges[t], rangeDeletion(d))
			}
		}
	}
	for _, rows := range saved.Aside {
		s, err := NewSnapshot(rows)
		if err != nil {
			return err
		}
		for _, t := range s.Tables() {
			c.aside[t.ID] = t
		}
	}
	c.rebuild(slices.Sorted(maps.Keys(c.rows)), true)
	return nil
}
