// Package relay hands rows to the launcher that Pulsar hosts, over a pipe.
//
// Pulsar runs sources in Java only. So a small Java class (connector/nar) starts this
// program, and Pulsar's own sink publishes what the program hands it: key flag, null
// values, schema versions, statistics and the producer's configuration are Pulsar's.
// In come settings and acknowledgements on the standard input, out go schemas, rows and
// user metrics on the standard output; the log is the standard error. All numbers are big endian; a
// text is an int32 with its length and UTF-8, bytes are the same with -1 for null.
//
//	launcher → program     text: the settings as JSON, once
//	                       int64: number of a record that is persisted, or -1-number of
//	                       one that was refused
//	                       the end of the stream: leave
//
//	program → launcher     'S' int32 schema | text topic | int8 parts | (text type | text name | bytes schema) × parts
//	                       'R' int32 schema | int64 number | bytes key | bytes value |
//	                           int32 properties | (text name | text value) × properties
//	                       'M' text name | float64: an observation for a user metric of the source
//	                       'F' text: why the program is about to end
//
// A schema belongs to a topic, "" being the source's own destination. It has two parts, key and value, or one: then the key of its records is text.
// Schemas are numbered from 0 and come before the first record that needs them.
//
// The package knows neither Pulsar nor Cassandra.
package relay
