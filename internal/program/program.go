// Package program is what the project's commands have in common: the log, the end by
// a signal, and errors as a person wants to read them.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// Flags are the flags that every command takes.
type Flags struct {
	LogLevel string `help:"Least severe level to log: ${enum}." enum:"debug,info,warn,error" default:"info"`
	LogJSON  bool   `help:"Log JSON lines instead of text."`
}

// Logger logs to w as the flags say.
func (f Flags) Logger(w io.Writer) *slog.Logger {
	log, _ := f.LoggerWithLevel(w)
	return log
}

// LoggerWithLevel is Logger with the level, which may be changed at any time.
func (f Flags) LoggerWithLevel(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	_ = level.UnmarshalText([]byte(f.LogLevel)) // kong allows only the four
	opts := &slog.HandlerOptions{Level: level}
	if f.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts)), level
	}
	return slog.New(slog.NewTextHandler(w, opts)), level
}

// HostedLogger logs to a launcher that gives each line its time: lines begin with their
// level, of which the least severe may be changed at any time.
func (f Flags) HostedLogger(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	_ = level.UnmarshalText([]byte(f.LogLevel))
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), level
}

// UntilSignal is a context that ends with SIGINT or SIGTERM. A second signal finds nobody
// who waits for it, and ends the process at once.
func UntilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Exit ends the process: with status 0 without an error, else with a line for each fault
// and the status that [Status] has given the error, or 1.
func Exit(name string, err error) {
	if err == nil {
		os.Exit(0)
	}
	for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, line)
	}
	var own exit
	if errors.As(err, &own) {
		os.Exit(own.status)
	}
	os.Exit(1)
}

// Status makes an error end the program with a status of its own.
func Status(status int, err error) error { return exit{err, status} }

type exit struct {
	error
	status int
}

func (e exit) Unwrap() error { return e.error }

// release is set by a build of a release (make dist, make packages): -ldflags -X.
var release string

// Version is the version of the running program as its build knows it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, revision := info.Main.Version, ""
	if release != "" {
		version = release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			revision = " " + s.Value[:12]
		}
	}
	if version == "" || version == "(devel)" {
		version = "development"
	}
	return version + revision + " " + info.GoVersion
}
