// This file makes one scenario's folder: start a node, play the scenario, stop the node,
// collect what it left, ask Cassandra's reader.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
	"github.com/cassandra-cdc/cassandra-cdc/integration/oracle"
	"github.com/cassandra-cdc/cassandra-cdc/internal/cassandra"
)

// Names in the folder of the corpus, and in that of a release.
const (
	keystoreFile        = "keystore.jceks"
	keyFile             = "keystore.key.hex"
	systemKeyspacesFile = "system_keyspaces.json"
)

// settings are those of every node, unless the scenario or the variant has others.
var settings = map[string]any{
	"commitlog_sync_period": "100ms", // many sections
	// A busy machine makes a node slow, and a scenario is only good when it is whole.
	"read_request_timeout": "50s", "write_request_timeout": "50s", "counter_write_request_timeout": "50s",
	"truncate_request_timeout": "50s", "request_timeout": "50s", "cas_contention_timeout_in_ms": 50_000,
}

// maker makes scenarios of one release line and variant.
type maker struct {
	env     *env.Env
	reader  *oracle.Oracle // of the same line
	line    string
	variant variant
	rows    int
	out     string // absolute
	say     func(line string)
}

// made is a scenario in the making.
type made struct {
	*maker
	scenario
	dir       string // of the result
	node      *env.Cassandra
	session   *cassandra.Session
	ddl, dml  []string // statements in the order of their execution
	snapshots []string
	killed    bool
}

// make makes a scenario and returns its folder, <out>/<release>/<scenario><variant>.
func (m *maker) make(ctx context.Context, name string) (dir string, err error) {
	s, err := loadScenario(name, m.line, m.variant.Mode)
	if err != nil {
		return "", err
	}
	if m.variant.Encrypted {
		if err := m.keystore(ctx); err != nil {
			return "", err
		}
	}
	yaml := maps.Clone(settings)
	maps.Copy(yaml, s.yaml)
	maps.Copy(yaml, m.variant.yaml(m.line, m.out))
	node, err := m.env.StartCassandra(ctx, env.CassandraOptions{
		Version: m.line, Name: m.line + "-" + name + m.variant.suffix(), YAML: yaml, JVMArgs: s.jvm,
	})
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(node.Dir())
	defer node.Kill()

	p := &made{maker: m, scenario: s, node: node, dir: filepath.Join(m.out, node.Release(), name+m.variant.suffix())}
	if err := os.RemoveAll(p.dir); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(p.dir) // half a scenario is none
		}
	}()
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return "", err
	}
	if err := p.play(ctx); err != nil {
		return "", err
	}
	if err := p.collect(ctx); err != nil {
		return "", err
	}
	if err := p.answer(ctx); err != nil {
		return "", err
	}
	return p.dir, nil
}

// keystore makes the corpus's keystore unless it is there.
func (m *maker) keystore(ctx context.Context) error {
	file := filepath.Join(m.out, keystoreFile)
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.MkdirAll(m.out, 0o755); err != nil {
		return err
	}
	key, err := m.reader.Keystore(ctx, file)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.out, keyFile), []byte(key+"\n"), 0o644)
}

// play runs the scenario's steps and stops or kills the node.
func (p *made) play(ctx context.Context) (err error) {
	p.session, err = cassandra.Connect(ctx, cassandra.Config{
		ContactPoints: []string{p.node.Address()}, OnlyContactPoints: true, Timeout: time.Minute,
	})
	if err != nil {
		return err
	}
	defer p.session.Close()
	p.say(fmt.Sprintf("%s: %d steps", filepath.Base(p.dir), len(p.steps)))
	for i, s := range p.steps {
		if s.kind == kill {
			// What the statements do to the schema, they have done.
			if err := p.writeSchema(ctx, ""); err != nil {
				return err
			}
			return p.crash(ctx, p.steps[i+1:])
		}
		if err := p.do(ctx, s); err != nil {
			return err
		}
	}
	if err := p.writeSchema(ctx, ""); err != nil {
		return err
	}
	return p.node.Stop(ctx)
}

func (p *made) do(ctx context.Context, s step) error {
	switch s.kind {
	case snapshot:
		return p.snapshot(ctx, s.text)
	case pause:
		d, err := time.ParseDuration(s.text)
		if err != nil {
			return err
		}
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case fill:
		table, _, _ := strings.Cut(s.text, " ")
		p.dml = append(p.dml, fmt.Sprintf("-- %d times, with other values each time:", p.rows), insertInto(table))
		return p.fill(ctx, s.text)
	}
	if s.isDDL() {
		p.ddl = append(p.ddl, s.text)
	} else {
		p.dml = append(p.dml, s.text)
	}
	return p.exec(ctx, s.text)
}

// exec runs one statement. The comment before it keeps the driver from preparing it: a
// prepared statement would be written to system.prepared_statements, and so to the log.
func (p *made) exec(ctx context.Context, cql string) error {
	if err := p.session.Exec(ctx, "/* not prepared */ "+cql); err != nil {
		return fmt.Errorf("%.200s: %w", cql, err)
	}
	return nil
}

var errAllWritten = errors.New("every statement was written before the node was killed")

// crash kills the node while statements are being written: when half of them have been.
func (p *made) crash(ctx context.Context, rest []step) error {
	half, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i, s := range rest {
			if i == len(rest)/2 {
				close(half)
			}
			if err := p.do(ctx, s); err != nil {
				ended <- err
				return
			}
		}
		ended <- errAllWritten
	}()
	select {
	case <-half:
	case err := <-ended:
		return err
	}
	p.node.Kill()
	p.killed = true
	if err := <-ended; errors.Is(err, errAllWritten) {
		return err
	}
	return nil // any other error is that the node is gone
}

// snapshot keeps the schema of a moment in the middle: its rows, and its data files from
// a node that is paused, so that no compaction takes them away meanwhile.
func (p *made) snapshot(ctx context.Context, name string) error {
	if err := p.writeSchema(ctx, name); err != nil {
		return err
	}
	p.snapshots = append(p.snapshots, name)
	p.node.Pause()
	defer p.node.Resume()
	return p.copySchemaFiles(name)
}

func (p *made) copySchemaFiles(step string) error {
	from := filepath.Join(p.node.DataDir(), "system_schema")
	if err := os.CopyFS(filepath.Join(p.dir, oracle.SchemaDir(step)), os.DirFS(from)); err != nil {
		return fmt.Errorf("copy the schema files: %w", err)
	}
	return nil
}

// collect copies what the node left.
func (p *made) collect(ctx context.Context) error {
	logs := p.node.CDCRawDir()
	if p.killed && p.line == env.Cassandra311 {
		logs = p.node.CommitLogDir() // 3.11 moves a segment to cdc_raw late
	}
	// What a stopped node leaves in cdc_raw without an index file holds no data; 3.11
	// knows no index files.
	if err := copySegments(logs, p.dir, !p.killed && p.line != env.Cassandra311); err != nil {
		return err
	}
	text, err := os.ReadFile(p.node.YAML())
	if err != nil {
		return err
	}
	places := strings.NewReplacer(p.node.Dir(), oracle.PlaceNode, p.out, oracle.PlaceCorpus)
	for name, text := range map[string]string{
		oracle.YAMLFile: places.Replace(string(text)),
		"schema.cql":    script(p.ddl), "statements.cql": script(p.dml),
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if p.killed {
		if err := p.replay(ctx); err != nil {
			return err
		}
	}
	return p.copySchemaFiles("")
}

// replay starts the node once more and keeps the index files as its replay of the log
// rewrote them.
func (p *made) replay(ctx context.Context) error {
	if err := p.node.Start(ctx); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(p.node.CDCRawDir(), "*_cdc.idx"))
	if err != nil {
		return err
	}
	after := filepath.Join(p.dir, "after-restart")
	if len(found) > 0 {
		if err := os.Mkdir(after, 0o755); err != nil {
			return err
		}
	}
	for _, f := range found {
		if err := env.CopyFile(f, filepath.Join(after, filepath.Base(f))); err != nil {
			return err
		}
	}
	return p.node.Stop(ctx)
}

// answer has Cassandra's reader read the segments. Of a filled log, with its millions of
// entries, only the sections are noted.
func (p *made) answer(ctx context.Context) error {
	what := []string{oracle.Sections, oracle.Expected}
	for _, s := range p.steps {
		if s.kind == fill {
			what = what[:1]
		}
	}
	p.say(filepath.Base(p.dir) + ": Cassandra's own reader reads the segments")
	if err := p.reader.Answer(ctx, p.dir, "", what...); err != nil {
		return err
	}
	for _, name := range p.snapshots {
		p.say(filepath.Base(p.dir) + ": and with the schema of " + name)
		if err := p.reader.Answer(ctx, p.dir, name, oracle.Expected); err != nil {
			return fmt.Errorf("with the schema of %s: %w", name, err)
		}
	}
	return nil
}

// script is statements as a file for cqlsh; the very long ones are cut.
func script(statements []string) string {
	const longest = 10_000
	var b strings.Builder
	for _, s := range statements {
		switch {
		case strings.HasPrefix(s, "--"):
			fmt.Fprintln(&b, s)
		case len(s) > longest:
			fmt.Fprintf(&b, "-- of %d bytes, cut:\n%s…\n", len(s), strings.ToValidUTF8(s[:longest], ""))
		default:
			fmt.Fprintln(&b, s+";")
		}
	}
	return b.String()
}
