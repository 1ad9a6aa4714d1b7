// Command licenses prints the licences of all modules that are linked into the given
// packages (./cmd/...), and of Go's own library: they ask to be handed on with the programs.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// files are what modules call their licence and the notices that go with it.
var files = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

func main() {
	text, err := licenses(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
	if _, err := os.Stdout.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func licenses(packages []string) ([]byte, error) {
	list := exec.Command("go", append([]string{"list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{with .Replace}}{{.Path}} {{.Version}}\t{{.Dir}}{{else}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}{{end}}"},
		packages...)...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	modules = append(modules, "the Go library\t"+strings.TrimSpace(string(root)))
	slices.Sort(modules)
	var text bytes.Buffer
	for _, module := range slices.Compact(modules) {
		name, dir, ok := strings.Cut(module, "\t")
		if !ok {
			continue // a package of Go's library
		}
		if err := license(&text, name, dir); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

func license(text *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !files.MatchString(e.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "======== %s, %s\n\n%s\n\n", name, e.Name(), bytes.TrimSpace(content))
		found = true
	}
	if !found {
		return fmt.Errorf("%s has no licence file that is known by its name: look into %s", name, dir)
	}
	return nil
}
