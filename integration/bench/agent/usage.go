// What a process takes of the machine, from /proc.

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is a process's account at a moment.
type usage struct {
	cpu     time.Duration // user and system time since its start
	peakRSS int           // KiB
}

// ticksPerSecond is USER_HZ, the unit of times in /proc/PID/stat; 100 on every Linux
// architecture that Go knows (man 5 proc, man 7 time).
const ticksPerSecond = 100

// readUsage reads /proc/PID/stat (fields 14 and 15) and /proc/PID/status.
func readUsage(pid int) (u usage, err error) {
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
		u.cpu += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("read what a process has used: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			u.peakRSS, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
	return u, err
}

// used is what a process took for a replay.
type used struct {
	CPUPerMillion float64 `json:"cpu_s_per_million_events"`
	PeakRSS       float64 `json:"peak_rss_mib"`
}

// usedSince is what the processes took since those accounts.
func usedSince(before map[string]usage, pids map[string]int, events int) (map[string]used, error) {
	all := map[string]used{}
	for name, pid := range pids {
		now, err := readUsage(pid)
		if err != nil {
			return nil, err
		}
		all[name] = used{(now.cpu - before[name].cpu).Seconds() * 1e6 / float64(events), float64(now.peakRSS) / 1024}
	}
	return all, nil
}
