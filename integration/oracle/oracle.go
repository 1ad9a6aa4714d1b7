// This file compiles the Java side and runs it over the segments of a folder.

// Package oracle asks Cassandra itself what is in a commit log segment: it runs
// Cassandra's own CommitLogReader, of any release that can be started, in a JVM.
//
// In come the segments of a scenario folder (see integration/corpus), with the node's
// settings and schema files in it; out go files beside the segments, in JSON, or the
// reader's speed. It shares no line with agent/commitlog, which is held against it, and
// never changes a segment.
package oracle

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

//go:embed java
var sources embed.FS

// dialects names the folder under java/release for each release line: it holds what the
// classes of that line call otherwise.
var dialects = map[string]string{
	env.Cassandra311: "3.11", env.Cassandra40: "4.0", env.Cassandra41: "4.1", env.Cassandra50: "4.1",
}

// Names within a scenario folder.
const (
	// YAMLFile has the settings of the node. PlaceNode and PlaceCorpus stand for folders in it.
	YAMLFile = "cassandra.yaml"
	// PlaceNode stands for the node's folder, which is gone.
	PlaceNode = "$D"
	// PlaceCorpus stands for the folder of the whole corpus, two above the scenario's.
	PlaceCorpus = "$CORPUS"
)

// SchemaDir is the folder that holds the node's data files of system_schema, as of a
// step of the scenario or, when step is empty, of its end.
func SchemaDir(step string) string {
	if step == "" {
		return "system_schema.data"
	}
	return "system_schema." + step + ".data"
}

// Oracle is the Java side, compiled for one release.
type Oracle struct {
	tool    *env.CassandraTool
	classes string
	work    string
}

// New fetches a release if it is missing and compiles the Java side against it, in the
// environment's work directory.
func New(ctx context.Context, e *env.Env, release string) (*Oracle, error) {
	tool, err := e.CassandraTool(ctx, release)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(e.WorkDir(), "oracle-"+tool.Release()+"-")
	if err != nil {
		return nil, err
	}
	o := &Oracle{tool: tool, classes: filepath.Join(work, "classes"), work: work}
	files, err := writeSources(filepath.Join(work, "src"), dialects[tool.Line()])
	if err != nil {
		return nil, err
	}
	if err := tool.Compile(ctx, o.classes, files...); err != nil {
		return nil, err
	}
	return o, nil
}

// writeSources writes the Java files that one release needs into dir.
func writeSources(dir, dialect string) (files []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, pattern := range []string{"java/*.java", "java/release/" + dialect + "/*.java"} {
		names, err := fs.Glob(sources, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := sources.ReadFile(name)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, filepath.Base(name))
			if err := os.WriteFile(file, text, 0o644); err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// What to write beside a segment.
const (
	Expected = "expected" // <segment>.expected.jsonl, or <segment>.<step>.expected.jsonl
	Sections = "sections" // <segment>.sections.json
)

// Answer writes, beside every segment of the scenario folder dir, what Cassandra reads
// in it with the schema of a step ("" for the schema at the end).
func (o *Oracle) Answer(ctx context.Context, dir, step string, what ...string) error {
	segments, err := filepath.Glob(filepath.Join(dir, "CommitLog-*.log"))
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return fmt.Errorf("no commit log segment in %s", dir)
	}
	args := append([]string{strings.Join(what, ","), step}, segments...)
	run := env.ToolRun{JVMArgs: []string{"-Xmx768m", "-XX:+UseSerialGC"}, Main: "org.apache.cassandra.db.commitlog.Oracle", Args: args}
	return o.run(ctx, dir, step, run)
}

// run runs a program that reads segments with the settings and the schema of dir.
func (o *Oracle) run(ctx context.Context, dir, step string, r env.ToolRun) error {
	work, err := os.MkdirTemp(o.work, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	schema := filepath.Join(dir, SchemaDir(step))
	if err := os.CopyFS(filepath.Join(work, "data", "system_schema"), os.DirFS(schema)); err != nil {
		return fmt.Errorf("copy the schema files %s: %w", schema, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, YAMLFile))
	if err != nil {
		return err
	}
	if text, err = readerYAML(text, work, filepath.Dir(filepath.Dir(dir))); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, YAMLFile), err)
	}
	r.Dir, r.YAML, r.Classes = work, filepath.Join(work, YAMLFile), o.classes
	if err := os.WriteFile(r.YAML, text, 0o644); err != nil {
		return err
	}
	return o.tool.Run(ctx, r)
}

// readerYAML turns a node's settings into those of a program that only reads: its
// folders are below work, so that nothing of a corpus is written to, and the access mode
// of the commit log is left out, which Cassandra refuses in tools.
func readerYAML(text []byte, work, corpus string) ([]byte, error) {
	text = []byte(strings.NewReplacer(PlaceNode, work, PlaceCorpus, corpus).Replace(string(text)))
	var settings map[string]any
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return nil, err
	}
	delete(settings, "commitlog_disk_access_mode")
	return yaml.Marshal(settings)
}
