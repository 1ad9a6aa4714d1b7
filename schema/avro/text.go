// The keys of Avro maps, which are strings.

package avro

import "github.com/cassandra-cdc/cassandra-cdc/schema/cql"

// MapKey is the writer of a map key as an Avro string, which is what Java's toString
// gives for the value (see the method AppendText of cql.Type).
func MapKey(t *cql.Type) Appender {
	switch t.Kind {
	case cql.ASCII, cql.Text:
		return appendText
	case cql.UUID, cql.TimeUUID:
		return appendUUID
	case cql.Inet:
		return appendInet
	}
	return func(dst, v []byte) ([]byte, error) {
		start := len(dst)
		dst, err := t.AppendText(append(dst, 0), v)
		if err != nil {
			return dst, err
		}
		return lengthPrefixed(dst, start), nil
	}
}
