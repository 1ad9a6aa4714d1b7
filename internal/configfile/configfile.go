// Package configfile reads YAML files: the programs' own configuration, as a tree, and
// files of others, of which it takes what is asked for. Its errors are one line and repeat no value of the file,
// since any of them may be a secret.
package configfile

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LoadForeign reads a file that holds much besides what into asks for.
func LoadForeign(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err // it names the path
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, fault(err))
	}
	return nil
}

// Parse reads a file as a tree: the one document in it, nil when it holds nothing.
func Parse(path string) (*yaml.Node, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err // it names the path
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, fault(err))
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	return document.Content[0], nil
}

// fault puts what is wrong with a YAML file into one line without the file's values.
func fault(err error) error {
	texts := []string{err.Error()}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		texts = several.Errors
	}
	for i, text := range texts {
		texts[i] = quotedValue.ReplaceAllString(strings.TrimPrefix(text, "yaml: "), " ")
		if strings.Contains(text, "unknown anchor") {
			texts[i] = "a value begins with *, which means a reference in YAML: put it in quotes"
		}
	}
	return errors.New(strings.Join(texts, "; "))
}

// quotedValue is how the YAML library repeats a value that it cannot use.
var quotedValue = regexp.MustCompile("(?s) `.*` ")
