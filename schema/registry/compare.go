// This file tells a person what differs between two versions of a topic's schema.

package registry

import (
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
)

// Difference is a column that differs between two versions, or what differs as a
// whole, where Field is empty.
type Difference struct {
	Part string // "key" or "value"; "" in a schema of one record
	avro.Change
}

// String is the part, the column and what became of it.
func (d Difference) String() string {
	text := d.What
	if d.Field != "" {
		text = "column " + d.Field + " " + text
	}
	if d.Part != "" {
		text += ", in the " + d.Part
	}
	return text
}

// Compare lists what differs from the version before to the version after. It fails
// where a text is no schema.
func Compare(before, after *Schema) ([]Difference, error) {
	if before.Type != after.Type {
		return []Difference{{Change: retyped(before.Type, after.Type)}}, nil
	}
	old, err := before.parts()
	if err != nil {
		return nil, fmt.Errorf("the version before: %w", err)
	}
	now, err := after.parts()
	if err != nil {
		return nil, fmt.Errorf("the version after: %w", err)
	}
	var all []Difference
	for i, was := range old {
		is := now[i]
		if was.Type != is.Type {
			all = append(all, Difference{was.name, retyped(was.Type, is.Type)})
		}
		for _, c := range avro.Compare(was.record, is.record) {
			all = append(all, Difference{was.name, c})
		}
	}
	return all, nil
}

func retyped(before, after Type) avro.Change {
	return avro.Change{What: fmt.Sprintf("the schema's type changed from %s to %s", before, after), Backward: true, Forward: true}
}

// Table is what the schema's first record is called, which in schemas of tables is
// the table; "" where that cannot be read.
func (s *Schema) Table() string {
	parts, err := s.parts()
	if err != nil {
		return ""
	}
	return avro.Original(parts[0].record.Name)
}

type namedPart struct {
	Part
	name   string
	record *avro.Type
}

func (s *Schema) parts() ([]namedPart, error) {
	parts := []namedPart{{Part: Part{Type: s.Type, Schema: string(s.Data)}}}
	if s.Type == KeyValueType {
		key, value, err := s.Split()
		if err != nil {
			return nil, err
		}
		parts = []namedPart{{Part: key, name: "key"}, {Part: value, name: "value"}}
	}
	for i := range parts {
		var err error
		if parts[i].record, err = avro.Parse(parts[i].Schema); err != nil {
			return nil, err
		}
	}
	return parts, nil
}
