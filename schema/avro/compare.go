// What became of a record's fields from one version of a schema to the next.

package avro

import (
	"fmt"
)

// Change is what differs in one field of two versions of a record.
type Change struct {
	Field string // the column, and behind dots the field of a user-defined type or tuple
	What  string // for people: "type changed from int or null to string or null"

	// Backward: readers of the later version cannot read what the earlier one wrote.
	// Forward: the other way round. (Both by Avro's rules for resolving schemas, but that
	// no number is taken for a wider one.)
	Backward, Forward bool
}

func (c Change) String() string { return c.Field + ": " + c.What }

// Compare lists how the record after differs from the record before, in what a schema
// registry may object to: fields by name, their types and defaults. Docs, aliases and
// the names of records do not count.
func Compare(before, after *Type) []Change { return compare(nil, "", before, after) }

func compare(list []Change, path string, before, after *Type) []Change {
	note := func(field string, backward, forward bool, format string, args ...any) {
		list = append(list, Change{join(path, field), fmt.Sprintf(format, args...), backward, forward})
	}
	if before.Kind != after.Kind || before.Logical != after.Logical || len(before.Branches) != len(after.Branches) ||
		before.Size != after.Size || (before.Items == nil) != (after.Items == nil) {
		note("", true, true, "type changed from %s to %s", before, after)
		return list
	}
	switch before.Kind {
	case "union":
		for i, b := range before.Branches {
			if a := after.Branches[i]; b.Kind != a.Kind || b.Logical != a.Logical {
				note("", true, true, "type changed from %s to %s", before, after)
				return list
			}
		}
		for i, b := range before.Branches {
			list = compare(list, path, b, after.Branches[i])
		}
	case "array", "map":
		list = compare(list, path, before.Items, after.Items)
	case "record":
		old := map[string]Field{}
		for _, f := range before.Fields {
			old[f.Name] = f
		}
		for _, f := range after.Fields {
			was, there := old[f.Name]
			delete(old, f.Name)
			switch {
			case !there && f.Default == "":
				note(f.Name, true, false, "added without default (%s)", f.Type)
			case !there:
				note(f.Name, false, false, "added with default %s (%s)", f.Default, f.Type)
			default:
				list = compare(list, join(path, f.Name), was.Type, f.Type)
				if was.Default != f.Default {
					note(f.Name, false, false, "default changed from %s to %s", orNone(was.Default), orNone(f.Default))
				}
			}
		}
		for _, f := range before.Fields {
			if _, gone := old[f.Name]; !gone {
				continue
			}
			if f.Default == "" {
				note(f.Name, false, true, "removed, and it had no default (%s)", f.Type)
			} else {
				note(f.Name, false, false, "removed (%s)", f.Type)
			}
		}
	}
	return list
}

func join(path, field string) string {
	switch field = Original(field); {
	case path == "":
		return field
	case field == "":
		return path
	}
	return path + "." + field
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
