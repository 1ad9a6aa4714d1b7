// The kernel and the Go runtime are asked what the settings came to.

package kindness

import (
	"bytes"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cassandra-cdc/cassandra-cdc/agent/config"
)

// ioClasses gives the I/O class of every thread of this process.
func ioClasses(t *testing.T) map[int]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	classes := map[int]int{}
	for _, entry := range threads {
		id, _ := strconv.Atoi(entry.Name())
		class, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioprioWhoProcess, uintptr(id), 0)
		if errno == 0 {
			classes[id] = int(class) >> ioprioClassShift
		}
	}
	return classes
}

// newThreads makes goroutines that each hold a thread until stop is called.
func newThreads(n int) (stop func()) {
	var ready sync.WaitGroup
	end := make(chan struct{})
	for range n {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-end
		}()
	}
	ready.Wait()
	return func() { close(end) }
}

// Not only the thread that asks for it, but all that are there, and all that come.
func TestEveryThreadReadsWithIdlePriority(t *testing.T) {
	defer newThreads(5)()
	if err := idleIO(); err != nil {
		t.Fatal(err)
	}
	before := ioClasses(t)
	defer newThreads(20)()
	after := ioClasses(t)
	if len(after) <= len(before) {
		t.Fatalf("%d threads, then %d: no new one to look at", len(before), len(after))
	}
	for id, class := range after {
		if class != ioprioClassIdle {
			t.Errorf("thread %d has the I/O class %d, want %d, which is idle (there before: %v)", id, class, ioprioClassIdle, before[id] != 0)
		}
	}
}

func TestProcessorsAndMemoryAreBounded(t *testing.T) {
	procs, limit := runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1)
	defer func() {
		runtime.GOMAXPROCS(procs)
		debug.SetMemoryLimit(limit)
	}()
	for name, c := range map[string]struct {
		cfg   config.Config
		env   map[string]string
		procs int
		limit int64
	}{
		"defaults":           {config.Config{}, nil, 2, 96 << 20},
		"a larger window":    {config.Config{PulsarMemoryLimitBytes: 100 << 20}, nil, 2, 264 << 20},
		"settings":           {config.Config{MaxProcs: 1, MemoryLimitBytes: 1 << 30}, nil, 1, 1 << 30},
		"more than there is": {config.Config{MaxProcs: 64}, nil, 3, 96 << 20},
		"the environment":    {config.Config{MaxProcs: 1}, map[string]string{"GOMAXPROCS": "3", "GOMEMLIMIT": "1GiB"}, 3, 7 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GOMAXPROCS(3)
			debug.SetMemoryLimit(7 << 30)
			var log bytes.Buffer
			c.cfg.KeepIOPriority = true
			Apply(c.cfg, func(name string) string { return c.env[name] }, slog.New(slog.NewTextHandler(&log, nil)))
			if got, bound := runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1); got != c.procs || bound != c.limit || log.Len() > 0 {
				t.Errorf("%d processors and %d bytes, want %d and %d; log: %s", got, bound, c.procs, c.limit, &log)
			}
		})
	}
}
