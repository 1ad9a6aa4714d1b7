// Whether the kernel's clock is kept right.

package doctor

import "golang.org/x/sys/unix"

// clockSynchronized asks the kernel; known is false where it does not tell.
func clockSynchronized() (known, synchronized bool) {
	var t unix.Timex // without modes nothing is changed
	state, err := unix.Adjtimex(&t)
	return err == nil, state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
