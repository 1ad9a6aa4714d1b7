// Package agent is stage 1: it runs beside one Cassandra node, follows the node's
// commit log and publishes an event for every row that changes in a table with
// cdc = true.
//
// The way of the data: [tail] finds the segments and reads entries ahead of Cassandra's
// sync, [mutation] decodes them with the tables that [history] knows for that moment,
// changes.go says which rows changed, publish.go sends one event for each, and
// [checkpoint] moves when the broker has acknowledged them without a gap. Around it, [config]
// holds the settings and [node] what the machine tells of Cassandra. The agent
// never writes to Cassandra's files but to delete segments that are finished and
// published.
package agent
