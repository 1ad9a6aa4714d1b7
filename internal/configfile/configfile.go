// Package configfile reads YAML files: the programs' own configuration, strictly, and
// files of others, leniently. Its errors are one line and repeat no value of the file,
// since any of them may be a secret.
package configfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load reads a configuration of ours. A key that it does not know is an error, so that
// a slip of the pen is not silently a default.
func Load(path string, into any) error { return load(path, into, true) }

// LoadForeign reads a file that holds much besides what into asks for.
func LoadForeign(path string, into any) error { return load(path, into, false) }

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

func load(path string, into any, strict bool) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err // it names the path
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(strict)
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", path, fault(err))
	}
	return nil
}

// fault puts what is wrong with a YAML file into one line without the file's values.
func fault(err error) error {
	texts := []string{err.Error()}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		texts = several.Errors
	}
	for i, text := range texts {
		text := quotedValue.ReplaceAllString(strings.TrimPrefix(text, "yaml: "), " ")
		texts[i] = unknownKey.ReplaceAllString(text, "the key $1 is not known")
		if strings.Contains(text, "unknown anchor") {
			texts[i] = "a value begins with *, which means a reference in YAML: put it in quotes"
		}
	}
	return errors.New(strings.Join(texts, "; "))
}

// quotedValue is how the YAML library repeats a value that it cannot use.
var quotedValue = regexp.MustCompile("(?s) `.*` ")

// unknownKey is how it calls a key that the configuration does not have.
var unknownKey = regexp.MustCompile(`field (.*) not found in type .*`)
