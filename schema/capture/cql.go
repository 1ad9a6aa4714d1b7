// Tables from statements: enough CQL for the schemas of captures and for tests' own tables.

package capture

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// Tables builds the tables of CREATE, ALTER and DROP statements of types and tables,
// with a semicolon between them; all other statements are ignored. Names have their
// keyspace in front.
func Tables(statements string) (*schema.Snapshot, error) {
	var d definitions
	for _, s := range strings.Split(statements, ";") {
		if _, err := d.run(s); err != nil {
			return nil, err
		}
	}
	return d.snapshot()
}

// definitions are types and tables as the statements so far left them.
type definitions struct {
	types, tables []*definition
}

type definition struct {
	keyspace, name        string
	fields                []field
	partition, clustering []string // of a table
	descending            []string // clustering columns in DESC order
}

type field struct {
	name, typ string
	static    bool
}

// ddl is a statement: what it does, of what, its name and the rest.
var ddl = regexp.MustCompile(`(?is)^(CREATE|ALTER|DROP)\s+(TYPE|TABLE)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?("[^"]+"|\w+)\.("[^"]+"|\w+)\s*(.*)$`)

var comment = regexp.MustCompile(`(?m)^\s*(--|//).*$`)

// run takes a statement and says whether it may have changed a type or table.
func (d *definitions) run(statement string) (changed bool, err error) {
	m := ddl.FindStringSubmatch(strings.TrimSpace(comment.ReplaceAllString(statement, "")))
	if m == nil {
		return false, nil
	}
	all := &d.tables
	isType := strings.EqualFold(m[2], "TYPE")
	if isType {
		all = &d.types
	}
	keyspace, name, rest := unquote(m[3]), unquote(m[4]), m[5]
	at := slices.IndexFunc(*all, func(x *definition) bool { return x.keyspace == keyspace && x.name == name })
	switch verb := strings.ToUpper(m[1]); {
	case verb == "CREATE":
		x := &definition{keyspace: keyspace, name: name}
		if err = x.create(rest, isType); err != nil {
			break
		}
		if at >= 0 {
			(*all)[at] = x
		} else {
			*all = append(*all, x)
		}
	case at < 0:
		err = fmt.Errorf("there is no such thing")
	case verb == "DROP":
		*all = slices.Delete(*all, at, at+1)
	default:
		err = (*all)[at].alter(rest)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", strings.TrimSpace(statement), err)
	}
	return true, nil
}

var order = regexp.MustCompile(`(?is)CLUSTERING\s+ORDER\s+BY\s*\(([^)]*)\)`)

// create reads (…) and, of a table, the options.
func (x *definition) create(text string, isType bool) error {
	list, options, err := bracketed(text)
	if err != nil {
		return err
	}
	for _, part := range split(list) {
		if key, ok := cutWords(part, "PRIMARY KEY"); ok && !isType {
			if err := x.primaryKey(key); err != nil {
				return err
			}
			continue
		}
		if err := x.add(part); err != nil {
			return err
		}
	}
	if m := order.FindStringSubmatch(options); m != nil {
		for _, part := range split(m[1]) {
			if name, direction := word(part); strings.EqualFold(direction, "DESC") {
				x.descending = append(x.descending, unquote(name))
			}
		}
	}
	if !isType && len(x.partition) == 0 {
		return fmt.Errorf("no primary key")
	}
	return nil
}

// primaryKey reads ((a, b), c, d), or (a, c, d).
func (x *definition) primaryKey(text string) error {
	list, _, err := bracketed(text)
	if err != nil {
		return err
	}
	parts := split(list)
	partition := parts[:1]
	if strings.HasPrefix(parts[0], "(") {
		if list, _, err = bracketed(parts[0]); err != nil {
			return err
		}
		partition = split(list)
	}
	for _, name := range partition {
		x.partition = append(x.partition, unquote(name))
	}
	for _, name := range parts[1:] {
		x.clustering = append(x.clustering, unquote(name))
	}
	return nil
}

// add reads a column or field: its name, type, and whether it is static or the key.
func (x *definition) add(text string) error {
	name, typ := word(text)
	if typ == "" {
		return fmt.Errorf("%q has no type", text)
	}
	f := field{name: unquote(name), typ: typ}
	if rest, ok := cutSuffix(f.typ, " PRIMARY KEY"); ok {
		f.typ, x.partition = rest, []string{f.name}
	}
	if rest, ok := cutSuffix(f.typ, " static"); ok {
		f.typ, f.static = rest, true
	}
	x.fields = append(x.fields, f)
	return nil
}

// alter reads what comes behind the name in an ALTER statement.
func (x *definition) alter(text string) error {
	verb, rest := word(text)
	switch strings.ToUpper(verb) {
	case "ADD":
		if strings.HasPrefix(rest, "(") {
			var err error
			if rest, _, err = bracketed(rest); err != nil {
				return err
			}
		}
		for _, part := range split(rest) {
			if err := x.add(part); err != nil {
				return err
			}
		}
	case "DROP":
		for _, name := range split(strings.Trim(rest, "() ")) {
			x.fields = slices.DeleteFunc(x.fields, func(f field) bool { return f.name == unquote(name) })
		}
	case "RENAME":
		for _, part := range regexp.MustCompile(`(?i)\s+AND\s+`).Split(rest, -1) {
			from, to := word(part)
			if _, to = word(to); to == "" {
				return fmt.Errorf("%q is no renaming", part)
			}
			x.rename(unquote(from), unquote(to))
		}
	}
	return nil // WITH changes nothing that is here
}

func (x *definition) rename(from, to string) {
	for i := range x.fields {
		if x.fields[i].name == from {
			x.fields[i].name = to
		}
	}
	for _, names := range [][]string{x.partition, x.clustering, x.descending} {
		for i := range names {
			if names[i] == from {
				names[i] = to
			}
		}
	}
}

// snapshot is the tables as system_schema would have them.
func (d *definitions) snapshot() (*schema.Snapshot, error) {
	var rows schema.Rows
	for _, x := range d.types {
		names, types := []string{}, []string{}
		for _, f := range x.fields {
			names, types = append(names, f.name), append(types, f.typ)
		}
		add(&rows.Types, map[string]any{"keyspace_name": x.keyspace, "type_name": x.name, "field_names": names, "field_types": types})
	}
	for _, x := range d.tables {
		add(&rows.Tables, map[string]any{"keyspace_name": x.keyspace, "table_name": x.name, "cdc": true,
			"id": "00000000-0000-0000-0000-" + id(x.keyspace+"."+x.name)})
		for _, f := range x.fields {
			kind, position, order := "regular", -1, "none"
			if f.static {
				kind = "static"
			}
			if i := slices.Index(x.partition, f.name); i >= 0 {
				kind, position = "partition_key", i
			}
			if i := slices.Index(x.clustering, f.name); i >= 0 {
				kind, position, order = "clustering", i, "asc"
				if slices.Contains(x.descending, f.name) {
					order = "desc"
				}
			}
			add(&rows.Columns, map[string]any{"keyspace_name": x.keyspace, "table_name": x.name, "column_name": f.name,
				"kind": kind, "position": position, "clustering_order": order, "type": f.typ})
		}
	}
	return schema.NewSnapshot(rows)
}

func add(to *[]json.RawMessage, row map[string]any) {
	text, err := json.Marshal(row)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	*to = append(*to, text)
}

// bracketed cuts the text between the first bracket, which is a round one, and the
// one that closes it.
func bracketed(text string) (inside, rest string, err error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "(") {
		return "", "", fmt.Errorf("%q has no (", text)
	}
	depth, quoted := 0, false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], nil
			}
		}
	}
	return "", "", fmt.Errorf("%q has no )", text)
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

// word cuts the first word, which may be in quotes, off a text.
func word(text string) (first, rest string) {
	text = strings.TrimSpace(text)
	end := strings.IndexAny(text, " \t\n")
	if strings.HasPrefix(text, `"`) {
		if end = strings.IndexByte(text[1:], '"'); end >= 0 {
			end += 2
		}
	}
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

func cutWords(text, words string) (rest string, ok bool) {
	if len(text) < len(words) || !strings.EqualFold(text[:len(words)], words) {
		return text, false
	}
	return text[len(words):], true
}

func cutSuffix(text, suffix string) (rest string, ok bool) {
	at := len(text) - len(suffix)
	if at < 0 || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return strings.TrimSpace(text[:at]), true
}

func unquote(name string) string {
	if len(name) >= 2 && strings.HasPrefix(name, `"`) {
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
