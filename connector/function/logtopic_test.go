// A log topic that never holds up who logs.

package function

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// logged is a log topic in memory.
type logged struct {
	mu         sync.Mutex
	lines      []string
	properties []map[string]string
	refuse     bool
}

func (l *logged) Publish(_ context.Context, line []byte, properties map[string]string, done func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse {
		done(errors.New("refused"))
		return
	}
	l.lines, l.properties = append(l.lines, string(line)), append(l.properties, properties)
	done(nil)
}

func TestLogTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := NewLogTopic(&Instance{Tenant: "public", Namespace: "default", Name: "f", ID: 3})
		var output strings.Builder
		log := slog.New(topic.Tee(slog.NewTextHandler(&output, &slog.HandlerOptions{Level: slog.LevelWarn}), slog.LevelInfo))
		log.Debug("left out")
		log.Info("one", "n", 1)
		log.With("table", "ks.t").WithGroup("g").Warn("two", "n", 2)
		var got logged
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			topic.Run(ctx, t.Context(), &got)
		}()
		synctest.Wait()
		if len(got.lines) != 2 || !strings.HasPrefix(got.lines[1], "time=") || strings.Contains(got.lines[1], "one") || !strings.HasSuffix(got.lines[0], `level=INFO msg=one n=1`) || !strings.HasSuffix(got.lines[1], `level=WARN msg=two table=ks.t g.n=2`) {
			t.Errorf("%q", got.lines)
		}
		if p := got.properties[1]; p["loglevel"] != "WARN" || p["instance"] != "3" || p["fqn"] != "public/default/f" || p["function"] != "public/default/f" {
			t.Errorf("properties %v", p)
		}
		if strings.Contains(output.String(), "one") || !strings.Contains(output.String(), "two") {
			t.Errorf("the output has its own level: %s", output.String())
		}
		got.refuse = true
		log.Warn("three")
		stop()
		<-done
		if topic.Dropped() != 1 {
			t.Errorf("%d lines were dropped, one was refused", topic.Dropped())
		}
	})
}

// Without a publisher lines wait, up to a bound; those that wait at the end are published.
func TestLogTopicIsBounded(t *testing.T) {
	topic := NewLogTopic(&Instance{})
	log := slog.New(topic.Tee(slog.DiscardHandler, slog.LevelInfo))
	for range keptLines + 5 {
		log.Info("x")
	}
	if topic.Dropped() != 5 {
		t.Errorf("%d lines were dropped, want 5", topic.Dropped())
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var got logged
	topic.Run(ended, t.Context(), &got)
	if len(got.lines) != keptLines {
		t.Errorf("%d lines came at the end, want %d", len(got.lines), keptLines)
	}
}
