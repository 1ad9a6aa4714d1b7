// cassandra-cdc segment

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog/keystore"
	"github.com/cassandra-cdc/cassandra-cdc/agent/inspect"
)

type segmentCommand struct {
	Stat   segmentStatCommand   `cmd:"" help:"Describe segments: how they are written, what they hold, how far Cassandra was with them."`
	Verify segmentVerifyCommand `cmd:"" help:"Check every checksum in segments."`
	Dump   segmentDumpCommand   `cmd:"" help:"Print every change in segments."`
}

// segmentFiles is what all of these commands read.
type segmentFiles struct {
	Files            []string `arg:"" name:"file" help:"Segments (CommitLog-….log), read in this order."`
	Keystore         string   `help:"Keystore with the keys of encrypted segments, as transparent_data_encryption_options names it." placeholder:"FILE"`
	KeystorePassword string   `help:"Password of the keystore." placeholder:"PASSWORD" env:"CASSANDRA_CDC_KEYSTORE_PASSWORD"`
	KeyPassword      string   `help:"Password of the keys in it, where it is another one." placeholder:"PASSWORD" env:"CASSANDRA_CDC_KEY_PASSWORD"`
}

func (f *segmentFiles) open() (inspect.Files, error) {
	files := inspect.Files{
		Paths:  f.Files,
		Keys:   noKeystore{},
		Report: func(line string) { fmt.Fprintf(os.Stderr, "cassandra-cdc: %s\n", line) },
	}
	if f.Keystore != "" {
		keys, err := keystore.Open(f.Keystore, f.KeystorePassword, f.KeyPassword)
		if err != nil {
			return files, err
		}
		files.Keys = keys
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		files.Progress = inspect.NewProgress(os.Stderr)
	}
	return files, nil
}

// noKeystore has the keys of no segment.
type noKeystore struct{}

func (noKeystore) Key(string) ([]byte, error) {
	return nil, errors.New("--keystore FILE and --keystore-password PASSWORD are needed")
}

type segmentStatCommand struct {
	segmentFiles
	JSON   bool     `help:"Print a line of JSON for each file."`
	Schema []string `help:"File with the rows of system_schema as JSON: counts the updates of each table. Repeatable." placeholder:"FILE" sep:"none"`
}

func (c *segmentStatCommand) Run(out io.Writer) error {
	files, err := c.open()
	if err != nil {
		return err
	}
	stat := inspect.Stat{Files: files, JSON: c.JSON}
	if len(c.Schema) > 0 {
		rows, err := inspect.ReadSchema(c.Schema)
		if err != nil {
			return err
		}
		stat.Schema = &rows
	}
	return stat.Run(out)
}

type segmentVerifyCommand struct{ segmentFiles }

func (c *segmentVerifyCommand) Run(out io.Writer) error {
	files, err := c.open()
	if err != nil {
		return err
	}
	verify := inspect.Verify{Files: files}
	return verify.Run(out)
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
	files, err := c.open()
	if err != nil {
		return err
	}
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
	dump := inspect.Dump{Files: files, Schema: rows, JSON: c.JSON, ReadAhead: c.ReadAhead, Tables: c.Table, From: from}
	return dump.Run(out)
}
