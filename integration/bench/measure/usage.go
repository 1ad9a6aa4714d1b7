// Package measure has the clocks of the benchmarks with real servers: what a process takes
// of the machine, and when messages were published.
package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is a process's account at a moment.
type Usage struct {
	CPU     time.Duration // user and system time since its start
	PeakRSS int           // KiB
}

// ticksPerSecond is USER_HZ, the unit of times in /proc/PID/stat; 100 on every Linux
// architecture that Go knows (man 5 proc, man 7 time).
const ticksPerSecond = 100

// UsageOf reads /proc/PID/stat (fields 14 and 15) and /proc/PID/status.
func UsageOf(pid int) (u Usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("read what a process has used: %w", err)
	}
	// The second field, the name in parentheses, may hold spaces.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return u, fmt.Errorf("read what a process has used: %w", err)
		}
		u.CPU += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("read what a process has used: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			u.PeakRSS, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
	return u, err
}

// UsageOfAll is that of several processes, by their names.
func UsageOfAll(pids map[string]int) (map[string]Usage, error) {
	all := map[string]Usage{}
	for name, pid := range pids {
		u, err := UsageOf(pid)
		if err != nil {
			return nil, err
		}
		all[name] = u
	}
	return all, nil
}

// Used is what a process took for so many events.
type Used struct {
	CPUPerMillion float64 `json:"cpu_s_per_million_events"`
	PeakRSS       float64 `json:"peak_rss_mib"`
}

// UsedSince is what the processes took since those accounts; of one that is not among them
// the whole account counts.
func UsedSince(before map[string]Usage, pids map[string]int, events int) (map[string]Used, error) {
	now, err := UsageOfAll(pids)
	if err != nil {
		return nil, err
	}
	all := map[string]Used{}
	for name, u := range now {
		all[name] = Used{(u.CPU - before[name].CPU).Seconds() * 1e6 / float64(events), float64(u.PeakRSS) / 1024}
	}
	return all, nil
}
