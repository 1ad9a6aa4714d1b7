// The forms of key records: as the Java agent writes them, or without loss.

package event

import "github.com/cassandra-cdc/cassandra-cdc/schema/cql"

// KeyForm is how a key record has columns of the types tinyint, smallint and time, as
// the property of an event names it.
type KeyForm string

// The forms.
const (
	// JavaForm is the Java agent's: tinyint and smallint without sign (-1 is 255 or
	// 65535), time cut to µs. No property names it.
	JavaForm KeyForm = ""
	// FaithfulForm has tinyint and smallint with their sign, and time in ns, as a long
	// without a logical type, for which Avro has none. The Java connector reads all but
	// time rightly.
	FaithfulForm KeyForm = "faithful"
)

// changes says whether a column of a type is written in another way than in JavaForm.
func (f KeyForm) changes(k cql.Kind) bool {
	return f == FaithfulForm && (k == cql.TinyInt || k == cql.SmallInt || k == cql.Time)
}

// Written is the type whose schema and bytes a key has for a column of type t.
func (f KeyForm) Written(t *cql.Type) *cql.Type {
	if f == FaithfulForm && t.Kind == cql.Time {
		return &cql.Type{Kind: cql.BigInt} // the raw value is ns in 8 bytes, as a bigint's
	}
	return t
}
