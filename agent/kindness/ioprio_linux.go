// The I/O priority of this process: what Cassandra reads and writes goes first.

package kindness

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// From Linux's uapi/linux/ioprio.h. golang.org/x/sys has only the numbers of the calls.
const (
	ioprioWhoProcess = 1
	ioprioClassShift = 13
	ioprioClassIdle  = 3
)

// idleIO puts every thread of this process into the idle class. A priority belongs to a
// thread, and a new thread has that of the one that made it: so the threads that there are
// have to be set, and looked for again until there is no new one.
func idleIO() error {
	set := map[int]bool{}
	for range 100 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("set the I/O priority: %w", err)
		}
		fresh := false
		for _, entry := range threads {
			id, err := strconv.Atoi(entry.Name())
			if err != nil || set[id] {
				continue
			}
			_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(id), ioprioClassIdle<<ioprioClassShift)
			switch {
			case errors.Is(errno, unix.ESRCH): // it has ended
			case errno != 0:
				return fmt.Errorf("set the I/O priority: %w", errno)
			default:
				set[id], fresh = true, true
			}
		}
		if !fresh {
			return nil
		}
	}
	return errors.New("set the I/O priority: new threads come faster than they can be set")
}
