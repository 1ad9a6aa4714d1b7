// Settings in a YAML file.

package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
)

func (l *loader) file(path string) {
	if path == "" {
		return
	}
	root, err := configfile.Parse(path)
	if err != nil {
		l.faults = append(l.faults, Fault{Problem: err.Error(), Hint: "it must be readable YAML, one `key: value` a line"})
		return
	}
	if root == nil { // nothing in it
		return
	}
	if root.Kind != yaml.MappingNode {
		l.faults = append(l.faults, Fault{Origin: path, Problem: "the file is no list of `key: value` lines"})
		return
	}
	l.mapping(path, "", root, map[string]int{})
}

// mapping sets what is in a mapping of the file. Where keys have dots a mapping may stand
// for what is before one: cache: {max: {digest: 3}} is cache.max.digest: 3.
func (l *loader) mapping(path, prefix string, of *yaml.Node, first map[string]int) {
	for i := 0; i+1 < len(of.Content); i += 2 {
		key, value := prefix+of.Content[i].Value, of.Content[i+1]
		line := of.Content[i].Line
		place := fmt.Sprintf("%s:%d", path, line)
		if value.Kind == yaml.MappingNode && l.nests(key) {
			l.mapping(path, key+".", value, first)
			continue
		}
		if before, again := first[key]; again {
			l.faults = append(l.faults, Fault{Key: key, Origin: place, Problem: fmt.Sprintf("it is already defined at line %d", before), Hint: "keep one of them"})
			continue
		}
		first[key] = line
		l.node(key, value, place)
	}
}

// nests says whether some settings' keys go on behind this one.
func (l *loader) nests(key string) bool {
	return slices.ContainsFunc(l.fields, func(f Field) bool { return strings.HasPrefix(f.Key, key+".") }) ||
		l.foreign != "" && strings.HasPrefix(key+".", l.foreign)
}

// node sets a field to a value of the file: texts and numbers as they are written
// there, so that a password of digits stays the text that it is.
func (l *loader) node(key string, value *yaml.Node, place string) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	f := l.field(key)
	switch {
	case f == nil || value.Kind == yaml.ScalarNode && value.Tag != "!!null":
		l.set(key, value.Value, place, fromFile)
	case value.Kind == yaml.ScalarNode: // `key:` and nothing behind it
	default:
		list, err := texts(value)
		if err != nil {
			l.faults = append(l.faults, Fault{Key: key, Origin: place, Problem: "the value has the wrong form", Hint: "it must be " + f.Kind()})
			return
		}
		l.setList(f, list, place)
	}
}

func (l *loader) setList(f *Field, list []string, place string) {
	if f.setList(list) != nil {
		l.faults = append(l.faults, Fault{Key: f.Key, Origin: place, Problem: "the value has the wrong form", Hint: "it must be " + f.Kind()})
		return
	}
	if len(list) == 0 { // as if nobody had set it
		f.value.SetZero()
		delete(l.origins, f.Key)
		return
	}
	l.origins[f.Key] = Origin{place, fromFile}
}

var errForm = errors.New("wrong form")

func texts(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, errForm
	}
	list := []string{}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, errForm
		}
		list = append(list, item.Value)
	}
	return list, nil
}
