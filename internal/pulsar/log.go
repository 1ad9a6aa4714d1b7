// This file lets the client library log through log/slog, quietly, and catches
// the cause of a failed connection, which the library only logs.

package pulsar

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/pulsar-client-go/pulsar/log"
)

// A line of the library that repeats within this time is written once. The
// library reports a lost broker once per producer and attempt.
const repeatAfter = 10 * time.Second

// clientLog is the library's logger. Its levels are lowered by one where they
// only tell that things go well: debug is dropped, info becomes debug.
type clientLog struct {
	log   *slog.Logger
	state *logState
	args  []any // of an entry, on top of log
	err   error // of an entry
}

// logState is shared by all loggers of one client.
type logState struct {
	now func() time.Time
	// connecting: Connect reports the failure itself, the library's lines about
	// it are for debugging.
	connecting atomic.Bool
	// refused receives the first final refusal of a connection.
	refused chan error
	// maxMessageSize is the broker's, 0 until a connection was made.
	maxMessageSize atomic.Int32

	mu    sync.Mutex
	cause error // last one of a failed connection
	last  map[string]repeated
}

type repeated struct {
	since   time.Time
	skipped int
}

func newClientLog(l *slog.Logger, now func() time.Time) (*clientLog, *logState) {
	s := &logState{now: now, refused: make(chan error, 1), last: map[string]repeated{}}
	return &clientLog{log: l.With("component", "pulsar-client"), state: s}, s
}

// Cause is why the last connection failed, nil where none did.
func (s *logState) Cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// connectionRefused is how the library begins the line that carries the
// broker's answer to a handshake.
const connectionRefused = "Failed to establish connection with broker: "

func (s *logState) note(msg string, err error) {
	cause := err
	answer, ok := strings.CutPrefix(msg, connectionRefused)
	if ok {
		cause = fmt.Errorf("%s", strings.Trim(answer, "'"))
	}
	if cause == nil {
		return
	}
	s.mu.Lock()
	// "connection error" is what the library returns for every cause.
	if cause.Error() != "connection error" || s.cause == nil {
		s.cause = cause
	}
	s.mu.Unlock()
	if kindOf(cause) == ErrAuthentication || isTLS(cause) {
		select {
		case s.refused <- cause:
		default:
		}
	}
}

// isTLS reports a failed TLS handshake, which does not pass by itself.
func isTLS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "x509:") || strings.Contains(text, "tls:")
}

// repeats reports whether a line is to be left out, and how many were since the
// last one that was written.
func (s *logState) repeats(key string) (skip bool, skipped int) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.last[key]
	if ok && now.Sub(r.since) < repeatAfter {
		r.skipped++
		s.last[key] = r
		return true, 0
	}
	if len(s.last) >= 256 { // texts that never come again
		clear(s.last)
	}
	s.last[key] = repeated{since: now}
	return false, r.skipped
}

func (c *clientLog) write(level slog.Level, msg string) {
	if level >= slog.LevelWarn {
		c.state.note(msg, c.err)
		if c.state.connecting.Load() {
			level = slog.LevelDebug
		}
	}
	if !c.log.Enabled(context.Background(), level) {
		return
	}
	args := c.args
	if level >= slog.LevelWarn {
		skip, skipped := c.state.repeats(msg)
		if skip {
			return
		}
		if skipped > 0 {
			args = append(args[:len(args):len(args)], "repeated", skipped)
		}
	}
	c.log.Log(context.Background(), level, "pulsar client: "+msg, args...)
}

func (c *clientLog) with(fields log.Fields) *clientLog {
	e := *c
	e.args = append([]any(nil), c.args...)
	for k, v := range fields {
		e.args = append(e.args, k, v)
	}
	return &e
}

// The interface of the library: Logger and Entry.

func (c *clientLog) SubLogger(fields log.Fields) log.Logger { return c.with(fields) }

func (c *clientLog) WithFields(fields log.Fields) log.Entry { return c.with(fields) }

func (c *clientLog) WithField(name string, value any) log.Entry {
	e := *c
	e.args = append(c.args[:len(c.args):len(c.args)], name, value)
	return &e
}

func (c *clientLog) WithError(err error) log.Entry {
	e := *c
	e.err = err
	e.args = append(c.args[:len(c.args):len(c.args)], "error", err)
	return &e
}

func (c *clientLog) Debug(args ...any) { c.state.noteLimit(args) }
func (c *clientLog) Info(args ...any) {
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.write(slog.LevelDebug, fmt.Sprint(args...))
	}
}
func (c *clientLog) Warn(args ...any)  { c.write(slog.LevelWarn, fmt.Sprint(args...)) }
func (c *clientLog) Error(args ...any) { c.write(slog.LevelError, fmt.Sprint(args...)) }

func (c *clientLog) Debugf(string, ...any) {}
func (c *clientLog) Infof(format string, args ...any) {
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.write(slog.LevelDebug, fmt.Sprintf(format, args...))
	}
}
func (c *clientLog) Warnf(format string, args ...any) {
	c.write(slog.LevelWarn, fmt.Sprintf(format, args...))
}
func (c *clientLog) Errorf(format string, args ...any) {
	c.write(slog.LevelError, fmt.Sprintf(format, args...))
}
