// docs/agent-settings.md and deploy/agent.yaml: made from config.go
// (go test ./agent/config -run SettingsDocument -update), and checked.

package config

import (
	"flag"
	"os"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
	"github.com/cassandra-cdc/cassandra-cdc/internal/settings/settingstest"
)

var update = flag.Bool("update", false, "write docs/agent-settings.md and deploy/agent.yaml anew")

var document = settingstest.Document{
	Source: "config.go", Settings: &Config{}, Again: "go test ./agent/config -run SettingsDocument -update",
	ReferenceFile: "../../docs/agent-settings.md",
	Reference: `# Settings of the agent

Made by ` + "`go test ./agent/config -run SettingsDocument -update`" + ` from ` + "`agent/config/config.go`" + `.

A setting may be given, a later place winning over an earlier one,

1. in a YAML file, ` + "`key: value`" + `: that of ` + "`--config`" + `, or else ` + "`" + DefaultFile + "`" + ` if it is there;
2. as an environment variable (an empty one counts as not set);
3. with ` + "`--parameters 'key=value,key=value'`" + `, as DataStax's agent takes them (a comma in a value is ` + "`\\,`" + `);
4. with ` + "`--set key=value`" + `.

Names and values are case-sensitive. A name that is not known is refused, with the one that was probably meant. Nothing, ` + "`0`, `false`" + ` and the empty text mean
the default. A list is ` + "`[a, b]`" + ` in the file and ` + "`a,b`" + ` elsewhere. ` + "`cassandra-cdc agent --check`" + ` tells everything that is wrong at once.
Secrets appear in no message; other users of the machine can see those of a command line, so that a file (` + "`…File`" + `) is the better place. Settings marked **J** are DataStax's agent's own, with the same meaning but where the text says otherwise.
`,
	SampleFile: "../../deploy/agent.yaml",
	Sample: `# Settings of the CDC agent. Every line that is commented out shows the default.
# Made from agent/config/config.go; docs/agent-settings.md has the same as tables.
# "cassandra-cdc agent --check" tells everything that is wrong at once.
`,
}

func TestSettingsDocument(t *testing.T) { document.Check(t, *update) }

// The file that is installed changes nothing, as it is and with every line brought to life.
func TestTheDefaultFileLoadsToTheDefaults(t *testing.T) {
	var defaults Config
	settings.Defaults(&defaults)
	text, err := os.ReadFile(document.SampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"as it is": string(text), "every line": document.Alive(t)} {
		c, err := load(text)(t)
		if err != nil || c.Validate() != nil {
			t.Fatalf("%s: %v, %v", name, err, c.Validate())
		}
		c = c.WithDefaults()
		was, is := settings.Fields(&defaults), settings.Fields(&c)
		for i := range was {
			if was[i].Text() != is[i].Text() {
				t.Errorf("%s: %s is %q, the default is %q", name, is[i].Key, is[i].Text(), was[i].Text())
			}
		}
	}
}
