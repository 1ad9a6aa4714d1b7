// A person's slip in a configuration file, and what is said of it.

package configfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cassandra-cdc/cassandra-cdc/internal/configfile"
)

type config struct {
	Port     int    `yaml:"port"`
	Password string `yaml:"password"`
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // in the error; none when it loads
	}{
		"good":              {"port: 1\npassword: geheim", nil},
		"empty":             {"", nil},
		"unknown key":       {"prot: 1", nil},
		"two faults":        {"port: geheim\npassword: [geheim]", []string{"line 1", "int", "line 2", "string"}},
		"a bare asterisk":   {"password: *geheim", []string{"put it in quotes"}},
		"a tag of its own":  {"password: !!int geheim", []string{"int"}},
		"not YAML":          {"password: [geheim", []string{"line 1"}},
		"a list, not a map": {"- geheim", []string{"line 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var into config
			err := configfile.LoadForeign(path, &into)
			if (err == nil) != (c.want == nil) {
				t.Fatalf("error %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) || !strings.Contains(err.Error(), path) {
					t.Errorf("no %q or no path in %q", w, err)
				}
			}
			if err != nil && (strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("a secret, or more than one line: %q", err)
			}
		})
	}
}
