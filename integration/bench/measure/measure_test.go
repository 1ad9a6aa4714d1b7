// The clocks against others.

package measure

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What /proc says of this process is what the kernel tells the process itself.
func TestUsageOf(t *testing.T) {
	var own syscall.Rusage
	var cpu time.Duration
	for cpu < 200*time.Millisecond { // enough to be seen in ticks of 10 ms
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
			t.Fatal(err)
		}
		cpu = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	}
	got, err := UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if off := (got.CPU - cpu).Abs(); off > 100*time.Millisecond {
		t.Errorf("%v of CPU, the kernel says %v", got.CPU, cpu)
	}
	if got.PeakRSS < 1<<10 || got.PeakRSS > int(own.Maxrss)*2 {
		t.Errorf("%d KiB at most, the kernel says %d", got.PeakRSS, own.Maxrss)
	}
	if _, err := UsageOf(1 << 30); err == nil {
		t.Error("a process that is not there has used something")
	}
}

func TestUsedSince(t *testing.T) {
	pid := os.Getpid()
	now, err := UsageOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	all, err := UsedSince(map[string]Usage{"test": {CPU: now.CPU - 2*time.Second}}, map[string]int{"test": pid}, 500_000)
	if err != nil || all["test"].CPUPerMillion < 4 || all["test"].CPUPerMillion > 5 {
		t.Errorf("2 s for half a million events: %+v, %v", all, err)
	}
}

// A broker whose topic comes into being, grows, and has its times.
func TestAwaitReplay(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.Path, "/admin/v2/persistent/public/default/events-bench.backlog/"):
			t.Errorf("asked for %s", r.URL)
		case strings.HasSuffix(r.URL.Path, "/examinemessage"):
			w.Header().Set("X-Pulsar-publish-time", map[string]string{
				"earliest": "2026-11-25T16:00:01.5Z", "latest": "2026-11-25T16:00:06.5Z"}[r.URL.Query().Get("initialPosition")])
		case asked == 0:
			asked++
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprintf(w, `{"msgInCounter":%d}`, asked*400)
			asked++
		}
	}))
	defer server.Close()
	r, err := (Broker{server.URL}).AwaitReplay(t.Context(), "events-bench.backlog", 1000, nil)
	if err != nil || r.Events != 1200 || r.Seconds != 5 || r.EventsPerSecond != 240 {
		t.Errorf("%+v, %v", r, err)
	}
	ended := make(chan struct{})
	close(ended)
	if _, err := (Broker{server.URL}).AwaitReplay(t.Context(), "events-bench.backlog", 1e9, ended); err == nil {
		t.Error("waits for an agent that has ended")
	}
}

// A subscription whose backlog goes down, and one that is not there.
func TestDrained(t *testing.T) {
	left := 5
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		left--
		fmt.Fprintf(w, `{"subscriptions":{"sub":{"msgBacklog":%d}}}`, left)
	}))
	defer server.Close()
	if err := (Broker{server.URL}).Drained(t.Context(), "t", "sub", nil); err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
	if err := (Broker{server.URL}).Drained(t.Context(), "t", "other", nil); err == nil {
		t.Error("a subscription that is not there has been drained")
	}
}
