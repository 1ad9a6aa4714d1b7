// docs/agent-settings.md and deploy/agent.yaml: made from config.go
// (go test ./agent/config -run SettingsDocument -update), and checked.

package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cassandra-cdc/cassandra-cdc/internal/settings"
)

var update = flag.Bool("update", false, "write docs/agent-settings.md and deploy/agent.yaml anew")

const (
	referenceFile = "../../docs/agent-settings.md"
	defaultsFile  = "../../deploy/agent.yaml"
)

// section is a heading of the reference with what stands below it.
type section struct {
	title, text string
	settings    []setting
}

type setting struct {
	settings.Field
	meaning string
}

// sections reads the comments of Config. Names of fields become names of settings.
func sections(t *testing.T) []section {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var config *ast.StructType
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.TypeSpec); ok && s.Name.Name == "Config" {
			config, _ = s.Type.(*ast.StructType)
		}
		return config == nil
	})
	fields := settings.Fields(&Config{})
	names := map[string]string{}
	for _, f := range fields {
		names[f.Name] = f.Key
	}
	say := func(text string) string {
		text = strings.Join(strings.Fields(text), " ")
		return regexp.MustCompile(`\w+`).ReplaceAllStringFunc(text, func(word string) string {
			if key, ok := names[word]; ok {
				return key
			}
			return word
		})
	}
	var all []section
	headings := file.Comments
	for _, f := range config.Fields.List {
		for len(headings) > 0 && headings[0].Pos() < f.Pos() {
			if title, ok := strings.CutPrefix(headings[0].Text(), "# "); ok && headings[0].Pos() > config.Pos() {
				title, text, _ := strings.Cut(title, "\n")
				all = append(all, section{title: title, text: say(text)})
			}
			headings = headings[1:]
		}
		i := slices.IndexFunc(fields, func(s settings.Field) bool { return s.Name == f.Names[0].Name })
		if i < 0 {
			continue // not a setting
		}
		if len(all) == 0 {
			t.Fatalf("%s is below no heading", fields[i].Key)
		}
		last := &all[len(all)-1]
		meaning, named := strings.CutPrefix(say(f.Doc.Text()), fields[i].Key+" ")
		if !named || fields[i].Env == "" {
			t.Errorf("%s needs a comment that begins with its name, and an environment variable CDC_…", fields[i].Name)
			continue
		}
		for _, verb := range []string{"is ", "are "} {
			meaning = strings.TrimPrefix(meaning, verb)
		}
		last.settings = append(last.settings, setting{fields[i], strings.ToUpper(meaning[:1]) + meaning[1:]})
	}
	return all
}

func reference(all []section) string {
	var b strings.Builder
	b.WriteString(`# Settings of the agent

Made by ` + "`go test ./agent/config -run SettingsDocument -update`" + ` from ` + "`agent/config/config.go`" + `.

A setting may be given, a later place winning over an earlier one,

1. in a YAML file, ` + "`key: value`" + `: that of ` + "`--config`" + `, or else ` + "`" + DefaultFile + "`" + ` if it is there;
2. as an environment variable (an empty one counts as not set);
3. with ` + "`--parameters 'key=value,key=value'`" + `, as DataStax's agent takes them (a comma in a value is ` + "`\\,`" + `);
4. with ` + "`--set key=value`" + `.

Names and values are case-sensitive. A name that is not known is refused, with the one that was probably meant. Nothing, ` + "`0`, `false`" + ` and the empty text mean
the default. A list is ` + "`[a, b]`" + ` in the file and ` + "`a,b`" + ` elsewhere. ` + "`cassandra-cdc agent --check`" + ` tells everything that is wrong at once.
Secrets appear in no message; other users of the machine can see those of a command line, so that a file (` + "`…File`" + `) is the better place. Settings marked **J** are DataStax's agent's own, with the same meaning but where the text says otherwise.
`)
	for _, s := range all {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			fmt.Fprintf(&b, "%s\n\n", s.text)
		}
		b.WriteString("| setting | environment variable | | default | meaning |\n|---|---|---|---|---|\n")
		for _, f := range s.settings {
			java, def := "", ""
			if f.Upstream {
				java = "J"
			}
			if d := yamlDefault(f); d != `""` && d != "[]" && f.Ignored == "" {
				def = "`" + d + "`"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", f.Key, f.Env, java, def, strings.ReplaceAll(f.meaning+bounds(f), "|", `\|`))
		}
	}
	return b.String()
}

// bounds is what the tags say of a value.
func bounds(f setting) string {
	var all []string
	if f.Kind() != "a text" {
		all = append(all, strings.ToUpper(f.Kind()[:1])+f.Kind()[1:])
	}
	if f.OneOf != nil {
		all = append(all, "One of "+strings.Join(f.OneOf, ", "))
	}
	switch {
	case f.Min != "" && f.Max != "":
		all[0] += ", " + f.Min + " to " + f.Max
	case f.Min != "":
		all[0] += ", " + f.Min + " or more"
	}
	if f.Ignored != "" {
		all = append(all, "**It has no effect here**: "+f.Ignored)
	}
	if all == nil {
		return ""
	}
	return " " + strings.Join(all, ". ") + "."
}

func defaultConfig(all []section) string {
	var b strings.Builder
	b.WriteString(`# Settings of the CDC agent. Every line that is commented out shows the default.
# Made from agent/config/config.go; docs/agent-settings.md has the same as tables.
# "cassandra-cdc agent --check" tells everything that is wrong at once.
`)
	for _, s := range all {
		fmt.Fprintf(&b, "\n\n# == %s ==\n", s.title)
		b.WriteString(comment(s.text))
		for _, f := range s.settings {
			if f.Ignored != "" {
				continue
			}
			fmt.Fprintf(&b, "\n%s#%s: %s\n", comment(f.meaning+bounds(f)), f.Key, yamlDefault(f))
		}
	}
	return b.String()
}

// yamlDefault is the default as the file shows it.
func yamlDefault(f setting) string {
	switch {
	case f.Default != "":
		return f.Default
	case f.Kind() == "a list of texts":
		return "[]"
	case f.Kind() == "true or false":
		return "false"
	case f.Kind() == "a text":
		return `""`
	default:
		return "0"
	}
}

// comment breaks a text into lines of 100 letters.
func comment(text string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	if line != "#" {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestSettingsDocument(t *testing.T) {
	all := sections(t)
	n := 0
	for _, s := range all {
		n += len(s.settings)
	}
	if n != len(settings.Fields(&Config{})) {
		t.Errorf("%d of the settings are in the reference", n)
	}
	for path, text := range map[string]string{referenceFile: reference(all), defaultsFile: defaultConfig(all)} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		there, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(there)); diff != "" {
			t.Errorf("%s is old: go test ./agent/config -run SettingsDocument -update\n%s", path, diff)
		}
	}
}

// The file that is installed changes nothing, as it is and with every line brought to life.
func TestTheDefaultFileLoadsToTheDefaults(t *testing.T) {
	var defaults Config
	settings.Defaults(&defaults)
	text, err := os.ReadFile(defaultsFile)
	if err != nil {
		t.Fatal(err)
	}
	alive := regexp.MustCompile(`(?m)^#(\w+:)`).ReplaceAllString(string(text), "$1")
	if alive == string(text) {
		t.Fatal("no line was commented out")
	}
	for name, text := range map[string]string{"as it is": string(text), "every line": alive} {
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
