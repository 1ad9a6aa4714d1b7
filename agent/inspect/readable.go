// Values as a person reads them.

package inspect

import (
	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Types of the paths of complex cells that no column names.
var (
	listPath  = &cql.Type{Kind: cql.TimeUUID}
	fieldPath = &cql.Type{Kind: cql.SmallInt}
)

// appendReadable appends a raw value of a type as JSON, what is wrong with it where it is
// no value of the type. A nil type is one that is not known.
func appendReadable(dst []byte, t *cql.Type, value []byte) []byte {
	if t == nil {
		return append(dst, "null"...)
	}
	out, err := t.AppendJSON(dst, value)
	if err != nil {
		return appendQuoted(dst, "!"+err.Error())
	}
	return out
}

// appendCounter appends the total of a counter cell, null where its value is none.
func appendCounter(dst, value []byte) []byte {
	total, err := cql.CounterTotal(value)
	if err != nil {
		return append(dst, "null"...)
	}
	return appendInt(dst, total)
}

// complexTypes gives the types of path and value of a cell of a complex column. The value
// of a set's element is empty, a field's that the type does not have is not known: nil.
func complexTypes(t *cql.Type, path []byte) (pathType, valueType *cql.Type) {
	switch t.Kind {
	case cql.Map:
		return t.Key, t.Elem
	case cql.Set:
		return t.Elem, nil
	case cql.List:
		return listPath, t.Elem
	}
	if field := fieldIndex(path); field < len(t.Fields) {
		valueType = t.Fields[field].Type
	}
	return fieldPath, valueType
}

// fieldIndex is the field of a user-defined type that a cell's path stands for.
func fieldIndex(path []byte) int {
	if len(path) != 2 {
		return 1 << 16 // no type has it
	}
	return int(path[0])<<8 | int(path[1])
}
