// The payload of an event: MutationValue.

package event

import (
	"fmt"
	"slices"

	"github.com/cassandra-cdc/cassandra-cdc/schema/avro"
)

// MutationSchema is the Avro schema of the payload, byte for byte as the Java
// agent registers it.
const MutationSchema = `{"type":"record","name":"MutationValue","namespace":"com.datastax.oss.cdc","fields":[` +
	`{"name":"columns","type":["null",{"type":"array","items":"string","java-class":"[Ljava.lang.String;"}],"default":null},` +
	`{"name":"md5Digest","type":["null","string"],"default":null},` +
	`{"name":"nodeId","type":["null",{"type":"string","logicalType":"uuid"}],"default":null}]}`

// Mutation is the payload of an event. An empty string stands for null.
type Mutation struct {
	Digest string // lower-case hex of Digest, or another constant that no mutation has
	NodeID string // host id of the node that wrote the event
}

// AppendMutation appends the payload: an Avro record without a schema header.
func AppendMutation(dst []byte, m Mutation) []byte {
	const around = 8                                           // columns, and what comes before each text
	dst = slices.Grow(dst, around+len(m.Digest)+len(m.NodeID)) // once
	dst = append(dst, 0)                                       // columns: always null
	for _, text := range [...]string{m.Digest, m.NodeID} {
		if text == "" {
			dst = append(dst, 0)
		} else {
			dst = avro.AppendBytes(append(dst, 2), text)
		}
	}
	return dst
}

// DecodeMutation reads a payload. It fails on anything but exactly one MutationValue.
func DecodeMutation(payload []byte) (Mutation, error) {
	r := reader{in: payload}
	if r.isPresent() {
		r.skipStrings()
	}
	var m Mutation
	for _, text := range [...]*string{&m.Digest, &m.NodeID} {
		if r.isPresent() {
			*text = string(r.bytes())
		}
	}
	if err := r.end(); err != nil {
		return Mutation{}, fmt.Errorf("payload of an event: %w", err)
	}
	return m, nil
}
