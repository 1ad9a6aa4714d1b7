// The documents of settings: made from the comments of the struct that holds them, and
// checked.

package settingstest

import (
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

// Document is a reference of settings as tables, and a file that shows every default.
type Document struct {
	Source   string                    // the Go file with the struct, which is called Config
	Settings any                       // points to one
	NoEnv    func(settings.Field) bool // settings that need no environment variable; nil for none
	Again    string                    // the command that makes the documents anew

	ReferenceFile, Reference string // where, and how it begins
	SampleFile, Sample       string
}

// Check holds the documents against the source, or writes them anew.
func (d Document) Check(t *testing.T, update bool) {
	t.Helper()
	all := d.sections(t)
	n := 0
	for _, s := range all {
		n += len(s.settings)
	}
	if n != len(settings.Fields(d.Settings)) {
		t.Errorf("%d of the settings are in the reference", n)
	}
	for path, text := range map[string]string{d.ReferenceFile: d.reference(all), d.SampleFile: d.sample(all)} {
		if update {
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
			t.Errorf("%s is old: %s\n%s", path, d.Again, diff)
		}
	}
}

// Alive is the sample with every line brought to life.
func (d Document) Alive(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(d.SampleFile)
	if err != nil {
		t.Fatal(err)
	}
	alive := regexp.MustCompile(`(?m)^#([\w.]+:)`).ReplaceAllString(string(text), "$1")
	if alive == string(text) {
		t.Fatal("no line was commented out")
	}
	return alive
}

// section is a heading of the reference with what stands below it.
type section struct {
	title, text string
	settings    []setting
}

type setting struct {
	settings.Field
	meaning string
}

// sections reads the comments. Names of fields become names of settings.
func (d Document) sections(t *testing.T) []section {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, d.Source, nil, parser.ParseComments)
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
	fields := settings.Fields(d.Settings)
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
		if !named || fields[i].Env == "" && (d.NoEnv == nil || !d.NoEnv(fields[i])) {
			t.Errorf("%s needs a comment that begins with its name, and an environment variable", fields[i].Name)
			continue
		}
		for _, verb := range []string{"is ", "are "} {
			meaning = strings.TrimPrefix(meaning, verb)
		}
		last.settings = append(last.settings, setting{fields[i], strings.ToUpper(meaning[:1]) + meaning[1:]})
	}
	return all
}

func (d Document) reference(all []section) string {
	var b strings.Builder
	b.WriteString(d.Reference)
	for _, s := range all {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			fmt.Fprintf(&b, "%s\n\n", s.text)
		}
		b.WriteString("| setting | environment variable | | default | meaning |\n|---|---|---|---|---|\n")
		for _, f := range s.settings {
			java, def, env := "", "", ""
			if f.Env != "" {
				env = "`" + f.Env + "`"
			}
			if f.Upstream {
				java = "J"
			}
			if d := yamlDefault(f); d != `""` && d != "[]" && f.Ignored == "" {
				def = "`" + d + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Key, env, java, def, strings.ReplaceAll(f.meaning+bounds(f), "|", `\|`))
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

func (d Document) sample(all []section) string {
	var b strings.Builder
	b.WriteString(d.Sample)
	for _, s := range all {
		var lines strings.Builder
		for _, f := range s.settings {
			if f.Ignored != "" || f.Env == "" {
				continue
			}
			fmt.Fprintf(&lines, "\n%s#%s: %s\n", comment(f.meaning+bounds(f)), f.Key, yamlDefault(f))
		}
		if lines.Len() > 0 {
			fmt.Fprintf(&b, "\n\n# == %s ==\n%s%s", s.title, comment(s.text), lines.String())
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
