// This file reads the end of a server's log, for error messages.

package env

import (
	"io"
	"os"
	"strings"
)

// tail returns the last lines of the file, and of them only those written
// after offset from. A file that cannot be read has none.
func tail(path string, from int64, lines int) []string {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	start := max(from, end-most)
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil
	}
	text := strings.TrimRight(string(b), "\n")
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return all
}
