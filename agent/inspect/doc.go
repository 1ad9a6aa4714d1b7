// Package inspect looks into commit log segments for a person: what is in them, whether
// it is whole, and every change as text or as JSON.
//
// In come segment files and, to decode what is in them, rows of system_schema; out go
// lines, faults apart from what was read. It needs no node, never writes to a file, and
// keeps nothing of a segment in memory but the entry it is at.
package inspect
