// This file holds the failures a person can do something about: each names its
// cause and the remedy in one line.

package env

import (
	"errors"
	"fmt"
	"strings"
)

// What kind of failure a Problem is; test with errors.Is.
var (
	ErrNoJava    = errors.New("no suitable Java")
	ErrNoTool    = errors.New("a program is missing")
	ErrNetwork   = errors.New("fetching failed")
	ErrChecksum  = errors.New("checksum mismatch")
	ErrPortTaken = errors.New("port taken")
	ErrDiskFull  = errors.New("not enough disk space")
	ErrMemory    = errors.New("not enough memory")
	ErrPlatform  = errors.New("platform not supported")
	ErrNotReady  = errors.New("server did not come up")
)

// Problem is a failure with a remedy. It unwraps to one of the kinds above.
type Problem struct {
	Kind   error
	Cause  string // what is wrong, with the names and numbers
	Remedy string // what to do about it
}

func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.Cause
	}
	return p.Cause + "; " + p.Remedy
}

// Unwrap returns the kind.
func (p *Problem) Unwrap() error { return p.Kind }

// problem makes a Problem; the remedy stands behind the cause.
func problem(kind error, remedy, cause string, args ...any) *Problem {
	return &Problem{Kind: kind, Cause: fmt.Sprintf(cause, args...), Remedy: remedy}
}

// NotReadyError is a server that ended, or did not answer in time, before it
// was usable.
type NotReadyError struct {
	Server string // "cassandra 5.0.6"
	Why    string // "exited with status 3", "did not answer within 4m0s"
	Log    string // path of its log
	Tail   []string
}

func (e *NotReadyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s did not come up: %s; its log is %s", e.Server, e.Why, e.Log)
	if len(e.Tail) > 0 {
		b.WriteString(" and ends with:")
	}
	for _, line := range e.Tail {
		b.WriteString("\n    ")
		b.WriteString(line)
	}
	return b.String()
}

// Unwrap returns ErrNotReady.
func (e *NotReadyError) Unwrap() error { return ErrNotReady }
