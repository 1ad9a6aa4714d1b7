// Package settingstest holds what tests of settings share: files with wrong contents, and
// what a person is told about them.
package settingstest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Secret is a password for tests. No error may tell it: [Lines] looks.
const Secret = "hunter2-Zq8"

// Lines checks that an error has these lines in any order, each recognized by words
// that it must hold.
func Lines(t testing.TB, err error, want ...[]string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	if strings.Contains(err.Error(), Secret) {
		t.Errorf("the error tells a secret: %v", err)
	}
	left := strings.Split(err.Error(), "\n")
	for _, words := range want {
		found := -1
		for i, line := range left {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				found = i
				break
			}
		}
		if found < 0 {
			t.Errorf("no line says %q:\n%v", words, err)
			continue
		}
		left = append(left[:found], left[found+1:]...)
	}
	for _, line := range left {
		t.Errorf("a line that was not expected: %s", line)
	}
}

// File writes a file of that name and content into a directory of the test, and gives
// its path.
func File(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
