// This file copies single files, such as segments of a commit log, without holding them
// in memory.

package env

import (
	"io"
	"os"
)

// CopyFile copies a file, over one that is there.
func CopyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
