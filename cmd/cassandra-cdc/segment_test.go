// The command line as a person meets it: what it prints where, and its exit status.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cassandra-cdc": main})
}

// The scripts say "$WELL", "$ILL" and "$NOBODY" for the addresses of agents (status_test.go), and
// "$CORPUS" for the segments of real nodes, and damage copies of them:
//
//	cut FILE SIZE         keeps the first bytes
//	flip FILE OFFSET      inverts a byte
//	zero FILE FROM TO     overwrites bytes with zeros
func TestScripts(t *testing.T) {
	corpus, err := filepath.Abs("../../testdata/corpus")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CORPUS", corpus)
			for name, address := range agents(t) {
				env.Setenv(name, address)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cut": damage(1, func(data []byte, at []int) []byte { return data[:at[0]] }),
			"flip": damage(1, func(data []byte, at []int) []byte {
				data[at[0]] ^= 0xff
				return data
			}),
			"zero": damage(2, func(data []byte, at []int) []byte {
				clear(data[at[0]:at[1]])
				return data
			}),
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// damage makes a command of the scripts that changes a file, with so many offsets.
func damage(offsets int, change func(data []byte, at []int) []byte) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) != 1+offsets {
			ts.Fatalf("want a file and %d offsets", offsets)
		}
		path := ts.MkAbs(args[0])
		data, err := os.ReadFile(path)
		ts.Check(err)
		var at []int
		for _, arg := range args[1:] {
			n, err := strconv.Atoi(arg)
			ts.Check(err)
			if n > len(data) {
				ts.Check(fmt.Errorf("%s has %d bytes", args[0], len(data)))
			}
			at = append(at, n)
		}
		ts.Check(os.WriteFile(path, change(data, at), 0o644))
	}
}
