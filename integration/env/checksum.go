// This file checks what was fetched against the sums in versions.go.

package env

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fileSum is a file's SHA-256 in hexadecimal.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// setSum is the SHA-256 over a line "name sha256" for each jar of a folder, in
// the order of their names.
func setSum(dir string) (sum string, count int, err error) {
	jars, err := jarsIn(dir)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	for _, jar := range jars {
		s, err := fileSum(jar)
		if err != nil {
			return "", 0, err
		}
		fmt.Fprintf(h, "%s %s\n", filepath.Base(jar), s)
	}
	return hex.EncodeToString(h.Sum(nil)), len(jars), nil
}

// expectSum compares; the error names both sums.
func expectSum(what, want, got string) error {
	if strings.EqualFold(want, got) {
		return nil
	}
	return problem(ErrChecksum,
		"what was fetched is damaged or not what was pinned: remove it from the local maven repository or pip cache and try again; if the pinned release was changed on purpose, put the new sum into integration/env/versions.go",
		"%s: expected sha256 %s, found %s", what, want, got)
}

// expectFile is expectSum of one file.
func expectFile(path, want string) error {
	got, err := fileSum(path)
	if err != nil {
		return err
	}
	return expectSum(filepath.Base(path), want, got)
}
