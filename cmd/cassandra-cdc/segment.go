// cassandra-cdc segment

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
	"github.com/cassandra-cdc/cassandra-cdc/schema"
)

type segmentCommand struct {
	Dump segmentDumpCommand `cmd:"" help:"Print every change in commit log segments."`
}

// segmentFiles is what all of these commands read.
type segmentFiles struct {
	Files []string `arg:"" name:"file" help:"Segments (CommitLog-….log), read in this order." type:"path"`
}

func (f *segmentFiles) open() inspect.Files {
	files := inspect.Files{
		Paths:  f.Files,
		Report: func(line string) { fmt.Fprintf(os.Stderr, "cassandra-cdc: %s\n", line) },
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		files.Progress = inspect.NewProgress(os.Stderr)
	}
	return files
}

type segmentDumpCommand struct {
	segmentFiles
	JSON      bool     `help:"Print a line of JSON for each entry, instead of a line of text for each change."`
	Schema    []string `help:"File with the rows of system_schema as JSON. Repeatable." placeholder:"FILE" sep:"none"`
	Table     []string `help:"Only changes of this table. Repeatable." placeholder:"KEYSPACE.TABLE" sep:"none"`
	From      string   `help:"Only entries behind this position." placeholder:"SEGMENT:OFFSET"`
	ReadAhead bool     `help:"Also print whole entries behind the last sync marker, which Cassandra does not replay after a crash."`
}

func (c *segmentDumpCommand) Run(out io.Writer) error {
	var rows schema.Rows
	rows, err := inspect.ReadSchema(c.Schema)
	if err != nil {
		return err
	}
	var from commitlog.Position
	if c.From != "" {
		if from, err = commitlog.ParsePosition(c.From); err != nil {
			return err
		}
	}
	dump := inspect.Dump{Files: c.open(), Schema: rows, JSON: c.JSON, ReadAhead: c.ReadAhead, Tables: c.Table, From: from}
	return dump.Run(out)
}
