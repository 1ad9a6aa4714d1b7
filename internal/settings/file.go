// Settings in a YAML file.

package settings

import (
	"errors"
	"fmt"

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
	first := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		place := fmt.Sprintf("%s:%d", path, key.Line)
		if line, again := first[key.Value]; again {
			l.faults = append(l.faults, Fault{Key: key.Value, Origin: place, Problem: fmt.Sprintf("it is already defined at line %d", line), Hint: "keep one of them"})
			continue
		}
		first[key.Value] = key.Line
		l.node(key.Value, value, place)
	}
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
		if err == nil {
			err = f.setList(list)
		}
		if err != nil {
			l.faults = append(l.faults, Fault{Key: key, Origin: place, Problem: "the value has the wrong form", Hint: "it must be " + f.Kind()})
			return
		}
		l.origins[key] = Origin{place, fromFile}
	}
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
