// docs/connector-settings.md and deploy/connector.yaml: made from config.go
// (go test ./connector/config -run SettingsDocument -update), and checked.

package config

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

var update = flag.Bool("update", false, "write docs/connector-settings.md and deploy/connector.yaml anew")

var document = settingstest.Document{
	Source: "config.go", Settings: &Config{}, Again: "go test ./connector/config -run SettingsDocument -update",
	NoEnv:         func(f settings.Field) bool { return f.Ignored != "" || strings.HasPrefix(f.Key, driverPrefix) },
	ReferenceFile: "../../docs/connector-settings.md",
	Reference: `# Settings of the connector

Made by ` + "`go test ./connector/config -run SettingsDocument -update`" + ` from ` + "`connector/config/config.go`" + `.

Where Pulsar hosts the connector, as a source or as a function, the settings are in the JSON object that it was created with (` + "`--source-config`, `--user-config`" + `).
To a connector on its own they are given, a later place winning over an earlier one,

1. in a YAML file, ` + "`key: value`" + `: that of ` + "`--config`" + `;
2. as an environment variable (an empty one counts as not set);
3. with ` + "`--set key=value`" + `.

Objects in objects stand for the dots in a name: ` + "`{\"cache\": {\"max\": {\"digest\": 3}}}` is `cache.max.digest`" + `, in the file too. Names and values are case-sensitive. A name that is not
known is refused, with the one that was probably meant. Nothing, ` + "`0`" + ` and the empty text mean the default. A list is ` + "`[a, b]`" + ` in JSON and in the file, and ` + "`a,b`" + ` anywhere.
Everything that is wrong is told at once. Secrets appear in no message; other users of the machine can see those of a command line, so that a file (` + "`…File`" + `) is the better place.
` + "`base64:`" + ` and the contents of a file, where it says so, stand for a file that the worker does not have; they are only ever held in memory.
Settings marked **J** are DataStax's connector's own, with the same meaning but where the text says otherwise.
`,
	SampleFile: "../../deploy/connector.yaml",
	Sample: `# Settings of a CDC connector on its own (cassandra-source run --config FILE). Every line that is
# commented out shows the default.
# Made from connector/config/config.go; docs/connector-settings.md has the same as tables.
`,
}

func TestSettingsDocument(t *testing.T) { document.Check(t, *update) }

// Every setting's environment variable follows from its name, and none has two.
func TestEnvironmentVariables(t *testing.T) {
	seen := map[string]string{}
	for _, f := range settings.Fields(&Config{}) {
		if f.Env == "" {
			continue
		}
		if seen[f.Env] != "" {
			t.Errorf("%s is of %s and of %s", f.Env, seen[f.Env], f.Key)
		}
		seen[f.Env] = f.Key
		letters := strings.ToUpper(strings.NewReplacer(".", "", "_", "").Replace(f.Key))
		name := strings.ReplaceAll(strings.TrimPrefix(f.Env, "CASSANDRA_SOURCE_"), "_", "")
		if name != letters && name != "PULSAR"+letters {
			t.Errorf("%s is of %s", f.Env, f.Key)
		}
	}
}

// No setting is read and then forgotten: each is used by something besides its checks, or
// says that it has no effect.
func TestEverySettingHasAnEffect(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if name := filepath.Base(path); err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || name == "config.go" || name == "validate.go" {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fields := settings.Fields(&Config{})
	for _, f := range fields {
		ofSecret := slices.ContainsFunc(fields, func(s settings.Field) bool { return s.Secret && s.Key+"File" == f.Key }) // Load reads it
		checkedOnly := f.Key == "auth.provider"                                                                           // a user name says it too
		if f.Ignored == "" && !ofSecret && !checkedOnly && !regexp.MustCompile(`\.`+f.Name+`\b`).MatchString(code.String()) {
			t.Errorf("%s is used nowhere", f.Key)
		}
	}
}

// The file changes nothing, as it is and with every line brought to life.
func TestTheSampleFileLoadsToTheDefaults(t *testing.T) {
	defaults := Config{}.WithDefaults()
	text, err := os.ReadFile(document.SampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"as it is": string(text), "every line": document.Alive(t)} {
		c, err := load(t, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, defaults, c.WithDefaults())
	}
}
