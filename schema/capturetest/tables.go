// Tables from CREATE statements: enough CQL for the schema.cql of captures and for tests' own tables.

package capturetest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

var create = regexp.MustCompile(`(?is)^CREATE\s+(TYPE|TABLE)\s+(\S+)\.(\S+)\s*\((.*)\)([^)]*)$`)

// Table builds the table of one CREATE TABLE statement, after any CREATE TYPEs.
func Table(tb testing.TB, statements string) *schema.Table {
	tb.Helper()
	all := Tables(tb, statements).Tables()
	if len(all) != 1 {
		tb.Fatalf("%d tables in %s", len(all), statements)
	}
	return all[0]
}

// Tables builds the tables of CREATE TYPE and CREATE TABLE statements; all other
// statements are ignored.
func Tables(tb testing.TB, statements string) *schema.Snapshot {
	tb.Helper()
	var rows schema.Rows
	row := func(to *[]json.RawMessage, fields map[string]any) {
		text, err := json.Marshal(fields)
		if err != nil {
			tb.Fatal(err)
		}
		*to = append(*to, text)
	}
	for _, statement := range strings.Split(statements, ";") {
		m := create.FindStringSubmatch(strings.TrimSpace(statement))
		if m == nil {
			continue
		}
		keyspace, name := unquote(m[2]), unquote(m[3])
		if strings.EqualFold(m[1], "TYPE") {
			var names, types []string
			for _, field := range split(m[4]) {
				n, typ := word(field)
				names, types = append(names, unquote(n)), append(types, typ)
			}
			row(&rows.Types, map[string]any{"keyspace_name": keyspace, "type_name": name, "field_names": names, "field_types": types})
			continue
		}
		row(&rows.Tables, map[string]any{"keyspace_name": keyspace, "table_name": name, "cdc": true,
			"id": "00000000-0000-0000-0000-" + id(keyspace+"."+name)})
		columns(keyspace, name, split(m[4]), func(c map[string]any) { row(&rows.Columns, c) })
	}
	snapshot, err := schema.NewSnapshot(rows)
	if err != nil {
		tb.Fatal(err)
	}
	return snapshot
}

func columns(keyspace, table string, definitions []string, add func(map[string]any)) {
	var partition, clustering []string
	types, static := map[string]string{}, map[string]bool{}
	var order []string
	for _, d := range definitions {
		if key, ok := strings.CutPrefix(d, "PRIMARY KEY"); ok {
			key = strings.TrimSpace(key)
			parts := split(key[1 : len(key)-1])
			if strings.HasPrefix(parts[0], "(") {
				partition = split(parts[0][1 : len(parts[0])-1])
			} else {
				partition = parts[:1]
			}
			clustering = parts[1:]
			continue
		}
		name, typ := word(d)
		var is bool
		if typ, is = strings.CutSuffix(typ, " PRIMARY KEY"); is {
			partition = []string{name}
		}
		if typ, is = strings.CutSuffix(typ, " static"); is {
			static[name] = true
		}
		types[name] = typ
		order = append(order, name)
	}
	for _, name := range order {
		kind, position := "regular", -1
		if static[name] {
			kind = "static"
		}
		for i, n := range partition {
			if n == name {
				kind, position = "partition_key", i
			}
		}
		for i, n := range clustering {
			if n == name {
				kind, position = "clustering", i
			}
		}
		add(map[string]any{"keyspace_name": keyspace, "table_name": table, "column_name": unquote(name),
			"kind": kind, "position": position, "clustering_order": "none", "type": types[name]})
	}
}

// split cuts at commas outside of brackets and quotes.
func split(list string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i, c := range list {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '<':
			depth++
		case c == ')' || c == '>':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(list[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(list[start:]))
}

// word cuts the first word, which may be in quotes, off a definition.
func word(definition string) (first, rest string) {
	end := strings.IndexByte(definition, ' ')
	if strings.HasPrefix(definition, `"`) {
		end = strings.IndexByte(definition[1:], '"') + 2
	}
	return definition[:end], strings.TrimSpace(definition[end:])
}

func unquote(name string) string {
	if strings.HasPrefix(name, `"`) {
		return name[1 : len(name)-1]
	}
	return name
}

// id is a table id that differs from name to name.
func id(name string) string {
	const hex = "0123456789abcdef"
	var h uint64 = 14695981039346656037
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	out := make([]byte, 12)
	for i := range out {
		out[i] = hex[h&15]
		h >>= 4
	}
	return string(out)
}
