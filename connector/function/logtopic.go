// The function's log topic: every line of the log is published there too.

package function

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
)

// LogPublisher publishes to the log topic. It may wait, until ctx ends. done is called
// once.
type LogPublisher interface {
	Publish(ctx context.Context, line []byte, properties map[string]string, done func(error))
}

// LogTopic takes lines of the log without ever waiting, and hands them to a publisher.
// While there is none, or it is slow, some lines are kept and further ones dropped.
type LogTopic struct {
	properties map[string]string
	queue      chan logLine
	dropped    atomic.Uint64

	mu     sync.Mutex // held while a line is written
	buffer bytes.Buffer
}

type logLine struct {
	text  []byte
	level slog.Level
}

// keptLines is how many lines wait for the publisher at most.
const keptLines = 1000

// NewLogTopic returns the log topic of an instance. Its messages have the properties that
// those of Pulsar's own instances have: loglevel, instance, fqn and function.
func NewLogTopic(in *Instance) *LogTopic {
	return &LogTopic{
		properties: map[string]string{"instance": strconv.Itoa(in.ID), "fqn": in.FQFN(), "function": in.FQFN()},
		queue:      make(chan logLine, keptLines),
	}
}

// Dropped is how many lines were not published.
func (l *LogTopic) Dropped() uint64 { return l.dropped.Load() }

// Tee is a handler whose records go to h and to the log topic, from level on.
func (l *LogTopic) Tee(h slog.Handler, level slog.Leveler) slog.Handler {
	return tee{h, topicHandler{l, slog.NewTextHandler(&l.buffer, &slog.HandlerOptions{Level: level})}}
}

// Run publishes lines until ctx ends, and then those that still wait, as far as the
// publisher takes them until end does.
func (l *LogTopic) Run(ctx, end context.Context, p LogPublisher) {
	for {
		select {
		case line := <-l.queue:
			l.publish(end, p, line)
			continue
		case <-ctx.Done():
		}
		for {
			select {
			case line := <-l.queue:
				l.publish(end, p, line)
			default:
				return
			}
		}
	}
}

func (l *LogTopic) publish(ctx context.Context, p LogPublisher, line logLine) {
	properties := maps.Clone(l.properties)
	properties["loglevel"] = line.level.String()
	p.Publish(ctx, line.text, properties, func(err error) {
		if err != nil {
			l.dropped.Add(1)
		}
	})
}

// topicHandler writes a record as text and leaves it to the log topic.
type topicHandler struct {
	topic *LogTopic
	text  slog.Handler // into the topic's buffer
}

func (h topicHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

func (h topicHandler) Handle(ctx context.Context, r slog.Record) error {
	h.topic.mu.Lock()
	defer h.topic.mu.Unlock()
	h.topic.buffer.Reset()
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	line := logLine{bytes.Clone(bytes.TrimSuffix(h.topic.buffer.Bytes(), []byte("\n"))), r.Level}
	select {
	case h.topic.queue <- line:
	default:
		h.topic.dropped.Add(1)
	}
	return nil
}

func (h topicHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return topicHandler{h.topic, h.text.WithAttrs(attrs)}
}

func (h topicHandler) WithGroup(name string) slog.Handler {
	return topicHandler{h.topic, h.text.WithGroup(name)}
}

// tee hands records to two handlers.
type tee [2]slog.Handler

func (t tee) Enabled(ctx context.Context, level slog.Level) bool {
	return t[0].Enabled(ctx, level) || t[1].Enabled(ctx, level)
}

func (t tee) Handle(ctx context.Context, r slog.Record) error {
	var errs []error
	for _, h := range t {
		if h.Enabled(ctx, r.Level) {
			errs = append(errs, h.Handle(ctx, r.Clone()))
		}
	}
	return errors.Join(errs...)
}

func (t tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tee{t[0].WithAttrs(attrs), t[1].WithAttrs(attrs)}
}

func (t tee) WithGroup(name string) slog.Handler {
	return tee{t[0].WithGroup(name), t[1].WithGroup(name)}
}
