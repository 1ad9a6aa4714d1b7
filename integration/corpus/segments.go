// This file copies the segments that a node left.

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

// copySegments copies the segments that were written to, and their index files; or only
// the segments that have an index file.
func copySegments(from, to string, onlyIndexed bool) error {
	logs, err := filepath.Glob(filepath.Join(from, "CommitLog-*.log"))
	if err != nil {
		return err
	}
	copied := 0
	for _, log := range logs {
		used, err := written(log)
		if err != nil {
			return fmt.Errorf("%s: %w", log, err)
		}
		index := strings.TrimSuffix(log, ".log") + "_cdc.idx"
		_, missing := os.Stat(index)
		if !used || missing != nil && onlyIndexed {
			continue
		}
		copied++
		if err := env.CopyFile(log, filepath.Join(to, filepath.Base(log))); err != nil {
			return err
		}
		if missing != nil {
			continue
		}
		if err := env.CopyFile(index, filepath.Join(to, filepath.Base(index))); err != nil {
			return err
		}
	}
	if copied == 0 {
		return fmt.Errorf("no segment of the scenario in %s", from)
	}
	return nil
}

// written tells whether anything follows a segment's header: Cassandra makes the next
// segment before it needs it. The header is version, id, length of the parameters, the
// parameters, checksum (CommitLogDescriptor.writeHeader).
func written(segment string) (bool, error) {
	f, err := os.Open(segment)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var fixed [14]byte
	if _, err := io.ReadFull(f, fixed[:]); err != nil {
		return false, fmt.Errorf("read the header: %w", err)
	}
	if _, err := f.Seek(int64(binary.BigEndian.Uint16(fixed[12:]))+4, io.SeekCurrent); err != nil {
		return false, err
	}
	buf, zeros := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := f.Read(buf)
		if !bytes.Equal(buf[:n], zeros[:n]) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
