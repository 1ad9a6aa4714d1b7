// Values as a person reads them.

package inspect

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/cassandra-cdc/cassandra-cdc/schema/cql"
)

// Types of the paths of complex cells that no column names.
var (
	listPath  = &cql.Type{Kind: cql.TimeUUID}
	fieldPath = &cql.Type{Kind: cql.SmallInt}
)

// appendReadable appends a raw value of a type as JSON.
func appendReadable(dst []byte, _ *cql.Type, value []byte) []byte {
	switch {
	case value == nil:
		return append(dst, "null"...)
	case len(value) == 0:
		return append(dst, `""`...)
	}
	dst = append(dst, `"0x`...)
	dst = hex.AppendEncode(dst, value)
	return append(dst, '"')
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

// counterTotal is the value of a counter: the sum of its shards (CounterContext.total).
func counterTotal(context []byte) (total int64) {
	const shard = 16 + 8 + 8 // counter id, clock, count
	if len(context) < 2 {
		return 0
	}
	header := int(int16(binary.BigEndian.Uint16(context)))
	if header < 0 {
		header = -header
	}
	for at := 2 + 2*header; at+shard <= len(context); at += shard {
		total += int64(binary.BigEndian.Uint64(context[at+24:]))
	}
	return total
}
