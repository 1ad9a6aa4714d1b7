// Package systemd tells the service manager that started this process how it is:
// sd_notify(3), for units with Type=notify and WatchdogSec. Without a service manager it
// does nothing.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Notify sends assignments, one a line: READY=1, STOPPING=1, STATUS=…, WATCHDOG=1.
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET") // a path, or @ and a name in Linux's abstract space
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close() //nolint:errcheck // what was written is on its way
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// WatchdogInterval is within what time the service manager wants WATCHDOG=1, or it kills
// this process; 0 when it does not.
func WatchdogInterval() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0 // meant for the process that started us
	}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec < 0 {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}
