// Events as the registry describes them: read by the schema that they were written with.

package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
	"github.com/cassandra-cdc/cassandra-cdc/schema/registry"
)

// Writer is one version of an events topic's schema: the form in which whoever
// registered it writes events. It is immutable and safe for concurrent use; the same
// pointer stands for the same schema.
type Writer struct {
	key      *avro.Type // a record
	mutation []mutationField
}

// mutationField is a field of the payload, in the order of the writer.
type mutationField struct {
	name    string
	typ     *avro.Type
	optText bool // a string, or a union of null and a string
}

// NewWriter compiles a version of an events topic's schema. It fails where the schema
// is not that of events, whoever wrote them.
func NewWriter(s *registry.Schema) (*Writer, error) {
	key, value, err := s.Split()
	if err != nil {
		return nil, fmt.Errorf("schema of an events topic: %w", err)
	}
	w := &Writer{}
	var payload *avro.Type
	for _, part := range []struct {
		name string
		registry.Part
		to **avro.Type
	}{{"key", key, &w.key}, {"value", value, &payload}} {
		if part.Type != registry.Avro {
			return nil, fmt.Errorf("schema of an events topic: the %s is %s, not %s", part.name, part.Type, registry.Avro)
		}
		t, err := avro.Parse(part.Schema)
		if err == nil && t.Kind != "record" {
			err = fmt.Errorf("%s, not a record", t)
		}
		if err != nil {
			return nil, fmt.Errorf("schema of an events topic: %s: %w", part.name, err)
		}
		*part.to = t
	}
	for _, f := range payload.Fields {
		w.mutation = append(w.mutation, mutationField{f.Name, f.Type, isText(f.Type)})
	}
	for _, name := range []string{digestField, nodeIDField} {
		if !w.writes(name) {
			return nil, fmt.Errorf("schema of an events topic: the value %s has no text %s", payload, name)
		}
	}
	return w, nil
}

const (
	digestField = "md5Digest"
	nodeIDField = "nodeId"
)

func (w *Writer) writes(name string) bool {
	for _, f := range w.mutation {
		if f.name == name {
			return f.optText
		}
	}
	return false
}

// isText says whether a value is a string, or a string or null.
func isText(t *avro.Type) bool {
	if t.Kind != "union" {
		return t.Kind == "string"
	}
	texts := 0
	for _, b := range t.Branches {
		switch b.Kind {
		case "string":
			texts++
		case "null":
		default:
			return false
		}
	}
	return texts == 1
}

// DecodeMutation reads a payload of this writer: the fields of a MutationValue in
// whatever order, passing over others. It fails on anything but exactly one record.
func (w *Writer) DecodeMutation(payload []byte) (Mutation, error) {
	r := reader{in: payload}
	var m Mutation
	for i := range w.mutation {
		f := &w.mutation[i]
		switch f.name {
		case digestField:
			m.Digest = r.text(f.typ)
		case nodeIDField:
			m.NodeID = r.text(f.typ)
		default:
			r.skip(f.typ)
		}
	}
	if err := r.end(); err != nil {
		return Mutation{}, fmt.Errorf("payload of an event: %w", err)
	}
	return m, nil
}

// text reads what isText said yes to.
func (r *reader) text(t *avro.Type) string {
	if t.Kind == "union" {
		t = t.Branches[r.integer(0, int64(len(t.Branches)-1))]
	}
	if t.Kind == "null" {
		return ""
	}
	return string(r.bytes())
}

// skip passes over a value of that type.
func (r *reader) skip(t *avro.Type) {
	switch t.Kind {
	case "boolean":
		r.boolean()
	case "int", "long", "enum":
		r.long()
	case "float":
		r.take(4)
	case "double":
		r.take(8)
	case "bytes", "string":
		r.bytes()
	case "fixed":
		r.take(t.Size)
	case "union":
		r.skip(t.Branches[r.integer(0, int64(len(t.Branches)-1))])
	case "array", "map":
		r.skipBlocks(t)
	case "record":
		for _, f := range t.Fields {
			r.skip(f.Type)
		}
	case "null":
	}
}

func (r *reader) skipBlocks(t *avro.Type) {
	for r.err == nil {
		n := r.long()
		switch {
		case n == 0:
			return
		case n < 0: // a block with its size in bytes
			r.bytes()
			continue
		case n > int64(len(r.in)): // an item has a byte at least
			r.fail(errCutOff)
		}
		for ; n > 0 && r.err == nil; n-- {
			if t.Kind == "map" {
				r.bytes()
			}
			r.skip(t.Items)
		}
	}
}

// NotTheKeyError is a key record of other columns than the table's primary key has:
// the table was dropped and made again with another key since.
type NotTheKeyError struct {
	Table   string // keyspace.table
	Written string // the key's columns by the writer's schema
	Key     string // the columns of the primary key
	Why     string
}

func (e *NotTheKeyError) Error() string {
	return fmt.Sprintf("table %s: the event was written with the key (%s), which is not the primary key (%s): %s", e.Table, e.Written, e.Key, e.Why)
}

// describe lists the columns of a key record.
func describe(record *avro.Type) string {
	fields := make([]string, len(record.Fields))
	for i, f := range record.Fields {
		fields[i] = avro.Original(f.Name) + " " + f.Type.String()
	}
	return strings.Join(fields, ", ")
}

// KeyReader reads the keys that one writer wrote as the primary key of one version of
// a table. It is immutable and safe for concurrent use.
type KeyReader struct {
	key    *Key
	fields []writtenField // in the writer's order; nil where the writer writes as the table's Key does
}

// writtenField is a field of a key record as a writer wrote it.
type writtenField struct {
	column   int // in the primary key
	branches []writtenBranch
	union    bool
}

// writtenBranch is one type of a union, or the only one: null where read is nil.
type writtenBranch struct{ read valueReader }

// ReaderOf makes the reader of the keys that w wrote, for this version of the table.
// Its columns are those of the same names. Where names differ and the types are those of the
// primary key in the same order, columns were renamed. Anything else is a
// *[NotTheKeyError]. A nil writer, or one of unknown schema, writes as k does.
func (k *Key) ReaderOf(w *Writer) (*KeyReader, error) {
	if w == nil {
		return &KeyReader{key: k}, nil
	}
	own, err := avro.Parse(k.text)
	if err != nil {
		return nil, fmt.Errorf("primary key of table %s: %w", k.table, err)
	}
	notTheKey := func(why string) error {
		return &NotTheKeyError{Table: k.table, Written: describe(w.key), Key: describe(own), Why: why}
	}
	if len(w.key.Fields) != len(k.fields) {
		return nil, notTheKey(fmt.Sprintf("%d columns, not %d", len(w.key.Fields), len(k.fields)))
	}
	columns, why := columnsOf(w.key, own)
	if why != "" {
		return nil, notTheKey(why)
	}
	same := true
	fields := make([]writtenField, len(columns))
	for i, column := range columns {
		f := &w.key.Fields[i]
		if fields[i], err = k.writtenField(f, column); err != nil {
			return nil, notTheKey(err.Error())
		}
		same = same && i == column && len(avro.Compare(f.Type, own.Fields[i].Type)) == 0
	}
	if same {
		fields = nil
	}
	return &KeyReader{k, fields}, nil
}

// columnsOf finds the place in the primary key of each field of a written key record.
func columnsOf(written, own *avro.Type) (columns []int, why string) {
	at := map[string]int{}
	for i, f := range own.Fields {
		at[f.Name] = i
	}
	known := 0
	for _, f := range written.Fields {
		column, ok := at[f.Name]
		if ok {
			known++
		}
		columns = append(columns, column)
	}
	if known == len(columns) {
		return columns, ""
	}
	// Columns of the primary key can be renamed; then all have kept their places.
	for i, f := range written.Fields {
		if column, ok := at[f.Name]; ok && column != i {
			return nil, fmt.Sprintf("%s is in another place, so that the others are no renamed columns", avro.Original(f.Name))
		}
		if isOptional(f.Type) != isOptional(own.Fields[i].Type) {
			return nil, fmt.Sprintf("%s has another part in the key", avro.Original(own.Fields[i].Name))
		}
		columns[i] = i
	}
	return columns, ""
}

// isOptional says whether null is a value, as it is for clustering columns.
func isOptional(t *avro.Type) bool {
	return slices.ContainsFunc(t.Branches, func(b *avro.Type) bool { return b.Kind == "null" })
}

func (k *Key) writtenField(f *avro.Field, column int) (writtenField, error) {
	w := writtenField{column: column}
	types := []*avro.Type{f.Type}
	if f.Type.Kind == "union" {
		types, w.union = f.Type.Branches, true
	}
	for _, t := range types {
		branch, err := k.fields[column].branchOf(t, k.form)
		if err != nil {
			return w, fmt.Errorf("%s is %s, and %s is %s", avro.Original(f.Name), f.Type, k.fields[column].name, k.fields[column].typ)
		}
		w.branches = append(w.branches, branch)
	}
	return w, nil
}

var errOtherType = errors.New("another type")

// branchOf is how a value of the column, in keys of that form, is read that was written
// as that type.
func (f *keyField) branchOf(t *avro.Type, form KeyForm) (writtenBranch, error) {
	switch {
	case t.Kind == "null":
		return writtenBranch{}, nil
	case f.typ.HasParts() && t.Kind == "bytes":
		return writtenBranch{readRaw}, nil
	case f.typ.HasParts() && !f.orRaw:
		return writtenBranch{}, errOtherType
	}
	read, err := readerOf(t, form.Written(f.typ))
	return writtenBranch{read}, err
}

// Same says that the writer writes as the present Key does: the key's bytes are those
// that Key.Append makes.
func (r *KeyReader) Same() bool { return r.fields == nil }

// Decode reads a message key into raw CQL values, as the method of [Key] does.
func (r *KeyReader) Decode(key []byte) (partition, clustering [][]byte, err error) {
	k := r.key
	if r.Same() {
		return k.Decode(key)
	}
	values := make([][]byte, len(k.fields))
	in := reader{in: key}
	for i := range r.fields {
		w := &r.fields[i]
		branch := 0
		if w.union {
			branch = int(in.integer(0, int64(len(w.branches)-1)))
		}
		if read := w.branches[branch].read; read != nil && in.err == nil {
			values[w.column] = read([]byte{}, &in)
		}
		if values[w.column] == nil && w.column < k.partition {
			in.fail(errNullPartitionKey)
		}
		if in.err != nil {
			return nil, nil, k.fields[w.column].errorf(k, in.err)
		}
	}
	if err := in.end(); err != nil {
		return nil, nil, fmt.Errorf("primary key of table %s: %w", k.table, err)
	}
	return values[:k.partition:k.partition], values[k.partition:], nil
}

// Present is a message key in the form of the table's Key: key itself where the writer
// has the same.
func (r *KeyReader) Present(key []byte) ([]byte, error) {
	if r.Same() {
		return key, nil
	}
	partition, clustering, err := r.Decode(key)
	if err != nil {
		return nil, err
	}
	return r.key.Append(nil, partition, clustering)
}
