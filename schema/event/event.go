// What an event is called and carries around its key and value: topic, producer, message properties.

// Package event knows the messages of the events topic, which say that a row
// changed and nothing about how.
//
// In come the primary key as raw CQL values and what the commit log says about a
// mutation, out go message key, payload, properties, and the names of topic and
// producer, as the agent of DataStax' "CDC for Apache Cassandra" makes them; and
// back again, for the connector. The package opens no connection, imports neither
// stage and neither client, and never looks at a column outside the primary key.
package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

// DefaultTopicPrefix is what names of events topics begin with unless configured.
const DefaultTopicPrefix = "events-"

// Topic is the name of the table's events topic: prefix, keyspace, dot, table. The
// prefix may hold a tenant and namespace (persistent://t/ns/events-).
func Topic(prefix string, t *schema.Table) string { return prefix + t.String() }

// ProducerName is the name of the node's producer on the table's events topic.
// hostID is the node's system.local.host_id.
func ProducerName(hostID string, t *schema.Table) string {
	return "cdc-producer-" + hostID + "-" + t.String()
}

// Names of the message properties of an event.
const (
	SegPosProperty    = "segpos"
	TokenProperty     = "token"
	WriteTimeProperty = "writetime"
	OperationProperty = "operation" // ours, as those below; the Java agent's events have none
	ExactKeyProperty  = "exactkey"
	KeyFormProperty   = "keyform"
	RangeProperty     = "range"
)

// NoWriteTime is the write time of an event that has none.
const NoWriteTime = -1

// Properties are the message properties of an event. They name the place in the
// commit log where the mutation ends, the partition's token, and the write time in
// µs since 1970.
type Properties struct {
	Segment, Offset int64 // -1 and -1 for an event that comes from no commit log
	Token           int64
	NoToken         bool // the property is there and empty (the backfill of the Java product)
	WriteTime       int64
	Operation       Operation // "" for an event of the Java agent
	KeyForm         KeyForm   // of the message key
	ExactKey        string    // what Key.ExactKey makes; "" when the message key has lost nothing
	Range           string    // text of a Range, for DeleteRange; "" otherwise
}

// Operation is what a mutation did to the row. The connector reads the row either
// way; it needs the operation to tell a row that is gone from one that its
// coordinator does not show yet.
type Operation string

// The operations. An Update says nothing of the row's existence before.
const (
	Insert Operation = "insert"
	Update Operation = "update"
	Delete Operation = "delete" // of a row, or of a partition where the clustering key is null
	// DeleteRange is the delete of all rows in Properties.Range; the clustering key is
	// null. There are such events only by a setting of the agent.
	DeleteRange Operation = "delete-range"
)

// Map is the properties in their text form, as a Pulsar message takes them. The
// write time is left out when it is NoWriteTime, the others when they are empty.
func (p Properties) Map() map[string]string {
	m := make(map[string]string, 5)
	m[SegPosProperty] = strconv.FormatInt(p.Segment, 10) + ":" + strconv.FormatInt(p.Offset, 10)
	m[TokenProperty] = ""
	if !p.NoToken {
		m[TokenProperty] = strconv.FormatInt(p.Token, 10)
	}
	if p.WriteTime != NoWriteTime {
		m[WriteTimeProperty] = strconv.FormatInt(p.WriteTime, 10)
	}
	if p.Operation != "" {
		m[OperationProperty] = string(p.Operation)
	}
	if p.KeyForm != JavaForm {
		m[KeyFormProperty] = string(p.KeyForm)
	}
	if p.ExactKey != "" {
		m[ExactKeyProperty] = p.ExactKey
	}
	if p.Range != "" {
		m[RangeProperty] = p.Range
	}
	return m
}

// ParseProperties reads the properties of a received event. Others than these are
// ignored. A property that is missing leaves its "none" value, one that cannot
// be read does too and is named in the error: the event is usable all the same. The
// key's form, the exact key and the range are text here: who reads the key refuses a
// form that it does not know, Key.DecodeExact a text that is no exact key of the table,
// and ParseRange one that is no range.
func ParseProperties(m map[string]string) (Properties, error) {
	p := Properties{
		Segment: -1, Offset: -1, NoToken: true, WriteTime: NoWriteTime,
		Operation: Operation(m[OperationProperty]), KeyForm: KeyForm(m[KeyFormProperty]), ExactKey: m[ExactKeyProperty], Range: m[RangeProperty],
	}
	var errs []error
	number := func(name, text string, to *int64) bool {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("property %s of the event: %w", name, err))
			return false
		}
		*to = n
		return true
	}
	if text, ok := m[SegPosProperty]; ok {
		segment, offset, _ := strings.Cut(text, ":")
		if number(SegPosProperty, segment, &p.Segment) && !number(SegPosProperty, offset, &p.Offset) {
			p.Segment = -1
		}
	}
	if text := m[TokenProperty]; text != "" {
		p.NoToken = !number(TokenProperty, text, &p.Token)
	}
	if text, ok := m[WriteTimeProperty]; ok {
		number(WriteTimeProperty, text, &p.WriteTime)
	}
	return p, errors.Join(errs...)
}
