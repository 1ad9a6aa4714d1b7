// Package settings fills a struct with what a person has set, wherever it was set: in
// a YAML file, in the environment, in a parameter string, on the command line.
//
// In comes a struct whose fields are the settings, out go its values, where each was
// set, and every fault at once. No value is ever repeated in a fault, since any of them
// may be a secret.
//
// A field is a string, bool, int, int64, [time.Duration] or []string, and its tags say the rest:
//
//	yaml:"key"         the setting's name in every source but the environment
//	env:"CDC_KEY"      its environment variable
//	default:"1"        what a zero value means
//	upstream:"true"    DataStax's agent has it under the same name
//	ignored:"why"      accepted, and a warning says why it does nothing
//	secret:"true"      <key>File, where there is such a setting, names a file that holds it
//	min:"0" max:"9"    bounds of a number, both allowed
//	oneof:"a|b"        the only values
//	file:"true"        a path that must be readable at the start
package settings

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Sources are where settings come from. A later one wins over an earlier one, and an
// empty value there means the default again.
type Sources struct {
	File       string         // a YAML file; "" for none
	Given      map[string]any // what a program was given: by key, a text or a list of texts
	GivenBy    string         // what to call Given
	Environ    []string       // NAME=value, as os.Environ gives it; here an empty value is no value
	Parameters string         // k=v,k=v as behind -javaagent:…=; \, is a comma in a value
	Set        []string       // key=value

	// Foreign begins the keys of others: one that is no setting is a warning, not a fault.
	Foreign string
}

// Origin is where a setting was set.
type Origin struct {
	Place string // agent.yaml:3, an environment variable, a flag
	rank  int    // which source; higher wins
}

// Origins are where each setting was set, by key. A setting that nobody set is not there.
type Origins map[string]Origin

const (
	fromFile = iota + 1
	fromEnvironment
	fromParameters
	fromFlags
)

// Load fills the struct that into points to. Fields that nobody sets stay as they are:
// see [Defaults]. The warnings are about settings that have no effect and names that
// look like a slip. The error holds a [Fault] for everything that is wrong.
func Load(into any, s Sources) (origins Origins, warnings []string, err error) {
	l := loader{fields: Fields(into), foreign: s.Foreign, origins: Origins{}}
	l.file(s.File)
	l.given(s.Given, s.GivenBy)
	l.environment(s.Environ)
	l.parameters(s.Parameters)
	l.flags(s.Set)
	l.secrets()
	for _, f := range l.fields {
		if o, set := l.origins[f.Key]; set && f.Ignored != "" {
			l.warnings = append(l.warnings, o.Place+": "+f.Key+" has no effect: "+f.Ignored)
		}
	}
	return l.origins, l.warnings, l.faults.err()
}

type loader struct {
	fields   []Field
	foreign  string
	origins  Origins
	warnings []string
	faults   Faults
}

// set gives a setting a value; the text is what a person wrote.
func (l *loader) set(key, text, place string, rank int) {
	f := l.field(key)
	if f == nil && l.foreign != "" && strings.HasPrefix(key, l.foreign) {
		l.warnings = append(l.warnings, place+": "+key+" has no effect: it has no meaning here")
		return
	}
	if f == nil {
		l.faults = append(l.faults, Fault{Key: key, Origin: place, Problem: "there is no such setting", Hint: l.nearest(key)})
		return
	}
	if text == "" { // as if nobody had set it, in an earlier source either
		f.value.SetZero()
		delete(l.origins, key)
		return
	}
	if hint := f.parse(text); hint != "" {
		l.faults = append(l.faults, Fault{Key: key, Origin: place, Problem: "the value has the wrong form", Hint: hint})
		return
	}
	l.origins[key] = Origin{place, rank}
}

func (l *loader) field(key string) *Field {
	i := slices.IndexFunc(l.fields, func(f Field) bool { return f.Key == key })
	if i < 0 {
		return nil
	}
	return &l.fields[i]
}

// environment takes the variables of the settings. Variables of other names are
// nobody's fault (Kubernetes adds some for every service); one that is nearly the
// name of a setting gets a warning.
func (l *loader) environment(environ []string) {
	var names []string // "" for a setting without one
	prefix := ""       // of all of them
	for _, f := range l.fields {
		names = append(names, f.Env)
		if prefix == "" || f.Env == "" {
			prefix = max(prefix, f.Env)
			continue
		}
		for !strings.HasPrefix(f.Env, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	for _, assignment := range environ {
		name, value, _ := strings.Cut(assignment, "=")
		i := slices.Index(names, name)
		switch {
		case value == "" || name == "":
		case i >= 0:
			l.set(l.fields[i].Key, value, "environment variable "+name, fromEnvironment)
		case prefix != "" && strings.HasPrefix(name, prefix):
			if near := nearest(name, names, 2); near != "" {
				l.warnings = append(l.warnings, "environment variable "+name+" is no setting: did you mean "+near+"?")
			}
		}
	}
}

// given takes what a program was given, in the order of the keys.
func (l *loader) given(values map[string]any, by string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list, isList := values[key].([]string)
		f := l.field(key)
		if f == nil || !isList {
			text, _ := values[key].(string)
			l.set(key, text, by, fromFile)
			continue
		}
		l.setList(f, list, by)
	}
}

func (l *loader) parameters(text string) {
	for _, part := range splitParameters(text) {
		l.assignment(part, "--parameters", fromParameters)
	}
}

func (l *loader) flags(set []string) {
	for _, part := range set {
		l.assignment(part, "--set", fromFlags)
	}
}

func (l *loader) assignment(text, place string, rank int) {
	key, value, ok := strings.Cut(text, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		// The text may be part of a value with a comma in it, and so of a secret.
		l.faults = append(l.faults, Fault{Origin: place, Problem: "a part is not key=value", Hint: `a comma inside a value of --parameters is written \,`})
		return
	}
	l.set(key, value, place, rank)
}

// splitParameters splits at commas without a backslash before them, and takes the
// white space behind them away.
func splitParameters(text string) []string {
	var parts []string
	var part strings.Builder
	end := func() {
		if s := strings.TrimSpace(part.String()); s != "" {
			parts = append(parts, s)
		}
		part.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			part.WriteByte(',')
			i++
		case text[i] == ',':
			end()
		default:
			part.WriteByte(text[i])
		}
	}
	end()
	return parts
}

// secrets reads the files that hold secrets. Of a secret and its file the one from the
// later source counts.
func (l *loader) secrets() {
	for _, f := range l.fields {
		if !f.Secret {
			continue
		}
		path := l.field(f.Key + "File")
		if path == nil {
			continue
		}
		here, direct := l.origins[f.Key]
		there, byFile := l.origins[path.Key]
		switch {
		case !byFile:
			continue
		case direct && here.rank == there.rank:
			l.faults = append(l.faults, Fault{Key: path.Key, Origin: there.Place, Problem: f.Key + " is set too (" + here.Place + ")", Hint: "set one of them"})
			continue
		case direct && here.rank > there.rank:
			path.value.SetString("")
			delete(l.origins, path.Key)
			continue
		}
		data, err := os.ReadFile(path.value.String())
		if err != nil {
			l.faults = append(l.faults, unreadable(path.Key, there.Place, err))
			continue
		}
		f.value.SetString(strings.TrimRight(string(data), "\r\n"))
		l.origins[f.Key] = there
		if f.value.String() == "" {
			l.faults = append(l.faults, Fault{Key: path.Key, Origin: there.Place, Problem: "the file is empty", Hint: "it holds nothing but the secret"})
		}
	}
}

// Defaults gives every field that is zero its default.
func Defaults(of any) {
	for _, f := range Fields(of) {
		if f.Default != "" && f.value.IsZero() {
			if hint := f.parse(f.Default); hint != "" {
				panic("settings: the default of " + f.Key + ": " + hint)
			}
		}
	}
}

// Field is a setting.
type Field struct {
	Key, Env, Default string
	Ignored           string // why it does nothing
	Upstream, Secret  bool
	Min, Max          string // bounds of a number, "" for none
	OneOf             []string
	File              bool
	Name              string // of the field in Go

	value reflect.Value
}

// Fields are the settings of the struct that of points to, in its order. Fields
// without a yaml tag are none.
func Fields(of any) []Field {
	v := reflect.ValueOf(of).Elem()
	var all []Field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		field := Field{
			Key: key, Env: f.Tag.Get("env"), Default: f.Tag.Get("default"), Ignored: f.Tag.Get("ignored"), Name: f.Name,
			Upstream: f.Tag.Get("upstream") == "true", Secret: f.Tag.Get("secret") == "true", File: f.Tag.Get("file") == "true",
			Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), value: v.Field(i),
		}
		if s := f.Tag.Get("oneof"); s != "" {
			field.OneOf = strings.Split(s, "|")
		}
		all = append(all, field)
	}
	return all
}
