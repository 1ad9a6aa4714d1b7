// What a program that only reads takes of a node's settings, and which Java files it is
// made of.

package oracle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/integration/env"
)

func TestReaderYAML(t *testing.T) {
	got, err := readerYAML([]byte(`
commitlog_directory: $D/commitlog
commitlog_disk_access_mode: direct
data_file_directories: [$D/data]
transparent_data_encryption_options:
  key_provider:
    - parameters: [{keystore: $CORPUS/keystore.jceks}]
storage_compatibility_mode: NONE
`), "/work", "/corpus")
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]any
	if err := yaml.Unmarshal(got, &settings); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"commitlog_directory":   "/work/commitlog",
		"data_file_directories": []any{"/work/data"},
		"transparent_data_encryption_options": map[string]any{
			"key_provider": []any{map[string]any{"parameters": []any{map[string]any{"keystore": "/corpus/keystore.jceks"}}}},
		},
		"storage_compatibility_mode": "NONE",
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := readerYAML([]byte("a: ["), "/work", "/corpus"); err == nil {
		t.Error("a broken file is taken")
	}
}

// Every release line gets the common files and one dialect.
func TestWriteSources(t *testing.T) {
	for _, line := range []string{env.Cassandra50, env.Cassandra41, env.Cassandra40, env.Cassandra311} {
		files, err := writeSources(filepath.Join(t.TempDir(), "src"), dialects[line])
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, filepath.Base(f))
			text, err := os.ReadFile(f)
			if err != nil || !strings.Contains(string(text), " "+strings.TrimSuffix(filepath.Base(f), ".java")+"\n{") {
				t.Errorf("%s does not hold its class (%v)", f, err)
			}
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"Bench.java", "Keystore.java", "Line.java", "Oracle.java", "Release.java"}, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func TestBenchOfTwoFolders(t *testing.T) {
	o := &Oracle{}
	for want, segments := range map[string][]string{
		"no segments": nil,
		"two folders": {"a/CommitLog-7-1.log", "b/CommitLog-7-1.log"},
	} {
		if _, err := o.Bench(t.Context(), nil, segments...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v, want %s", segments, err, want)
		}
	}
}
