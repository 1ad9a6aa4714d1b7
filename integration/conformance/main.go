// Command conformance holds what we put on the wire against what the Java product put there.
//
// In comes a folder with captures (package schema/capture says what a capture is): the
// messages and schemas of a real Java agent and connector. For each message the program
// makes the schema, the key, the payload and the names of the properties that we would
// have published, and compares them byte by byte; sets and maps are compared without
// their order. It prints a line for the events and for each format of a scenario, and
// exits with 1 when something differs. It needs no server.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cassandra-cdc/cassandra-cdc/schema/capture"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./integration/conformance DIR   (a folder with a folder for each captured scenario)")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, dir string) error {
	scenarios, err := capture.Read(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("read the captures in %s: %w", dir, err)
	}
	if len(scenarios) == 0 {
		return fmt.Errorf("%s has no scenario: a folder with schema.cql, schemas.json and messages", dir)
	}
	failed := 0
	for _, s := range scenarios {
		for _, r := range check(s) {
			fmt.Fprintln(out, r)
			if len(r.faults) > 0 {
				failed++
			}
		}
	}
	if failed > 0 {
		return errors.New(plural(failed, "check") + " failed")
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
