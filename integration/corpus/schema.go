// This file keeps the rows of a node's system_schema as JSON.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// schemaTables are the tables of system_schema that are kept.
var schemaTables = []string{"keyspaces", "tables", "columns", "dropped_columns", "types", "views", "indexes"}

// systemKeyspaces are Cassandra's own that have a schema in system_schema.
var systemKeyspaces = []string{"system", "system_schema", "system_auth", "system_distributed", "system_traces"}

// schemaRows are rows by table of system_schema, each as an object by column.
type schemaRows map[string][]map[string]any

// writeSchema writes the schema as of now: system_schema.json (of a step, if it is not
// empty), and beside the scenario's folder what the release's own keyspaces look like.
func (p *made) writeSchema(ctx context.Context, step string) error {
	users, systems := schemaRows{}, schemaRows{}
	for _, table := range schemaTables {
		lines, err := p.session.SelectJSON(ctx, "SELECT * FROM system_schema."+table)
		if err != nil {
			return fmt.Errorf("read system_schema.%s: %w", table, err)
		}
		if err := sortRows(table, lines, users, systems); err != nil {
			return err
		}
	}
	name := "system_schema.json"
	if step != "" {
		name = "system_schema." + step + ".json"
	}
	if err := writeRows(filepath.Join(p.dir, name), users); err != nil {
		return err
	}
	return writeRows(filepath.Join(filepath.Dir(p.dir), systemKeyspacesFile), systems)
}

// sortRows puts the rows of a table, as JSON, where they belong, ordered by keyspace.
func sortRows(table string, lines []string, users, systems schemaRows) error {
	users[table], systems[table] = []map[string]any{}, []map[string]any{}
	for _, line := range lines {
		var row map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&row); err != nil {
			return fmt.Errorf("row of system_schema.%s: %w", table, err)
		}
		keyspace, _ := row["keyspace_name"].(string)
		if slices.Contains(systemKeyspaces, keyspace) {
			systems[table] = append(systems[table], row)
		} else {
			users[table] = append(users[table], row)
		}
	}
	for _, rows := range []schemaRows{users, systems} {
		slices.SortStableFunc(rows[table], func(a, b map[string]any) int {
			return strings.Compare(fmt.Sprint(a["keyspace_name"]), fmt.Sprint(b["keyspace_name"]))
		})
	}
	return nil
}

func writeRows(file string, rows schemaRows) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(rows); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
