// How a segment is read.

package commitlog_test

import (
	"errors"
	"fmt"

	"github.com/cassandra-cdc/cassandra-cdc/agent/commitlog"
)

// A finished segment: every entry whose checksums hold, and what is damaged.
func ExampleReader() {
	r, err := commitlog.Open("../../testdata/corpus/5.0.6/lz4/CommitLog-7-1795254637163.log", commitlog.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	r.SetComplete()

	entries, bytes := 0, 0
	for {
		for r.Next() {
			entries, bytes = entries+1, bytes+len(r.Entry())
		}
		var damage *commitlog.DamageError
		if !errors.As(r.Err(), &damage) {
			break
		}
		fmt.Println("damaged:", damage)
	}
	fmt.Println(r.Descriptor().Compression, entries, "entries of", bytes, "bytes up to", r.Position())
	// Output: LZ4Compressor 670 entries of 136072 bytes up to 1795254637163:144643
}
