// The life of a source whose instances are threads of the functions worker.

package hosted

import (
	"context"
	"strings"
	"testing"
	"time"
)

const (
	threadName  = "thread"
	threadTopic = "data-thread"
)

// asThreads starts the broker again with a worker that runs instances as threads.
func (s *stage) asThreads(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := s.broker.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	s.broker.ConfigureFunctions(map[string]any{
		"functionRuntimeFactoryClassName": "org.apache.pulsar.functions.runtime.thread.ThreadRuntimeFactory",
		"functionRuntimeFactoryConfigs":   map[string]any{"threadGroupName": "sources"},
	})
	if err := s.broker.Start(ctx); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) threadSource(ctx context.Context, t *testing.T, method, table string) {
	t.Helper()
	s.source(ctx, t, method, threadName, map[string]any{
		"topicName": threadTopic, "parallelism": 2, "configs": s.settings(map[string]any{"table": table, "events.subscription.name": threadName}),
	})
}

// createInThreads makes a source without a JVM of its own.
func createInThreads(ctx context.Context, t *testing.T, s *stage) {
	began := time.Now()
	s.threadSource(ctx, t, "POST", "t")
	s.programs(ctx, t, 2)
	t.Logf("both programs run after %.1f s", time.Since(began).Seconds())
	if instances, err := Instances(s.broker); err != nil || len(instances) > 0 {
		t.Errorf("processes %v run instances (%v)", instances, err)
	}
	s.follow(ctx, t, threadTopic).arrive(ctx, t, s.write(ctx, t, 50))
}

// killProgramOfThread has the worker start the instance again.
func killProgramOfThread(ctx context.Context, t *testing.T, s *stage) {
	old := s.programs(ctx, t, 2)
	if err := Kill(old[0]); err != nil {
		t.Fatal(err)
	}
	s.follow(ctx, t, threadTopic).arrive(ctx, t, s.write(ctx, t, 50))
	until(ctx, t, "a restart", func() bool { _, _, restarts := s.status(ctx, t, threadName).sum(); return restarts > 0 })
	s.programs(ctx, t, 2, old[0])
}

// wrongSettingInThread shows the reason in the status; mending the setting is all that
// has to be done.
func wrongSettingInThread(ctx context.Context, t *testing.T, s *stage) {
	s.threadSource(ctx, t, "PUT", "missing")
	until(ctx, t, "the reason in the status", func() bool {
		return strings.Contains(s.status(ctx, t, threadName).errors(), "hosted.missing does not exist")
	})
	s.threadSource(ctx, t, "PUT", "t")
	s.programs(ctx, t, 2)
	s.follow(ctx, t, threadTopic).arrive(ctx, t, s.write(ctx, t, 10))
}

// killWorkerOfThreads leaves no program behind: its standard input ends with the worker.
func killWorkerOfThreads(ctx context.Context, t *testing.T, s *stage) {
	s.programs(ctx, t, 2)
	s.broker.Kill()
	began := time.Now()
	s.programs(ctx, t, 0)
	t.Logf("no program is left %.2f s after the worker", time.Since(began).Seconds())
	if err := s.broker.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.follow(ctx, t, threadTopic).arrive(ctx, t, s.write(ctx, t, 10))
	s.do(ctx, t, "DELETE", threadName)
	s.programs(ctx, t, 0)
}
