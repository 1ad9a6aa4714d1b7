// This file reads scenarios: CQL files in which comments of a certain form say what else
// is to happen.

package main

import (
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

//go:embed scenarios/*.cql
var files embed.FS

// scenario is what one node is started for.
type scenario struct {
	yaml  map[string]any // settings that it needs
	jvm   []string       // arguments that it needs
	steps []step
}

// step is one statement, or what a comment of the form "--! kind text" asks for:
//
//	--! snapshot NAME   keep the schema as of now, and have the segments read with it
//	--! pause 100ms     let the commit log be synced
//	--! kill            kill the node in the middle of the statements that follow
//	--! fill TABLE T2   write as many rows as --rows says, quickly, and now and then one
//	                    into the table T2, if it is given
//	--! setting N: V    a setting in cassandra.yaml, from the start
//	--! jvm ARGUMENT    an argument of the node's JVM, from the start
type step struct {
	kind stepKind
	text string
}

type stepKind string

const (
	statement stepKind = "" // the only one that is not a comment
	snapshot  stepKind = "snapshot"
	pause     stepKind = "pause"
	kill      stepKind = "kill"
	fill      stepKind = "fill"
	setting   stepKind = "setting"
	jvm       stepKind = "jvm"
)

// isDDL tells whether a statement changes the schema.
func (s step) isDDL() bool {
	first, _, _ := strings.Cut(s.text, " ")
	return s.kind == statement && (first == "CREATE" || first == "ALTER" || first == "DROP")
}

// scenarioNames lists the scenarios.
func scenarioNames() []string {
	found, err := fs.Glob(files, "scenarios/*.cql")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	var names []string
	for _, f := range found {
		names = append(names, strings.TrimSuffix(path.Base(f), ".cql"))
	}
	return names
}

// loadScenario reads a scenario as it is for a release line and a compatibility mode.
func loadScenario(name, line, mode string) (scenario, error) {
	file := "scenarios/" + name + ".cql"
	text, err := files.ReadFile(file)
	if err != nil {
		return scenario{}, err
	}
	t, err := template.New(file).Option("missingkey=error").Funcs(functions(line, mode)).Parse(string(text))
	if err != nil {
		return scenario{}, err
	}
	var cql strings.Builder
	if err := t.Execute(&cql, nil); err != nil {
		return scenario{}, err
	}
	s, err := parseScenario(cql.String())
	if err != nil {
		return scenario{}, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// functions are what the templates may call.
func functions(line, mode string) template.FuncMap {
	return template.FuncMap{
		// since and before tell whether the release is that one or newer, or older.
		"since":  func(other string) bool { return !before(line, other) },
		"before": func(other string) bool { return before(line, other) },
		// far tells whether local deletion times may lie behind the year 2038.
		"far": func() bool { return line == env.Cassandra50 && mode == "NONE" },
		// count is 0 … n-1.
		"count": func(n int) []int {
			all := make([]int, n)
			for i := range all {
				all[i] = i
			}
			return all
		},
		"numbers":  func(all ...int) []int { return all },
		"multiple": func(i, of int) bool { return i%of == 0 },
		"minus":    func(a, b int) int { return a - b },
		"mod":      func(a, b int) int { return a % b },
		// list is the format with each number of [from, to), with a comma between;
		// join has another separator.
		"list":   func(from, to int, format string) string { return join(", ", from, to, format) },
		"join":   join,
		"repeat": strings.Repeat,
		// These depend on nothing but the seed.
		"uuid": func(seed int) string {
			b := randomBytes(seed, 16)
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		},
		"number": func(seed int) int64 { return random(seed).Int64() },
		"hex":    func(seed, n int) string { return hex.EncodeToString(randomBytes(seed, n)) },
		"words":  func(seed, longest int) string { return words(random(seed), random(seed).IntN(longest+1)) },
	}
}

func join(separator string, from, to int, format string) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(format, i))
	}
	return strings.Join(all, separator)
}

func random(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 0)) }

func randomBytes(seed, n int) []byte {
	r, b := random(seed), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

var vocabulary = strings.Fields("the order was paid and sent to a customer in spring before all other parcels had left our house on time with care")

// words is text of n bytes that compresses about as text does.
func words(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(vocabulary[r.IntN(len(vocabulary))] + " ")
	}
	return b.String()[:n]
}

// parseScenario takes a file apart. A statement ends with a semicolon at the end of a
// line; a batch with APPLY BATCH and a semicolon there.
func parseScenario(cql string) (scenario, error) {
	s := scenario{yaml: map[string]any{}}
	var open []string // lines of the statement that has not ended
	for n, line := range strings.Split(cql, "\n") {
		line = strings.TrimSpace(line)
		if asked, ok := strings.CutPrefix(line, "--!"); ok {
			if err := s.ask(strings.TrimSpace(asked)); err != nil {
				return scenario{}, fmt.Errorf("line %d: %w", n+1, err)
			}
			continue
		}
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		open = append(open, line)
		text, ended := strings.CutSuffix(strings.Join(open, " "), ";")
		if ended && (!strings.HasPrefix(text, "BEGIN ") || strings.HasSuffix(text, "APPLY BATCH")) {
			s.steps = append(s.steps, step{statement, text})
			open = nil
		}
	}
	if len(open) > 0 {
		return scenario{}, fmt.Errorf("the last statement has no end: %.60s", open[0])
	}
	return s, nil
}

// ask takes what a comment asks for.
func (s *scenario) ask(comment string) error {
	kind, text, _ := strings.Cut(comment, " ")
	switch stepKind(kind) {
	case setting:
		return yaml.Unmarshal([]byte(text), &s.yaml)
	case jvm:
		s.jvm = append(s.jvm, text)
		return nil
	case pause:
		if _, err := time.ParseDuration(text); err != nil {
			return err
		}
	case snapshot, kill, fill:
	default:
		return fmt.Errorf("--! %s: no such thing can be asked for", kind)
	}
	s.steps = append(s.steps, step{stepKind(kind), text})
	return nil
}
