// From rows of system_schema to tables.

package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// errIncomplete is the fault of a table of which some rows are there and others not.
var errIncomplete = errors.New("system_schema.columns lists no partition key: the schema was read in the middle of a change")

// build makes the tables of one keyspace, by name. What cannot be built is left out;
// faults says why, by what it concerns ("table ks.t", "type ks.u").
func (k *keyspaceRows) build(keyspace string) (tables map[string]*Table, faults map[string]error) {
	tables, faults = map[string]*Table{}, map[string]error{}
	types := newTypes(keyspace, k, faults)
	columns, dropped := k.byTable(SystemColumns), k.byTable(SystemDroppedColumns)
	for _, system := range []SystemTable{SystemTables, SystemViews} {
		for key, r := range k.rows[system] {
			if !r.alive() {
				continue
			}
			t, err := newTable(keyspace, key.Name, r, columns[key.Name], dropped[key.Name], types)
			if err != nil {
				faults["table "+keyspace+"."+key.Name] = err
				continue
			}
			t.View = system == SystemViews
			tables[key.Name] = t
		}
	}
	return tables, faults
}

// byTable lists the rows that are alive, by the table that they belong to.
func (k *keyspaceRows) byTable(t SystemTable) map[string]map[string]*row {
	all := map[string]map[string]*row{}
	for key, r := range k.rows[t] {
		if !r.alive() {
			continue
		}
		if all[key.Name] == nil {
			all[key.Name] = map[string]*row{}
		}
		all[key.Name][key.Column] = r
	}
	return all
}

func newTable(keyspace, name string, r *row, columns, dropped map[string]*row, types *types) (*Table, error) {
	t := &Table{Keyspace: keyspace, Name: name, stored: map[string]*Column{}}
	id := r.value("id")
	if len(id) != len(t.ID) {
		return nil, fmt.Errorf("an id of %d bytes in system_schema: a UUID has %d", len(id), len(t.ID))
	}
	t.ID = ID(id)
	var err error
	if t.CDC, err = r.boolean("cdc"); err != nil {
		return nil, err
	}
	flags, err := r.texts("flags")
	if err != nil {
		return nil, err
	}
	t.Counter = slices.Contains(flags, "counter")

	key := map[ColumnKind]map[int]keyColumn{PartitionKey: {}, Clustering: {}}
	for name, r := range columns {
		c, position, err := newColumn(name, r, types)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", cql.Quote(name), err)
		}
		switch c.Kind {
		case PartitionKey, Clustering:
			// After a RENAME that only a snapshot tells of, an older row that comes
			// again would be a second column in one place.
			have, taken := key[c.Kind][position]
			switch written := r.newest(); {
			case !taken || written > have.written:
				key[c.Kind][position] = keyColumn{*c, written}
			case written == have.written:
				return nil, fmt.Errorf("columns %s and %s are both number %d of the key", cql.Quote(c.Name), cql.Quote(have.Name), position)
			}
		case Static:
			t.Static = append(t.Static, *c)
		default:
			t.Regular = append(t.Regular, *c)
		}
		if c.Kind == Static || c.Kind == Regular {
			t.stored[name] = c
		}
	}
	if t.PartitionKey, err = inOrder(key[PartitionKey]); err != nil {
		return nil, err
	}
	if t.Clustering, err = inOrder(key[Clustering]); err != nil {
		return nil, err
	}
	if len(t.PartitionKey) == 0 {
		return nil, errIncomplete
	}
	byName := func(a, b Column) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(t.Static, byName)
	slices.SortFunc(t.Regular, byName)
	return t, t.addDropped(dropped, types)
}

type keyColumn struct {
	Column
	written int64
}

// inOrder lists key columns by their position, of which none may be missing.
func inOrder(columns map[int]keyColumn) (list []Column, err error) {
	for i := range len(columns) {
		c, ok := columns[i]
		if !ok {
			return nil, fmt.Errorf("system_schema.columns lists %d columns of the key and none of them is number %d", len(columns), i)
		}
		list = append(list, c.Column)
	}
	return list, nil
}

func newColumn(name string, r *row, types *types) (c *Column, position int, err error) {
	c = &Column{Name: name}
	if c.Kind, err = r.columnKind(); err != nil {
		return nil, 0, err
	}
	if c.Type, err = r.cqlType(types); err != nil {
		return nil, 0, err
	}
	order, err := r.text("clustering_order")
	if err != nil {
		return nil, 0, err
	}
	c.Descending = strings.EqualFold(order, "desc")
	if c.Kind == PartitionKey || c.Kind == Clustering {
		position, err = r.integer("position")
	}
	return c, position, err
}

// addDropped adds what mutations from before a DROP name. A column that was added
// again is the new one; what was written before the DROP does not count for it either.
func (t *Table) addDropped(dropped map[string]*row, types *types) error {
	for name, r := range dropped {
		at, err := r.droppedAt()
		if err == nil {
			if again := t.stored[name]; again != nil {
				again.DroppedAt = at
				continue
			}
			var c *Column
			if c, _, err = newColumn(name, r, types); err == nil {
				c.Dropped, c.DroppedAt = true, at
				t.stored[name] = c
			}
		}
		if err != nil {
			return fmt.Errorf("dropped column %s: %w", cql.Quote(name), err)
		}
	}
	for _, list := range [][]Column{t.Static, t.Regular} {
		for i := range list {
			list[i].DroppedAt = t.stored[list[i].Name].DroppedAt
		}
	}
	return nil
}

// columnKind reads kind. 3.11 calls the value column of a dense table "compact_value".
func (r *row) columnKind() (ColumnKind, error) {
	kind, err := r.text("kind")
	if err != nil {
		return 0, err
	}
	switch kind {
	case "partition_key":
		return PartitionKey, nil
	case "clustering":
		return Clustering, nil
	case "static":
		return Static, nil
	case "regular", "compact_value":
		return Regular, nil
	}
	return 0, fmt.Errorf("system_schema knows no kind %q of columns", kind)
}

func (r *row) cqlType(types *types) (*cql.Type, error) {
	text, err := r.text("type")
	if err != nil {
		return nil, err
	}
	return types.parse(text)
}

// droppedAt is the time of a DROP in µs since 1970, 0 when it is not told.
func (r *row) droppedAt() (int64, error) {
	switch v := r.value("dropped_time"); len(v) {
	case 0:
		return 0, nil
	case 8:
		ms := int64(binary.BigEndian.Uint64(v))
		return 1000 * min(max(ms, math.MinInt64/1000), endOfTime), nil
	default:
		return 0, fmt.Errorf("dropped_time of %d bytes in system_schema: a timestamp has 8", len(v))
	}
}

func (r *row) text(column string) (string, error) {
	v := r.value(column)
	if !utf8.Valid(v) {
		return "", fmt.Errorf("%s %.40q in system_schema is not UTF-8", column, v)
	}
	return string(v), nil
}

func (r *row) boolean(column string) (bool, error) {
	switch v := r.value(column); len(v) {
	case 0:
		return false, nil
	case 1:
		return v[0] != 0, nil
	default:
		return false, fmt.Errorf("%s of %d bytes in system_schema: a boolean has 1", column, len(v))
	}
}

func (r *row) integer(column string) (int, error) {
	v := r.value(column)
	if len(v) != 4 {
		return 0, fmt.Errorf("%s of %d bytes in system_schema: an int has 4", column, len(v))
	}
	return int(int32(binary.BigEndian.Uint32(v))), nil
}

// texts reads a frozen list or set of texts.
func (r *row) texts(column string) ([]string, error) {
	v := r.value(column)
	list, ok := parseTexts(v)
	if !ok {
		return nil, fmt.Errorf("%s % .40x in system_schema is no list of texts", column, v)
	}
	return list, nil
}

func parseTexts(v []byte) (list []string, ok bool) {
	if len(v) == 0 {
		return nil, true
	}
	if len(v) < 4 {
		return nil, false
	}
	n, v := binary.BigEndian.Uint32(v), v[4:]
	for ; n > 0; n-- {
		if len(v) < 4 || uint64(len(v)-4) < uint64(binary.BigEndian.Uint32(v)) {
			return nil, false
		}
		end := 4 + int(binary.BigEndian.Uint32(v))
		if !utf8.Valid(v[4:end]) {
			return nil, false
		}
		list, v = append(list, string(v[4:end])), v[end:]
	}
	return list, len(v) == 0
}

// types resolves the user-defined types of a keyspace, which name each other in any
// order.
type types struct {
	keyspace string
	rows     map[string]typeRow
	made     map[string]*cql.Type
	depth    int
}

// maxTypeDepth bounds how deep types may lie in types, so that damaged rows end in an
// error and not in an exhausted stack. Cassandra itself has no such limit.
const maxTypeDepth = 64

func newTypes(keyspace string, k *keyspaceRows, faults map[string]error) *types {
	t := &types{keyspace: keyspace, rows: map[string]typeRow{}, made: map[string]*cql.Type{}}
	for key, r := range k.rows[SystemTypes] {
		if !r.alive() {
			continue
		}
		names, err1 := r.texts("field_names")
		fields, err2 := r.texts("field_types")
		err := errors.Join(err1, err2)
		if err == nil && len(names) != len(fields) {
			err = fmt.Errorf("%d names and %d types of fields", len(names), len(fields))
		}
		if err != nil {
			faults["type "+keyspace+"."+key.Name] = err
			continue
		}
		t.rows[key.Name] = typeRow{FieldNames: names, FieldTypes: fields}
	}
	return t
}

func (t *types) parse(text string) (*cql.Type, error) { return cql.Parse(text, t.resolve) }

func (t *types) resolve(name string) (*cql.Type, bool) {
	if made, ok := t.made[name]; ok {
		return made, made != nil
	}
	row, ok := t.rows[name]
	if !ok || t.depth == maxTypeDepth {
		return nil, false
	}
	t.depth++
	defer func() { t.depth-- }()
	t.made[name] = nil // a type that contains itself does not resolve
	udt := &cql.Type{Kind: cql.UDT, Keyspace: t.keyspace, Name: name}
	for i, f := range row.FieldNames {
		ft, err := t.parse(row.FieldTypes[i])
		if err != nil {
			return nil, false
		}
		udt.Fields = append(udt.Fields, cql.Field{Name: f, Type: ft})
	}
	t.made[name] = udt
	return udt, true
}
